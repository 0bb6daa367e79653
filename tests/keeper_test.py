#!/usr/bin/python3
"""A test that is killed leaves nothing behind: keeper_test.py FOLDER. Processes made for the purpose, and real mail servers,
unpacked in FOLDER (those that can be started here).

Each scene runs in a process of its own (keeper_test.py --scene NAME FOLDER), is killed by SIGKILL, and whatever descended from
it must be gone.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import exim
import keeper
import opensmtpd
import postfix
import unpacked

# Its own session, another user's where that may be, deaf to SIGTERM, an orphan at once; and one more of them.
TREE = """
import os, signal, sys, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            time.sleep(600)
        os._exit(0)
    os.wait()
print("up", flush=True)
time.sleep({seconds})
sys.exit({code})
"""
SECONDS = 30


class Failure(AssertionError):
    pass


def check(good, words):
    if not good:
        raise Failure(words)


def tree(seconds=600, code=0):
    return [sys.executable, "-I", "-S", "-c", TREE.format(seconds=seconds, code=code)]


def scene_tree(_cache, _folder):
    keeper.start(tree())
    time.sleep(600)


def scene_group(_cache, _folder):
    """What the test has started without a keeper."""
    keeper.guard()
    subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"])
    time.sleep(600)


def scene_server(make):
    def scene(cache, folder):
        try:
            server = make(cache, folder)
        except unpacked.Unavailable as why:
            print(f"none: {why}".replace("\n", " "), flush=True)
            return
        print("up", flush=True)
        time.sleep(600)
        server.close()
    return scene


SCENES = {
    "tree": scene_tree,
    "group": scene_group,
    "postfix": scene_server(postfix.Postfix),
    "exim": scene_server(lambda cache, folder: exim.Exim(cache, folder, "d0.test", "dead", "home.test", 9)),
    "opensmtpd": scene_server(lambda cache, folder: opensmtpd.OpenSMTPD(cache, folder, ["d0.test"])),
}


def alive(process):
    """By number and start: numbers come again."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def gone(before):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        left = [process for process, start in before.items() if alive(process) == start]
        if not left:
            return []
        time.sleep(0.02)
    return left


def kill_scene(name, cache, folder, whole_group):
    """How many processes were there, or None and why the scene is not there."""
    test = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--scene", name, cache, folder],
                            stdout=subprocess.PIPE, text=True, start_new_session=True)
    said = test.stdout.readline().strip()
    if said != "up":
        test.kill()
        test.wait()
        return None, said
    processes = {process: alive(process) for process in [test.pid, *keeper.descendants(test.pid)]}
    (os.killpg if whole_group else os.kill)(test.pid, signal.SIGKILL)
    test.wait()
    left = gone({process: start for process, start in processes.items() if start is not None})
    for process in left:
        os.kill(process, signal.SIGKILL)
    test.stdout.close()
    check(not left, f"{name}: {len(left)} of {len(processes)} processes are left")
    return len(processes), ""


def killed(cache):
    """Alone; and with its process group, as meson does at its time limit."""
    notes = []
    for name in SCENES:
        for whole_group in (False, True) if name in ("tree", "group") else (False,):
            folder = tempfile.mkdtemp(prefix="ringpost-keeper-")
            try:
                count, why = kill_scene(name, cache, folder, whole_group)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if count is None:
                check(why.startswith("none: "), f"{name}: does not come up: {why}")
                notes.append(f"no {name}: {why}")
                break
            # More than the test and one server, or the scene shows nothing.
            check(count >= 3, f"{name}: {count} processes only")
            notes += [] if whole_group else [f"{name}: {count} processes"]
    return notes


def ended():
    """stop(), and a command that ends by itself, leave nothing behind either, and its exit code is known."""
    for seconds, code, stop in ((600, 0, True), (0.3, 7, False)):
        server = keeper.start(tree(seconds, code), stdout=subprocess.PIPE)
        server.stdout.readline()
        before = {process: alive(process) for process in keeper.descendants(server.pid)}
        check(len(before) == 3, f"{len(before)} processes instead of 3")
        seen = keeper.stop(server) if stop else server.wait(SECONDS)
        check(not gone(before), "left when the server was stopped" if stop else "left when the server ended")
        check(seen == (128 + signal.SIGTERM if stop else code), f"exit code {seen}")
        server.stdout.close()


def main():
    if sys.argv[1] == "--scene":
        SCENES[sys.argv[2]](*sys.argv[3:])
        return
    cache = os.path.abspath(sys.argv[1])
    os.makedirs(cache, exist_ok=True)
    try:
        ended()
        print("keeper: " + "; ".join(killed(cache)))
    except Failure as failure:
        print(f"keeper: FAILED: {failure}")
        sys.exit(1)


if __name__ == "__main__":
    main()
