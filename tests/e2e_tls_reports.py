"""Reports about TLS (RFC 8460): what was counted reaches the receivers that ask for it, by mail and by POST, once, whatever
kills the service in between; whoever asks wrongly gets none, and no report's failure harms anybody.
"""
import email
import email.policy
import glob
import gzip
import http.server
import json
import os
import random
import re
import signal
import socket
import socketserver
import ssl
import threading
import time

import dkim

import ca
import e2e
import world
from e2e_dkim import make_key
from e2e_mta_sts import is_report

ROWS = 3
FROM = "tls-reports@ringel.example"
DAY = 86400


class Collector(socketserver.ThreadingTCPServer):
    """A mail server without TLS that keeps what it is given; addresses that begin with "gone" it refuses."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address):
        self.messages = []
        super().__init__(address, CollectorSession)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class CollectorSession(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        rcpts = []
        self.say("220 collector")
        for line in self.rfile:
            line = line.decode("latin-1").rstrip("\r\n")
            verb = line[:4].upper()
            if verb == "EHLO":
                self.say("250 collector")
            elif verb == "RCPT" and "<gone" in line:
                self.say("550 5.1.1 no such user")
            elif verb == "RCPT":
                rcpts.append(line[9:].split(">")[0])
                self.say("250 ok")
            elif verb == "DATA" and not rcpts:
                self.say("503 no recipients")
            elif verb == "DATA":
                self.say("354 go on")
                octets = b""
                while not octets.endswith(b"\r\n.\r\n"):
                    octets += self.rfile.readline()
                self.server.messages.append((rcpts, octets[:-3].replace(b"\r\n..", b"\r\n.")))
                rcpts = []
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Web(http.server.ThreadingHTTPServer):
    """Takes reports at /tls; answers with the codes in `codes` first. Serves MTA-STS policies at the well-known place."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address, port, certificate):
        self.posts, self.codes = [], []
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        super().__init__((address, port), WebRequest)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate + ".pem", certificate + ".key")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def close(self):
        self.shutdown()
        self.server_close()


class WebRequest(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, code, body=b""):
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, b"version: STSv1\nmode: enforce\nmx: mx.reports.test\nmax_age: 86400\n")  # for misnamed.test too

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.set()
        self.server.may_answer.wait(60)
        code = self.server.codes.pop(0) if self.server.codes else 201
        if code // 100 == 2:
            self.server.posts.append((self.path, dict(self.headers), body))
        self.answer(code)


class World:
    """told, both, strange, posting: want reports; silent, double, hostile, gone: do not, or cannot have them."""
    TARGETS = {"told.test": "tls@reports.test", "both.test": "tls@reports.test", "strange.test": "tls@misnamed.test"}

    def __init__(self, case, name, posting="https://web.test/tls"):
        self.case, self.name = case, name
        net = f"127.86.{random.Random(name).randrange(250)}"
        port = world.free_port()
        authority = ca.Authority(case.path(name + "-ca"))
        authority.issue("web", dns=["web.test", "mta-sts.reports.test", "mta-sts.misnamed.test"])
        authority.issue("mx", dns=["mx.told.test"])
        folder = case.path(name + "-ca")
        self.tls = case.sink("--tls-cert", folder + "/mx.pem", "--tls-key", folder + "/mx.key", port=port, ipv6=False,
                             addresses=[f"{net}.1", f"{net}.2"])
        self.plain = case.sink(port=port, ipv6=False, addresses=[f"{net}.{n}" for n in range(3, 9)])
        self.collector = case.closing(Collector((f"{net}.20", port)))
        self.web = case.closing(Web(f"{net}.21", 443, folder + "/web"))
        zone = world.Zone()
        wants = {"told": "v=TLSRPTv1; rua=mailto:tls@reports.test", "posting": f"v=TLSRPTv1;rua={posting}",
                 "both": "v=TLSRPTv1; rua=mailto:tls@reports.test,https://web.test/tls?x=1; more=thing",
                 "silent": None, "double": "v=TLSRPTv1; rua=mailto:twice@reports.test",
                 "hostile": "v=TLSRPTv1; rua=mailto:x%0d%0aRCPT%20TO:y@reports.test",
                 "gone": "v=TLSRPTv1; rua=mailto:gone@reports.test",
                 "strange": "v=TLSRPTv1; rua=mailto:tls@misnamed.test"}
        for n, (domain, record) in enumerate(wants.items()):
            zone.add(domain, "MX", f"10 mx.{domain}")
            zone.add(f"mx.{domain}", "A", f"{net}.{n + 1}")
            if record:
                zone.add(f"_smtp._tls.{domain}", "TXT", f'"{record}"')
        zone.add("_smtp._tls.double", "TXT", '"v=TLSRPTv1; rua=mailto:second@reports.test"')
        zone.add("reports", "MX", "10 mx.reports")
        zone.add("mx.reports", "A", f"{net}.20")
        zone.add("web", "A", f"{net}.21")
        zone.add("misnamed", "MX", "10 mx.misnamed")
        zone.add("mx.misnamed", "A", f"{net}.20")
        # Their policy keeps all other mail back: the only host of reports.test has no TLS, that of misnamed.test is not named.
        for domain in ("reports", "misnamed"):
            zone.add(f"_mta-sts.{domain}", "TXT", '"v=STSv1; id=1;"')
            zone.add(f"mta-sts.{domain}", "A", f"{net}.21")
        self.domains = list(wants)
        key, self.key_record = make_key(case, name + "-dkim", "rsa")
        self.spool = e2e.Spool(case, name, port=port, dns=case.knot(zone).port, retry="schedule: [1h]",
                               limits="connections_per_site: 1",
                               extra=f"tls: {{ca_file: {authority.pem}}}\n"
                                     f"dkim: [{{domain: ringel.example, selector: s1, key_file: {key}}}]\n"
                                     f"tlsrpt: {{from: {FROM}, contact: postmaster@ringel.example}}\n")

    def mail(self):
        rows = [(f"{n}@{domain}.test", n) for domain in self.domains for n in range(ROWS)]
        run = self.spool.send_list(self.case.write(self.name + ".eml", e2e.SHORT_TEMPLATE),
                                   e2e.write_rows(self.case.path(self.name + ".csv"), rows, ("email", "n")), "c")
        e2e.check_counts(run.json, run, accepted=len(rows))

    def counts(self):
        """The files of the day that was counted, and its number."""
        files = glob.glob(self.spool.folder + "/tls/rpt.*")
        e2e.check(files, "counts were written")
        return files, int(os.path.basename(files[0]).split(".")[1])

    def tool(self, *arguments, **options):
        return self.case.tool("tlsrpt", *arguments, "--config", self.spool.config, **options)

    def wanted(self):
        """By domain: the report as `tlsrpt show` has it."""
        shown = self.tool("show", "--json").expect(0).json_lines
        return {report["policies"][0]["policy"]["policy-domain"]: report for report in shown}

    def check_report(self, report, domain, day, wanted):
        is_report(report)
        date = time.strftime("%Y-%m-%d", time.gmtime(day * DAY))
        e2e.check_equal((report["date-range"]["start-datetime"], report["date-range"]["end-datetime"]),
                        (date + "T00:00:00Z", date + "T23:59:59Z"), "the day")
        e2e.check_equal((report["contact-info"], report["organization-name"]),
                        ("postmaster@ringel.example", e2e.HOSTNAME), "who reports")
        e2e.check_equal(report["policies"], wanted["policies"], "as counted")
        counts = report["policies"][0]["summary"]
        good, bad = counts["total-successful-session-count"], counts["total-failure-session-count"]
        # One connection at once, and one is enough for three messages: what the receivers saw.
        tls = domain in ("told.test", "posting.test")
        e2e.check_equal((good, bad), (1, 0) if tls else (0, 1), f"sessions of {domain}", report)
        if not tls:
            e2e.check_equal(report["policies"][0]["failure-details"][0]["result-type"], "starttls-not-supported", domain)

    def check_mail(self, day, wanted, messages):
        """By domain: report-id and Message-ID of each letter."""
        seen = {}
        for rcpts, octets in messages:
            message = email.message_from_bytes(octets, policy=email.policy.SMTP)
            domain = message["TLS-Report-Domain"]
            e2e.check(dkim.verify(octets, dnsfunc=lambda name, timeout=5: self.key_record.encode()), "signed (3)", message)
            e2e.check_equal(rcpts, [self.TARGETS[domain]], "the envelope")
            e2e.check_equal((message["From"], message["To"], message["TLS-Report-Submitter"], message["TLS-Required"]),
                            (FROM, self.TARGETS[domain], e2e.HOSTNAME, "No"), "header")
            e2e.check(re.fullmatch(rf"Report Domain: {domain} +Submitter: {e2e.HOSTNAME} +Report-ID: <[^ >]+>",
                                   message["Subject"]), "the subject of 5.3", message["Subject"])
            e2e.check_equal((message.get_content_type(), message.get_param("report-type")), ("multipart/report", "tlsrpt"),
                            "type")
            words, part = message.iter_parts()
            e2e.check_equal((words.get_content_type(), part.get_content_type()),
                            ("text/plain", "application/tlsrpt+gzip"), "parts")
            name = f"{e2e.HOSTNAME}!{domain}!{day * DAY}!{day * DAY + DAY - 1}!1.json.gz"
            e2e.check_equal(part.get_filename(), name, "the name of 5.1")
            report = json.loads(gzip.decompress(part.get_content()))
            self.check_report(report, domain, day, wanted[domain])
            e2e.check(report["report-id"] in message["Subject"], "the same id", message["Subject"])
            seen.setdefault(domain, []).append((report["report-id"], message["Message-ID"]))
        return seen

    def check_posts(self, day, wanted):
        for path, headers, body in self.web.posts:
            e2e.check_equal((headers["Content-Type"], headers["Host"]), ("application/tlsrpt+gzip", "web.test"), "POST")
            report = json.loads(gzip.decompress(body))
            domain = report["policies"][0]["policy"]["policy-domain"]
            e2e.check_equal(domain, "posting.test" if path == "/tls" else "both.test", path)
            self.check_report(report, domain, day, wanted[domain])


def at_rest(case):
    """`tlsrpt send`: looked at, sent, sent again, tried again."""
    place = World(case, "rest")
    place.mail()
    _, day = place.counts()
    date = ("--day", time.strftime("%Y-%m-%d", time.gmtime(day * DAY)))
    wanted = place.wanted()
    run = place.tool("send", "--dry-run", "--json", *date).expect(0)
    e2e.check_equal(sorted((line["domain"], line["news"], line["target"]) for line in run.json_lines),
                    [("both.test", "mailed", "tls@reports.test"), ("both.test", "posted", "https://web.test/tls?x=1"),
                     ("double.test", "without", ""), ("gone.test", "mailed", "gone@reports.test"),
                     ("hostile.test", "without", ""), ("posting.test", "posted", "https://web.test/tls"),
                     ("strange.test", "mailed", "tls@misnamed.test"),
                     ("told.test", "mailed", "tls@reports.test")], "a dry run", run)
    for line in run.json_lines:
        if "report" in line:
            place.check_report(line["report"], line["domain"], day, wanted[line["domain"]])
    e2e.check_equal((place.collector.messages, place.web.posts), ([], []), "a dry run sends nothing")
    place.web.codes += [503, 302]  # no redirect is followed
    run = place.tool("send", *date).expect(e2e.STILL_QUEUED)
    e2e.check(run.out.count("failed https://web.test") == 2 and "the server says 503" in run.out, "told", run)
    e2e.check_equal((sorted(place.check_mail(day, wanted, place.collector.messages)), place.web.posts),
                    (sorted(place.TARGETS), []), "mail arrives although MTA-STS would keep it back", run)
    run = place.tool("send", *date).expect(0)
    e2e.check("before tls@reports.test" in run.out, "what was mailed is not mailed again", run)
    e2e.check_equal((len(place.collector.messages), len(place.web.posts)), (3, 2), "posts are tried again", run)
    place.check_posts(day, wanted)
    run = place.tool("send", *date, "--json").expect(0)
    e2e.check_equal({line["news"] for line in run.json_lines}, {"before", "without"}, "a third time", run)
    e2e.check_equal((len(place.collector.messages), len(place.web.posts)), (3, 2), "nothing twice")
    e2e.check_equal(place.wanted(), wanted, "the sessions of reports are not counted")
    # Other mail to these domains is kept back, and an address that refuses reports is not suppressed.
    letter = case.write("other.eml", "From: news@ringel.example\nSubject: x\n\nOne.\n")
    for domain, fault in (("reports.test", "starttls-not-supported"), ("misnamed.test", "validation-failure")):
        run = case.send("--config", place.spool.config, "--from", e2e.SENDER, "--message", letter, "--to", "tls@" + domain,
                        "--yes", "--json")
        e2e.check_counts(run.json, run, queued=1)
        policies = place.wanted()[domain]["policies"]
        e2e.check_equal([detail["result-type"] for detail in policies[0]["failure-details"]], [fault], domain, policies)
    gone = [e for e in place.spool.events() if e["recipient"] == "gone@reports.test"]
    e2e.check_equal([e["type"] for e in gone], ["Bounce"], "a report that bounces")
    run = case.tool("suppress", "list", "--config", place.spool.config, "--json").expect(0)
    e2e.check_equal(run.out, "", "nobody is suppressed by it")
    e2e.check("is not a day" in place.tool("send", "--day", "soon").expect(e2e.USAGE).err, "--day")
    case.note("4 letters, 2 posts")


def wait_service(case, process):
    e2e.wait_for(lambda: "is being sent" in process.err() or process.poll() is not None, 20 * case.patience, "the service")
    e2e.check(process.poll() is None, "the service runs", process.run())


def served(case):
    """`run` sends what is due by itself; killed at random moments it repeats a post at most, and no letter is lost."""
    place = World(case, "served")
    place.mail()
    files, today = place.counts()
    shown = place.wanted()
    # What was counted is made to be of the last two days: one of them is due now, whatever the time is.
    for path in files:
        with open(path, "rb") as f:
            head, rest = f.read().split(b"\n", 1)
        e2e.check(head.endswith(b" %d" % (today * DAY)) or head.endswith(b" %d" % today), "the day is in the head", head)
        unit = DAY if head.endswith(b" %d" % (today * DAY)) else 1
        for day in (today - 1, today - 2):
            with open(path.replace(f"rpt.{today}.", f"rpt.{day}."), "wb") as f:
                f.write(head.rsplit(b" ", 1)[0] + b" %d\n" % (day * unit) + rest)
        os.unlink(path)
    old = os.path.join(place.spool.folder, "tls", f"rpt.{today - 30}.0")
    with open(old, "wb") as f:
        f.write(b"old")
    draw = random.Random(3)
    kills = 30 if case.long else 6
    for _ in range(kills):
        process = case.start([case.ringpost, "run", "--config", place.spool.config])
        wait_service(case, process)
        time.sleep(draw.random() * 0.25 * case.patience)
        process.kill()
    process = case.start([case.ringpost, "run", "--config", place.spool.config])
    wait_service(case, process)
    e2e.wait_for(lambda: len({m[1].split(b"TLS-Report-Domain: ")[1].split(b"\r\n")[0] for m in place.collector.messages}) == 3
                 and len({p[0] for p in place.web.posts}) == 2, 20 * case.patience, "letters and posts")
    e2e.wait_for(lambda: not os.path.exists(old), 10, "the removal of old files")
    run = place.tool("send").expect(0)  # beside the service: nothing is left to do for yesterday
    result = run.json
    e2e.check_equal(result["failed"], 0, "beside the service", run)
    process.signal(signal.SIGTERM)
    run = process.wait(40 * case.patience).expect(0)
    e2e.check("reports about TLS with 8 domains" in run.err, "the service says what it did", run)
    letters = {}
    posts = {}
    for rcpts, octets in place.collector.messages:
        day = int(re.search(rb"!(\d+)!\d+!1\.json\.gz", octets).group(1)) // DAY
        for domain, ids in place.check_mail(day, shown, [(rcpts, octets)]).items():
            letters.setdefault((day, domain), []).extend(ids)
    for path, _, body in place.web.posts:
        report = json.loads(gzip.decompress(body))
        posts.setdefault((path, report["date-range"]["start-datetime"]), []).append(report["report-id"])
    e2e.check(all(day in (today - 1, today - 2) for day, _ in letters), "days that were over", letters)
    for key, ids in [*letters.items(), *posts.items()]:
        e2e.check_equal(len(set(ids)), 1, f"repeated with the same ids: {key}", ids)
        e2e.check(len(ids) <= 1 + kills, f"{key} came {len(ids)} times")
    # In the queue there is one letter a day and domain; copies come from kills between the dot and the journal.
    names = [line["campaign"] for line in place.spool.queue("summary", "--json").expect(0).json_lines]
    reports = [name for name in names if name.startswith("tlsrpt-")]
    days = {int(time.mktime(time.strptime(start, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone) // DAY for _, start in posts}
    wanted = sorted(f"tlsrpt-{day}-{domain}.test" for day in days for domain in ("told", "both", "gone", "strange"))
    e2e.check_equal(sorted(reports), wanted, "one campaign a report")
    case.note(f"{kills} kills, {sum(map(len, letters.values()))} letters and {sum(map(len, posts.values()))} posts for "
              f"{len(letters)} and {len(posts)} reports")


def switched_off(case):
    """SIGHUP with reports switched off: what is under way ends, nothing more is begun."""
    place = World(case, "off", posting="https://web.test/tls,https://web.test/second")
    place.domains = ["posting"]
    place.mail()
    (path,), today = place.counts()
    with open(path, "rb") as f:
        head, rest = f.read().split(b"\n", 1)
    unit = DAY if head.endswith(b" %d" % (today * DAY)) else 1
    for day in (today - 1, today - 2):
        with open(path.replace(f"rpt.{today}.", f"rpt.{day}."), "wb") as f:
            f.write(head.rsplit(b" ", 1)[0] + b" %d\n" % (day * unit) + rest)
    place.web.may_answer.clear()
    process = case.start([case.ringpost, "run", "--config", place.spool.config])
    wait_service(case, process)
    e2e.check(place.web.asked.wait(20 * case.patience), "the first post is under way")
    with open(place.spool.config) as f:
        config = f.read()
    with open(place.spool.config, "w") as f:
        f.write(config.replace("tlsrpt: {", "tlsrpt: {enabled: false, "))
    process.signal(signal.SIGHUP)
    time.sleep(1)
    place.web.may_answer.set()
    time.sleep(1)
    process.signal(signal.SIGTERM)
    process.wait(40 * case.patience)
    e2e.check_equal([post[0] for post in place.web.posts], ["/tls"], "the second post is not begun")


def unwritable(case):
    """The list of what was posted cannot be written: `tlsrpt send` says so and ends."""
    place = World(case, "unwritable")
    place.domains = ["posting"]
    place.mail()
    _, day = place.counts()
    os.mkdir(os.path.join(place.spool.folder, "tls", f"posted.{day}.new"))
    date = ("--day", time.strftime("%Y-%m-%d", time.gmtime(day * DAY)))
    run = place.tool("send", *date, seconds=20 * case.patience).expect(e2e.STILL_QUEUED)
    e2e.check("posted https://web.test/tls" in run.out and "cannot be written" in run.out, "told", run)


def beside_send(case):
    """`tlsrpt send` beside a `send`, which makes no reports: to be tried again."""
    quiet = case.closing(socket.create_server(("127.86.250.9", 0)))
    quiet.settimeout(20 * case.patience)
    zone = world.Zone()
    zone.add("quiet", "MX", "10 mx.quiet")
    zone.add("mx.quiet", "A", "127.86.250.9")
    spool = e2e.Spool(case, "beside", port=quiet.getsockname()[1], dns=case.knot(zone).port,
                      extra=f"tlsrpt: {{from: {FROM}}}\n")
    letter = case.write("beside.eml", "From: news@ringel.example\nSubject: x\n\nOne.\n")
    process = case.start([case.ringpost, "send", "--config", spool.config, "--from", e2e.SENDER, "--message", letter,
                          "--to", "ann@quiet.test", "--yes"])
    connection, _ = quiet.accept()
    run = case.tool("tlsrpt", "send", "--config", spool.config).expect(e2e.TRY_AGAIN)
    e2e.check("no service is running" in run.err, "it says why", run)
    process.kill()
    connection.close()


def main():
    with e2e.Case("tls_reports") as case:
        if os.geteuid() != 0:
            case.skip("policies and reports go to port 443")
        case.step(at_rest)
        case.step(served)
        case.step(switched_off)
        case.step(beside_send)
        case.step(unwritable)


if __name__ == "__main__":
    main()
