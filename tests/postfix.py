"""A Postfix of its own for tests: Debian's package, unpacked into a folder and never installed.

It listens on one loopback port and puts every message into one Maildir. Its configuration, queue and mail are in the
test's folder; nothing of the system's is changed: accounts that Debian always has stand in for its own.
"""
import glob
import os
import pwd
import grp
import shutil
import socket
import time

import keeper
import unpacked
import world
from unpacked import Unavailable

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


class Postfix:
    """A running Postfix; `messages` are the Maildir's files. `settings` are further lines of main.cf, the last one of a
    name counts; `services` of master.cf."""

    def __init__(self, cache, folder, settings="", services=""):
        if os.getuid() != 0:
            raise Unavailable("Postfix wants to be started by root")
        root = unpacked.unpack(cache, "postfix", "postfix", "usr/lib/postfix/sbin/smtpd")
        self.folder = folder
        self.box = os.path.join(folder, "mail", "box")
        self.port = world.free_port()
        self._make_folders()
        self._write(root, settings, services)
        self.log = open(os.path.join(folder, "master.log"), "wb")
        self.process = keeper.start([os.path.join(root, "usr/lib/postfix/sbin/master"), "-c",
                                     os.path.join(folder, "etc"), "-d"], env=unpacked.environment(root),
                                    stdout=self.log, stderr=self.log)
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
                  "libraries": unpacked.libraries_of(root), "port": self.port}
        # A name that comes twice is warned of by every program at its start, by postlogd as well: into the socket that
        # it has not begun to read. When that is full, all of Postfix stands.
        mine = {line.partition("=")[0].strip() for line in settings.splitlines()}
        main = "".join(line + "\n" for line in MAIN.splitlines() if line.partition("=")[0].strip() not in mine)
        for name, text in (("main.cf", main), ("master.cf", MASTER)):
            with open(os.path.join(self.folder, "etc", name), "w") as f:
                f.write(text.format(**values) + (settings if name == "main.cf" else services))
        for name in ("dynamicmaps.cf", "postfix-files"):
            source = os.path.join(root, "etc/postfix", name)
            if os.path.exists(source):
                shutil.copy(source, os.path.join(self.folder, "etc"))

    def _greets(self):
        """It is this one, not another server that was quicker to the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                return s.recv(100).startswith(b"220 receiver.test")
        except OSError:
            return False

    def _wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._greets() and "connect from" in self.words():  # its log is written, too
                return
            time.sleep(0.05)
        problems = self.words()
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
        """What it says of itself: the master, then everybody."""
        said = ""
        for path in (self.log.name, os.path.join(self.folder, "postfix.log")):
            if not os.path.exists(path):
                said += f"(there is no {os.path.basename(path)})\n"
                continue
            with open(path, errors="replace") as f:
                said += f.read()
        return said

    def close(self):
        keeper.stop(self.process)
        self.log.close()
