"""An Exim of its own for tests: Debian's package, unpacked into a folder and never installed.

It takes mail for one domain on a loopback port and finds out later who is not there; its reports go where the test
says. Its configuration and spool are in the test's folder; accounts that Debian always has stand in for its own.
"""
import os
import shutil
import socket
import time

import keeper
import unpacked
import world

OWNER, GROUP = "uucp", "dip"

CONFIG = """primary_hostname = receiver.test
exim_path = {program}
exim_user = {owner}
exim_group = {group}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
keep_environment = LD_LIBRARY_PATH
local_interfaces = {addresses}
daemon_smtp_ports = {port}
{tls}
host_lookup =
rfc1413_hosts =
qualify_domain = receiver.test
never_users =
acl_smtp_rcpt = taken
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
deliver_drop_privilege

begin acl
taken:
  accept

begin routers
home:
  driver = manualroute
  domains = {home}
  transport = out
  route_list = * 127.0.0.1::{home_port}
  self = send
dead:
  driver = redirect
  domains = {domain}
  condition = ${{if match{{$local_part}}{{\\N^{dead}\\N}}}}
  allow_fail
  data = :fail: no such user here
there:
  driver = redirect
  domains = {domain}
  data = :blackhole:

begin transports
out:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_fastopen =
  hosts_try_dane =

begin retry
* * F,1h,1s
"""


PROGRAM = "usr/sbin/exim4"


def tls_lines(certificates):
    if not certificates:
        return "tls_advertise_hosts ="
    chosen = ["", ""]
    for address, files in reversed(list(certificates.items())):
        chosen = ["${if eq{$received_ip_address}{%s}{%s}{%s}}" % (address, file, other)
                  for file, other in zip(files, chosen)]
    return f"tls_advertise_hosts = *\ntls_certificate = {chosen[0]}\ntls_privatekey = {chosen[1]}"


class Exim:
    """A running Exim. Local parts of `domain` that begin with `dead` fail later; reports to the domain `home` go to
    home_port."""

    def __init__(self, cache, folder, domain, dead, home, home_port, certificates=None):
        """`certificates`: (PEM, key) by the address to listen on; without, no TLS on 127.0.0.1."""
        if os.getuid() != 0:
            raise unpacked.Unavailable("Exim wants to be started by root")
        root = unpacked.unpack(cache, "exim", "exim4-daemon-light", PROGRAM)
        self.folder = folder
        self.address = list(certificates or ["127.0.0.1"])[0]
        self.port = world.free_port()
        os.makedirs(os.path.join(folder, "spool"))
        for name in (folder, os.path.join(folder, "spool")):
            shutil.chown(name, OWNER, GROUP)
        # Debian's Exim looks up this account at its start.
        unpacked.write_names(folder, {"Debian-exim": (OWNER, GROUP)})
        program = os.path.join(root, PROGRAM)
        tls = tls_lines(unpacked.copy_keys(folder, certificates or {}, OWNER, GROUP))
        config = os.path.join(folder, "exim.conf")
        with open(config, "w") as f:
            f.write(CONFIG.format(addresses=" : ".join(certificates or ["127.0.0.1"]), tls=tls, program=program,
                                  owner=OWNER, group=GROUP, folder=folder, port=self.port, domain=domain, dead=dead,
                                  home=home, home_port=home_port))
        os.chmod(config, 0o644)
        self.log = open(os.path.join(folder, "exim.out"), "wb")
        names = {"/etc/passwd": os.path.join(folder, "passwd"), "/etc/group": os.path.join(folder, "group")}
        self.process = keeper.start(unpacked.behind(names, [program, "-C", config, "-bdf", "-q2s"]),
                                    env=unpacked.environment(root), stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection((self.address, self.port), 1) as s:
                    if s.recv(100).startswith(b"220"):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        words = self.words()
        self.close()
        raise unpacked.Unavailable("Exim does not start: " + words)

    def words(self):
        """What it says of itself, the end of it."""
        said = ""
        for name in ("exim.out", "mainlog", "paniclog"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    said += f.read()[-1500:]
        return said

    def close(self):
        keeper.stop(self.process, 10)
        self.log.close()
