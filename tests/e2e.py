"""What the end-to-end tests share: a case with its folder and processes, the programs, what they leave
behind (events, ledger), and checks that do not rely on the programs' own account of themselves.

A test is `e2e_NAME.py RINGPOST RINGPOST_BENCH [--san] [--long] [--keep]`; meson passes the programs. --san: they
are slow (sanitizers); --long: the thorough variant; --keep: the folder stays for a look. The last line
printed says what was done. Everything is on loopback addresses and below one temporary folder.
"""
import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import keeper  # noqa: E402
import world  # noqa: E402

SKIPPED = 77
HOSTNAME = "mailer.ringel.example"
SENDER = "news@ringel.example"
RETURN_DOMAIN = "bounces.ringel.example"
EXPORT_CURSOR_SLOT = 8192  # engine/export_cursor.h

# Exit codes of ringpost (docs: interface, `ringpost help send`).
ALL_ACCEPTED, SOME_FAILED, USAGE, STILL_QUEUED = 0, 1, 2, 3
NO_SERVICE, CANNOT_CREATE, IO, TRY_AGAIN, INTERRUPTED = 69, 73, 74, 75, 130


class Failure(AssertionError):
    pass


def check(good, message, *details):
    """An assertion that stays with `python3 -O` and shows what it saw."""
    if not good:
        raise Failure(message + "".join(f"\n  {shorten(d)}" for d in details))


def check_equal(seen, wanted, message, *details):
    check(seen == wanted, f"{message}: {shorten(seen)} instead of {shorten(wanted)}", *details)


def shorten(value, limit=3000):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[:limit // 2] + " [...] " + text[-limit // 2:]


class Run:
    """An ended command."""

    def __init__(self, command, code, out, err, seconds, usage):
        self.command = command
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds
        self.rss_bytes = usage.ru_maxrss * 1024 if usage else 0
        self.cpu_seconds = usage.ru_utime + usage.ru_stime if usage else 0

    def __repr__(self):
        return (f"{' '.join(self.command)}\n  exit {self.code} after {self.seconds:.1f} s"
                f"\n  stdout: {shorten(self.out, 1500)}\n  stderr: {shorten(self.err, 4000)}")

    @property
    def json(self):
        """The last line of standard output."""
        lines = self.out.strip().splitlines()
        check(lines, "no result on standard output", self)
        try:
            return json.loads(lines[-1])
        except ValueError:
            raise Failure(f"the result is not JSON\n  {self!r}") from None

    @property
    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def expect(self, *codes):
        check(self.code in codes, f"exit {self.code}, expected {' or '.join(map(str, codes))}", self)
        return self


class Process:
    """A running command; its output goes to files, so that nothing ever waits for a reader."""

    def __init__(self, folder, number, command, stdin=None, **options):
        self.command = [str(c) for c in command]
        self.out_path = os.path.join(folder, f"{number:03d}.out")
        self.err_path = os.path.join(folder, f"{number:03d}.err")
        self.started = time.monotonic()
        self.ended = None
        self.status = None
        self.usage = None
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(self.command, stdout=out, stderr=err,
                                          stdin=stdin if stdin is not None else subprocess.DEVNULL,
                                          **options)
        self.pid = self.popen.pid

    def poll(self):
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid != 0:
                self.status = os.waitstatus_to_exitcode(status)
                self.popen.returncode = self.status
                self.usage = usage
                self.ended = time.monotonic()
        return self.status

    def wait(self, seconds):
        """The ended Run; a command that takes longer is killed and is a failure."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                raise Failure(f"still running after {seconds} s\n  {self.run()!r}")
            time.sleep(0.002)
        return self.run()

    def run(self):
        self.poll()
        ended = self.ended if self.ended is not None else time.monotonic()
        return Run(self.command, self.status, self.out(), self.err(), ended - self.started,
                   self.usage)

    def out(self):
        with open(self.out_path, "rb") as f:
            return f.read().decode("utf-8", "backslashreplace")

    def err(self):
        with open(self.err_path, "rb") as f:
            return f.read().decode("utf-8", "backslashreplace")

    def signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            while self.poll() is None:
                time.sleep(0.002)


class Case:
    """One test: its folder, options and processes. `with e2e.Case("name") as case:`"""

    def __init__(self, name):
        parser = argparse.ArgumentParser()
        parser.add_argument("ringpost")
        parser.add_argument("bench")
        parser.add_argument("--san", action="store_true")
        parser.add_argument("--long", action="store_true")
        parser.add_argument("--keep", action="store_true")
        parser.add_argument("--only", default="", help="only steps whose name holds this")
        self.options = parser.parse_args()
        keeper.guard()
        self.ringpost = os.path.abspath(self.options.ringpost)
        self.bench = os.path.abspath(self.options.bench)
        self.san = self.options.san
        self.long = self.options.long
        self.patience = 4 if self.san else 1  # factor for time limits
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"ringpost-{name}-")
        self.processes = []
        self.closers = []
        self.notes = []
        self.steps = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        for close in reversed(self.closers):
            try:
                close()
            except Exception as problem:  # the first error is the one to show
                print(f"{self.name}: while ending: {problem}", file=sys.stderr)
        for process in self.processes:
            process.kill()
        if error is None and self.steps == 0 and self.options.only:
            error, kind = Failure("no step of that name"), Failure
        if kind is None and not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif kind is not None and not self.options.keep and os.environ.get("E2E_KEEP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"{self.name}: everything is in {self.folder}", file=sys.stderr)
        if isinstance(error, Failure):
            print(f"{self.name}: FAILED: {error}")
            sys.exit(1)
        if kind is None:
            print(f"{self.name}: " + "; ".join(self.notes))
        return False

    def skip(self, why):
        print(f"{self.name}: skipped: {why}")
        for close in reversed(self.closers):
            close()
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        sys.exit(SKIPPED)

    def note(self, text):
        self.notes.append(text)

    def step(self, function, *arguments):
        """Runs a part of the test by name, so that one of them can be tried alone (--only)."""
        if self.options.only not in function.__name__:
            return
        self.steps += 1
        started = time.monotonic()
        try:
            function(self, *arguments)
        except Failure as failure:
            raise Failure(f"{function.__name__}: {failure}") from None
        print(f"  {function.__name__}: {time.monotonic() - started:.1f} s", flush=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        with open(path, "wb") as f:
            f.write(data)
        return path

    def start(self, command, **options):
        process = Process(self.folder, len(self.processes), command, **options)
        self.processes.append(process)
        return process

    def run(self, command, seconds=60, **options):
        return self.start(command, **options).wait(seconds * self.patience)

    def tool(self, *arguments, seconds=60, **options):
        return self.run([self.ringpost, *arguments], seconds, **options)

    def send(self, *arguments, seconds=120, **options):
        return self.tool("send", *arguments, seconds=seconds, **options)

    def queue(self, *arguments, **options):
        return self.tool("queue", *arguments, **options)

    def closing(self, thing):
        self.closers.append(thing.close)
        return thing

    def sink(self, *options, **more):
        """A running sink; its files are in a folder of its own."""
        folder = self.path(f"sink{len(self.closers)}")
        os.makedirs(folder)
        return self.closing(world.Sink(self.bench, folder, *options, **more))

    def knot(self, zone):
        return self.closing(world.Knot(self.path(f"dns{len(self.closers)}"), zone))


class Spool:
    """A configuration and its spool, and the commands on it."""

    def __init__(self, case, name="spool", *, port=25, dns=None, routes=None, verp=False, retry=None,
                 limits="", extra="", shards=0, durability=None, dns_timeout="5s"):
        self.case = case
        self.folder = case.path(name)
        self.events_folder = os.path.join(self.folder, "events")
        self.config = case.path(name + ".yaml")
        self.key = None
        self.base = {"routes": routes, "retry": retry, "limits": limits, "extra": extra,
                     "shards": shards, "durability": durability, "port": port, "dns": dns,
                     "dns_timeout": dns_timeout}
        if verp:
            self.key = case.path(name + ".key")
            world.write_verp_key(self.key)
        self.configure()

    @contextlib.contextmanager
    def dead_sender(self, seconds=0.3):
        """The socket of a sender that was killed a moment ago: it takes connections, and resets them soon."""
        control = os.path.join(self.folder, "control")
        if os.path.exists(control):
            os.unlink(control)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(control)
            dead.listen(4)
            timer = threading.Timer(seconds, dead.close)
            timer.start()
            yield
            timer.join()

    def wait_for_export(self):
        """Until the export's cursor stands behind the last event: what a kill leaves then stays."""
        def is_behind():
            files = sorted(name for name in os.listdir(self.events_folder) if name.startswith("events-"))
            return files and export_cursor(os.path.join(self.events_folder, "cursor")) == \
                (int(files[-1][7:-7]), os.path.getsize(os.path.join(self.events_folder, files[-1])))
        wait_for(is_behind, 20 * self.case.patience, "the export's cursor")

    def configure(self, **changes):
        """Writes the configuration, with some of it changed for good."""
        self.base.update(changes)
        base = self.base
        lines = [f"hostname: {HOSTNAME}", f"spool: {self.folder}"]
        if base["shards"]:
            lines.append(f"shards: {base['shards']}")
        servers = f'servers: ["127.0.0.1:{base["dns"]}"], ' if base["dns"] else ""
        lines.append("dns: {%stimeout: %s}" % (servers, base["dns_timeout"]))
        lines.append("smtp: {port: %d, allow_private_addresses: true}" % base["port"])
        if base["routes"]:
            routes = ", ".join(f'"{domain}": [{", ".join(json.dumps(h) for h in hosts)}]'
                               for domain, hosts in base["routes"].items())
            lines.append("routes: {" + routes + "}")
        if base["retry"]:
            lines.append("retry: {" + base["retry"] + "}")
        if base["limits"]:
            lines.append("limits: {" + base["limits"] + "}")
        if base["durability"]:
            lines.append("durability: " + base["durability"])
        if self.key:
            lines.append("return_path: {domain: %s, key_file: %s}" % (RETURN_DOMAIN, self.key))
        with open(self.config, "w") as f:
            f.write("\n".join(lines) + "\n" + base["extra"])

    def list_arguments(self, template, recipients, campaign, *more):
        return ["send", "--config", self.config, "--from", SENDER, "--template", template,
                "--recipients", recipients, "--campaign", campaign, "--yes", "--json", *more]

    def send_list(self, template, recipients, campaign="c", *more, seconds=120, **options):
        return self.case.tool(*self.list_arguments(template, recipients, campaign, *more),
                              seconds=seconds, **options)

    def start_list(self, template, recipients, campaign="c", *more, **options):
        return self.case.start([self.case.ringpost,
                                *self.list_arguments(template, recipients, campaign, *more)],
                               **options)

    def queue(self, verb, *more, **options):
        return self.case.queue(verb, "--config", self.config, *more, **options)

    def summary(self, campaign="c"):
        """The counts of one campaign as `queue summary` says them, or None."""
        for line in self.queue("summary", "--json").expect(0).json_lines:
            if line.get("campaign") == campaign and "recipients" in line:
                return line
        return None

    def verify(self):
        """`queue verify` finds nothing wrong. A torn tail after a kill is no loss."""
        run = self.queue("verify", "--json")
        lost = [line for line in run.json_lines if line.get("lost")]
        check(not lost, "queue verify reports losses", run)
        totals = run.json
        check("recipients" in totals, "queue verify ends with totals", run)
        check_equal(run.code, SOME_FAILED if totals["problems"] else 0, "exit code", run)
        return totals

    def events(self):
        return read_events(self.events_folder)


def read_lines(path):
    """The NDJSON objects of a file; a last line without an end is not there yet."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as f:
        for number, line in enumerate(f, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise Failure(f"{path}:{number}: not JSON: {error}: {shorten(line)}") from None


def read_events(folder):
    """All exported events in the order of the export, each event id once (export is at least once)."""
    events = []
    seen = {}
    if not os.path.isdir(folder):
        return events
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".ndjson"):
            continue
        for event in read_lines(os.path.join(folder, name)):
            if event["event_id"] in seen:
                check_equal(event, seen[event["event_id"]], "one event id, two events")
                continue
            seen[event["event_id"]] = event
            events.append(event)
    return events


def last_events(events):
    """By recipient: the event with the highest attempt number."""
    last = {}
    for event in events:
        before = last.get(event["id"])
        if before is None or (event["num_attempts"], event["timestamp"]) >= (
                before["num_attempts"], before["timestamp"]):
            last[event["id"]] = event
    return last


def audit(case, ledger, spool):
    """`ringpost-bench audit` as JSON."""
    names = sorted(n for n in os.listdir(spool.events_folder) if n.endswith(".ndjson"))
    run = case.run([case.bench, "audit", ledger,
                    *[os.path.join(spool.events_folder, n) for n in names]], 120)
    check(run.code in (0, 1), "audit itself failed", run)
    result = run.json
    bad = result["lost"] + result["duplicates"] + result["strangers"]
    check_equal(run.code, 1 if bad else 0, "audit's exit code does not fit its result", run)
    return result


class Ledger:
    """What the sink accepted, against the events: an account of its own, apart from `audit`."""

    def __init__(self, path, events):
        self.entries = list(read_lines(path))
        accepted = {}     # (message id, recipient): how often
        self.recipients = 0
        for entry in self.entries:
            for recipient in entry["rcpt"]:
                key = (entry["message_id"], recipient)
                accepted[key] = accepted.get(key, 0) + 1
                self.recipients += 1
        self.duplicates = sum(n - 1 for n in accepted.values())
        addresses = {}
        for _, recipient in accepted:
            addresses[recipient] = addresses.get(recipient, 0) + 1
        self.delivered = [e["recipient"] for e in events if e["type"] == "Delivery"]
        said = {}
        for recipient in self.delivered:
            said[recipient] = said.get(recipient, 0) + 1
        self.lost = sum(1 for r in said if r not in addresses)
        self.delivered_twice = sum(n - 1 for n in said.values())
        # Accepted, yet no event ever said so.
        self.strangers = sum(1 for r in addresses if r not in said)


# VERP, written from the comment in message/verp.h.

class Verp:
    def __init__(self, key_file):
        self.keys = {}
        with open(key_file) as f:
            for line in f:
                line = line.split("#")[0].split()
                if line:
                    self.keys[int(line[0])] = bytes.fromhex(line[1])

    def read(self, return_path):
        """(campaign, ordinal, day) of a return path whose code fits."""
        tag, _, domain = return_path.partition("@")
        check_equal(domain, RETURN_DOMAIN, f"return path {return_path}")
        check_equal(len(tag), 40, f"length of the tag {tag}")
        check_equal(tag, tag.lower(), "the tag's case")
        data = base64.b32decode(tag.upper())
        check_equal(data[0] >> 4, 1, f"version of the tag {tag}")
        secret = self.keys.get(data[0] & 15)
        check(secret is not None, f"key id of the tag {tag}")
        code = hmac.new(secret, data[:15], hashlib.sha256).digest()[:10]
        check_equal(data[15:], code, f"code of the tag {tag}")
        return (int.from_bytes(data[1:9], "big"), int.from_bytes(data[9:13], "big"),
                int.from_bytes(data[13:15], "big"))


def identity(event):
    """(campaign, ordinal) of an event's id."""
    campaign, _, ordinal = event["id"].partition(".")
    return int(campaign, 16), int(ordinal)


def check_counts(result, run, **wanted):
    """The result adds up, and some of its counts are as wanted."""
    parts = sum(result[k] for k in ("suppressed", "accepted", "failed", "queued"))
    check_equal(result["recipients"], parts, "the counts do not add up", run)
    for key, value in wanted.items():
        check_equal(result[key], value, key, run)
    code = (STILL_QUEUED if result["queued"] else SOME_FAILED if result["failed"] else ALL_ACCEPTED)
    check_equal(run.code, code, "exit code", run)


def wait_for(condition, seconds, what):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"waited {seconds} s for {what}")
        time.sleep(0.01)


def export_cursor(path):
    """The number of the file of events and the offset in it that the export came to: what the newer of two slots says.
    None: there is none yet."""
    found = []
    if os.path.exists(path):
        with open(path, "rb") as f:
            while slot := f.read(EXPORT_CURSOR_SLOT):
                head = re.match(rb"ringpost-cursor 1 (\d+) (\d+) (\d+) \d+\n", slot)
                found += [tuple(int(number) for number in head.groups())] if head else []
    return max(found)[1:] if found else None


def line_count(path):
    """Complete lines of a file that is being written."""
    if not os.path.exists(path):
        return 0
    count = 0
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            count += block.count(b"\n")
    return count


def free_port(address="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def write_rows(path, rows, columns):
    """A CSV whose values need no quoting."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(",".join(columns) + "\r\n")
        for row in rows:
            f.write(",".join(str(value) for value in row) + "\r\n")
    return path


SHORT_TEMPLATE = """From: Ringel <news@ringel.example>
To: {{email}}
Subject: Number {{n}}

Number {{n}} for {{email}}.
"""
