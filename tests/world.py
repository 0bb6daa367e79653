"""The world around ringpost in demo and tests: DNS zones served by knot, recipient lists, a template.

Everything stays in one folder and on loopback addresses. Used by scripts/demo and the end-to-end tests.
"""
import json
import os
import random
import signal
import socket
import subprocess
import time

KINDS = ("mx", "backup", "shared", "hosted", "implicit", "null", "nothing", "nxdomain", "servfail")


def free_port(kind=socket.SOCK_STREAM, address="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def free_port_both(address="127.0.0.1"):
    """Free for TCP and UDP."""
    while True:
        port = free_port(socket.SOCK_STREAM, address)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind((address, port))
                return port
            except OSError:
                pass


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Zone:
    """Records of "test." in the order in which they were added."""

    def __init__(self):
        self.lines = ["$ORIGIN test.", "$TTL 300",
                      "@ SOA ns.test. admin.test. 1 3600 600 86400 60", "@ NS ns.test.",
                      "ns A 127.0.0.1"]

    def add(self, name, kind, data):
        self.lines.append(f"{name} {kind} {data}")

    def text(self):
        return "\n".join(self.lines) + "\n"


def make_domains(count, seed=1, addresses=("127.0.0.1", "127.0.0.2", "127.0.0.3")):
    """(domain, kind) pairs and the zone that holds them. Most can be mailed to, each kind is there."""
    draw = random.Random(seed)
    zone = Zone()
    domains = []
    ipv6 = has_ipv6()
    for i in range(8):
        zone.add(f"mx{i}.big", "A", addresses[i % len(addresses)])
        if ipv6 and i == 0:
            zone.add(f"mx{i}.big", "AAAA", "::1")
    for n in range(count):
        rare = draw.randrange(100)
        kind = ("null" if rare == 0 else "nothing" if rare == 1 else "nxdomain" if rare == 2 else
                "servfail" if rare == 3 else "implicit" if rare < 10 else "hosted" if rare < 20 else
                "backup" if rare < 45 else "shared" if rare < 70 else "mx")
        if n < len(KINDS):
            kind = KINDS[n]
        name = f"d{n:04d}"
        domain = f"{name}.test"
        address = addresses[n % len(addresses)]
        if kind == "mx":
            zone.add(name, "MX", f"10 mail.{name}")
            zone.add(f"mail.{name}", "A", address)
        elif kind == "backup":
            zone.add(name, "MX", f"10 mx-a.{name}")
            zone.add(name, "MX", f"10 mx-b.{name}")
            zone.add(name, "MX", f"20 backup.{name}")
            for host in ("mx-a", "mx-b", "backup"):
                zone.add(f"{host}.{name}", "A", address)
        elif kind == "shared":
            first = n % 4
            zone.add(name, "MX", f"5 mx{first}.big")
            zone.add(name, "MX", f"10 mx{first + 4}.big")
        elif kind == "hosted":
            zone.add(name, "MX", "10 mx7.big")
        elif kind == "implicit":
            zone.add(name, "A", address)
        elif kind == "null":
            zone.add(name, "MX", "0 .")
        elif kind == "nothing":
            zone.add(name, "TXT", '"no mail here"')
        elif kind == "servfail":
            domain = f"{name}.broken"
        domains.append((domain, kind))
    return domains, zone


class Knot:
    """knotd with the zone "test." (and "broken.", which has no file and so answers SERVFAIL)."""

    def __init__(self, folder, zone):
        self.folder = os.path.join(folder, "knot")
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "test.zone"), "w") as f:
            f.write(zone.text())
        for _ in range(5):  # a free port may be taken before knotd has it
            self.port = free_port_both()
            self._start()
            if self._ready():
                return
            self.close()
        raise RuntimeError("knotd does not answer: see " + self.log.name)

    def _start(self):
        user = "root:root" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
        with open(os.path.join(self.folder, "knot.conf"), "w") as f:
            f.write(f"""server:
    rundir: "{self.folder}"
    user: "{user}"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: "{self.folder}"
template:
  - id: default
    storage: "{self.folder}"
zone:
  - domain: test
    file: test.zone
  - domain: broken
    file: broken.zone
""")
        self.log = open(os.path.join(self.folder, "knot.log"), "w")
        self.process = subprocess.Popen(
            ["/usr/sbin/knotd", "-c", os.path.join(self.folder, "knot.conf")],
            stdout=self.log, stderr=self.log)

    def _ready(self):
        question = bytes.fromhex("123401000001000000000000") + b"\x04test\x00" + b"\x00\x06\x00\x01"
        for _ in range(200):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(0.1)
                s.sendto(question, ("127.0.0.1", self.port))
                try:
                    answer = s.recv(512)
                    if answer[3] & 15 == 0:
                        return self.process.poll() is None
                except OSError:
                    pass
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def close(self):
        stop(self.process)
        self.log.close()


def stop(process, how=signal.SIGTERM, wait=20):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Sink:
    """ringpost-bench sink on loopback addresses, all on one port, with a ledger."""

    def __init__(self, program, folder, *options, addresses=("127.0.0.1", "127.0.0.2", "127.0.0.3"),
                 port=None, ipv6=True, personas=None):
        self.ledger = os.path.join(folder, "ledger.ndjson")
        self.out = os.path.join(folder, "sink.out")
        self.err = os.path.join(folder, "sink.err")
        self.hosts = [*addresses, *(["[::1]"] if ipv6 and has_ipv6() else [])]
        self.options = list(options)
        self.process = None
        self.result = None
        if personas is not None:
            path = os.path.join(folder, "personas")
            with open(path, "w") as f:
                f.write(personas)
            self.options += ["--persona", path]
        for _ in range(1 if port else 5):  # a free port may be taken before the sink has it
            self.port = port or free_port()
            self._start(program)
            if self._ready():
                return
            stop(self.process)
        with open(self.err) as f:
            raise RuntimeError("the sink does not start: " + f.read())

    def _start(self, program):
        listen = []
        for host in self.hosts:
            listen += ["--listen", f"{host}:{self.port}"]
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(
                [program, "sink", *listen, "--ledger", self.ledger, *self.options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def _ready(self):
        for _ in range(1000):
            with open(self.err) as f:
                lines = f.read().splitlines()
            if sum(line.startswith(("listening ", "refusing ")) for line in lines) == len(self.hosts):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def close(self):
        """Its result, as an object."""
        if self.result is None:
            code = stop(self.process, wait=60)
            with open(self.out) as f:
                lines = f.read().strip().splitlines()
            with open(self.err) as f:
                problems = f.read()
            if code != 0 or not lines:
                raise RuntimeError(f"the sink ended with {code}: {problems}")
            self.result = json.loads(lines[-1])
        return self.result


TEMPLATE = """From: =?utf-8?q?B=C3=A4ckerei_Ringel?= <news@ringel.example>
To: {{name}} <{{email}}>
Subject: Grüße aus der Backstube, {{name}}!
List-Id: <news.ringel.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1_ringel"

--b1_ringel
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Guten Tag {{name}},

Ihr Kundenkonto {{account}} hat {{points}} Punkte. In {{city}} =C3=B6ffnet unsere neue=
 Filiale; kommen Sie vorbei.

Herzliche Gr=C3=BC=C3=9Fe
B=C3=A4ckerei Ringel
.
--b1_ringel
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><h1>Guten Tag {{name}}</h1>
<p>Ihr Kundenkonto <b>{{account}}</b> hat {{points}} Punkte. In {{city}} =C3=B6ffnet u=
nsere neue Filiale; <a href=3D"https://ringel.example/besuch?k=3D{{account}}">kommen S=
ie vorbei</a>.</p>
</body></html>
--b1_ringel--
"""

NAMES = ["Anna Müller", "Jürgen Groß", "Zoë Brontë", "O'Neil, Pat", "Łukasz Żak", "Mia", "Ada <Lovelace>",
         'Hans "Hansi" Huber', "Søren", "李小龙", "José & María", "Dr. Eva Å."]
CITIES = ["Köln", "Graz", "Zürich", "Łódź", "Århus", "Paris", "São Paulo"]


def write_list(path, domains, count, seed=2):
    """A CSV of `count` recipients over the domains; returns how many go to each kind."""
    draw = random.Random(seed)
    kinds = {}
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("email,name,account,points,city\r\n")
        for i in range(count):
            domain, kind = domains[i % len(domains)]
            kinds[kind] = kinds.get(kind, 0) + 1
            name = NAMES[draw.randrange(len(NAMES))].replace('"', '""')
            f.write(f'user{i}@{domain},"{name}",K{i:07d},{draw.randrange(10000)},'
                    f'{CITIES[draw.randrange(len(CITIES))]}\r\n')
    return kinds


def write_verp_key(path, seed=3):
    draw = random.Random(seed)
    with open(path, "w") as f:
        f.write("0 " + "".join(f"{draw.randrange(256):02x}" for _ in range(32)) + "\n")
    os.chmod(path, 0o600)


def write_config(path, spool, dns_port, smtp_port, key=None, extra=""):
    with open(path, "w") as f:
        f.write(f"""hostname: mailer.ringel.example
spool: {spool}
dns: {{servers: ["127.0.0.1:{dns_port}"], timeout: 2s}}
smtp: {{port: {smtp_port}, allow_private_addresses: true}}
""")
        if key:
            f.write(f"return_path: {{domain: bounces.ringel.example, key_file: {key}}}\n")
        f.write(extra)
