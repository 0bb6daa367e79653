"""MTA-STS policies fetched from real web servers, good and bad, and what is kept of them."""
import datetime
import json
import os
import socket
import ssl
import threading
import time

import ca
import e2e
import world

POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: mx.{name}.test\r\nmx: *.backup.test\r\nmax_age: {age}\r\n"


def policy_of(mode, *hosts):
    return f"version: STSv1\nmode: {mode}\nmax_age: 86400\n" + "".join(f"mx: {host}\n" for host in hosts)


FETCH, INVALID, WEBPKI = "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"
TIMEOUT = 3.0
RESULT_TYPES = {"starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
                "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required", FETCH, INVALID, WEBPKI}


def answer(body, status="200 OK", kind="text/plain", more=""):
    head = f"HTTP/1.1 {status}\r\nServer: x\r\n"
    if kind:
        head += f"Content-Type: {kind}\r\n"
    return (head + more + f"Content-Length: {len(body)}\r\n\r\n" + body).encode()


def policy(name, mode="enforce", age=604800):
    return POLICY.format(mode=mode, name=name, age=age)


class Server:
    """A web server for one policy host at an address of its own. What it does is a function of the
    connection after the request was read, or one of the manners named in `manner`."""

    def __init__(self, address, port, context, respond, manner="tls"):
        self.address, self.context, self.respond, self.manner = address, context, respond, manner
        self.requests = []
        self.connections = 0
        self.stopping = False
        self.listener = socket.create_server((address, port), backlog=16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.stopping:
                connection.close()
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        connection.settimeout(20)
        try:
            if self.manner == "silent":
                connection.recv(65536)
                time.sleep(TIMEOUT + 5)
                return
            if self.manner == "clear":
                connection.recv(65536)
                connection.sendall(answer(policy("clear")))
                return
            secure = self.context.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = secure.recv(65536)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode())
            self.respond(secure)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def close(self):
        self.stopping = True
        try:
            socket.create_connection((self.address, self.listener.getsockname()[1]), 1).close()
        except OSError:
            pass
        self.listener.close()


def says(octets):
    def respond(secure):
        secure.sendall(octets)
        secure.unwrap()
    return respond


def slowly(octets):
    def respond(secure):
        for n in range(len(octets)):
            secure.sendall(octets[n:n + 1])
            time.sleep(0.2)
    return respond


def cut(octets):
    """The end of the connection is not announced: what is missing could be anything."""
    def respond(secure):
        secure.sendall(octets)
        secure.shutdown(socket.SHUT_WR)
    return respond


def endless(secure):
    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        secure.sendall(b"x" * 65536)


def chunked(octets):
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(octets[i:i + 7]), octets[i:i + 7]) for i in range(0, len(octets), 7))
    return (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
            pieces + b"0\r\n\r\n")


UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\nContent-Type: TEXT/Plain\r\n\r\n"

# name: (what the server does, certificate, knowledge, mode, fault). None: no server.
CASES = {
    "good": (says(answer(policy("good"))), "good", "policy", "enforce", "-"),
    "testing": (says(answer(policy("testing", "testing"))), "good", "policy", "testing", "-"),
    "off": (says(answer("version: STSv1\nmode: none\nmax_age: 60\n")), "good", "policy", "none", "-"),
    "chunked": (says(chunked(policy("chunked").encode())), "good", "policy", "enforce", "-"),
    "closes": (says(UNTIL_CLOSE + policy("closes").encode()), "good", "policy", "enforce", "-"),
    "early": (says(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + answer(policy("early"))), "good", "policy", "enforce",
              "-"),
    "huge-age": (says(answer(policy("huge-age", age=9999999999))), "good", "policy", "enforce", "-"),
    "no-age": (says(answer(policy("no-age", age=0))), "good", "policy", "enforce", "-"),
    "html": (says(answer(policy("html"), kind="text/html")), "good", "without", "-", INVALID),
    "no-type": (says(answer(policy("no-type"), kind=None)), "good", "without", "-", INVALID),
    "any-mx": (says(answer("version: STSv1\nmode: enforce\nmx: *\nmax_age: 60\n")), "good", "without", "-", INVALID),
    "half": (says(answer("version: STSv1\nmode: enforce\n")), "good", "without", "-", INVALID),
    "redirect": (says(answer("", "301 Moved", more="Location: https://mta-sts.good.test/.well-known/mta-sts.txt\r\n")),
                 "good", "without", "-", FETCH),
    "missing": (says(answer("not here", "404 Not Found")), "good", "without", "-", FETCH),
    "large": (says(answer(policy("large") + "x: y\n" * 14000)), "good", "without", "-", FETCH),
    "gigabyte": (endless, "good", "without", "-", FETCH),
    "cut": (cut(UNTIL_CLOSE + policy("cut").encode()), "good", "without", "-", FETCH),
    "short": (says(answer(policy("short")).replace(b"Content-Length: ", b"Content-Length: 1")), "good", "without",
              "-", FETCH),
    "two-lengths": (says(answer(policy("two-lengths"), more="Content-Length: 5\r\n")), "good", "without", "-", FETCH),
    "slow": (slowly(answer(policy("slow"))), "good", "without", "-", FETCH),
    "silent": ("silent", "good", "without", "-", FETCH),
    "clear": ("clear", "good", "without", "-", FETCH),
    "refused": (None, None, "without", "-", FETCH),
    "nowhere": (None, None, "without", "-", FETCH),
    "expired": (says(answer(policy("expired"))), "expired", "without", "-", WEBPKI),
    "wrong": (says(answer(policy("wrong"))), "wrong", "without", "-", WEBPKI),
    "unknown": (says(answer(policy("unknown"))), "unknown", "without", "-", WEBPKI),
    "no-record": (says(answer(policy("no-record"))), "good", "without", "-", "-"),
    "two-records": (says(answer(policy("two-records"))), "good", "without", "-", "-"),
}


def certificates(case):
    folder = case.path("ca")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    ca.Authority(folder, "other")
    names = [f"mta-sts.{name}.test" for name in CASES]
    authority.issue("good", dns=names)
    authority.issue("expired", dns=names, end="20210101000000Z")
    authority.issue("wrong", dns=["mta-sts.elsewhere.test"])
    authority.issue("unknown", dns=names, issuer="other", chain=["other"])
    contexts = {}
    for name in ("good", "expired", "wrong", "unknown"):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    return authority.pem, contexts


class World:
    def __init__(self, case):
        self.case = case
        self.roots, self.contexts = certificates(case)
        self.addresses = {name: f"127.83.{os.getpid() % 250}.{n + 1}" for n, name in enumerate(CASES)}
        self.port = world.free_port(address=self.addresses["good"])
        self.servers = {}
        for name, (respond, certificate, *_) in CASES.items():
            if respond is not None:
                self.serve(name, respond, certificate)
        self.knots = {}

    def serve(self, name, respond, certificate):
        manner = respond if isinstance(respond, str) else "tls"
        self.servers[name] = self.case.closing(Server(self.addresses[name], self.port,
                                                      self.contexts[certificate], respond, manner))

    def knot(self, identity):
        """A name server whose records have this id."""
        if identity in self.knots:
            return self.knots[identity]
        zone = world.Zone()
        for name, address in self.addresses.items():
            if name != "nowhere":
                zone.add(f"mta-sts.{name}", "A", address)
            if name != "no-record":
                zone.add(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={identity};"')
        zone.add("_mta-sts.two-records", "TXT", '"v=STSv1; id=other;"')
        self.knots[identity] = self.case.knot(zone)
        return self.knots[identity]

    def ask(self, names, folder="kept", identity="1", special=True):
        """{name: (knowledge, mode, id, fault, milliseconds)}"""
        tool = os.path.join(os.path.dirname(self.case.ringpost), "..", "tests", "sts_tool")
        run = self.case.run([tool, *(["--special"] if special else []), self.case.path(folder),
                             f"127.0.0.1:{self.knot(identity).port}", self.roots, self.port, int(TIMEOUT * 1000),
                             *(f"{name}.test" for name in names)], seconds=30)
        run.expect(0)
        lines = [line.split() for line in run.out.splitlines()]
        return {line[0][:-len(".test")]: (*line[1:5], int(line[5])) for line in lines}, run


def every_kind(case, places):
    """All at once: each has its own end, the slow ones hold up nobody else beyond their places."""
    seen, run = places.ask(CASES)
    for name, (_, _, knowledge, mode, fault) in CASES.items():
        e2e.check(name in seen, f"{name} was never known", run)
        wanted = (knowledge, mode, "1" if knowledge == "policy" else "-", fault)
        e2e.check_equal(seen[name][:4], wanted, name, run)
    slowest = max(line[4] for line in seen.values())
    e2e.check(slowest < 1000 * (TIMEOUT * 2 + 2) * case.patience, f"all were known after {slowest} ms", run)
    for name, server in places.servers.items():
        if CASES[name][1] == "good" and CASES[name][0] not in ("silent", "clear"):
            expected = 0 if name in ("no-record", "two-records") else 1
            e2e.check_equal(len(server.requests), expected, f"requests to {name}")
    request = places.servers["good"].requests[0].split("\r\n")
    e2e.check_equal(request[0], "GET /.well-known/mta-sts.txt HTTP/1.1", "the request")
    e2e.check(f"Host: mta-sts.good.test:{places.port}" in request, "the host of the request", request)
    for name in ("expired", "wrong", "unknown"):
        e2e.check_equal(places.servers[name].requests, [], f"nothing is said to the {name} certificate")
    case.note(f"{len(CASES)} kinds of policy servers in {slowest / 1000:.1f} s")


def kept_on_disk(case, places):
    """Another process knows what the first has learned, and asks for no policy again."""
    before = len(places.servers["good"].requests)
    seen, run = places.ask(["good", "testing", "off"])
    e2e.check_equal([line[:4] for line in seen.values()],
                    [("policy", "enforce", "1", "-"), ("policy", "testing", "1", "-"), ("policy", "none", "1", "-")],
                    "out of the file", run)
    e2e.check_equal(len(places.servers["good"].requests), before, "requests")


def failures_keep_policies(case, places):
    """The id changes and the fetch fails in every way: the policy that is known stays in force."""
    places.servers["good"].respond = says(answer("gone", "404 Not Found"))
    places.servers["testing"].context = places.contexts["expired"]
    places.servers["chunked"].close()
    names = ["good", "testing", "chunked"]
    # The first of these processes sees the new id, in the background; the second knows what came of it.
    for _ in range(2):
        seen, run = places.ask(names, identity="2")
        e2e.check_equal([seen[name][:3] for name in names],
                        [("policy", "enforce", "1"), ("policy", "testing", "1"), ("policy", "enforce", "1")],
                        "the policies from before", run)


def new_id_new_policy(case, places):
    """With a new id the policy is fetched again, and a policy that demands nothing replaces one that did."""
    places.servers["good"].respond = says(answer("version: STSv1\nmode: none\nmax_age: 86400\n"))
    places.ask(["good"], identity="3")
    seen, run = places.ask(["good"], identity="3")
    e2e.check_equal(seen["good"][:4], ("policy", "none", "3", "-"), "the new policy", run)


def no_private_addresses(case, places):
    """Names come from strangers: without leave nothing on loopback is connected to."""
    before = places.servers["early"].connections
    seen, run = places.ask(["early"], folder="strict", special=False)
    e2e.check_equal(seen["early"][:4], ("without", "-", "-", FETCH), "a policy host on loopback", run)
    e2e.check_equal(places.servers["early"].connections, before, "connections")


def damaged_file(case, places):
    """A file that cannot be read costs a fetch, not the start."""
    path = os.path.join(case.path("kept"), "sts.0")
    with open(path, "r+b") as file:
        content = file.read()
        file.seek(0)
        file.write(b"x")
        file.truncate(len(content) // 2)
    seen, run = places.ask(["closes"], identity="1")
    e2e.check_equal(seen["closes"][:4], ("policy", "enforce", "1", "-"), "fetched again", run)


# domain: (its MX hosts by preference, its policy or None, where its mail arrives or None, words of the event)
ROUTES = {
    "obeyed": (["good.mx"], policy_of("enforce", "good.mx.test"), "good", ""),
    "stripped": (["plain.mx"], policy_of("enforce", "*.mx.test"), None, "verified TLS is demanded"),
    "badcert": (["bad.mx"], policy_of("enforce", "bad.mx.test"), None, "verified TLS is demanded"),
    "trying": (["plain.mx"], policy_of("testing", "elsewhere.test"), "plain", ""),
    "another": (["good.mx"], policy_of("enforce", "elsewhere.test"), None, "names none of its mail hosts"),
    "misnamed": (["good.mx"], policy_of("testing", "elsewhere.test"), "good", ""),
    "sibling": (["good.mx"], None, "good", ""),
    "unsafe": (["plain.mx"], None, "plain", ""),
    "partly": (["spare.mx", "good.mx"], policy_of("enforce", "good.mx.test"), "good", ""),
    "given-up": (["plain.mx"], "version: STSv1\nmode: none\nmax_age: 60\n", "plain", ""),
    "unreachable": (["plain.mx"], "", "plain", ""),
}


class Mail:
    """Mail servers with and without TLS, domains before them, their policies on port 443."""

    def __init__(self, case):
        self.case = case
        folder = case.path("mail-ca")
        os.makedirs(folder)
        authority = ca.Authority(folder)
        ca.Authority(folder, "other")
        authority.issue("good", dns=["good.mx.test"])
        authority.issue("spare", dns=["spare.mx.test"])
        authority.issue("bad", dns=["elsewhere.test"])
        authority.issue("web", dns=[f"mta-sts.{name}.test" for name in ROUTES])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/web.pem", f"{folder}/web.key")
        zone = world.Zone()
        self.sinks, self.servers = {}, {}
        port = world.free_port()
        for n, name in enumerate(("good", "spare", "bad", "plain")):
            options = [] if name == "plain" else ["--tls-cert", f"{folder}/{name}.pem", "--tls-key",
                                                  f"{folder}/{name}.key"]
            address = f"127.84.{os.getpid() % 250}.{n + 1}"
            self.sinks[name] = case.sink(*options, addresses=[address], port=port, ipv6=False)
            zone.add(f"{name}.mx", "A", address)
        for n, (name, (hosts, text, _, _)) in enumerate(ROUTES.items()):
            for m, host in enumerate(hosts):
                zone.add(name, "MX", f"{10 * (m + 1)} {host}")
            if text is None:
                continue
            address = f"127.84.{os.getpid() % 250}.{n + 100}"
            zone.add(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=1;"')
            zone.add(f"mta-sts.{name}", "A", address)
            if text:
                self.servers[name] = case.closing(Server(address, 443, context, says(answer(text))))
        self.spool = e2e.Spool(case, "mail", port=port, dns=case.knot(zone).port, retry="schedule: [1h]",
                               extra=f"tls: {{ca_file: {authority.pem}, dane: false}}\n")

    def send(self, campaign):
        rows = [(f"{campaign}@{name}.test", n) for n, name in enumerate(ROUTES)]
        run = self.spool.send_list(self.case.write("letter.txt", e2e.SHORT_TEMPLATE),
                                   e2e.write_rows(self.case.path(f"{campaign}.csv"), rows, ("email", "n")), campaign,
                                   "--until", "idle", seconds=40)
        return run, {event["recipient"]: event for event in self.spool.events()}

    def arrived(self):
        return {name: {rcpt for entry in e2e.read_lines(sink.ledger) for rcpt in entry["rcpt"]}
                for name, sink in self.sinks.items()}

    def check(self, campaign):
        run, last = self.send(campaign)
        wanted = {(f"{campaign}@{name}.test", place) for name, (_, _, place, _) in ROUTES.items() if place}
        e2e.wait_for(lambda: all(rcpt in self.arrived()[place] for rcpt, place in wanted), 5, "the ledgers")
        arrived = self.arrived()
        for name, (_, _, place, words) in ROUTES.items():
            recipient = f"{campaign}@{name}.test"
            event = last.get(recipient)
            e2e.check(event is not None, f"no event for {recipient}", run)
            e2e.check_equal(event["type"], "Delivery" if place else "TransientFailure", recipient, event, run)
            for sink in self.sinks:
                e2e.check_equal(recipient in arrived[sink], sink == place, f"{recipient} at {sink}", event)
            e2e.check(words in json.dumps(event), f"{recipient}: {words!r}", event)
            if place == "good" and words == "" and name != "sibling":
                e2e.check(event.get("tls_protocol_version"), f"{recipient} travelled in clear", event)


def explained(mail):
    """`resolve` says what a host would need, and where that comes from."""
    run = mail.case.tool("resolve", "--config", mail.spool.config, "--json", *(f"{name}.test" for name in ROUTES))
    seen = {line["domain"][:-len(".test")]: line for line in run.expect(0).json_lines}
    for name, mode, problem, words in (
            ("obeyed", "enforce", None, "verified (MTA-STS enforce)"),
            ("another", "enforce", None, "not used: the MTA-STS policy (enforce) does not name this host"),
            ("trying", "testing", None, "opportunistic (default; MTA-STS testing); the MTA-STS policy does not name"),
            ("sibling", None, None, "opportunistic (default)"),
            ("partly", "enforce", None, "not used:"),
            ("given-up", "none", None, "opportunistic (default)"),
            ("unreachable", None, FETCH, "opportunistic (default)")):
        line = seen[name]
        e2e.check_equal((line["mta_sts"]["mode"], line["mta_sts"]["problem"]), (mode, problem), name, line)
        e2e.check(line["hosts"][0]["tls"].startswith(words), f"{name}: {words}", line)
    run = mail.case.tool("resolve", "--config", mail.spool.config, "obeyed.test").expect(0)
    for words in ("MTA-STS: enforce, id 1", "TLS: verified (MTA-STS enforce)"):
        e2e.check(words in run.out, words, run)


def is_report(report):
    """The shape of RFC 8460 4.4."""
    e2e.check_equal(set(report), {"organization-name", "date-range", "contact-info", "report-id", "policies"}, "keys",
                    report)
    for key in ("start-datetime", "end-datetime"):
        e2e.check(datetime.datetime.fromisoformat(report["date-range"][key].replace("Z", "+00:00")), key)
    e2e.check(report["policies"], "a report has policies", report)
    for item in report["policies"]:
        e2e.check(set(item) <= {"policy", "summary", "failure-details"}, "keys", item)
        e2e.check(item["policy"]["policy-type"] in ("tlsa", "sts", "no-policy-found"), "policy type", item)
        e2e.check(isinstance(item["policy"]["policy-domain"], str), "policy domain", item)
        for key in ("policy-string", "mx-host"):
            e2e.check(all(isinstance(line, str) for line in item["policy"].get(key, [])), key, item)
        counts = item["summary"]
        e2e.check_equal(set(counts), {"total-successful-session-count", "total-failure-session-count"}, "summary", item)
        details = item.get("failure-details", [])
        e2e.check_equal(sum(detail["failed-session-count"] for detail in details),
                        counts["total-failure-session-count"], "details add up", item)
        for detail in details:
            e2e.check(set(detail) <= {"result-type", "sending-mta-ip", "receiving-mx-hostname", "receiving-ip",
                                      "failed-session-count", "failure-reason-code"}, "keys", detail)
            e2e.check(detail["result-type"] in RESULT_TYPES, "result type", detail)


def reported(mail, times):
    """What was counted, as the reports to the domains would say it."""
    run = mail.case.tool("tlsrpt", "show", "--json", "--config", mail.spool.config).expect(0)
    seen = {}
    for report in run.json_lines:
        is_report(report)
        for item in report["policies"]:
            seen.setdefault(item["policy"]["policy-domain"][:-len(".test")], []).append(item)
    for name, kind, good, result in (("obeyed", "sts", True, None), ("sibling", "no-policy-found", True, None),
                                     ("unsafe", "no-policy-found", False, "starttls-not-supported"),
                                     ("trying", "sts", False, "starttls-not-supported"),
                                     ("stripped", "sts", False, "starttls-not-supported"),
                                     ("badcert", "sts", False, "certificate-host-mismatch"),
                                     ("another", "sts", False, "validation-failure"),
                                     ("misnamed", "sts", False, "validation-failure"),
                                     ("unreachable", "sts", False, FETCH)):
        items = [item for item in seen.get(name, []) if item["policy"]["policy-type"] == kind]
        e2e.check(items, f"{name} is in the reports", run)
        counts = items[0]["summary"]
        e2e.check((counts["total-successful-session-count"] > 0) == good, f"{name}: successes", items)
        if result:
            e2e.check(result in [detail["result-type"] for detail in items[0]["failure-details"]], f"{name}: {result}",
                      items)
            e2e.check(counts["total-failure-session-count"] >= times, f"{name} was counted in {times} runs", items)
        if result == "validation-failure":  # which says little without these
            detail = items[0]["failure-details"][0]
            e2e.check_equal((detail.get("receiving-mx-hostname"), detail.get("failure-reason-code")),
                            ("good.mx.test", "the MTA-STS policy does not name the host"), name, items)
    e2e.check("mx: good.mx.test" in [i for i in seen["obeyed"] if i["policy"]["policy-type"] == "sts"][0]["policy"]
              ["policy-string"], "the policy as it was found", run)
    run = mail.case.tool("tlsrpt", "show", "--config", mail.spool.config).expect(0)
    e2e.check("stripped.test: MTA-STS: 0 good" in run.out, "the plain form", run)


def delivery(case):
    """What policies do to mail: kept back or sent where they say, and nobody else's."""
    if os.geteuid() != 0:
        case.note("delivery not tried: policies are asked for at port 443")
        return
    mail = Mail(case)
    mail.check("first")
    for server in mail.servers.values():
        e2e.check_equal(len(server.requests), 1, "requests")
    explained(mail)
    reported(mail, 1)
    # The next process knows the policies although nobody serves them any more.
    for server in mail.servers.values():
        server.close()
    mail.check("second")
    reported(mail, 2)
    case.note(f"{len(ROUTES)} domains, with and without policies")


def main():
    global TIMEOUT
    with e2e.Case("mta_sts") as case:
        TIMEOUT *= 2 if case.san else 1  # good servers must be in time on a busy machine
        places = World(case)
        for step in (every_kind, kept_on_disk, failures_keep_policies, new_id_new_policy, no_private_addresses,
                     damaged_file):
            case.step(step, places)
        case.step(delivery)


if __name__ == "__main__":
    main()
