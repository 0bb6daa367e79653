"""Lists of other software: their bounces are read, counted and confirmed; what is decided goes back to them, once at
least and in order, as lines or to a program."""
import csv
import http.server
import io
import json
import os
import pwd
import signal
import smtplib
import struct
import textwrap
import threading
import time

import e2e
import postfix
import reports
import world

LONG = "a-long-first-name.and-a-long-last-name@subsidiary.example.com"
MAILMAN = "{list}-bounces+{local}={domain}@lists.example.org"
PATTERNS = ("[{pattern: \"%s\", reports: 1}, {pattern: \"bounces-{token}@mail.example.org\", list: news, reports: 1}, "
            "{pattern: \"careful-bounces+{local}={domain}@slow.example.org\", list: careful}]" % MAILMAN)

HANDLER = """#!/usr/bin/python3
import json, os, sys, time
folder = os.path.dirname(os.path.abspath(__file__))
if os.path.exists(os.path.join(folder, "slow")):
    time.sleep(60)
if os.path.exists(os.path.join(folder, "kill-" + os.environ["RINGPOST_ADDRESS"])):
    os.unlink(os.path.join(folder, "kill-" + os.environ["RINGPOST_ADDRESS"]))
    os.kill(os.getppid(), 9)
    sys.exit(0)
refused = os.environ["RINGPOST_DECISION"] == "suppressed" and "refuse-" + os.environ["RINGPOST_ADDRESS"]
if refused and os.path.exists(os.path.join(folder, refused)):
    sys.exit(3)
with open(os.path.join(folder, "told"), "a") as told:
    told.write(json.dumps({"arguments": sys.argv[1:], "environment": {name: value for name, value in
               os.environ.items() if name.startswith("RINGPOST_")}, "input": sys.stdin.read()}) + "\\n")
"""


class Lists:
    def __init__(self, case, name, more="", listen=None):
        self.case = case
        self.folder = case.path(name)
        listen = f"listen: [\"127.0.0.1:{listen}\"], " if listen else ""
        extra = f"bounces: {{{listen}foreign_verp: {PATTERNS}{more}}}\n"
        self.spool = e2e.Spool(case, name, verp=False, extra=extra)

    def ingest(self, *reports_given, **options):
        paths = [self.case.write(f"r{len(self.case.processes)}-{i}", text) for i, text in enumerate(reports_given)]
        return self.case.tool("bounce", "ingest", "--config", self.spool.config, *paths, **options).expect(0)

    def decisions(self, *options, expect=0, **more):
        return self.case.tool("bounce", "decisions", "--config", self.spool.config, *options, **more).expect(expect)

    def suppress(self, *words):
        return self.case.tool("suppress", words[0], "--config", self.spool.config, *words[1:]).expect(0)


def bounced(who, to=None, **options):
    """A report that came to the return path of the list `team`."""
    local, domain = who.split("@")
    to = to or f"team-bounces+{local}={domain}@lists.example.org"
    return f"Delivered-To: {to}\n" + reports.dsn(to, who, **options)


def check_keys(lines, wanted, what):
    e2e.check_equal([(line["decision"], line["address"], line["list"]) for line in lines], wanted, what)


def reading(case):
    """What is read, what it comes to, and what is told of it."""
    lists = Lists(case, "reading")
    run = lists.ingest(bounced("ann@example.com"),
                       bounced("Bob+x@Example.com", to="TEAM-bounces+bob+x=example.com@LISTS.example.org"),
                       bounced("a=b@example.com"),
                       bounced("cleo@example.com", status="4.4.1", action="delayed", words="451 4.4.1 later"),
                       bounced("dan@example.com", to="bounces-4711@mail.example.org"),
                       bounced("eve@example.com", to="careful-bounces+eve=example.com@slow.example.org"),
                       bounced("eve@example.com", to="careful-bounces+eve=example.com@slow.example.org"),
                       bounced("fay@example.com", status="5.7.1", words="554 5.7.1 spam message rejected"),
                       bounced("gus@example.com", to="somebody@elsewhere.example"), bounced("ann@example.com"))
    e2e.check_equal([line["decision"] for line in run.json_lines],
                    ["suppressed", "suppressed", "suppressed", "noted", "suppressed", "counted", "repeated", "noted",
                     "unproven", "repeated"], "decisions", run)
    e2e.check_equal([line.get("recipient") for line in run.json_lines[:3]],
                    ["ann@example.com", "bob+x@example.com", "a=b@example.com"], "recipients", run)
    e2e.check_equal((run.json_lines[5]["days"], run.json_lines[5]["days_wanted"]), (1, 3), "one day of three", run)
    told = [(event["type"], event["decision"], event["recipient"], event["list"], event["id"])
            for event in lists.spool.events()]
    e2e.check_equal(told, [("OOB", line["decision"], line["recipient"], line["list"], None)
                           for line in run.json_lines if line["decision"] in ("suppressed", "counted")],
                    "an event of each that counts", told)
    event = lists.spool.events()[-1]
    e2e.check_equal((event["recipient"], event["days"], event["days_wanted"], event["bounce_classification"],
                     event["response"]["enhanced_code"]), ("eve@example.com", 1, 3, "no-user", "5.1.1"), "eve's", event)
    wanted = [("suppressed", "ann@example.com", "team@lists.example.org"),
              ("suppressed", "bob+x@example.com", "team@lists.example.org"),
              ("suppressed", "a=b@example.com", "team@lists.example.org"),
              ("suppressed", "dan@example.com", "news@mail.example.org")]
    check_keys(lists.decisions().json_lines, wanted, "all decisions")
    rows = list(csv.DictReader(io.StringIO(lists.decisions("--csv").out)))
    check_keys(rows, wanted, "as CSV")
    e2e.check_equal([rows[0][name] for name in ("class", "source", "until")], ["no-user", "report", ""], "a row")
    # With a cursor each is told once.
    cursor = case.path("cursor")
    check_keys(lists.decisions("--cursor", cursor).json_lines, wanted, "with a cursor")
    check_keys(lists.decisions("--cursor", cursor).json_lines, [], "nothing new")
    lists.suppress("add", "own@example.com")
    lists.suppress("remove", "ann@example.com", "--stream", "team@lists.example.org")
    check_keys(lists.decisions("--cursor", cursor).json_lines,
               [("withdrawn", "ann@example.com", "team@lists.example.org")], "the list's alone")
    run = lists.ingest(bounced("ann@example.com"))
    e2e.check_equal(run.json_lines[0]["decision"], "suppressed", "again, after it was withdrawn", run)
    check_keys(lists.decisions("--cursor", cursor).json_lines, wanted[:1], "told again")
    e2e.check_equal([event["recipient"] for event in lists.spool.events()].count("ann@example.com"), 2, "two events")
    everything = lists.decisions("--all").json_lines
    own = [(line["decision"], line["list"]) for line in everything if line["address"] == "own@example.com"]
    e2e.check_equal(own, [("suppressed", "")], "--all has our own")
    shown = lists.suppress("show", "--json", "eve@example.com").json_lines
    e2e.check_equal([(line["state"], line.get("stream")) for line in shown],
                    [("counted", "careful@slow.example.org"), ("free", None)], "what is said of eve")
    e2e.check_equal([entry["class"] for entry in shown[0]["history"]], ["no-user"], "her one day", shown)
    case.note(f"{len(wanted)} decisions read back, once each")


def for_later(case):
    """What a pipe cannot take now the mail server shall keep: any other status than 75, and it is lost."""
    lists = Lists(case, "later")
    report = case.write("kept", bounced("kept@example.com"))
    ingest = f"exec {case.ringpost} bounce ingest --config {lists.spool.config}"
    run = case.run(["bash", "-c", f"ulimit -n 8; {ingest} {report}"], 20).expect(e2e.TRY_AGAIN)
    e2e.check("open files" in run.err, "what is wanting", run)
    broken = case.write("broken.yaml", "spool: [\n")
    for path, code in ((report, e2e.USAGE), (f"- <{report}", e2e.TRY_AGAIN)):
        case.run(["bash", "-c", f"exec {case.ringpost} bounce ingest --config {broken} {path}"], 20).expect(code)
    case.run(["bash", "-c", f"{ingest} - <{report}"], 20).expect(0)
    check_keys(lists.decisions().json_lines, [("suppressed", "kept@example.com", "team@lists.example.org")], "once")


def bounded(case):
    """What fails for ever is given up: by age, and when too many wait."""
    lists = Lists(case, "bounded", ", decision_command: [\"/bin/false\", \"{address}\"]")
    lists.ingest(bounced("old@example.com"))
    lists.decisions("--run", expect=e2e.TRY_AGAIN)
    path = os.path.join(lists.folder, "hygiene", "decisions.cursor.failed")
    with open(path, "rb") as f:
        waiting = f.read()
    when = struct.unpack_from("<Q", waiting, 2)[0]  # behind its size
    e2e.check(abs(when - time.time()) < 3600, "the time of the one that waits", when)
    for days, code in ((6, e2e.TRY_AGAIN), (8, 0)):
        with open(path, "wb") as f:
            f.write(waiting.replace(struct.pack("<Q", when), struct.pack("<Q", when - days * 86400)))
        run = lists.decisions("--run", expect=code)
        e2e.check_equal("older than seven days and is dropped" in run.err, code == 0, f"after {days} days", run)
    e2e.check_equal(os.path.getsize(path), 0, "nothing waits")
    # A full list: the oldest one makes room.
    with open(path, "wb") as f:
        f.write(waiting * 10000)
    lists.ingest(bounced("new@example.com"))
    run = lists.decisions("--run", expect=e2e.TRY_AGAIN)
    e2e.check("old@example.com suppressed on team@lists.example.org: 10000 decisions wait: it is dropped" in run.err,
              "the oldest is dropped", run)
    with open(path, "rb") as f:
        full = f.read()
    e2e.check_equal(full.count(waiting), 9999, "the others wait")
    e2e.check(b"new@example.com" in full[9999 * len(waiting):], "and the new one")


def handing_over(case):
    """To a program: words, failures that are tried again, time, order."""
    command = f'["{case.path("handler")}", "{{address}}", "--list={{list_name}}", "{{decision}}"]'
    lists = Lists(case, "handing", f", decision_command: {command}, decision_timeout: 2s")
    os.chmod(case.write("handler", HANDLER), 0o755)
    told, entries = case.path("told"), lambda: list(e2e.read_lines(told)) if os.path.exists(told) else []
    lists.ingest(*[bounced(f"{who}@example.com") for who in ("ann", "bob", "-rf", "`id`")])
    case.write("refuse-bob@example.com", "")
    run = lists.decisions("--run", "--withdrawn", expect=e2e.TRY_AGAIN)
    e2e.check("exit status 3" in run.err and "taken for an option" in run.err and "1 decisions wait" in run.err,
              "it says what failed", run)
    e2e.check_equal([entry["arguments"] for entry in entries()],
                    [[who, "--list=team", "suppressed"] for who in ("ann@example.com", "`id`@example.com")], "told")
    first = entries()[0]
    e2e.check_equal((first["environment"]["RINGPOST_ADDRESS"], first["environment"]["RINGPOST_LIST"],
                     first["environment"]["RINGPOST_CLASS"], first["input"]),
                    ("ann@example.com", "team@lists.example.org", "no-user", ""), "environment", first)
    # A withdrawal waits behind its suppression.
    lists.suppress("remove", "bob@example.com", "--stream", "team@lists.example.org")
    lists.decisions("--run", "--withdrawn", expect=e2e.TRY_AGAIN)
    e2e.check_equal(len(entries()), 2, "nothing of bob's yet")
    os.unlink(case.path("refuse-bob@example.com"))
    run = lists.decisions("--run", "--withdrawn")
    e2e.check_equal(run.err, "", "of \"-rf\" it was told once", run)
    e2e.check_equal([entry["arguments"][2] for entry in entries()[2:]], ["suppressed", "withdrawn"], "bob's, in order")
    # Too slow: killed, and tried again.
    lists.ingest(bounced("gil@example.com"))
    case.write("slow", "")
    started = time.monotonic()
    run = lists.decisions("--run", "--withdrawn", expect=e2e.TRY_AGAIN)
    e2e.check("too long" in run.err and time.monotonic() - started < 30 * case.patience, "killed after its time", run)
    os.unlink(case.path("slow"))
    lists.decisions("--run", "--withdrawn")
    e2e.check_equal(entries()[-1]["arguments"][0], "gil@example.com", "gil's, in the end")
    # Killed between two of one batch: the one in hand comes again, those before it do not.
    lists.ingest(*[bounced(f"{who}@example.com") for who in ("kim", "lee", "mia")])
    case.write("kill-lee@example.com", "")
    lists.decisions("--run", "--withdrawn", expect=-signal.SIGKILL)
    e2e.check_equal(entries()[-1]["arguments"][0], "kim@example.com", "the last one told")
    lists.decisions("--run", "--withdrawn")
    told_last = [entry["arguments"][0][:3] for entry in entries()[-3:]]
    e2e.check_equal(told_last, ["kim", "lee", "mia"], "nobody is left out")
    # Followed beside; stopped by a signal; nothing is told twice.
    follow = case.start([case.ringpost, "bounce", "decisions", "--config", lists.spool.config, "--run", "--withdrawn",
                         "--follow"])
    lists.ingest(bounced("hal@example.com"))
    e2e.wait_for(lambda: entries()[-1]["arguments"][0] == "hal@example.com", 20 * case.patience,
                 "hal is told while it follows")
    run = lists.decisions("--run", "--withdrawn", expect=e2e.TRY_AGAIN)
    e2e.check("another one is at it" in run.err, "one at a time", run)
    follow.signal(signal.SIGTERM)
    follow.wait(20)
    names = [(entry["arguments"][0], entry["arguments"][2]) for entry in entries()]
    e2e.check_equal(len(names), len(set(names)), "each told once", names)
    # What is withdrawn while it waits is not carried out, although the program would take it now.
    lists.ingest(bounced("ned@example.com"))
    case.write("refuse-ned@example.com", "")
    lists.decisions("--run", expect=e2e.TRY_AGAIN)
    os.unlink(case.path("refuse-ned@example.com"))
    lists.suppress("remove", "ned@example.com", "--stream", "team@lists.example.org")
    lists.decisions("--run")
    e2e.check("ned@example.com" not in [entry["arguments"][0] for entry in entries()], "ned's is forgotten")
    # A program that cannot be started keeps everything where it is.
    broken = Lists(case, "broken", ", decision_command: [\"/no/such/program\", \"{address}\"]")
    broken.ingest(bounced("ann@example.com"))
    run = broken.decisions("--run", expect=e2e.TRY_AGAIN)
    e2e.check("/no/such/program" in run.err, "it says so", run)
    cursor = os.path.join(broken.folder, "hygiene", "decisions.cursor")
    e2e.check_equal(len(broken.decisions("--cursor", cursor).json_lines), 1, "it was not passed over")
    run = Lists(case, "wrong", ", decision_command: [\"x\", \"{adress}\"]").decisions("--run", expect=2)
    e2e.check("{adress}" in run.err, "an unknown name", run)
    case.note(f"{len(names)} decisions handed to a program, each once")


class Listmonk(http.server.BaseHTTPRequestHandler):
    """Stands in for listmonk's webhook."""
    seen = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Authorization"], body))
        self.send_response(200 if body["email"] != "down@example.com" else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


def blocks_of_how_to(kind):
    """The how-to's fenced blocks of this language."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found, block = [], None
    with open(os.path.join(root, "docs", "how-to-mailing-lists.md")) as f:
        for line in f:
            if not line.strip().startswith("```"):
                if block is not None:
                    block[1].append(line)
            elif block is None:
                block = (line.strip()[3:], [])
            else:
                found.append(block)
                block = None
    return [textwrap.dedent("".join(lines)) for language, lines in found if language == kind]


def one_block(kind, holding):
    found = [block for block in blocks_of_how_to(kind) if holding in block]
    e2e.check_equal(len(found), 1, f"blocks of the how-to with {holding}")
    return found[0]


def programs(case):
    """The how-to's programs and commands, with stand-ins for those of the list managers."""
    os.makedirs(case.path("bin"))
    for name in ("sympa", "sudo", "remove_members"):
        os.chmod(case.write(f"bin/{name}", f"#!/bin/sh\necho {name} \"$@\" >> {case.path('called')}\n"
                            f"[ {name} != sympa ] || cat >> {case.path('called')}\n"), 0o755)
    os.chmod(case.write("sympa-del", one_block("python", "sympa")), 0o755)
    os.chmod(case.write("listmonk-bounce", one_block("python", "webhooks")), 0o755)
    server = http.server.HTTPServer(("127.0.0.1", 0), Listmonk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case.closers.append(server.shutdown)
    environment = dict(os.environ, PATH=case.path("bin") + ":" + os.environ["PATH"], LISTMONK_TOKEN="api:secret",
                       LISTMONK_URL=f"http://127.0.0.1:{server.server_port}")
    commands = {}
    for name, holding in (("mailman3", "delmembers"), ("mailman2", "remove_members"), ("sympa", "sympa-del"),
                          ("listmonk", "listmonk-bounce")):
        line = one_block("yaml", holding).splitlines()[1].strip()
        commands[name] = line.replace("/etc/ringpost", case.folder).replace("/usr/lib/mailman/bin", case.path("bin"))
    wanted = {"mailman3": "sudo -u list mailman delmembers --list team@lists.example.org --member ann@example.com\n",
              "mailman2": "remove_members --nouserack team ann@example.com\n",
              "sympa": "sympa del --quiet team@lists.example.org\nann@example.com\n"}
    for name, command in commands.items():
        lists = Lists(case, "with-" + name, ", " + command)
        lists.ingest(bounced("ann@example.com"))
        lists.suppress("add", "bob@example.com", "--stream", "team@lists.example.org", "--class", "complaint")
        lists.suppress("remove", "bob@example.com", "--stream", "team@lists.example.org")
        lists.decisions("--run", env=environment)
        if name == "listmonk":
            e2e.check_equal(Listmonk.seen, [("/webhooks/bounce", "token api:secret", body) for body in (
                {"email": "ann@example.com", "source": "ringpost", "type": "hard"},
                {"email": "bob@example.com", "source": "ringpost", "type": "complaint"})], "what listmonk was told")
            continue
        with open(case.path("called")) as f:
            e2e.check(f.read().startswith(wanted[name]), f"what {name} was told", wanted[name])
        os.unlink(case.path("called"))
    lists.ingest(bounced("down@example.com"))  # its server answers 503: later
    lists.decisions("--run", expect=e2e.TRY_AGAIN, env=environment)
    lists.suppress("remove", "down@example.com", "--stream", "team@lists.example.org")
    lists.decisions("--run", env=environment)
    case.note("the how-to's commands for four list managers")


def real_postfix(case):
    """The how-to's transport in a real Postfix: the reports that it takes for the list reach a spool at rest."""
    folder, cache = case.path("postfix"), os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
    os.makedirs(folder)
    os.makedirs(cache, exist_ok=True)
    os.chmod(case.folder, 0o755)
    lists = Lists(case, "piped")
    user = pwd.getpwnam(postfix.READER)
    os.makedirs(lists.folder, exist_ok=True)
    os.chown(lists.folder, user.pw_uid, user.pw_gid)
    service = one_block("", "ringpost unix - n n").replace("user=ringpost", "user=" + postfix.READER)
    service = service.replace("/usr/bin/ringpost", case.ringpost).replace("/etc/ringpost/ringpost.yaml",
                                                                          lists.spool.config)
    maps = case.write("ringpost_bounces", one_block("", "ringpost:"))
    try:
        settings = f"transport_maps = regexp:{maps}\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
        server = case.closing(postfix.Postfix(cache, folder, settings, service))
    except postfix.Unavailable as why:
        case.note(f"no Postfix: {why}")
        return
    who = [f"p{i}@example.com" for i in range(8)]  # four at a time: the others find the spool in use, and come again
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        for address in who:
            path = f"team-bounces+{address.replace('@', '=')}@lists.example.org"
            client.sendmail("", [path], reports.dsn(path, address))
        client.sendmail("x@y.example", ["team@lists.example.org"], "Subject: a post\r\n\r\nhello\r\n")
    deadline, posts = time.monotonic() + 60 * case.patience, 1
    while len(seen := lists.decisions().json_lines) < len(who):
        e2e.check(time.monotonic() < deadline, f"{len(seen)} of {len(who)} have come", server.words()[-3000:])
        time.sleep(0.2)
        if time.monotonic() > deadline - (60 - 5 * posts) * case.patience:
            # A message that its queue manager "skipped, still being delivered" stays in the folder of incoming mail, and
            # nobody looks there until other mail comes.
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.sendmail("x@y.example", ["team@lists.example.org"], "Subject: another\r\n\r\nhello\r\n")
            posts += 1
    e2e.check_equal(sorted((line["decision"], line["address"], line["list"]) for line in seen),
                    [("suppressed", address, "team@lists.example.org") for address in who], "through the pipe")
    e2e.wait_for(lambda: len(server.files()) == posts, 20 * case.patience, "what is no bounce goes where it went before")
    case.note("a real Postfix's pipe brought them all")


def listening(case):
    """Over SMTP, through the listener of a service without return paths of its own."""
    port = world.free_port()
    lists = Lists(case, "listening", listen=port)
    service = case.start([case.ringpost, "run", "--config", lists.spool.config])
    e2e.wait_for(lambda: "is being sent" in service.err(), 20 * case.patience, "the service is ready")
    codes = []
    with smtplib.SMTP("127.0.0.1", port, "mx.dead.test", timeout=30) as client:
        client.ehlo()
        for who in ("ann@example.com", "ann@example.com", LONG):
            local, domain = who.split("@")
            client.mail("")
            path = f"announcements-of-the-society-bounces+{local}={domain}@lists.example.org"
            e2e.check_equal(client.rcpt(path)[0], 250, who)
            e2e.check_equal(client.data(reports.dsn("x@y", who).encode())[0], 250, who)
        for wrong in ("team@lists.example.org", "team-bounces@lists.example.org", "team-bounces+x@lists.example.org",
                      "team-bounces+ann=example.com@lists.example.net"):
            client.mail("")
            e2e.check_equal(client.rcpt(wrong)[0], 550, wrong)
            client.rset()
        while 451 not in codes and len(codes) < 5000:  # so many a minute from one peer
            client.mail("")
            codes.append(client.rcpt(f"team-bounces+u{len(codes)}=example.com@lists.example.org")[0])
            client.rset()
    e2e.check(590 <= len(codes) < 5000 and set(codes[:-1]) == {250}, "six hundred and no more", codes[-5:])
    cursor = case.path("listening.cursor")
    check_keys(lists.decisions("--cursor", cursor).json_lines,
               [("suppressed", who, "announcements-of-the-society@lists.example.org")
                for who in ("ann@example.com", LONG)],
               "beside the service")
    run = lists.ingest(bounced("beside@example.com"))  # through the control socket
    e2e.check_equal(run.json_lines[0]["decision"], "suppressed", "beside the service", run)
    e2e.check_equal([(r["addr"], r["class"], r["action"]) for r in run.json_lines[0]["recipients"]],
                    [("beside@example.com", "no-user", "failed")], "its recipients", run)
    check_keys(lists.decisions("--cursor", cursor).json_lines,
               [("suppressed", "beside@example.com", "team@lists.example.org")], "beside the service")
    e2e.wait_for(lambda: [event["recipient"] for event in lists.spool.events()] ==
                 ["ann@example.com", LONG, "beside@example.com"], 20 * case.patience, "their events")
    service.kill()
    check_keys(lists.decisions("--cursor", cursor).json_lines, [], "after a kill")
    run = lists.ingest(bounced("beside@example.com"))
    e2e.check_equal(run.json_lines[0]["decision"], "repeated", "it was not forgotten", run)
    with lists.spool.dead_sender():
        run = lists.ingest(bounced("beside@example.com"))
    e2e.check_equal(run.json_lines[0]["decision"], "repeated", "a dead sender is waited out", run)
    case.note(f"rate limited after {codes.index(451)} in a minute")


class Clock:
    """The wall clock of the programs that are started with its environment; it moves while they run."""
    def __init__(self, case):
        module = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(case.bench))), "tests", "clock_shift.so")
        e2e.check(os.path.exists(module), "tests/clock_shift.so is built", module)
        self.path = case.path("clock")
        self.environment = dict(os.environ, LD_PRELOAD=module, RINGPOST_CLOCK_SHIFT=self.path)
        # From noon: whatever the hour is, a few minutes later is the same day.
        self.noon = 43200 - int(time.time()) % 86400
        self.go_to(0)

    def go_to(self, day):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("<q", self.noon + day * 86400))


def careful(who, name):
    text = bounced(f"{who}@example.com", to=f"careful-bounces+{who}=example.com@slow.example.org")
    return f"Message-ID: <{name}@mx.example.com>\n" + text


def days(case):
    """Three reports of three days within thirty, by a clock that moves: at rest, and under a running service."""
    clock = Clock(case)
    lists = Lists(case, "days")
    said = []
    # hal: the first is too old when the second comes. ivy: three in a row, and more than one a day.
    for day, people in ((0, "hal ivy ivy"), (1, "ivy ivy"), (2, "ivy ivy"), (31, "hal")):
        clock.go_to(day)
        run = lists.ingest(*[careful(who, f"m{day}-{i}") for i, who in enumerate(people.split())],
                           env=clock.environment)
        said += [(day, line["recipient"][:3], line["decision"], line.get("days")) for line in run.json_lines]
    e2e.check_equal(said, [(0, "hal", "counted", 1), (0, "ivy", "counted", 1), (0, "ivy", "repeated", 1),
                           (1, "ivy", "counted", 2), (1, "ivy", "repeated", 2), (2, "ivy", "suppressed", 3),
                           (2, "ivy", "repeated", None), (31, "hal", "counted", 1)], "day by day")
    slow = "careful@slow.example.org"
    told = lists.decisions(env=clock.environment).json_lines
    check_keys(told, [("suppressed", "ivy@example.com", slow)], "what is handed over")
    port = world.free_port()
    lists = Lists(case, "days-of-a-service", listen=port)
    clock.go_to(0)

    def serve():
        service = case.start([case.ringpost, "run", "--config", lists.spool.config], env=clock.environment)
        e2e.wait_for(lambda: "is being sent" in service.err(), 20 * case.patience, "the service is ready")
        return service

    def report(name):
        with smtplib.SMTP("127.0.0.1", port, "mx.dead.test", timeout=30) as client:
            client.sendmail("", ["careful-bounces+joe=example.com@slow.example.org"], careful("joe", name))

    def told_days():
        return [(event["decision"], event["days"]) for event in lists.spool.events()]

    service = serve()
    report("s0")
    clock.go_to(1)  # under it
    time.sleep(0.2)
    report("s1")
    report("s2")
    e2e.check_equal(lists.decisions(env=clock.environment).json_lines, [], "two days are not enough")
    e2e.wait_for(lambda: told_days() == [("counted", 1), ("counted", 2)], 20 * case.patience, "their events")
    lists.spool.wait_for_export()  # a kill takes what stands behind the cursor (docs/events.md)
    service.kill()
    clock.go_to(2)
    service = serve()
    report("s3")
    e2e.wait_for(lambda: told_days() == [("counted", 1), ("counted", 2), ("suppressed", 3)], 20 * case.patience,
                 "days under a service")
    check_keys(lists.decisions(env=clock.environment).json_lines, [("suppressed", "joe@example.com", slow)],
               "after a kill between two days")
    service.kill()
    case.note("confirmed on the third day, by a clock that moves")


def main():
    with e2e.Case("lists") as case:
        for step in (reading, handing_over, for_later, bounded, programs, listening, days):
            case.step(step)
        if case.long or case.options.only:
            case.step(real_postfix)


if __name__ == "__main__":
    main()
