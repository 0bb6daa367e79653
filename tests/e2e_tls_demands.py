"""What mail demands of TLS beyond the table of e2e_tls.py: REQUIRETLS (RFC 8689), and domains that share their mail hosts and
not their proofs."""
import hashlib
import os
import ssl
import struct

import ca
import e2e
import mta_sts_server
import tls_server
import validating
import world

NETWORK = 84
OFFER = "REQUIRETLS"
POLICIES = f"127.{NETWORK}.200.1"
POLICY_OF = {"enforce.test": ("enforce", ["yes.test"]), "testing.test": ("testing", ["yes.test"]),
             "unnamed.test": ("enforce", ["other.test"])}


class Hosts:
    """Mail servers by name, with their records in a signed zone, "dane.test", and in one that is not, "test"."""

    def __init__(self, case, folder):
        self.case = case
        self.port = world.free_port()
        os.makedirs(case.path(folder))
        self.folder = folder
        self.authority = ca.Authority(case.path(folder))
        self.servers = {}
        self.names = None  # a validating resolver, from the first spool on
        self.records = {"test": [], "dane.test": []}

    def serve(self, host, how=tls_server.GOOD, offers=(OFFER,), names=None, tlsa=None, chain=None):
        """`tlsa`: makes the record's text from the digest of the server's key."""
        address = f"127.{NETWORK}.1.{len(self.servers) + 1}"
        pem, key = self.authority.issue("c-" + host.partition(".")[0], dns=names or [host], **(chain or {}))
        self.servers[host] = self.case.closing(tls_server.Server(address, self.port, how, pem, key, offers=offers))
        self.record(host, f"A {address}")
        if tlsa:
            self.record(f"_{self.port}._tcp.{host}", "TLSA " + tlsa(ca.key_digest(key)))

    def record(self, name, data):
        zone = "dane.test" if name.endswith("dane.test") else "test"
        self.records[zone].append(f"{name}. {data}")

    def mail(self, domain, *hosts):
        for preference, host in enumerate(hosts, 1):
            self.record(domain, f"MX {preference} {host}.")

    def spool(self, name, extra="", retry="schedule: [1h]", trust_ad=True, **options):
        if self.names is None:
            zones = {zone: validating.zone_text(zone, *lines) for zone, lines in self.records.items()}
            signed = self.case.closing(validating.SignedZones(self.case.path(self.folder + "-z"), zones, ("dane.test",), {}))
            self.names = self.case.closing(validating.Unbound(self.case.path(self.folder + "-u"), signed))
        return e2e.Spool(self.case, name, port=self.port, dns=self.names.port, retry=retry, extra=extra, **options,
                         dns_timeout=f"10s, trust_ad: {str(trust_ad).lower()}")


def send(case, spool, name, domains, *options, header=""):
    template = case.write(name + ".eml", header + e2e.SHORT_TEMPLATE)
    e2e.write_rows(case.path(name + ".csv"), [(f"{name}@{domain}", 1) for domain in domains], ["email", "n"])
    return spool.send_list(template, case.path(name + ".csv"), name, *options)


def by_domain(spool, name):
    return {e["recipient"].partition("@")[2]: e for e in spool.events() if e["recipient"].startswith(name + "@")}


def require_hosts(case):
    hosts = Hosts(case, "ca")
    hosts.serve("yes.dane.test", tlsa=lambda key: f"3 1 1 {key}")
    hosts.serve("no.dane.test", offers=())
    hosts.serve("wrong.dane.test", names=["elsewhere.example"])
    hosts.serve("broken.dane.test", how=tls_server.HANDSHAKE)
    hosts.serve("clear.dane.test", how=tls_server.NONE)
    hosts.serve("yes.test")
    hosts.mail("good.dane.test", "yes.dane.test")
    hosts.mail("second.dane.test", "no.dane.test", "yes.dane.test")
    hosts.mail("refused.dane.test", "no.dane.test")
    hosts.mail("wrongname.dane.test", "wrong.dane.test")
    hosts.mail("handshake.dane.test", "broken.dane.test")
    hosts.mail("stripped.dane.test", "clear.dane.test")
    hosts.mail("trouble.dane.test", "clear.dane.test", "broken.dane.test")
    hosts.mail("allrefuse.dane.test", "clear.dane.test", "wrong.dane.test", "no.dane.test")
    hosts.mail("off.dane.test", "yes.dane.test")
    hosts.mail("unproven.test", "yes.test")
    hosts.mail("mixed.test", "yes.dane.test")  # the host's name is signed, who says that it is the domain's is not
    for mode in ("enforce", "testing"):
        hosts.mail(f"{mode}.test", "yes.test")
    hosts.mail("unnamed.test", "yes.test")
    for domain in POLICY_OF:
        for name, record in mta_sts_server.records_of(domain, POLICIES):
            hosts.record(name, record)
    return hosts


def require_tls(case):
    """REQUIRETLS goes to servers that take it over, prove themselves and are proven to be the domain's; to no others."""
    hosts = require_hosts(case)
    names = ["mta-sts." + domain for domain in POLICY_OF]
    try:
        case.closing(mta_sts_server.PolicyServer(POLICIES, hosts.authority, names, POLICY_OF.get))
    except PermissionError:
        case.skip("only root may serve MTA-STS policies (port 443)")
    hosts.serve("smart.test", names=["smart.test"])
    route = f'  route.test: {{hosts: ["smart.test:{hosts.port}"]}}\n'
    spool = hosts.spool("require", "routes:\n" + route +
                        'tls: {ca_file: %s, domains: {"off.dane.test": off}}\n' % hosts.authority.pem)
    # A refusal by all hosts is for good (RFC 8689 4.2.1), trouble is not.
    wanted = {"good.dane.test": "Delivery", "second.dane.test": "Delivery", "refused.dane.test": "Bounce",
              "wrongname.dane.test": "Bounce", "handshake.dane.test": "TransientFailure",
              "stripped.dane.test": "Bounce", "trouble.dane.test": "TransientFailure", "allrefuse.dane.test": "Bounce",
              "off.dane.test": "Delivery", "enforce.test": "Delivery",
              "testing.test": "Delivery", "unnamed.test": "TransientFailure", "route.test": "Delivery"}
    send(case, spool, "demanding", wanted, "--require-tls").expect(e2e.STILL_QUEUED)
    events = by_domain(spool, "demanding")
    e2e.check_equal({domain: event["type"] for domain, event in events.items()}, wanted, "outcomes",
                    {d: e["response"] for d, e in events.items()})
    e2e.check(all(event["require_tls"] is True for event in events.values()), "the events say it")
    taken = {m.recipient.partition("@")[2]: m for server in hosts.servers.values() for m in server.messages}
    e2e.check_equal(set(taken), {d for d, kind in wanted.items() if kind == "Delivery"}, "at the servers")
    e2e.check(all(OFFER in m.parameters.split() and m.version for m in taken.values()), "said, behind TLS",
              {d: m.parameters for d, m in taken.items()})
    for domain, code in (("refused.dane.test", "5.7.30 "), ("wrongname.dane.test", "5.7.10 "),
                         ("stripped.dane.test", "5.7.10 "), ("allrefuse.dane.test", "5.7.10 ")):
        e2e.check(events[domain]["response"]["content"].startswith(code) and events[domain]["cause"] == "tls",
                  f"{domain}: {code}", events[domain])
    said = [c for s in hosts.servers.values() for c in s.clear_commands if "MAIL" in c]
    e2e.check(not said, "nothing is said in clear", said)
    unproven(case, hosts)
    plain(case, spool, hosts)
    flags(case, spool)
    case.note(f"REQUIRETLS: {len(wanted)} kinds of domains")


def unproven(case, hosts):
    """Nobody vouches for the hosts' names: for good as soon as the resolver was seen to tell what is secure; until then, and
    where it is not trusted, or policies are not asked for, it is the operator's matter, and no list fails by it."""
    domains, words = ["unproven.test", "mixed.test"], "neither DNSSEC nor MTA-STS"
    for name, settings, options in (("untrusted", "", {"trust_ad": False}), ("unasked", "mta_sts: false, ", {})):
        spool = hosts.spool(name, "tls: {%sca_file: %s}\n" % (settings, hosts.authority.pem), **options)
        send(case, spool, name, domains, "--require-tls").expect(e2e.STILL_QUEUED)
        for domain, event in by_domain(spool, name).items():
            setting = "dns.trust_ad is off" if name == "untrusted" else "tls.mta_sts is off"
            e2e.check(event["type"] == "TransientFailure" and words in event["response"]["content"] and
                      setting in event["response"]["content"], f"{domain} waits for the operator", event)
    spool = hosts.spool("unproven", "tls: {ca_file: %s}\n" % hosts.authority.pem, retry="schedule: [1s]", shards=1)
    send(case, spool, "unproven", [*domains, "good.dane.test"], "--require-tls", "--until", "done").expect(e2e.SOME_FAILED)
    events = by_domain(spool, "unproven")
    e2e.check_equal(events["good.dane.test"]["type"], "Delivery", "the proven one")
    for domain in domains:
        e2e.check(events[domain]["type"] == "Bounce" and
                  events[domain]["response"]["content"].startswith("5.7.10 ") and
                  words in events[domain]["response"]["content"], f"{domain} fails for good", events[domain])


def plain(case, spool, hosts):
    """Other mail of the same domains goes as ever, and says nothing of REQUIRETLS; TLS-Required: No counts for nothing beside
    REQUIRETLS."""
    domains = ["good.dane.test", "refused.dane.test", "stripped.dane.test", "unproven.test"]
    send(case, spool, "plain", domains).expect(e2e.ALL_ACCEPTED)
    said = [m.parameters for s in hosts.servers.values() for m in s.messages if m.recipient.startswith("plain@")]
    e2e.check(len(said) == len(domains) and OFFER not in " ".join(said), "plain mail", said)
    send(case, spool, "both", ["stripped.dane.test"], "--require-tls",
         header="TLS-Required: No\n").expect(e2e.SOME_FAILED)
    e2e.check("require_tls" not in by_domain(spool, "plain")["unproven.test"], "plain mail demands nothing")


def flags(case, spool):
    """The same command with the other flag is another campaign, and the queue says which is which."""
    for name, options, words in (("demanding", (), "with --require-tls"), ("plain", ("--require-tls",), "without")):
        run = send(case, spool, name, ["good.dane.test"], *options).expect(e2e.USAGE)
        e2e.check(words in run.err, "the other flag is refused", run.err)
    lines = {line["campaign"]: line for line in spool.queue("summary", "--json").expect(0).json_lines}
    e2e.check_equal({name: line.get("require_tls", False) for name, line in lines.items()},
                    {"demanding": True, "plain": False, "both": True}, "queue summary")
    folder = os.path.join(spool.folder, "segments")
    bits = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            bits.append((struct.unpack_from("<Q", f.read(72), 64)[0], name))
    e2e.check_equal([bit for bit, _ in bits], [1, 0, 1], "segments that an older ringpost must refuse", bits)


def lifted(case):
    """TLS-Required: No, which reports about TLS say, reaches everybody whatever is wrong with their TLS: in clear at a host with
    TLSA records whose handshake breaks, too. Other mail of the same domains waits, before and after."""
    hosts = Hosts(case, "ca6")
    hosts.serve("broken.dane.test", how=tls_server.HANDSHAKE, tlsa=lambda key: f"3 1 1 {key}")
    hosts.serve("clear.dane.test", how=tls_server.NONE, tlsa=lambda key: f"3 1 1 {key}")
    hosts.serve("other.dane.test", tlsa=lambda _: "3 1 1 " + "00" * 32)
    domains = [f"at-{host}" for host in hosts.servers]
    for domain, host in zip(domains, hosts.servers):
        hosts.mail(domain, host)
    spool = hosts.spool("lifted", "tls: {mta_sts: false, ca_file: %s}\n" % hosts.authority.pem)
    for name, header in (("optional", "TLS-Required: No\n"), ("demanding", ""), ("again", "TLS-Required: No\n")):
        send(case, spool, name, domains, header=header).expect(e2e.ALL_ACCEPTED if header else e2e.STILL_QUEUED)
        kind = "Delivery" if header else "TransientFailure"
        e2e.check_equal({d: e["type"] for d, e in by_domain(spool, name).items()}, {d: kind for d in domains}, name)
    taken = {host: [m.version for m in server.messages] for host, server in hosts.servers.items()}
    e2e.check_equal([len(versions) for versions in taken.values()], [2, 2, 2], "what lifts the demand", taken)
    e2e.check_equal([bool(versions[0]) for versions in taken.values()], [False, False, True], "TLS where it works", taken)
    case.note("mail that lifts what receivers demand")


def shared_hosts(case):
    """A domain whose MX records are signed keeps what DANE demands when another one, unsigned, has the same hosts; and the
    other one's mail is not kept back by it. Whichever is asked about first or last."""
    hosts = Hosts(case, "ca2")
    hosts.serve("mx.dane.test", offers=(), tlsa=lambda key: "3 1 1 " + "00" * 32)
    domains = {}
    for i in range(6):
        domains[f"s{i}.dane.test"] = "TransientFailure"
        domains[f"u{i}.test"] = "Delivery"
    for domain in domains:
        hosts.mail(domain, "mx.dane.test")
    spool = hosts.spool("shared", "tls: {mta_sts: false, ca_file: %s}\n" % hosts.authority.pem)
    for name, order in (("forth", list(domains)), ("back", list(reversed(domains)))):
        send(case, spool, name, order).expect(e2e.STILL_QUEUED)
        events = by_domain(spool, name)
        e2e.check_equal({d: e["type"] for d, e in events.items()}, domains, name,
                        {d: e["response"]["content"] for d, e in events.items()})
    taken = {m.recipient.partition("@")[2] for m in hosts.servers["mx.dane.test"].messages}
    e2e.check(not any(domain.endswith("dane.test") for domain in taken), "at the server", taken)
    case.note("domains with one host and two proofs")


def anchored(case):
    """A trust anchor in TLSA records (usage 2): the certificate names the host, or the recipients' domain - then for that domain
    alone, on a session that it shares with nobody."""
    hosts = Hosts(case, "ca3")
    with open(hosts.authority.pem, encoding="ascii") as f:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()
    for host, names in (("ta.dane.test", ["alone.dane.test"]), ("named.dane.test", ["named.dane.test"]),
                        ("stranger.dane.test", ["elsewhere.example"])):
        hosts.serve(host, offers=(), names=names, tlsa=lambda _: f"2 0 1 {digest}", chain={"chain": ["ca"]})
    hosts.mail("alone.dane.test", "ta.dane.test")
    hosts.mail("other.dane.test", "ta.dane.test")
    hosts.mail("first.dane.test", "named.dane.test")
    hosts.mail("second.dane.test", "named.dane.test")
    hosts.mail("third.dane.test", "stranger.dane.test")
    spool = hosts.spool("anchored", "tls: {mta_sts: false}\n")
    send(case, spool, "one", ["alone.dane.test", "first.dane.test", "second.dane.test",
                              "third.dane.test"]).expect(e2e.STILL_QUEUED)
    events = by_domain(spool, "one")
    e2e.check_equal({d: e["type"] for d, e in events.items()},
                    {"alone.dane.test": "Delivery", "first.dane.test": "Delivery", "second.dane.test": "Delivery",
                     "third.dane.test": "TransientFailure"}, "by trust anchors",
                    {d: e["response"]["content"] for d, e in events.items()})
    send(case, spool, "two", ["alone.dane.test", "other.dane.test"]).expect(e2e.STILL_QUEUED)
    send(case, spool, "three", ["other.dane.test", "alone.dane.test"]).expect(e2e.STILL_QUEUED)
    taken = {m.recipient for m in hosts.servers["ta.dane.test"].messages}
    e2e.check(not any("@other." in recipient for recipient in taken), "mail of a domain that is not named", taken)
    case.note("trust anchors: names of hosts and of domains")


def client_certificates(case):
    """Routes show the certificate that they are given, each its own, on resumed sessions too; without one the server refuses."""
    folder = case.path("ca4")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    port = world.free_port()
    pem, key = authority.issue("c", dns=["mx.test"])
    server = case.closing(tls_server.Server(f"127.{NETWORK}.2.1", port, tls_server.GOOD, pem, key, client_ca=authority.pem))
    us = {name: authority.issue("us-" + name, dns=[f"{name}.sender.example"], usage="clientAuth") for name in ("a", "b")}
    hosts = f'hosts: ["127.{NETWORK}.2.1:{port}"], tls: required'
    routes = "".join(f"  {name}.test: {{{hosts}, tls_cert: {us[name][0]}, tls_key: {us[name][1]}}}\n" for name in us)
    spool = e2e.Spool(case, "client", retry="schedule: [1h]", limits="messages_per_connection: 2", shards=1,
                      extra=f"routes:\n{routes}  none.test: {{{hosts}}}\n")
    rows = [(f"u{i}@{name}.test", i) for i in range(8) for name in ("a", "b", "none")]
    e2e.write_rows(case.path("client.csv"), rows, ["email", "n"])
    template = case.write("client.eml", e2e.SHORT_TEMPLATE)
    spool.send_list(template, case.path("client.csv")).expect(e2e.STILL_QUEUED)
    seen = {(m.recipient.partition("@")[2], m.client) for m in server.messages}
    e2e.check_equal(seen, {("a.test", "a.sender.example"), ("b.test", "b.sender.example")}, "who we are to the server")
    e2e.check_equal(len(server.messages), 16, "messages")
    e2e.check(server.resumed > 0, "sessions are resumed")
    bad = e2e.Spool(case, "bad", extra=f"routes:\n  a.test: {{{hosts}, tls_cert: {us['a'][0]}, tls_key: {us['b'][1]}}}\n")
    run = bad.send_list(template, case.path("client.csv"))
    e2e.check(run.code != 0 and us["a"][0] in run.err, "a key that does not fit is told with its file", run.err)
    case.note("certificates of routes")


def tickets(case):
    """A restart resumes sessions: tickets are on disk, sealed. Damaged or under another key they cost a full handshake."""
    folder = case.path("ca5")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    port = world.free_port()
    pem, key = authority.issue("c", dns=["mx-ticket.test"])
    server = case.closing(tls_server.Server(f"127.{NETWORK}.3.1", port, tls_server.GOOD, pem, key))
    zone = world.Zone()
    zone.add("mx-ticket", "A", f"127.{NETWORK}.3.1")
    zone.add("d", "MX", "10 mx-ticket.test.")
    spool = e2e.Spool(case, "tickets", port=port, dns=case.knot(zone).port, shards=1,
                      extra="tls: {mode: verified, mta_sts: false, ca_file: %s}\n" % authority.pem)
    template = case.write("ticket.eml", e2e.SHORT_TEMPLATE)
    e2e.write_rows(case.path("ticket.csv"), [("u@d.test", 1)], ["email", "n"])
    file, secret = (os.path.join(spool.folder, "tls", name) for name in ("tickets.0", "ticket.key"))

    def resumed(name):
        before = server.resumed
        spool.send_list(template, case.path("ticket.csv"), name).expect(e2e.ALL_ACCEPTED)
        return server.resumed - before

    e2e.check_equal(resumed("first"), 0, "the first session")
    e2e.check_equal(resumed("second"), 1, "after a restart")
    with open(file, "rb") as f:
        octets = f.read()
    e2e.check(octets.startswith(b"ringpost-tls-tickets 1\n") and b"mx-ticket" not in octets and len(octets) > 500,
              "sealed", octets[:60])
    e2e.check_equal((os.stat(secret).st_mode & 0o777, os.stat(file).st_mode & 0o777, os.stat(secret).st_size),
                    (0o600, 0o600, 32), "modes")
    for name, damage in (("flipped", lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:]), ("cut", lambda b: b[:300]),
                         ("empty", lambda b: b""), ("size", lambda b: b[:23] + b"\xff\xff" + b[25:])):
        with open(file, "rb") as f:
            octets = f.read()
        with open(file, "wb") as f:
            f.write(damage(octets))
        e2e.check_equal(resumed(name), 0, f"a file that is {name}")
    e2e.check_equal(resumed("again"), 1, "what was written since")
    with open(secret, "wb") as f:
        f.write(os.urandom(32))
    e2e.check_equal(resumed("strange"), 0, "under another key")
    e2e.check_equal(resumed("own"), 1, "under the new one")
    case.note("tickets over restarts")


def refusing_resolver(case):
    """The first resolver's port is closed: the second one is asked at once, not after a second."""
    zone = world.Zone()
    zone.add("mx", "A", f"127.{NETWORK}.4.1")
    for i in range(20):
        zone.add(f"d{i}", "MX", "10 mx.test.")
    knot = case.knot(zone)
    config = case.write("refusing.yaml", f'hostname: a.test\nspool: {case.path("refusing")}\n'
                        f'dns: {{servers: ["127.0.0.1:{world.free_port_both()}", "127.0.0.1:{knot.port}"], timeout: 5s}}\n'
                        'smtp: {allow_private_addresses: true}\ntls: {dane: false, mta_sts: false}\n')
    times = []
    for i in range(3):
        run = case.tool("resolve", "--config", config, f"d{i}.test").expect(0)
        times.append(run.seconds)
    e2e.check(min(times) < 0.8, "a closed port costs no waiting", times)
    case.note(f"a refusing resolver: {min(times) * 1000:.0f} ms")


def main():
    with e2e.Case("tls_demands") as case:
        case.step(require_tls)
        case.step(lifted)
        case.step(shared_hosts)
        case.step(anchored)
        case.step(client_certificates)
        case.step(tickets)
        case.step(refusing_resolver)


if __name__ == "__main__":
    main()
