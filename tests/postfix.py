"""A Postfix of its own for tests: Debian's package, unpacked into a folder and never installed.

It listens on one loopback port and puts every message into one Maildir. Its configuration, queue and mail are in the
test's folder; nothing of the system's is changed: accounts that Debian always has stand in for its own.
"""
import fcntl
import glob
import os
import pwd
import grp
import shutil
import socket
import subprocess
import time

import world

OWNER, GROUP, READER = "uucp", "dip", "nobody"
FOLDERS = {"active": OWNER, "bounce": OWNER, "corrupt": OWNER, "defer": OWNER, "deferred": OWNER, "flush": OWNER,
           "hold": OWNER, "incoming": OWNER, "private": OWNER, "saved": OWNER, "trace": OWNER, "public": OWNER,
           "maildrop": OWNER, "pid": "root"}

MAIN = """compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {etc}
import_environment = MAIL_CONFIG={etc} LD_LIBRARY_PATH={libraries}
mail_owner = {owner}
setgid_group = {group}
default_privs = {reader}
maillog_file_prefixes = {folder}
maillog_file = {folder}/postfix.log
myhostname = receiver.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_limit = 1000
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {mail}
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_destination_concurrency_limit = 1
message_size_limit = 0
in_flow_delay = 0
local_header_rewrite_clients =
append_dot_mydomain = no
"""

MASTER = """127.0.0.1:{port} inet n - n - 20 smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
smtp      unix  - - n - - smtp
anvil     unix  - - n - 1 anvil
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


class Unavailable(Exception):
    pass


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
    return os.path.join(root, "usr/lib/postfix") + "".join(
        ":" + path for path in glob.glob(os.path.join(root, "usr/lib/*-linux-gnu")))


def lacks_libraries(root):
    shown = subprocess.run(["ldd", os.path.join(root, "usr/lib/postfix/sbin/smtpd")], capture_output=True, text=True,
                           env=dict(os.environ, LD_LIBRARY_PATH=libraries_of(root)))
    return "not found" in shown.stdout


def unpack(folder):
    """The unpacked package below `folder`; it stays there for the next run. One test at a time."""
    with open(os.path.join(folder, "postfix.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return unpack_alone(os.path.join(folder, "postfix"))


def unpack_alone(root):
    if os.path.exists(os.path.join(root, "complete")):
        return root
    shutil.rmtree(root, ignore_errors=True)
    fetch("postfix", root)
    if lacks_libraries(root):
        depends = subprocess.run(["apt-cache", "depends", "postfix"], capture_output=True, text=True).stdout
        for line in depends.splitlines():
            word = line.split(":")[-1].strip()
            if "Depends:" in line and word.startswith("lib") and not word.startswith("libc6"):
                fetch(word, root)
    if lacks_libraries(root):
        raise Unavailable("Postfix's libraries cannot be had")
    with open(os.path.join(root, "complete"), "w"):
        pass
    return root


class Postfix:
    """A running Postfix; `messages` are the Maildir's files. `settings` are further lines of main.cf, the last one of a
    name counts; `services` of master.cf."""

    def __init__(self, cache, folder, settings="", services=""):
        if os.getuid() != 0:
            raise Unavailable("Postfix wants to be started by root")
        root = unpack(cache)
        self.folder = folder
        self.box = os.path.join(folder, "mail", "box")
        self.port = world.free_port()
        self._make_folders()
        self._write(root, settings, services)
        environment = dict(os.environ, LD_LIBRARY_PATH=libraries_of(root))
        self.log = open(os.path.join(folder, "master.log"), "wb")
        self.process = subprocess.Popen([os.path.join(root, "usr/lib/postfix/sbin/master"), "-c",
                                         os.path.join(folder, "etc"), "-d"], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        self._wait()

    def _make_folders(self):
        os.chmod(self.folder, 0o755)
        for name in ("etc", "queue", "data", "mail"):
            os.makedirs(os.path.join(self.folder, name))
        shutil.chown(os.path.join(self.folder, "data"), OWNER)
        shutil.chown(os.path.join(self.folder, "mail"), READER)
        for name, owner in FOLDERS.items():
            path = os.path.join(self.folder, "queue", name)
            os.makedirs(path)
            shutil.chown(path, owner, GROUP if name in ("public", "maildrop") else "root")
            os.chmod(path, {"public": 0o710, "maildrop": 0o730, "pid": 0o755}.get(name, 0o700))

    def _write(self, root, settings, services):
        values = {"root": root, "folder": self.folder, "queue": os.path.join(self.folder, "queue"),
                  "data": os.path.join(self.folder, "data"), "etc": os.path.join(self.folder, "etc"),
                  "mail": os.path.join(self.folder, "mail"), "owner": OWNER, "group": GROUP, "reader": READER,
                  "uid": pwd.getpwnam(READER).pw_uid, "gid": grp.getgrnam("nogroup").gr_gid,
                  "libraries": libraries_of(root), "port": self.port}
        for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
            with open(os.path.join(self.folder, "etc", name), "w") as f:
                f.write(text.format(**values) + (settings if name == "main.cf" else services))
        for name in ("dynamicmaps.cf", "postfix-files"):
            source = os.path.join(root, "etc/postfix", name)
            if os.path.exists(source):
                shutil.copy(source, os.path.join(self.folder, "etc"))

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    if s.recv(100).startswith(b"220"):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        with open(self.log.name, errors="replace") as f:
            problems = f.read()
        log = os.path.join(self.folder, "postfix.log")
        if os.path.exists(log):
            with open(log, errors="replace") as f:
                problems += f.read()
        self.close()
        raise RuntimeError("Postfix does not start: " + problems[-2000:])

    def files(self):
        """What was delivered so far, as octets."""
        messages = []
        for path in glob.glob(os.path.join(self.box, "new", "*")):
            with open(path, "rb") as f:
                messages.append(f.read())
        return messages

    def words(self):
        """What it says of itself."""
        with open(os.path.join(self.folder, "postfix.log"), errors="replace") as f:
            return f.read()

    def close(self):
        world.stop(self.process)
        self.log.close()
