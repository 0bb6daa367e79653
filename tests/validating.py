"""DNSSEC for the end-to-end tests: zones that knot signs, spoilt where a test wants them spoilt, and an
unbound that validates them against their own keys. On loopback, in one folder."""
import os
import re
import socket
import subprocess
import time

import world


def zone_text(origin, *records):
    """A zone from "name type data" lines."""
    return "\n".join([f"$ORIGIN {origin}.", "$TTL 300", "@ SOA ns admin 1 3600 600 86400 60", "@ NS ns",
                      "ns A 127.0.0.1", *records]) + "\n"


def dns_answers(address, port, name, seconds=10, process=None):
    """Waits until the server at this port says anything about a name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = bytes.fromhex("123401000001000000000000") + labels + b"\x00\x00\x06\x00\x01"
    end = time.monotonic() + seconds
    while time.monotonic() < end and (process is None or process.poll() is None):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.sendto(question, (address, port))
            try:
                return s.recv(4096)[3] & 15
            except OSError:
                time.sleep(0.02)
    return None


class Knot:
    """One run of knotd over zone files; signs them when asked."""

    def __init__(self, folder, files, signed):
        self.folder = folder
        self.address = "127.0.0.1"
        user = "root:root" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
        for _ in range(5):
            self.port = world.free_port_both()
            zones = "".join(f"  - domain: {name}\n    file: {path}\n" +
                            ("    dnssec-signing: on\n    dnssec-policy: test\n" if name in signed else "")
                            for name, path in files.items())
            self.config = os.path.join(folder, "knot.conf")
            with open(self.config, "w") as f:
                f.write(f"""server:
    rundir: "{folder}"
    user: "{user}"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: "{folder}"
policy:
  - id: test
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: on
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: 0
zone:
{zones}""")
            self.log = open(os.path.join(folder, "knot.log"), "a")
            self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", self.config],
                                            stdout=self.log, stderr=self.log)
            if all(dns_answers(self.address, self.port, name, process=self.process) == 0 for name in files):
                return
            self.close()
        raise RuntimeError("knotd does not answer: see " + self.log.name)

    def close(self):
        world.stop(self.process)
        self.log.close()


class SignedZones:
    """`zones`: name -> text. Those in `signed` are signed; then `spoil`: name -> (pattern, replacement) is
    done to the signed text, so that what it changes is bogus. `anchors` are their DS records."""

    def __init__(self, folder, zones, signed, spoil=None):
        os.makedirs(folder)
        files = {}
        for name, text in zones.items():
            files[name] = os.path.join(folder, name + ".zone")
            with open(files[name], "w") as f:
                f.write(text)
        signer = Knot(folder, files, signed)
        try:
            for name in signed:
                self._wait_for_signatures(files[name])
            self.anchors = [self._anchor(signer.config, name) for name in signed]
        finally:
            signer.close()
        for name, (pattern, replacement) in (spoil or {}).items():
            with open(files[name]) as f:
                text, count = re.subn(pattern, replacement, f.read(), flags=re.M)
            if count == 0:
                raise RuntimeError(f"nothing to spoil in {name}")
            with open(files[name], "w") as f:
                f.write(text)
        self.names = list(zones)
        self.server = Knot(folder, files, ())
        self.port = self.server.port

    @staticmethod
    def _wait_for_signatures(path):
        for _ in range(300):
            with open(path) as f:
                if "RRSIG\tSOA" in f.read().replace(" ", "\t"):
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{path} is not being signed")

    @staticmethod
    def _anchor(config, name):
        out = subprocess.run(["/usr/sbin/keymgr", "-c", config, name, "ds"], capture_output=True, text=True,
                             timeout=20, check=True).stdout
        # One line a digest: "name. DS tag algorithm digest-type digest"; SHA-256 is 2.
        return next(line for line in out.splitlines() if re.search(r"DS \d+ \d+ 2 ", line))

    def close(self):
        self.server.close()


class Unbound:
    """unbound, validating, with the zones' own keys as trust anchors and their servers as stubs."""

    def __init__(self, folder, signed_zones, address="127.0.0.1", extra=""):
        os.makedirs(folder)
        self.folder, self.address = folder, address
        for _ in range(5):
            self.port = world.free_port_both(address)
            self._start(signed_zones, extra)
            if dns_answers(address, self.port, signed_zones.names[0], process=self.process) is not None:
                return
            self.close()
        raise RuntimeError("unbound does not answer: see " + self.log.name)

    def _start(self, zones, extra):
        anchors = "".join(f'    trust-anchor: "{anchor}"\n' for anchor in zones.anchors)
        stubs = "".join(f'stub-zone:\n    name: "{name}"\n    stub-addr: 127.0.0.1@{zones.port}\n'
                        for name in zones.names)
        config = os.path.join(self.folder, "unbound.conf")
        with open(config, "w") as f:
            f.write(f"""server:
    interface: {self.address}@{self.port}
    port: {self.port}
    username: ""
    chroot: ""
    directory: "{self.folder}"
    pidfile: "{self.folder}/unbound.pid"
    use-syslog: no
    logfile: ""
    do-daemonize: no
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    local-zone: "test." nodefault
{anchors}{extra}remote-control:
    control-enable: no
{stubs}""")
        self.log = open(os.path.join(self.folder, "unbound.log"), "a")
        self.process = subprocess.Popen(["/usr/sbin/unbound", "-d", "-c", config],
                                        stdout=self.log, stderr=self.log)

    def close(self):
        world.stop(self.process)
        self.log.close()
