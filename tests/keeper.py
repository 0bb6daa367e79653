"""A keeper stands between a test and a server of many processes, and leaves none of them behind.

    keeper.py COMMAND...    with a server
    keeper.py               with the test's own process group

The command's processes, whatever sessions and users they make themselves, become the keeper's when their parents end
(PR_SET_CHILD_SUBREAPER). They are ended with SIGKILL when the command has ended, and when the keeper's standard input
comes to its end: that is a pipe which the test alone holds, so a test that is killed takes its servers with it. The
keeper is in a session of its own, out of reach of signals for the test's process group.
"""
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def start(command, **options):
    """The keeper, as a Popen whose exit code is the command's; end it with stop()."""
    import subprocess  # not for the keeper itself, which starts faster without
    return subprocess.Popen([sys.executable, "-I", "-S", os.path.abspath(__file__), *command], stdin=subprocess.PIPE,
                            start_new_session=True, **options)


def guard():
    """If this test is killed, its process group is: call it at the start. Only for a test that leads its group, as under meson
    and in a shell; another's group is not the test's to end."""
    import atexit
    import subprocess
    if os.getpgrp() != os.getpid():
        return
    process = subprocess.Popen([sys.executable, "-I", "-S", os.path.abspath(__file__)], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)

    def dismiss():
        process.kill()
        process.wait()
        process.stdin.close()

    atexit.register(dismiss)


def stop(process, wait=20):
    """The command has `wait` seconds to end by itself."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            pass
    process.stdin.close()
    return process.wait()


def parents():
    """Of every process: its parent."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                    found[int(name)] = int(f.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                pass  # it has just ended
    return found


def descendants(ancestor):
    children = {}
    for process, parent in parents().items():
        children.setdefault(parent, []).append(process)
    found, waiting = [], [ancestor]
    while waiting:
        more = children.get(waiting.pop(), [])
        found += more
        waiting += more
    return found


def reap(code_of=None):
    """Takes leave of what has ended. (whether anything is left, the exit code of `code_of` or None)."""
    code = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, code
        if process == 0:
            return True, code
        if process == code_of:
            code = os.waitstatus_to_exitcode(status)


def end_all():
    """What forks meanwhile is found the next time."""
    while reap()[0]:
        for process in descendants(os.getpid()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.005)


def keep(command):
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("keeper: prctl: " + os.strerror(ctypes.get_errno()))
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    told = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: told.append(signal.SIGTERM))
    server = os.posix_spawnp(command[0], command, os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)])
    code = None
    while code is None:
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready and not os.read(0, 1):
            break
        if woken in ready:
            os.read(woken, 4096)
        _, code = reap(server)
        if code is None and told:
            os.kill(server, told.pop())
    end_all()
    return code


def keep_group():
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        keep_group()
    ended = keep(sys.argv[1:])
    sys.exit(1 if ended is None else ended if ended >= 0 else 128 - ended)
