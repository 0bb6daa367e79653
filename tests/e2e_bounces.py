"""What comes back comes home: a campaign is accepted, its reports come later to the return path, and the suppression
list then holds exactly the dead addresses; the next campaign does not mail them. Forged reports suppress nobody."""
import os
import signal
import smtplib
import socket
import ssl
import time

import aiosmtpd.controller

import ca
import e2e
import exim
import opensmtpd
import postfix
import reports
import unpacked
import world

DEAD = 6
FULL = 3
LIVE = 31


class Scene:
    """A campaign that a sink has accepted whole, with the return path of each recipient."""

    def __init__(self, case, name, extra=""):
        zone = world.Zone()
        zone.add("d0", "MX", "10 mx.d0")
        zone.add("mx.d0", "A", "127.0.0.1")
        self.case = case
        self.knot = case.knot(zone)
        self.sink = case.sink(addresses=("127.0.0.1",), ipv6=False)
        self.spool = e2e.Spool(case, name, port=self.sink.port, dns=self.knot.port, verp=True, extra=extra)
        self.name_everybody(case)
        self.paths = {}

    def name_everybody(self, case):
        self.case = case
        name = f"list{len(case.processes)}"
        self.template = case.write(name + ".eml", e2e.SHORT_TEMPLATE)
        self.dead = [f"dead{i}@d0.test" for i in range(DEAD)]
        self.full = [f"full{i}@d0.test" for i in range(FULL)]
        self.live = [f"live{i}@d0.test" for i in range(LIVE)]
        self.everybody = self.live[:5] + self.dead + self.full + self.live[5:]
        rows = [(address, i) for i, address in enumerate(self.everybody)]
        self.rows = e2e.write_rows(case.path(name + ".csv"), rows, ("email", "n"))

    def send(self, campaign="c"):
        before = self.accepted()
        run = self.spool.send_list(self.template, self.rows, campaign, "--until", "done").expect(0)
        self.wait_accepted(before + run.json["accepted"])  # the ledger is written a little later
        self.learn_paths()
        return run

    def learn_paths(self):
        for entry in e2e.read_lines(self.sink.ledger):
            self.paths[entry["rcpt"][0]] = entry["from"]

    def accepted(self):
        return sum(1 for _ in e2e.read_lines(self.sink.ledger))

    def ingest(self, *paths, expect=0, seconds=60, **options):
        return self.case.tool("bounce", "ingest", "--config", self.spool.config, *paths, seconds=seconds,
                              **options).expect(expect)

    def suppressed(self):
        run = self.case.tool("suppress", "list", "--config", self.spool.config, "--json").expect(0)
        return {line["address"]: line for line in run.json_lines}

    def wait_accepted(self, count, seconds=20):
        deadline = time.monotonic() + seconds * self.case.patience
        while self.accepted() < count:
            e2e.check(time.monotonic() < deadline, f"{self.accepted()} accepted instead of {count}")
            time.sleep(0.05)


def check_decisions(run, wanted):
    seen = [line["decision"] for line in run.json_lines]
    e2e.check_equal(seen, wanted, "decisions", run)


def as_read(case, run, *paths):
    """A line of ingest has what `bounce read` says of the same message."""
    read = {line["file"]: line for line in case.tool("bounce", "read", "--json", *paths).expect(0).json_lines}
    for line in run.json_lines:
        e2e.check_equal({key: line.get(key) for key in read[line["file"]]}, read[line["file"]], "as read", line)
    return [line["recipients"] for line in run.json_lines]


def at_rest(case):
    scene = Scene(case, "rest", "unsubscribe: {mailto: leave@ringel.example}\n")
    scene.send()
    e2e.check_equal(scene.accepted(), len(scene.everybody), "accepted")
    tag = {address: path.split("@")[0] for address, path in scene.paths.items()}
    dead, full, live = scene.dead, scene.full, scene.live
    folder = case.path("Maildir")
    case.write("Maildir/cur/.keep", "")
    for i, address in enumerate(dead[:3]):
        path = scene.paths[address].upper() if i == 1 else scene.paths[address]
        case.write(f"Maildir/new/{i}", reports.dsn(path, address))
    run = scene.ingest(folder)
    check_decisions(run, ["suppressed"] * 3)
    e2e.check_equal([line["recipient"] for line in run.json_lines], dead[:3], "recipients", run)
    e2e.check_equal({line["class"] for line in run.json_lines}, {"no-user"}, "classes", run)
    said = as_read(case, run, folder)
    e2e.check_equal([(r["addr"], r["class"], r["status"], r["action"]) for (r,) in said],
                    [(a, "no-user", "5.1.1", "failed") for a in dead[:3]], "recipients as read", run)
    box = [reports.dsn(f"bounce+{tag[dead[3]]}@relay.test", "elsewhere@forwarded.test"),
           reports.dsn(scene.paths[dead[3]], dead[3]),  # its tag once more
           reports.dsn(scene.paths[full[0]], full[0], "5.2.2", "552 5.2.2 <%s>: mailbox full"),
           reports.dsn(scene.paths[live[0]], live[0], "4.4.1", "451 4.4.1 try later", "delayed"),
           reports.auto_reply(scene.paths[live[1]]),
           # A genuine tag speaks for its own recipient, whatever addresses the report names.
           reports.dsn(scene.paths[dead[4]], live[2], original=live[2]),
           reports.dsn("nobody@bounces.ringel.example", live[3]),
           reports.complaint("fbl@ringel.example", scene.paths[live[4]])]
    case.write("box.mbox", "".join("From MAILER-DAEMON Sat Nov 21 00:00:00 2026\n" + one + "\n" for one in box))
    run = scene.ingest(case.path("box.mbox"))
    check_decisions(run, ["suppressed", "repeated", "counted", "noted", "noted", "suppressed", "unproven",
                          "suppressed"])
    e2e.check_equal(run.json_lines[5]["recipient"], dead[4], "whose tag it is", run)
    as_read(case, run, case.path("box.mbox"))
    with open(case.write("one", reports.dsn("x@y", dead[5])), "rb") as stdin:
        run = scene.ingest("--to", scene.paths[dead[5]], "-", stdin=stdin)
    check_decisions(run, ["suppressed"])
    case.write("leave", reports.person("leave@ringel.example", f"unsubscribe {tag[live[5]]}"))
    case.write("leave2", reports.person(f"leave+{tag[live[6]]}@ringel.example", "please"))
    case.write("leave3", reports.person("leave@ringel.example", "unsubscribe me"))
    run = scene.ingest(*[case.path(name) for name in ("leave", "leave2", "leave3")])
    check_decisions(run, ["suppressed", "suppressed", "unproven"])
    case.write("octets", reports.octets("x@y"))  # its line cannot hold them all, and ends
    run = scene.ingest(case.path("octets"), case.path("one"))
    check_decisions(run, ["unproven", "unproven"])
    as_read(case, run, case.path("octets"), case.path("one"))
    wanted = {**{a: "no-user" for a in dead}, live[4]: "complaint", live[5]: "unsubscribe", live[6]: "unsubscribe"}
    e2e.check_equal({a: line["class"] for a, line in scene.suppressed().items()}, wanted, "the suppression list")
    events = [event for event in scene.spool.events() if event["type"] in ("OOB", "Feedback", "Unsubscribe")]
    kinds = {**{a: "OOB" for a in dead + full[:1]}, live[4]: "Feedback", live[5]: "Unsubscribe",
             live[6]: "Unsubscribe"}
    e2e.check_equal({event["recipient"]: event["type"] for event in events}, kinds, "events of what came back")
    e2e.check_equal(len(events), len(kinds), "each of them once", events)
    run = scene.send("again")
    e2e.check_counts(run.json, run, suppressed=len(wanted), accepted=len(scene.everybody) - len(wanted))
    again = [entry["rcpt"][0] for entry in e2e.read_lines(scene.sink.ledger)][len(scene.everybody):]
    e2e.check_equal(sorted(again), sorted(set(scene.everybody) - set(wanted)), "mailed again")
    case.note(f"{len(wanted)} of {len(scene.everybody)} suppressed by their reports, exactly those")


def forged(case):
    """Reports that are not proven, thousands of them, some about every recipient."""
    count = 100000 if case.long else 1000 if case.san else 5000
    scene = Scene(case, "forged")
    scene.send()
    genuine = [path.split("@")[0] for path in scene.paths.values()]
    known = set(scene.paths.values())
    tags = reports.forged_tags(7, genuine, e2e.RETURN_DOMAIN)
    with open(case.path("forged.mbox"), "w") as f:
        for i in range(count):
            path = next(p for p in tags if p not in known)
            address = scene.everybody[i % len(scene.everybody)]
            f.write("From MAILER-DAEMON Sat Nov 21 00:00:00 2026\n"
                    + reports.dsn(path, address, original=address) + "\n")
    run = scene.ingest(case.path("forged.mbox"), seconds=600)
    lines = run.json_lines
    e2e.check_equal(len(lines), count, "lines", run)
    e2e.check_equal({line["decision"] for line in lines}, {"unproven"}, "decisions")
    e2e.check(any(line["tag"] == "forged" for line in lines), "forged tags are among them")
    e2e.check_equal(scene.suppressed(), {}, "suppressed")
    run = scene.send("again")
    e2e.check_counts(run.json, run, suppressed=0, accepted=len(scene.everybody))
    case.note(f"{count} forged reports suppressed nobody")


class Service:
    """A running `ringpost run`."""

    def __init__(self, scene):
        self.case = scene.case
        self.scene = scene
        self.process = scene.case.start([scene.case.ringpost, "run", "--config", scene.spool.config])
        deadline = time.monotonic() + 20 * self.case.patience
        while "is being sent" not in self.process.err():
            e2e.check(self.process.poll() is None and time.monotonic() < deadline, "the service is not ready",
                      self.process.run())
            time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        self.process.signal(how)
        return self.process.wait(40).expect(0)


def smtp(scene, source="127.0.0.1"):
    return smtplib.SMTP("127.0.0.1", scene.port, "mx.dead.test", timeout=30, source_address=(source, 0))


def deliver(client, to, message, sender=""):
    """The code of the first answer that is not 2yz, or of the dot."""
    code, words = client.mail(sender)
    if code == 250:
        code, words = client.rcpt(to)
    if code != 250:
        client.rset()
        return code, words.decode()
    code, words = client.data(message.encode())
    return code, words.decode()


def service_scene(case, name, more="", twice=False):
    """twice: it listens on one address two times, which is as good as once."""
    port = world.free_port()
    listen = ", ".join(['"127.0.0.1:%d"' % port] * (2 if twice else 1))
    scene = Scene(case, name, "bounces: {listen: [%s], complaints_to: fbl@ringel.example%s}\n"
                              "unsubscribe: {mailto: leave@ringel.example}\n" % (listen, more))
    scene.port = port
    scene.send()
    return scene


def listening(case):
    """The whole way home, over SMTP."""
    scene = service_scene(case, "listening", twice=True)
    tag = {address: path.split("@")[0] for address, path in scene.paths.items()}
    dead, live, paths = scene.dead, scene.live, scene.paths
    service = Service(scene)
    second = e2e.Spool(case, "second", port=scene.sink.port, dns=scene.knot.port, verp=True,
                       extra='bounces: {listen: ["127.0.0.1:%d"]}\n' % scene.port)
    run = case.tool("run", "--config", second.config, seconds=20).expect(e2e.NO_SERVICE)
    e2e.check(f"127.0.0.1:{scene.port}: Address already in use" in run.err, "a second service is not let in", run)
    with smtp(scene) as client:
        client.ehlo()
        e2e.check(client.has_extn("pipelining") and not client.has_extn("starttls"), "what is offered",
                  client.esmtp_features)
        for address in dead[:4]:
            e2e.check_equal(deliver(client, paths[address], reports.dsn(paths[address], address))[0], 250, "a report")
        e2e.check_equal(deliver(client, paths[dead[0]], reports.dsn("x@y", dead[0]))[0], 250, "once more")
        for wrong in ("postmaster@ringel.example", "a" * 40 + "@" + e2e.RETURN_DOMAIN, tag[dead[4]] + "@elsewhere.test",
                      "leave+" + "c" * 40 + "@ringel.example"):
            e2e.check_equal(deliver(client, wrong, reports.dsn(wrong, dead[4]))[0], 550, wrong)
        complaint = reports.complaint("fbl@ringel.example", paths[live[0]])
        e2e.check_equal(deliver(client, "fbl@ringel.example", complaint)[0], 250, "a complaint")
        leaving = reports.person("leave@ringel.example", "unsubscribe " + tag[live[1]])
        e2e.check_equal(deliver(client, "leave@ringel.example", leaving)[0], 250, "leaving")
        e2e.check_equal(deliver(client, f"leave+{tag[live[2]]}@ringel.example", reports.person("x@y", "bye"))[0], 250,
                        "leaving")
        e2e.check_equal(deliver(client, paths[live[3]], reports.auto_reply(paths[live[3]]))[0], 250, "away")
        # Two recipients are two transactions.
        client.mail("")
        e2e.check_equal((client.rcpt(paths[dead[4]])[0], client.rcpt(paths[dead[5]])[0]), (250, 452), "two recipients")
        client.rset()
        large = reports.dsn(paths[dead[4]], dead[4]) + "x" * 70 + "\n"
        large += ("y" * 70 + "\n") * 20000
        e2e.check_equal(deliver(client, paths[dead[4]], large)[0], 250, "a large one")
    # Beside the service: through its control socket.
    case.write("one", reports.dsn(paths[dead[5]], dead[5]))
    check_decisions(scene.ingest(case.path("one")), ["suppressed"])
    check_decisions(scene.ingest(case.path("one")), ["repeated"])
    wanted = {**{a: "no-user" for a in dead}, live[0]: "complaint", live[1]: "unsubscribe", live[2]: "unsubscribe"}
    e2e.check_equal({a: line["class"] for a, line in scene.suppressed().items()}, wanted, "beside the service")
    beside = scene.spool.send_list(scene.template, scene.rows, "beside")
    e2e.check_counts(beside.json, beside, suppressed=len(wanted), accepted=len(scene.everybody) - len(wanted))
    run = service.stop()
    e2e.check("suppressed" in run.err, "it says what came back", run)
    e2e.check_equal({a: line["class"] for a, line in scene.suppressed().items()}, wanted, "after the service")
    events = {event["recipient"]: event for event in scene.spool.events()
              if event["type"] in ("OOB", "Feedback", "Unsubscribe")}
    kinds = {**{a: "OOB" for a in dead}, live[0]: "Feedback", live[1]: "Unsubscribe", live[2]: "Unsubscribe"}
    e2e.check_equal({a: event["type"] for a, event in events.items()}, kinds, "events of what came back")
    e2e.check_equal({(events[a]["bounce_classification"], events[a]["campaign"], events[a]["response"]["enhanced_code"])
                     for a in dead}, {("no-user", "c", "5.1.1")}, "events of the dead")
    run = scene.send("again")
    e2e.check_counts(run.json, run, suppressed=len(wanted), accepted=len(scene.everybody) - len(wanted))
    mailed = [entry["rcpt"][0] for entry in e2e.read_lines(scene.sink.ledger)][len(scene.everybody):]
    e2e.check(not set(mailed) & set(wanted), "nobody suppressed was mailed", mailed)
    case.note(f"{len(wanted)} suppressed over SMTP")


def covered(case):
    """STARTTLS; what was said in clear behind it is no command."""
    authority = ca.Authority(case.path("ca"))
    authority.issue("mx", dns=["localhost"])
    scene = service_scene(case, "covered", f", tls_cert: {case.path('ca/mx.pem')}, tls_key: {case.path('ca/mx.key')}")
    service = Service(scene)
    context = ssl.create_default_context(cafile=case.path("ca/ca.pem"))
    context.check_hostname = False
    with smtp(scene) as client:
        client.ehlo()
        e2e.check(client.has_extn("starttls"), "STARTTLS is offered", client.esmtp_features)
        client.starttls(context=context)
        client.ehlo()
        e2e.check(not client.has_extn("starttls"), "once", client.esmtp_features)
        large = reports.dsn("x@y", scene.dead[0]) + ("y" * 70 + "\n") * 5000
        e2e.check_equal(deliver(client, scene.paths[scene.dead[0]], large)[0], 250, "a large report over TLS")
        e2e.check_equal(deliver(client, "x@ringel.example", "x")[0], 550, "a wrong recipient over TLS")
    with socket.create_connection(("127.0.0.1", scene.port), timeout=20) as raw:
        raw.sendall(b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<>\r\n")
        answers = b""
        while piece := raw.recv(4096):
            answers += piece
        e2e.check(b"503" in answers.splitlines()[-1], "octets behind STARTTLS", answers)
    e2e.check_equal(set(scene.suppressed()), {scene.dead[0]}, "suppressed")
    service.stop()


def hostile(case):
    """Clients that guess, flood, stay silent, vanish, come in crowds: bounded, and nobody is suppressed."""
    scene = service_scene(case, "hostile", ", timeout: 2s")
    service = Service(scene)
    address = ("127.0.0.1", scene.port)
    genuine = [path.split("@")[0] for path in scene.paths.values()]
    known = set(scene.paths.values())
    tags = reports.forged_tags(9, genuine, e2e.RETURN_DOMAIN)
    guesses = [next(p for p in tags if p not in known and "+" not in p and not p.startswith("@")) for _ in range(400)]
    codes = []
    for first in range(0, len(guesses), 10):  # pipelined, ten a connection
        with socket.create_connection(address, timeout=20) as raw:
            commands = "".join(f"RCPT TO:<{guess}>\r\n" for guess in guesses[first:first + 10])
            raw.sendall(f"EHLO x\r\nMAIL FROM:<>\r\n{commands}QUIT\r\n".encode())
            answers = b""
            while piece := raw.recv(4096):
                answers += piece
        codes += [line[:3] for line in answers.splitlines() if line.startswith(b"550")]
    e2e.check_equal(len(codes), len(guesses), "guesses refused")
    with socket.create_connection(address, timeout=20) as raw:  # twenty faults end it
        raw.sendall(b"EHLO x\r\n" + b"WHAT\r\n" * 100)
        answers = b""
        try:
            while piece := raw.recv(4096):
                answers += piece
        except ConnectionError:
            pass
        e2e.check(b"421" in answers and answers.count(b"\n50") <= 20, "too many faults", answers)
    silent = socket.create_connection(address, timeout=20)
    started = time.monotonic()
    half = smtp(scene)
    half.ehlo()
    half.mail("")
    half.rcpt(scene.paths[scene.dead[0]])
    half.putcmd("data")
    half.getreply()
    half.sock.sendall(reports.dsn("x@y", scene.dead[0]).encode())
    half.sock.shutdown(socket.SHUT_RDWR)  # without its dot
    half.close()
    crowd = [socket.create_connection(address, timeout=20) for _ in range(60)]
    greetings = [one.recv(512)[:3] for one in crowd]
    e2e.check_equal({b"220", b"421"}, set(greetings), "some of a crowd are turned away")
    e2e.check(greetings.count(b"220") <= 40, "at most forty of one peer", greetings)
    with smtp(scene, "127.0.0.9") as client:  # while somebody else is served
        client.ehlo()
        report = reports.dsn("x@y", scene.dead[1])
        e2e.check_equal(deliver(client, scene.paths[scene.dead[1]], report)[0], 250, "a report")
    for one in crowd:
        one.close()
    silent.recv(512)
    e2e.check(b"421" in silent.recv(512), "the silent one is told")
    e2e.check(1.5 < time.monotonic() - started < 10 * case.patience, "after its time")
    silent.close()
    e2e.check_equal(set(scene.suppressed()), {scene.dead[1]}, "suppressed")
    run = service.stop()
    case.note(f"{len(guesses)} guesses refused over SMTP; {run.err.strip().splitlines()[-1]}")


def make_postfix(case, scene, cache, folder):
    there = "".join(f"{address} box/\n" for address in scene.live + scene.full)
    settings = (f"virtual_mailbox_domains = d0.test\nvirtual_mailbox_maps = texthash:{case.write('there', there)}\n"
                "smtpd_reject_unlisted_recipient = no\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
                "transport_maps = texthash:"
                f"{case.write('transport', f'{e2e.RETURN_DOMAIN} smtp:[127.0.0.1]:{scene.port}' + chr(10))}\n")
    return postfix.Postfix(cache, folder, settings)


def make_exim(_case, scene, cache, folder):
    return exim.Exim(cache, folder, "d0.test", "dead", e2e.RETURN_DOMAIN, scene.port)


class Inner:
    """The host behind a real receiver: nobody is there. Its words are those of Postfix."""

    def __init__(self):
        self.controller = aiosmtpd.controller.Controller(self, hostname="127.0.0.1", port=world.free_port())
        self.controller.start()
        self.port = self.controller.port

    async def handle_RCPT(self, _server, _session, _envelope, address, _options):
        return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"

    def close(self):
        self.controller.stop()


def make_opensmtpd(case, scene, cache, folder):
    """Half of the dead are found out when they are delivered to, half by the host behind it."""
    return opensmtpd.OpenSMTPD(cache, folder, ["d0.test"], "dead[0-2]", e2e.RETURN_DOMAIN, scene.port, "dead[3-9]",
                               case.closing(Inner()).port)


def real_receiver(case, name, make):
    """A real mail server takes the whole campaign and finds out later who is not there; its reports come to the
    listener, which is not up yet when the first ones leave."""
    folder, cache = case.path(name), os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
    os.makedirs(folder)
    os.chmod(case.folder, 0o755)
    os.makedirs(cache, exist_ok=True)
    scene = Scene.__new__(Scene)
    scene.case = case
    scene.name_everybody(case)
    scene.port = world.free_port()
    try:
        server = case.closing(make(case, scene, cache, folder))
    except unpacked.Unavailable as why:
        case.note(f"no {name}: " + " ".join(str(why).split()))
        return
    scene.spool = e2e.Spool(case, "real" + name, verp=True, routes={"d0.test": [f"127.0.0.1:{server.port}"]},
                            extra="bounces: {listen: [\"127.0.0.1:%d\"]}\n" % scene.port)
    try:
        run = scene.spool.send_list(scene.template, scene.rows, "c", "--until", "done").expect(0)
    except e2e.Failure as why:
        raise e2e.Failure(f"{why}\n{name} says:\n{server.words()[-3000:]}") from why
    e2e.check_counts(run.json, run, accepted=len(scene.everybody))
    service = Service(scene)  # they try again if they were too early
    deadline = time.monotonic() + 90 * case.patience
    while set(scene.suppressed()) != set(scene.dead):
        if time.monotonic() > deadline:
            raise e2e.Failure(f"suppressed: {sorted(scene.suppressed())}\n{server.words()[-3000:]}")
        time.sleep(0.2)
    service.stop()
    e2e.check_equal({line["class"] for line in scene.suppressed().values()}, {"no-user"}, "classes")
    run = scene.spool.send_list(scene.template, scene.rows, "again", "--until", "done").expect(0)
    e2e.check_counts(run.json, run, suppressed=DEAD, accepted=len(scene.everybody) - DEAD)
    case.note(f"{name}'s own reports suppressed exactly the dead")


def real_postfix(case):
    real_receiver(case, "Postfix", make_postfix)


def real_exim(case):
    real_receiver(case, "Exim", make_exim)


def real_opensmtpd(case):
    real_receiver(case, "OpenSMTPD", make_opensmtpd)


def durable(case):
    """Whatever was answered with 250 outlives a kill."""
    scene = service_scene(case, "durable")
    service = Service(scene)
    with smtp(scene) as client:
        client.ehlo()
        for address in scene.dead:
            e2e.check_equal(deliver(client, scene.paths[address], reports.dsn("x@y", address))[0], 250, "a report")
        service.process.kill()
    e2e.check_equal(set(scene.suppressed()), set(scene.dead), "after a kill")
    service = Service(scene)
    for times in (1, 2):  # the second policy takes the place of one that was freed
        service.process.signal(signal.SIGHUP)
        deadline = time.monotonic() + 20 * case.patience
        while service.process.err().count("was read again") < times:
            e2e.check(time.monotonic() < deadline, "the configuration is read again", service.process.run())
            time.sleep(0.02)
    with smtp(scene) as client:
        client.ehlo()
        deliver(client, scene.paths[scene.dead[0]], reports.dsn("x@y", scene.dead[0]))
    run = service.stop()
    e2e.check("1 repeated" in run.err, "used tags are remembered", run)


def main():
    with e2e.Case("bounces") as case:
        for step in (at_rest, forged, listening, covered, hostile, durable):
            case.step(step)
        if case.long or not case.san:
            case.step(real_exim)
            case.step(real_opensmtpd)
        if case.long or case.options.only:
            case.step(real_postfix)


if __name__ == "__main__":
    main()
