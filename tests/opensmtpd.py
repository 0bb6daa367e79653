"""An OpenSMTPD of its own for tests: Debian's package, unpacked into a folder and never installed.

It takes mail for some domains on loopback addresses and puts it into one Maildir; some recipients it finds out later not to
be there, and its reports go where the test says. Its paths are compiled in: it sees the test's folder there, in a mount
namespace; accounts that Debian always has stand in for its own. Its TLS fails with OpenSSL 3 as Debian 12 ships both: unless
the test wants that, opensmtpd_keys.c mends it.
"""
import glob
import os
import shutil
import socket
import time

import keeper
import unpacked
import world

ACCOUNTS = {"opensmtpd": ("uucp", "dip"), "opensmtpq": ("news", "news")}
READER = "nobody"
PROGRAM = "usr/sbin/smtpd"

CONFIG = """{keys}
{listens}
smtp limit max-mails 10000
mta limit conn-delay-relay 0
action "there" mda "{folder}/deliver %{{rcpt.user}}" virtual {{ "@" = "{reader}" }}
action "behind" relay host smtp+notls://127.0.0.1:{inner_port}
action "home" relay host smtp+notls://127.0.0.1:{home_port}
match from any for domain {{ {domains} }} rcpt-to regex "^{refused}" action "behind"
match from any for domain {{ {domains} }} action "there"
match from any for domain "{home}" action "home"
"""

# mail.local knows nobody of this name.
DELIVER = """#!/bin/sh
case "$1" in {dead}*) exec {root}/usr/libexec/opensmtpd/mail.local -- "$1" ;; esac
exec {root}/usr/libexec/opensmtpd/mail.maildir {folder}/mail/box
"""


def quoted(names):
    return ", ".join(f'"{name}"' for name in names)


class OpenSMTPD:
    """A running OpenSMTPD. Local parts of `domains` that begin with `dead` are found unknown when they are delivered to; those
    that begin with `refused` go on to the host behind it, at inner_port; reports to the domain `home` go to home_port."""

    def __init__(self, cache, folder, domains, dead="dead", home="nowhere.test", home_port=9, refused="refused",
                 inner_port=9, certificates=None, mended=True):
        """`certificates`: (PEM, key) by the address to listen on; without, no TLS on 127.0.0.1."""
        if os.getuid() != 0:
            raise unpacked.Unavailable("OpenSMTPD wants to be started by root")
        root = unpacked.unpack(cache, "opensmtpd", "opensmtpd", PROGRAM)
        self.folder = folder
        self.port = world.free_port()
        self.addresses = list(certificates or ["127.0.0.1"])
        self._make_folders()
        keys = unpacked.copy_keys(folder, certificates or {}, "root", "root")
        config = self._write("smtpd.conf", CONFIG.format(
            keys="\n".join(f'pki "{a}" cert "{pem}"\npki "{a}" key "{key}"' for a, (pem, key) in keys.items()),
            listens="\n".join(f"listen on {a} port {self.port} hostname receiver.test" +
                              (f' tls pki "{a}"' if a in keys else "") for a in self.addresses),
            folder=folder, reader=READER, domains=quoted(domains), refused=refused, inner_port=inner_port, home=home,
            home_port=home_port))
        os.chmod(self._write("deliver", DELIVER.format(dead=dead, root=root, folder=folder)), 0o755)
        places = {"/etc": "etc", "/var/spool": "spool", "/var/lib": "lib", "/run": "run"}
        places = {path: os.path.join(folder, name) for path, name in places.items()}
        places["/usr/libexec"] = os.path.join(root, "usr/libexec")
        self.log = open(os.path.join(folder, "log"), "wb")
        command = [os.path.join(root, PROGRAM), "-d", "-f", config]
        if mended and certificates:
            command = ["env", "LD_PRELOAD=" + os.path.join(cache, "opensmtpd_keys.so"), *command]
        self.process = keeper.start(unpacked.behind(places, command), env=unpacked.environment(root), stdout=self.log,
                                    stderr=self.log)
        self._wait()

    def _make_folders(self):
        os.chmod(self.folder, 0o755)
        for name in ("etc", "spool/smtpd", "lib/opensmtpd/empty", "run", "mail"):
            os.makedirs(os.path.join(self.folder, name))
        os.chmod(os.path.join(self.folder, "spool/smtpd"), 0o711)
        shutil.chown(os.path.join(self.folder, "mail"), READER)
        unpacked.write_names(os.path.join(self.folder, "etc"), ACCOUNTS)
        # Else it asks the DNS for its own name and for everybody who connects.
        self._write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self._write("etc/resolv.conf", "lookup file\n")
        self._write("etc/hosts", "127.0.0.1 localhost receiver.test\n")
        self._write("etc/mailname", "receiver.test\n")

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection((self.addresses[-1], self.port), 1) as s:
                    if s.recv(100).startswith(b"220"):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        words = self.words()
        self.close()
        raise unpacked.Unavailable("OpenSMTPD does not start: " + words[-1500:])

    def files(self):
        """What was delivered so far, as octets."""
        messages = []
        for path in glob.glob(os.path.join(self.folder, "mail", "box", "new", "*")):
            with open(path, "rb") as f:
                messages.append(f.read())
        return messages

    def words(self):
        """What it says of itself."""
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def close(self):
        keeper.stop(self.process, 10)
        self.log.close()
