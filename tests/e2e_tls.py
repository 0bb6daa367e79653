"""Every kind of mail server TLS against every demand: the table of docs/tls-policy.md is made here, and compared.

The servers are tests/tls_server.py, one address a kind, all demands of a kind behind the same MX host: so every cell also
says that a session is never used for mail that demands more. --write puts the table into the page.
"""
import hashlib
import os
import sys

WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")

import ca  # noqa: E402
import e2e  # noqa: E402
import mta_sts_server  # noqa: E402
import postfix  # noqa: E402
import tls_server  # noqa: E402
import validating  # noqa: E402
import world  # noqa: E402

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs", "tls-policy.md")
MODES = ["off", "opportunistic", "required", "verified"]
# TLSA records that fit the server's key, that fit another, that no mail server can fit, and that are forged.
DANE = {"dane": "DANE", "mismatch": "DANE, another key", "unusable": "DANE, unusable", "bogus": "DANE, bogus"}
STS = {"testing": "MTA-STS testing", "enforce": "MTA-STS enforce"}
COLUMNS = MODES + list(STS) + list(DANE)
NETWORK = 79
POLICIES = f"127.{NETWORK}.200.1"
HANDSHAKE_S = 3   # may last so long: the silent ones cost it
KINDS = {
    "none": "no STARTTLS",
    "good": "good",
    "expired": "certificate: expired",
    "wrong": "certificate: another name",
    "unknown": "certificate: unknown authority",
    "selfsigned": "certificate: self-signed",
    "handshake": "handshake: alert",
    "drop": "handshake: connection closed",
    "silence": "220, then silence",
    "refused": "STARTTLS refused (454)",
    "stripped": "STARTTLS stripped",
    "injected": "plaintext injected behind the 220",
}
CERTIFICATES = {
    "expired": {"end": "20210101000000Z"},
    "wrong": {"dns": ["elsewhere.example"]},
    "unknown": {"issuer": "other", "chain": ["other"]},
    "selfsigned": {"issuer": None},
}
PER_CELL = 3


def make_authority(case):
    folder = case.path("ca")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    ca.Authority(folder, "other")
    return authority


def domain_of(column):
    """The zone: signed where DNSSEC is to vouch for it."""
    return "bogus.test" if column == "bogus" else "dane.test" if column in DANE else "test"


def host_of(kind, column):
    """The demands share a host, but for mail that is not to be tried with TLS: it would go over the others' sessions.
    What DANE says belongs to a host, so each has its own."""
    return f"mx-{column}-{kind}.{domain_of(column)}" if column == "off" or column in DANE else f"mx-{kind}.test"


def address_of(kind, column):
    part = 1 + ["off", *DANE].index(column) if column == "off" or column in DANE else 0
    return f"127.{NETWORK}.{part}.{1 + list(KINDS).index(kind)}"


def start_servers(case, authority, kinds, port):
    """By host; and by kind the digest of the server's key, for its TLSA record."""
    servers, keys = {}, {}
    for kind in kinds:
        options = dict(CERTIFICATES.get(kind, {}))
        options.setdefault("dns", sorted({host_of(kind, column) for column in COLUMNS}))
        pem, key = authority.issue("c-" + kind, **options)
        keys[kind] = ca.key_digest(key)
        how = tls_server.GOOD if kind in CERTIFICATES else kind
        for column in COLUMNS:
            host = host_of(kind, column)
            if host not in servers:
                servers[host] = case.closing(tls_server.Server(address_of(kind, column), port, how, pem, key))
    return servers, keys


def policy_of(domain):
    """The mode and the kind stand in the domain's name."""
    mode, _, kind = domain.removesuffix(".test").partition("-")
    return mode, [f"mx-{kind}.test"]


def tlsa_of(column, key):
    other = hashlib.sha256(key.encode()).hexdigest()
    return {"dane": f"3 1 1 {key}", "mismatch": f"3 1 1 {other}", "unusable": f"1 1 1 {key}",
            "bogus": f"3 1 1 {key}"}[column]


def start_names(case, kinds, keys, port):
    """A validating resolver over one zone that is not signed, one that is, and one whose TLSA records are forged."""
    records = {"test": [], "dane.test": [], "bogus.test": []}
    for kind in kinds:
        for column in COLUMNS:
            zone, host = domain_of(column), host_of(kind, column)
            records[zone] += [f"{column}-{kind} MX 10 {host}.", f"{host}. A {address_of(kind, column)}"]
            if column in STS:
                records[zone] += [" ".join(pair) for pair in mta_sts_server.records_of(f"{column}-{kind}", POLICIES)]
            if column in DANE:
                records[zone].append(f"_{port}._tcp.{host}. TLSA {tlsa_of(column, keys[kind])}")
    zones = {name: validating.zone_text(name, *sorted(set(lines))) for name, lines in records.items()}
    signed = case.closing(validating.SignedZones(
        case.path("signed"), zones, ("dane.test", "bogus.test"),
        {"bogus.test": (r"(\sTLSA\s+3 1 1 )([0-9A-Fa-f]{4})", r"\g<1>0000")}))
    return case.closing(validating.Unbound(case.path("unbound"), signed))


def make_zone(kind, address, domains):
    zone = world.Zone()
    zone.add(f"mx-{kind}", "A", address)
    for domain in domains:
        zone.add(f"{domain}-{kind}", "MX", f"10 mx-{kind}.test.")
    return zone


def cell(server, event, address):
    """What became of the mail, by the event and by the server itself, which must agree."""
    got = [m for m in server.messages if m.recipient == address]
    if event["type"] != "Delivery":
        e2e.check(not got, f"{address}: taken, and the event says {event['type']}")
        e2e.check_equal(event["type"], "TransientFailure", f"{address}: type", event)
        e2e.check_equal(event["tls_protocol_version"], None, f"{address}: no session", event)
        return "deferred"
    e2e.check_equal(len(got), 1, f"{address}: times taken")
    if got[0].version is None:
        e2e.check_equal(event["tls_protocol_version"], None, f"{address}: protocol", event)
        return "clear"
    e2e.check_equal((event["tls_protocol_version"], event["tls_cipher"]), (got[0].version, got[0].cipher),
                    f"{address}: protocol and cipher", event)
    e2e.check(event["delays"]["tls"] > 0, f"{address}: delays.tls", event)
    return "TLS"


def send_matrix(case, kinds):
    port = world.free_port()
    authority = make_authority(case)
    servers, keys = start_servers(case, authority, kinds, port)
    names = start_names(case, kinds, keys, port)
    try:
        case.closing(mta_sts_server.PolicyServer(
            POLICIES, authority, [f"mta-sts.{mode}-{kind}.test" for mode in STS for kind in kinds], policy_of))
    except PermissionError:
        case.skip("only root may serve MTA-STS policies (port 443)")
    domains = ", ".join(f'"{mode}-{kind}.test": {mode}' for mode in MODES for kind in kinds)
    spool = e2e.Spool(case, port=port, dns=names.port, dns_timeout="10s, trust_ad: true", retry="schedule: [1h]",
                      extra="tls: {ca_file: %s, domains: {%s}}\n" % (authority.pem, domains))
    rows = [(f"u{i}@{column}-{kind}.{domain_of(column)}", i)
            for i in range(PER_CELL) for kind in kinds for column in COLUMNS]
    with open(spool.config, encoding="utf-8") as f:
        text = f.read()
    with open(spool.config, "w", encoding="utf-8") as f:
        f.write(text.replace("smtp: {", "smtp: {timeouts: {handshake: %ds}, " % (HANDSHAKE_S * case.patience)))
    template = case.write("short.eml", e2e.SHORT_TEMPLATE)
    e2e.write_rows(case.path("list.csv"), rows, ["email", "n"])
    run = spool.send_list(template, case.path("list.csv"), seconds=90)
    run.expect(e2e.STILL_QUEUED)
    return servers, spool


def matrix(case, kinds):
    servers, spool = send_matrix(case, kinds)
    events = {event["recipient"]: event for event in spool.events()}
    table = {}
    for kind in kinds:
        for column in COLUMNS:
            host = host_of(kind, column)
            addresses = [f"u{i}@{column}-{kind}.{domain_of(column)}" for i in range(PER_CELL)]
            seen = {cell(servers[host], events[address], address) for address in addresses}
            e2e.check_equal(len(seen), 1, f"{column}, {kind}: outcomes")
            table[kind, column] = seen.pop()
            deferred = events[addresses[0]]
            if table[kind, column] == "deferred":
                e2e.check("demanded" in deferred["response"]["content"] and host in deferred["response"]["content"],
                          f"{column}, {kind}: the words", deferred)
            said = [c for c in servers[host].clear_commands
                    if any(f"@{strict}-" in c for strict in ("required", "verified", "enforce", *DANE))]
            e2e.check(not said, f"{kind}: in clear, and TLS was demanded", said)
    tls_optional(case, spool, servers, kinds)
    return table


def tls_optional(case, spool, servers, kinds):
    """TLS-Required: No (RFC 8689) lifts what receivers demand, not what the operator does."""
    wanted = {("mismatch", "good"): "TLS", ("bogus", "none"): "clear", ("dane", "stripped"): "clear",
              ("enforce", "wrong"): "TLS", ("enforce", "handshake"): "clear", ("required", "none"): "deferred"}
    wanted = {pair: outcome for pair, outcome in wanted.items() if pair[1] in kinds}
    addresses = {pair: f"o@{pair[0]}-{pair[1]}.{domain_of(pair[0])}" for pair in wanted}
    template = case.write("optional.eml", "TLS-Required: No\n" + e2e.SHORT_TEMPLATE)
    e2e.write_rows(case.path("optional.csv"), [(a, 1) for a in addresses.values()], ["email", "n"])
    spool.send_list(template, case.path("optional.csv"), "optional").expect(e2e.STILL_QUEUED)
    events = {event["recipient"]: event for event in spool.events()}
    seen = {pair: cell(servers[host_of(pair[1], pair[0])], events[address], address)
            for pair, address in addresses.items()}
    e2e.check_equal(seen, wanted, "TLS-Required: No")


def render(table, kinds):
    lines = ["| server | " + " | ".join(MODES + list(STS.values()) + list(DANE.values())) + " |", "|---|" + "---|" * len(COLUMNS)]
    for kind in kinds:
        lines.append(f"| {KINDS[kind]} | " + " | ".join(table[kind, column] for column in COLUMNS) + " |")
    return lines


def compare_with_page(lines):
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    begin, end = "<!-- made by tests/e2e_tls.py -->\n", "<!-- end -->"
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    if WRITE:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(before + begin + "\n".join(lines) + "\n" + end + after)
        return
    e2e.check_equal(old.splitlines(), lines, "docs/tls-policy.md says otherwise (e2e_tls.py --write mends it)")


def the_matrix(case):
    kinds = list(KINDS)
    compare_with_page(render(matrix(case, kinds), kinds))
    case.note(f"{len(kinds)} kinds of servers x {len(COLUMNS)} demands as docs/tls-policy.md has them")


def broken_tls_is_remembered(case):
    """The second run knows what the first one found out, and does not try again; demanded TLS is tried all the same."""
    port = world.free_port()
    authority_folder = case.path("ca2")
    os.makedirs(authority_folder)
    authority = ca.Authority(authority_folder)
    pem, key = authority.issue("c", dns=["mx-handshake.test"])
    server = case.closing(tls_server.Server("127.80.0.1", port, tls_server.HANDSHAKE, pem, key))
    knot = case.knot(make_zone("handshake", "127.80.0.1", ["a", "b", "strict"]))
    spool = e2e.Spool(case, "memory", port=port, dns=knot.port, retry="schedule: [1h]",
                      extra='tls: {ca_file: %s, domains: {"strict-handshake.test": required}}\n' % authority.pem)
    template = case.write("short2.eml", e2e.SHORT_TEMPLATE)

    def send(name, domain, code):
        e2e.write_rows(case.path(name + ".csv"), [(f"u@{domain}-handshake.test", 1)], ["email", "n"])
        before = server.clear_commands.count("STARTTLS")
        spool.send_list(template, case.path(name + ".csv"), name).expect(code)
        return server.clear_commands.count("STARTTLS") - before

    e2e.check_equal(send("first", "a", e2e.ALL_ACCEPTED), 1, "STARTTLS in the first run")
    e2e.check_equal(send("second", "b", e2e.ALL_ACCEPTED), 0, "STARTTLS in the second run")
    e2e.check_equal(send("third", "strict", e2e.STILL_QUEUED), 1, "STARTTLS where TLS is demanded")
    files = [name for name in os.listdir(os.path.join(spool.folder, "tls")) if name.startswith("tls-trouble.")]
    text = "".join(open(os.path.join(spool.folder, "tls", name), encoding="ascii").read() for name in files)
    e2e.check("mx-handshake.test" in text, "the host is in the file", text)
    # A day later: as if it had been seen long ago.
    for name in files:
        path = os.path.join(spool.folder, "tls", name)
        old = [" ".join(["1000", "1000", *line.split()[2:]]) if line[:1].isdigit() else line
               for line in open(path, encoding="ascii").read().splitlines()]
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(old) + "\n")
    server.how = tls_server.GOOD
    e2e.check_equal(send("fourth", "a", e2e.ALL_ACCEPTED), 1, "STARTTLS after a day")
    e2e.check(server.messages[-1].version is not None, "behind TLS again")
    case.note("broken TLS remembered over restarts and tried again after a day")


def routes(case):
    """Smart hosts: TLS from the first octet, passwords by PLAIN and only behind TLS, a second host when one lacks TLS."""
    folder = case.path("ca3")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    pem, key = authority.issue("c", dns=["mx.test"])
    port = world.free_port()
    first = case.closing(tls_server.Server("127.81.0.1", port, tls_server.GOOD, pem, key, first=True,
                                           users={"me": "secret"}))
    login = case.closing(tls_server.Server("127.81.0.2", port, tls_server.GOOD, pem, key, users={"me": "secret"}))
    clear = case.closing(tls_server.Server("127.81.0.3", port, tls_server.NONE, users={"me": "secret"}))
    wrong = case.closing(tls_server.Server("127.81.0.4", port, tls_server.GOOD, pem, key, users={"me": "other"}))
    case.write("secret", "secret\n")
    auth = f"user: me, password_file: {case.path('secret')}"
    extra = "routes:\n" + "".join(
        f'  {name}.test: {{hosts: ["127.81.0.{n}:{port}"], {auth}{more}}}\n'
        for n, (name, more) in enumerate([("first", ", implicit_tls: true"), ("login", ""), ("clear", ""),
                                          ("wrong", "")], 1))
    extra += (f'  second.test: {{hosts: ["127.81.0.3:{port}", "127.81.0.2:{port}"], tls: required, {auth}}}\n')
    spool = e2e.Spool(case, "routes", retry="schedule: [1h]", extra=extra + "tls: {ca_file: %s}\n" % authority.pem)
    names = ["first", "login", "clear", "wrong", "second"]
    e2e.write_rows(case.path("routes.csv"), [(f"u@{n}.test", 1) for n in names], ["email", "n"])
    template = case.write("short3.eml", e2e.SHORT_TEMPLATE)
    spool.send_list(template, case.path("routes.csv")).expect(e2e.STILL_QUEUED)
    types = {e["recipient"].split("@")[1].split(".")[0]: e for e in spool.events()}
    e2e.check_equal({n: types[n]["type"] for n in names},
                    {"first": "Delivery", "login": "Delivery", "clear": "TransientFailure",
                     "wrong": "TransientFailure", "second": "Delivery"}, "outcomes", types)
    e2e.check("535" == str(types["wrong"]["response"]["code"]), "the server's words", types["wrong"])
    e2e.check_equal(len(first.messages), 1, "behind implicit TLS")
    e2e.check(not first.clear_commands, "implicit TLS says nothing in clear", first.clear_commands)
    e2e.check_equal(len(login.messages), 2, "at the host with TLS")
    for server in (login, clear, wrong):
        said = [c for c in server.clear_commands if "AUTH" in c or "MAIL" in c]
        e2e.check(not said, "a password or mail in clear", said)
    case.note("routes: implicit TLS, AUTH, the next host")


def resumption(case):
    """Sessions to one host resume: one ticket is enough for the next handshake."""
    folder = case.path("ca4")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    pem, key = authority.issue("c", dns=["mx-good.test"])
    port = world.free_port()
    server = case.closing(tls_server.Server("127.82.0.1", port, tls_server.GOOD, pem, key))
    knot = case.knot(make_zone("good", "127.82.0.1", ["a"]))
    spool = e2e.Spool(case, "resume", port=port, dns=knot.port, shards=1,
                      limits="messages_per_connection: 1, connections_per_site: 1",
                      extra="tls: {mode: verified, ca_file: %s}\n" % authority.pem)
    e2e.write_rows(case.path("resume.csv"), [(f"u{i}@a-good.test", i) for i in range(10)], ["email", "n"])
    template = case.write("short4.eml", e2e.SHORT_TEMPLATE)
    spool.send_list(template, case.path("resume.csv")).expect(e2e.ALL_ACCEPTED)
    e2e.check_equal(len(server.messages), 10, "messages")
    e2e.check(server.resumed >= 5, f"{server.resumed} of {server.handshakes} handshakes resumed")
    case.note(f"{server.resumed} of {server.handshakes} handshakes resumed, verified each time")


def real_servers(case):
    """Postfix and the sink, both with certificates that are verified: everything arrives behind TLS, on few sessions."""
    folder = case.path("ca5")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    pem, key = authority.issue("c", dns=["mx-postfix.test", "mx-sink.test"], kind="rsa2048")
    os.makedirs(case.path("postfix"))
    cache = os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
    os.makedirs(cache, exist_ok=True)
    os.chmod(case.folder, 0o755)
    settings = (f"smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {pem}\nsmtpd_tls_key_file = {key}\n"
                "smtpd_tls_received_header = yes\n")
    try:
        server = case.closing(postfix.Postfix(cache, case.path("postfix"), settings))
    except postfix.Unavailable as why:
        case.skip(str(why))
    sink = case.sink("--tls-cert", pem, "--tls-key", key, addresses=("127.83.0.2",), port=server.port, ipv6=False)
    zone = world.Zone()
    for name, address in (("postfix", "127.0.0.1"), ("sink", "127.83.0.2")):
        zone.add(f"mx-{name}", "A", address)
        zone.add(name, "MX", f"10 mx-{name}.test.")
    spool = e2e.Spool(case, "real", port=server.port, dns=case.knot(zone).port,
                      extra="tls: {mode: verified, mta_sts: false, ca_file: %s}\n" % authority.pem)
    count = 60
    rows = [(f"u{i}@{name}.test", i) for i in range(count) for name in ("postfix", "sink")]
    e2e.write_rows(case.path("real.csv"), rows, ["email", "n"])
    run = spool.send_list(case.write("short5.eml", e2e.SHORT_TEMPLATE), case.path("real.csv"))
    run.expect(e2e.ALL_ACCEPTED)
    events = [event for event in spool.events() if event["type"] == "Delivery"]
    e2e.check_equal({event["tls_protocol_version"] for event in events}, {"TLSv1.3"}, "protocol")
    files = e2e.wait_for(lambda: len(server.files()) >= count and server.files(), 20, "Postfix's deliveries")
    e2e.check_equal(len(files), count, "at Postfix")
    e2e.check(all(b"using TLSv1.3" in message for message in files), "Postfix saw TLS", files[0][:500].decode())
    result = sink.close()
    e2e.check_equal((result["messages"], result["tls_messages"], result["protocol_errors"], result["duplicates"]),
                    (count, count, 0, 0), "at the sink", result)
    case.note(f"{count} messages each to Postfix and the sink, verified")


def main():
    with e2e.Case("tls") as case:
        case.step(the_matrix)
        case.step(broken_tls_is_remembered)
        case.step(routes)
        case.step(resumption)
        case.step(real_servers)


if __name__ == "__main__":
    main()
