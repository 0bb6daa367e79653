"""Bad input of every kind: one clear message that names file, row and column, the documented exit code, and nothing
queued. Also what ringpost does where it may not: a spool it cannot write or that is in use, a ring that is refused.
"""
import ctypes
import os
import re
import shutil
import sys
import threading

import e2e

TEMPLATE = """From: Ringel <news@ringel.example>
To: {{name}} <{{email}}>
Subject: Points: {{points}}

Dear {{name}}, {{points}}.
"""
GOOD_ROWS = "a@d.test,Anna,1\r\nb@d.test,Bert,2\r\n"
IO_URING_SETUP = 425
SCMP_ACT_ALLOW, SCMP_ACT_ERRNO_EPERM = 0x7FFF0000, 0x00050001
GIB = 1 << 30


def spool_of(case, name="spool", **more):
    """Its receivers and name servers are closed ports: nothing here is meant to be delivered."""
    return e2e.Spool(case, name, port=e2e.free_port(), dns=e2e.free_port(), dns_timeout="2s", **more)


def check_nothing_queued(spool, why):
    if not os.path.isdir(spool.folder):
        return
    run = spool.queue("summary", "--json").expect(0)
    e2e.check(run.out.strip() == "", f"{why}: something was queued", run)


def check_refused(case, spool, run, words, code=e2e.USAGE):
    run.expect(code)
    for word in words:
        e2e.check(re.search(word, run.err), f"the message does not say /{word}/", run)
    lines = [line for line in run.err.splitlines() if line.strip()]
    e2e.check(1 <= len(lines) <= 4, "one message, not many", run)
    e2e.check(all(32 <= ord(c) < 127 for line in lines for c in line), "the message is printable", run)
    e2e.check(run.out.strip() == "", "no result for what was refused", run)
    check_nothing_queued(spool, words)


# What stands in the list, and what the message must say besides the file's name.
CSV_CASES = {
    "missing column": (b"email,name\r\na@d.test,Anna\r\n", ["list.csv:1", "points", r"t\.eml:3:\d+"]),
    "no email column": (b"name,points\r\nAnna,1\r\n", ["list.csv:1", "email"]),
    "short row": (b"email,name,points\r\na@d.test,Anna,1\r\nb@d.test,Bert\r\n", ["list.csv:3", "row 2"]),
    "long row": (b"email,name,points\r\na@d.test,Anna,1,x\r\n", ["list.csv:2", "row 1"]),
    "duplicated column": (b"email,name,points,name\r\na@d.test,A,1,B\r\n", ["list.csv:1", "name"]),
    "open quote": (b'email,name,points\r\na@d.test,"Anna,1\r\nb@d.test,Bert,2\r\n',
                   ["list.csv", "row 1", "quote"]),
    "text behind a quote": (b'email,name,points\r\na@d.test,"Anna"x,1\r\n', ["list.csv:2", "row 1", "column 2"]),
    "quote inside a field": (b'email,name,points\r\na@d.test,An"na,1\r\n', ["list.csv:2", "row 1", "column 2"]),
    "NUL": (b"email,name,points\r\na@d.test,An\0na,1\r\n", ["list.csv:2", "row 1", "column 2"]),
    "NUL in the header": (b"email,na\0me,points\r\na@d.test,Anna,1\r\n", ["list.csv:1"]),
    "UTF-16": ("email,name,points\r\na@d.test,Anna,1\r\n".encode("utf-16"), ["list.csv", "UTF-16"]),
    "UTF-16 without a mark": ("email,name,points\r\n".encode("utf-16-le"), ["list.csv"]),
    "not UTF-8": (b"email,name,points\r\na@d.test,Anna,1\r\nb@d.test,B\xf6rt,2\r\n",
                  ["list.csv:3", "row 2", "column 2", "UTF-8"]),
    "no recipients": (b"email,name,points\r\n", ["list.csv", "no recipients"]),
    "empty file": (b"", ["list.csv"]),
    "no address": (b"email,name,points\r\na@d.test,Anna,1\r\nanna,Anna,1\r\n",
                   ["list.csv:3", "row 2", "column 1", "email", "anna", "address"]),
    "empty address": (b"email,name,points\r\n,Anna,1\r\n", ["list.csv:2", "row 1", "column 1"]),
    "two addresses": (b'email,name,points\r\n"a@d.test,b@d.test",Anna,1\r\n', ["list.csv:2", "column 1"]),
    "smuggling address": (b'email,name,points\r\n"a@d.test>\r\nRCPT TO:<x@evil.test",Anna,1\r\n',
                          ["list.csv:2", "row 1", "column 1"]),
    "long local part": (b"email,name,points\r\n" + b"a" * 65 + b"@d.test,Anna,1\r\n", ["list.csv:2", "column 1"]),
    "CR LF in a header value": (b'email,name,points\r\na@d.test,"An\r\nBcc: x@evil.test",1\r\n',
                                ["list.csv:2", "row 1", "column 2", "name"]),
    "LF in a subject": (b'email,name,points\r\na@d.test,Anna,"1\n2"\r\n', ["list.csv:2", "column 3", "points"]),
    "long header value": (b"email,name,points\r\na@d.test,Anna," + b"9" * 999 + b"\r\n",
                          ["list.csv:2", "column 3"]),
}

JSON_CASES = {
    "missing field": (b'{"email":"a@d.test","name":"A","points":1}\n{"email":"b@d.test","name":"B"}\n',
                      ["list.ndjson:2", "row 2", "points", r"t\.eml:3"]),
    "null": (b'{"email":"a@d.test","name":null,"points":1}\n', ["list.ndjson:1", "name"]),
    "object": (b'{"email":"a@d.test","name":{"a":1},"points":1}\n', ["list.ndjson:1", "name", "object"]),
    "no object": (b'{"email":"a@d.test","name":"A","points":1}\n[1,2]\n', ["list.ndjson:2"]),
    "cut off": (b'{"email":"a@d.test","name":"A","points":1}\n{"email":"b@d.te', ["list.ndjson:2"]),
    "twice": (b'{"email":"a@d.test","email":"b@d.test","name":"A","points":1}\n', ["list.ndjson:1", "email"]),
    "lone surrogate": (b'{"email":"a@d.test","name":"\\ud800","points":1}\n', ["list.ndjson:1"]),
    "escaped line end": (b'{"email":"a@d.test","name":"a\\r\\nBcc: x@evil.test","points":1}\n',
                         ["list.ndjson:1", "name"]),
    "deep": (b'{"email":"a@d.test","x":' + b"[" * 100000 + b"\n", ["list.ndjson:1"]),
    "no email": (b'{"name":"A","points":1}\n', ["list.ndjson:1", "address"]),
    "empty": (b"\n\n", ["list.ndjson", "empty"]),
}

TEMPLATE_CASES = {
    "unknown section": ("From: a@b.test\nTo: <{{email}}>\n\n{{#items}}x{{/items}}\n", [r"t\.eml:4:1"]),
    "open braces": ("From: a@b.test\nSubject: {{name\n\nx\n", [r"t\.eml:2:"]),
    "field in Date": ("From: a@b.test\nDate: {{name}}\n\nx\n", [r"t\.eml:2:"]),
    "no From": ("Subject: x\n\nx\n", [r"t\.eml", "From"]),
    "two subjects": ("From: a@b.test\nSubject: x\nSubject: y\n\nx\n", [r"t\.eml:3:"]),
    "open multipart": ('From: a@b.test\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nx\n', [r"t\.eml"]),
    "field in base64": ("From: a@b.test\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
                        "e3tuYW1lfX0=\n", [r"t\.eml"]),
    "a header line without a colon": ("From: a@b.test\nnonsense\n\nx\n", [r"t\.eml:2"]),
    "empty": ("", [r"t\.eml"]),
}


def csv_from_files(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    for name, (data, words) in CSV_CASES.items():
        run = spool.send_list(template, case.write("list.csv", data))
        try:
            check_refused(case, spool, run, words)
        except e2e.Failure as failure:
            raise e2e.Failure(f"{name}: {failure}") from None


def csv_from_standard_input(case):
    """A stream is queued while it is read: a bad row at its end must take all of it back."""
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    many = "".join(f"u{i}@d{i % 50}.test,Name,{i}\r\n" for i in range(5000))
    bad = case.write("in", f"email,name,points\r\n{many}anna,Anna,1\r\n")
    with open(bad, "rb") as stream:
        run = spool.send_list(template, "-", stdin=stream)
    check_refused(case, spool, run, ["standard input:5002", "row 5001", "column 1", "email"])
    # The name is free again.
    with open(case.write("in", "email,name,points\r\n" + GOOD_ROWS), "rb") as stream:
        run = spool.send_list(template, "-", "c", "--until", "1s", stdin=stream)
    run.expect(e2e.STILL_QUEUED)
    e2e.check_equal(run.json["recipients"], 2, "recipients of the good list", run)


def ndjson(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    for name, (data, words) in JSON_CASES.items():
        run = spool.send_list(template, case.write("list.ndjson", data))
        try:
            check_refused(case, spool, run, words)
        except e2e.Failure as failure:
            raise e2e.Failure(f"{name}: {failure}") from None


def templates(case):
    spool = spool_of(case)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    for name, (template, words) in TEMPLATE_CASES.items():
        run = spool.send_list(case.write("t.eml", template), rows)
        try:
            check_refused(case, spool, run, words)
        except e2e.Failure as failure:
            raise e2e.Failure(f"{name}: {failure}") from None


class Flood:
    """Standard input of `size` octets that are made up while they are read."""

    def __init__(self, head, size):
        self.read_end, self.write_end = os.pipe()
        self.head = head
        self.size = size
        self.sent = 0
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        block = b"x" * (1 << 20)
        try:
            os.write(self.write_end, self.head)
            while self.sent < self.size:
                self.sent += os.write(self.write_end, block)
        except BrokenPipeError:
            pass
        os.close(self.write_end)

    def close(self):
        os.close(self.read_end)
        self.thread.join()


def field_of_a_gibibyte(case):
    """Refused without having it in memory: from a stream (with the queue open) and from a file."""
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    with open(case.write("in", "email,name,points\r\n" + GOOD_ROWS), "rb") as stream:
        usual = spool.send_list(template, "-", "small", "--until", "1s", stdin=stream)
    usual.expect(e2e.STILL_QUEUED)
    shutil.rmtree(spool.folder)
    heads = {"quoted": b'email,name,points\r\na@d.test,"', "plain": b"email,name,points\r\na@d.test,",
             "column name": b"email,name,", "JSON": b'{"email":"a@d.test","name":"'}
    for name, head in heads.items():
        flood = Flood(head, GIB)
        run = spool.send_list(template, "-", stdin=flood.read_end)
        flood.close()
        check_refused(case, spool, run, ["standard input:[12]:"])
        e2e.check(run.rss_bytes < usual.rss_bytes + (16 << 20),
                  f"{name}: {run.rss_bytes >> 20} MiB of memory, usual are {usual.rss_bytes >> 20}", run)
    path = case.path("list.csv")
    with open(path, "wb") as f:
        f.write(heads["quoted"] + b"x" * 1000)
        f.truncate(GIB)  # NULs, and no disk
    run = spool.send_list(template, path)
    check_refused(case, spool, run, ["list.csv:2", "row 1", "column 2"])
    e2e.check(run.rss_bytes < usual.rss_bytes + (16 << 20), f"{run.rss_bytes >> 20} MiB of memory", run)


def asking(case):
    """Off a terminal: count and first three, exit 2; --dry-run: the first message and nothing queued."""
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" +
                      "".join(f"u{i}@d.test,Name {i},{i}\r\n" for i in range(1234)))
    arguments = [a for a in spool.list_arguments(template, rows, "c") if a != "--yes"]
    run = case.tool(*arguments).expect(e2e.USAGE)
    for word in ("1234", "u0@d.test", "u1@d.test", "u2@d.test", "--yes"):
        e2e.check(word in run.err, f"{word} is not said", run)
    e2e.check("u3@d.test" not in run.err, "more than three are shown", run)
    check_nothing_queued(spool, "without --yes")
    with open(rows, "rb") as stream:
        run = case.tool(*[a if a != rows else "-" for a in arguments], stdin=stream)
    run.expect(e2e.USAGE)
    check_nothing_queued(spool, "a stream without --yes")
    run = spool.send_list(template, rows, "c", "--dry-run").expect(0)
    for word in ("Subject: Points: 0", "To: Name 0 <u0@d.test>", "Dear=20Name 0,"):
        e2e.check(word in run.out, f"{word!r} is not in the dry run", run)
    e2e.check("1234" in run.err, "the dry run counts", run)
    check_nothing_queued(spool, "a dry run")
    run = spool.send_list(template, case.write("list.csv", "email,name\r\nx,y\r\n"), "c", "--dry-run")
    check_refused(case, spool, run, ["list.csv:1", "points"])


def command_lines(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    base = spool.list_arguments(template, rows, "c")
    message = case.write("m.eml", "From: a@b.test\n\nx\n")
    for arguments, word in (
            ([*base, "--bogus"], "--bogus"),
            ([*base, "--until", "soon"], "--until"), ([*base, "--until", "5"], "--until"),
            ([*base, "--rate", "fast"], "--rate"), ([*base, "--rate", "5/fortnight"], "--rate"),
            ([*base, "--at", "tomorrow"], "--at"), ([*base, "--lane", "fast"], "--lane"),
            ([*base, "--email-column", "mail"], "mail"), ([*base, "--metadata", "nope"], "nope"),
            ([*base, "--to", "a@b.test"], "--message"), ([*base, "stray"], "stray"),
            (["send", "--config", spool.config], "--from"),
            (["send", "--from", "nobody", "--template", template, "--recipients", rows, "--yes"], "--from"),
            (["send", "--from", "a@b.test", "--template", template, "--yes"], "--recipients"),
            (["send", "--from", "a@b.test", "--message", message, "--yes"], "--to"),
            (["send", "--config", spool.config, "--from", "a@b.test", "--message", message, "--to", "b", "--yes"],
             "--to"),
            (["send", "--from", "a@b.test", "--template", case.path("gone.eml"), "--recipients", rows, "--yes"],
             r"gone\.eml"),
            (["send", "--config", spool.config, "--from", "a@b.test", "--template", template, "--recipients",
              case.path("gone.csv"), "--yes"], r"gone\.csv"),
            (["queue", "frobnicate"], "frobnicate"), (["queue", "pause", "--config", spool.config], "--domain D"),
            (["queue", "summary", "--config", case.path("gone.yaml")], r"gone\.yaml"),
            (["resolve"], "domain"), (["sned"], "sned")):
        run = case.tool(*arguments)
        run.expect(e2e.USAGE)
        e2e.check(re.search(word, run.err), f"the message does not say {word}", run)
    check_nothing_queued(spool, "a bad command line")


def configuration(case):
    for text, words in (
            ("limits: {conections: 5}\n", [r"bad\.yaml:1:\d+", "conections", "connections"]),
            ("smpt: {port: 25}\n", [r"bad\.yaml:1:1", "smpt", "smtp"]),
            ("hostname: a.test\nretry: {lifetime: 4}\n", [r"bad\.yaml:2:\d+", "lifetime"]),
            ("retry: {lifetime: 4 parsecs}\n", [r"bad\.yaml:1:\d+"]),
            ("retry: {schedule: [5m, 10x]}\n", [r"bad\.yaml:1:24", "retry.schedule", "5m"]),
            ("limits: {connections: 99x}\n", [r"bad\.yaml:1:23", "limits.connections", "whole number"]),
            ("limits: {connections: -1}\n", [r"bad\.yaml:1:\d+"]),
            ("limits: {connections: 9223372036854775808}\n", [r"bad\.yaml:1:\d+"]),
            ("smtp: {port: 70000}\n", [r"bad\.yaml:1:14", "smtp.port"]),
            ("durability: never\n", [r"bad\.yaml:1:\d+", "durable"]),
            ("hostname: [a\n", [r"bad\.yaml:\d+"]),
            ("hostname: a.test\nhostname: b.test\n", [r"bad\.yaml:2", "hostname"]),
            ("dns: {servers: [nowhere]}\n", ["nowhere"]),
            ("return_path: {domain: b.test, key_file: /nonexistent/key}\n", ["/nonexistent/key"]),
            ("bounces: {complaints_to: nope}\n", [r"bad\.yaml:1:11: bounces\.complaints_to: \"nope\""]),
            ("tls: {domains: {bad domain: verified}}\n", [r"bad\.yaml:1:17: tls\.domains: \"bad domain\""]),
            ("retry: {schedule: []}\n", [r"bad\.yaml:1:9: retry\.schedule: "]),
            ("\ntls: {ca_file: gone.pem}\n", [r"bad\.yaml:2:7: tls\.ca_file: gone\.pem: No such file"]),
            ("\ndkim: [{domain: a.test, selector: s, key_file: gone}]\n", [r"bad\.yaml:2:8: dkim: gone: No such file"]),
            ("hygiene: {rules_file: gone}\n", [r"bad\.yaml:1:11: hygiene\.rules_file: gone: No such file"]),
            ("return_path: {domain: b.test, key_file: gone}\n",
             [r"bad\.yaml:1:31: return_path\.key_file: gone: No such file"]),
            ("routes: {a.test: {hosts: [b.test], user: u, password_file: gone}}\n",
             [r"bad\.yaml:1:10: routes: gone: No such file"]),
            ("routes: {a.test: {hosts: [b.test], tls_cert: gone, tls_key: gone}}\n",
             [r"bad\.yaml:1:10: routes: gone: No such file"]),
            ("return_path: {domain: b.test}\n", ["key_file"])):
        path = case.write("bad.yaml", text)
        for verb in (["check", "--config", path],
                     ["send", "--config", path, "--from", "a@b.test", "--message",
                      case.write("m.eml", "From: a@b.test\n\nx\n"), "--to", "b@c.test", "--yes"]):
            run = case.tool(*verb, cwd=case.folder).expect(e2e.USAGE)
            for word in words:
                e2e.check(re.search(word, run.err), f"the message does not say /{word}/", run, text)
    # A file without --config is the one to check; what is not understood is refused.
    bad = case.write("bad.yaml", "hostnam: x\n")
    e2e.check("bad.yaml:1:1" in case.tool("check", bad).expect(e2e.USAGE).err, "check FILE reads the file")
    good = case.write("good.yaml", "hostname: a.test\n")
    e2e.check_equal(case.tool("check", good).expect(0).out.splitlines()[0], f"{good}: good", "check FILE")
    for verb in (["check", good, bad], ["check", "--config", good, bad], ["check", good, "--json"],
                 ["check", good, "--origin"], ["config", "show", "--json"], ["config", "show", "--memory"],
                 ["config", "show", good]):
        e2e.check(case.tool(*verb).expect(e2e.USAGE).out == "", "no result of what was refused", verb)
    e2e.check(not os.path.exists(case.path("spool/journals")), "a bad configuration made a spool")


def return_path_keys(case):
    """As `openssl rand -hex 32` makes them, and the new one in front of the old one."""
    case.write("old.key", "ab" * 32 + "\n")
    case.write("same.key", "cd" * 32 + "\n")
    case.write("new.key", "1 " + "cd" * 32 + "\n")
    case.write("short.key", "cd" * 31 + "\n")
    path = case.path("keys.yaml")
    for keys, words in (("key_file: old.key", ["good"]), ("key_file: new.key, previous_keys: [old.key]", ["good"]),
                        ("key_file: same.key, previous_keys: [old.key]", [r"old\.key: line 1: this key id is taken"]),
                        ("key_file: short.key", [r"keys\.yaml:1:31: return_path\.key_file: short\.key: line 1",
                                                 "64 hexadecimal digits", "openssl rand -hex 32"])):
        case.write("keys.yaml", "return_path: {domain: b.test, %s}\n" % keys)
        run = case.tool("check", "--config", path, cwd=case.folder)
        run.expect(0 if words == ["good"] else e2e.USAGE)
        for word in words:
            e2e.check(re.search(word, run.out + run.err), f"the message does not say /{word}/", run)


def messages(case):
    spool = spool_of(case)
    for data, word in ((b"", "empty"), (b"From: a@b.test\n\na\0b\n", "NUL"),
                       (b"From: a@b.test\n\n" + b"x" * 999 + b"\n", "999")):
        run = case.tool("send", "--config", spool.config, "--from", "a@b.test", "--message",
                        case.write("m.eml", data), "--to", "b@c.test", "--yes")
        check_refused(case, spool, run, [r"m\.eml", word])


def as_nobody(case, command, **options):
    """The command as a user who owns nothing here; None where that cannot be tried."""
    if os.getuid() != 0:
        return case.run(command, **options)
    os.chmod(case.folder, 0o755)
    program = case.path(os.path.basename(command[0]))
    if not os.path.exists(program):
        shutil.copy(command[0], program)  # the build folder may be out of nobody's reach
    return case.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--", program,
                     *command[1:]], **options)


def unwritable_spool(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    os.makedirs(spool.folder, mode=0o755)
    os.chmod(spool.folder, 0o555)
    run = as_nobody(case, [case.ringpost, *spool.list_arguments(template, rows, "c")])
    if "memlock" in run.err:
        case.note("(unprivileged rings are too small here: unwritable spool not tried)")
        return
    run.expect(e2e.CANNOT_CREATE)
    e2e.check(spool.folder in run.err and "ermission denied" in run.err, "the message names folder and cause", run)
    os.chmod(spool.folder, 0o755)
    # Below a file there is no folder.
    run = spool.send_list(template, rows, "c", "--spool", os.path.join(template, "spool"))
    run.expect(e2e.CANNOT_CREATE)
    e2e.check("t.eml/spool" in run.err, "the message names the folder", run)


def service_spool(case):
    """The service has a place of its own; the other verbs look where they are called from."""
    config = case.write("nowhere.yaml", "hostname: a.test\n")
    os.makedirs(case.path("spool"), mode=0o777, exist_ok=True)
    os.chmod(case.path("spool"), 0o777)
    run = as_nobody(case, [case.ringpost, "run", "--config", config], seconds=10, cwd=case.folder)
    if "memlock" not in run.err:
        e2e.check("/var/lib/ringpost" in run.expect(e2e.CANNOT_CREATE).err, "the service's spool", run)
    shown = case.tool("config", "show", "--origin", "--config", config).expect(0).out
    e2e.check('spool: "./spool"  # default' in shown and
              "ringpost run without --spool takes /var/lib/ringpost" in shown, "config show --origin says both", shown)


def port_25(case):
    """Listening on it needs a right; a receiver that refuses it defers the mail."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as f:
        free_from = int(f.read())
    if free_from > 25:
        run = as_nobody(case, [case.bench, "sink", "--listen", "127.0.0.9:25", "--for", "1"])
        e2e.check(run.code != 0 and "cannot listen" in run.err and "ermission denied" in run.err,
                  "the message names the cause", run)
    else:
        case.note("(any user may listen on port 25 here)")
    spool = e2e.Spool(case, "refused", routes={"*": [f"127.0.0.9:{e2e.free_port('127.0.0.9')}"]})
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    run = spool.send_list(template, rows, "c", seconds=20)
    e2e.check_counts(run.json, run, recipients=2, queued=2)
    for event in spool.events():
        e2e.check_equal((event["type"], event["stage"], event["cause"]),
                        ("TransientFailure", "connect", "connect"), "a refused connection", event)
        e2e.check("refused" in event["response"]["content"], "the event says why", event)


def spool_in_use(case):
    sink = case.sink("--delay", "200", ipv6=False)
    spool = e2e.Spool(case, routes={"*": [f"127.0.0.1:{sink.port}"]}, limits="connections: 1")
    rows = e2e.write_rows(case.path("list.csv"), [(f"u{i}@d.test", "N", i) for i in range(1000)],
                          ("email", "name", "points"))
    template = case.write("t.eml", TEMPLATE)
    first = spool.start_list(template, rows)
    e2e.wait_for(lambda: e2e.line_count(sink.ledger) > 0, 20 * case.patience, "the first message")
    run = case.tool("run", "--config", spool.config).expect(e2e.TRY_AGAIN)
    e2e.check(spool.folder in run.err and str(first.pid) in run.err, "the message names spool and process", run)
    run = spool.queue("verify").expect(e2e.TRY_AGAIN)
    e2e.check(spool.folder in run.err, "verify names the spool", run)
    e2e.check(first.poll() is None, "the first sender goes on", first.run())
    first.kill()


def unreachable_resolver(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    run = spool.send_list(template, rows, "c", seconds=30)
    run.expect(e2e.STILL_QUEUED)
    e2e.check_counts(run.json, run, recipients=2, queued=2)
    e2e.check("same command" in run.err, "it says how to go on", run)
    events = spool.events()
    e2e.check_equal(len(events), 2, "attempts", events)
    for event in events:
        e2e.check_equal((event["type"], event["stage"], event["cause"]),
                        ("TransientFailure", "resolve", "dns-failure"), "no name server", event)
        e2e.check(f"(127.0.0.1:{spool.base['dns']})" in event["response"]["content"], "who was asked", event)
    # On a terminal the line says what waits, and why.
    shown = case.run([sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", case.ringpost,
                      *spool.list_arguments(template, rows, "shown", "--until", f"{4 * case.patience}s")], 20)
    lines = shown.out.split("\r")
    e2e.check(any(re.search(r"0/s  accepted 0  deferred 4  failed 0  queued 4  sessions 0  deferred for: no answer", line) for line in lines),
              "the line of progress", lines)


def refuse_io_uring():
    """In the child before exec: io_uring_setup answers EPERM, as in a container."""
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(SCMP_ACT_ALLOW)))
    if seccomp.seccomp_rule_add(context, ctypes.c_uint32(SCMP_ACT_ERRNO_EPERM), IO_URING_SETUP, 0) != 0 or \
            seccomp.seccomp_load(context) != 0:
        os._exit(99)


def refused_ring(case):
    spool = spool_of(case)
    template = case.write("t.eml", TEMPLATE)
    rows = case.write("list.csv", "email,name,points\r\n" + GOOD_ROWS)
    run = spool.send_list(template, rows, preexec_fn=refuse_io_uring)
    run.expect(e2e.NO_SERVICE)
    e2e.check("io_uring" in run.err and "seccomp" in run.err, "the message names the cause", run)
    e2e.check_equal(run.out, "", "no result")
    check_nothing_queued(spool, "without a ring")
    # What needs no ring works.
    case.tool("check", "--config", spool.config, preexec_fn=refuse_io_uring).expect(0)
    case.tool("version", preexec_fn=refuse_io_uring).expect(0)
    run = case.run([case.bench, "sink", "--listen", "127.0.0.1:0", "--for", "1"], preexec_fn=refuse_io_uring)
    e2e.check(run.code != 0 and "io_uring" in run.err, "the sink says so, too", run)


STEPS = (csv_from_files, csv_from_standard_input, ndjson, templates, field_of_a_gibibyte, asking, command_lines,
         configuration, return_path_keys, messages, unwritable_spool, service_spool, port_25, spool_in_use,
         unreachable_resolver, refused_ring)


def main():
    with e2e.Case("input") as case:
        failures = []
        for step in STEPS:
            if case.options.only in step.__name__:
                shutil.rmtree(case.path("spool"), ignore_errors=True)
            try:
                case.step(step)
            except e2e.Failure as failure:
                failures.append(str(failure))
        e2e.check(not failures, f"{len(failures)} of {len(STEPS)} steps", *failures)
        count = len(CSV_CASES) + len(JSON_CASES) + len(TEMPLATE_CASES)
        case.note(f"{count} bad lists and templates refused by name, row and column; nothing queued")


if __name__ == "__main__":
    main()
