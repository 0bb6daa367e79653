"""Debian's packages of mail servers, unpacked into a folder and never installed, so that tests can run what conflicts when it
is installed: how to get one, its libraries, and the places and accounts that it finds at its own paths."""
import fcntl
import glob
import grp
import os
import pwd
import shutil
import subprocess

# In a mount namespace of its own a server sees other files at the paths that are compiled in.
BEHIND = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@"'


class Unavailable(Exception):
    """The server cannot be had or started here; says why."""


def fetch(package, root):
    """Downloads a package and unpacks it below root."""
    os.makedirs(root + ".download", exist_ok=True)
    try:
        got = subprocess.run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package],
                             cwd=root + ".download", capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"apt-get download {package} takes too long") from None
    files = glob.glob(os.path.join(root + ".download", package + "_*.deb"))
    if got.returncode != 0 or not files:
        raise Unavailable(f"apt-get download {package}: {(got.stderr or got.stdout).strip()[-200:]}")
    subprocess.run(["dpkg", "-x", files[0], root], check=True)


def libraries_of(root):
    """For LD_LIBRARY_PATH; Postfix has some in a folder of its own."""
    return os.path.join(root, "usr/lib/postfix") + "".join(
        ":" + path for path in glob.glob(os.path.join(root, "usr/lib/*-linux-gnu")))


def lacks_libraries(root, program):
    shown = subprocess.run(["ldd", os.path.join(root, program)], capture_output=True, text=True,
                           env=dict(os.environ, LD_LIBRARY_PATH=libraries_of(root)))
    return "not found" in shown.stdout


def unpack(folder, name, package, program):
    """The unpacked package, folder/name, with the libraries that `program` lacks on this machine; it stays there for the next
    run. One test at a time."""
    with open(os.path.join(folder, name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = os.path.join(folder, name)
        if not os.path.exists(os.path.join(root, "complete")):
            shutil.rmtree(root, ignore_errors=True)
            fetch(package, root)
            fetch_libraries(root, package, program)
            with open(os.path.join(root, "complete"), "w"):
                pass
        return root


def fetch_libraries(root, package, program):
    if lacks_libraries(root, program):
        depends = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True).stdout
        for line in depends.splitlines():
            word = line.split(":")[-1].strip()
            if "Depends:" in line and word.startswith("lib") and not word.startswith("libc6"):
                fetch(word, root)
    if lacks_libraries(root, program):
        raise Unavailable(f"the libraries of {package} cannot be had")


def environment(root):
    return dict(os.environ, LD_LIBRARY_PATH=libraries_of(root))


def write_names(folder, accounts):
    """passwd and group in `folder`: the system's, and accounts {name: (like which user, like which group)}."""
    for name in ("passwd", "group"):
        shutil.copy(os.path.join("/etc", name), os.path.join(folder, name))
    with open(os.path.join(folder, "passwd"), "a") as users, open(os.path.join(folder, "group"), "a") as groups:
        for name, (user, group) in accounts.items():
            uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
            users.write(f"{name}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n")
            groups.write(f"{name}:x:{gid}:\n")


def behind(places, command):
    """The command with other files or folders at its paths: `places` {path: what is there}."""
    mounts = [word for path, source in places.items() for word in (source, path)]
    return ["unshare", "--mount", "sh", "-c", BEHIND, "sh", *mounts, "--", *command]


def copy_keys(folder, certificates, owner, group):
    """(PEM, key) by address, copied into `folder` for a server that wants to own them."""
    copies = {}
    for address, files in certificates.items():
        copies[address] = [shutil.copy(path, os.path.join(folder, f"{address}.{os.path.basename(path)}")) for path in files]
        for path in copies[address]:
            os.chmod(path, 0o600)
            shutil.chown(path, owner, group)
    return copies
