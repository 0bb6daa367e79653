"""Every kind of mail server TLS against every demand: the table of docs/tls-policy.md is made here, and compared.

The servers are tests/tls_server.py, one address a kind, all demands of a kind behind the same MX host: so every cell also
says that a session is never used for mail that demands more. --write puts the table into the page.
"""
import os
import sys

WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")

import ca  # noqa: E402
import e2e  # noqa: E402
import tls_server  # noqa: E402
import world  # noqa: E402

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs", "tls-policy.md")
MODES = ["off", "opportunistic", "required", "verified"]
LONG_KINDS = ["silence"]   # costs the whole time that a handshake may take
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


def host_of(kind, column):
    """Mail for which TLS is off has a host of its own: beside other mail it would go over their sessions."""
    return f"off-{kind}" if column == "off" else kind


def start_servers(case, authority, kinds, port, network):
    """By host. Kind n has the addresses 127.N.0.n and, for `off`, 127.N.1.n."""
    servers = {}
    for number, kind in enumerate(kinds, 1):
        options = dict(CERTIFICATES.get(kind, {}))
        options.setdefault("dns", [f"mx-{kind}.test", f"mx-off-{kind}.test"])
        pem, key = authority.issue("c-" + kind, **options)
        how = tls_server.GOOD if kind in CERTIFICATES else kind
        for part, host in enumerate((kind, host_of(kind, "off"))):
            servers[host] = case.closing(tls_server.Server(f"127.{network}.{part}.{number}", port, how, pem, key))
    return servers


def make_zone(kinds, network, columns):
    zone = world.Zone()
    for number, kind in enumerate(kinds, 1):
        zone.add(f"mx-{kind}", "A", f"127.{network}.0.{number}")
        zone.add(f"mx-off-{kind}", "A", f"127.{network}.1.{number}")
        for column in columns:
            zone.add(f"{column}-{kind}", "MX", f"10 mx-{host_of(kind, column)}.test.")
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
    network = 79
    authority = make_authority(case)
    servers = start_servers(case, authority, kinds, port, network)
    knot = case.knot(make_zone(kinds, network, MODES))
    domains = ", ".join(f'"{mode}-{kind}.test": {mode}' for mode in MODES for kind in kinds)
    spool = e2e.Spool(case, port=port, dns=knot.port, retry="schedule: [1h]",
                      extra="tls: {ca_file: %s, domains: {%s}}\n" % (authority.pem, domains))
    rows = [(f"u{i}@{mode}-{kind}.test", i) for i in range(PER_CELL) for kind in kinds for mode in MODES]
    template = case.write("short.eml", e2e.SHORT_TEMPLATE)
    e2e.write_rows(case.path("list.csv"), rows, ["email", "n"])
    run = spool.send_list(template, case.path("list.csv"), seconds=90)
    run.expect(e2e.STILL_QUEUED)
    return servers, spool, port, authority


def matrix(case, kinds):
    servers, spool, _, _ = send_matrix(case, kinds)
    events = {event["recipient"]: event for event in spool.events()}
    table = {}
    for kind in kinds:
        for mode in MODES:
            seen = {cell(servers[host_of(kind, mode)], events[f"u{i}@{mode}-{kind}.test"], f"u{i}@{mode}-{kind}.test")
                    for i in range(PER_CELL)}
            e2e.check_equal(len(seen), 1, f"{mode}, {kind}: outcomes")
            table[kind, mode] = seen.pop()
            deferred = events[f"u0@{mode}-{kind}.test"]
            if table[kind, mode] == "deferred":
                e2e.check("demanded" in deferred["response"]["content"] and
                          f"mx-{kind}.test" in deferred["response"]["content"],
                          f"{mode}, {kind}: the words", deferred)
        said = [c for c in servers[kind].clear_commands if "required-" in c or "verified-" in c]
        e2e.check(not said, f"{kind}: in clear, and TLS was demanded", said)
    return table, spool, servers


def render(table, kinds):
    lines = ["| server | " + " | ".join(MODES) + " |", "|---|" + "---|" * len(MODES)]
    for kind in kinds:
        lines.append(f"| {KINDS[kind]} | " + " | ".join(table[kind, mode] for mode in MODES) + " |")
    return lines


def compare_with_page(lines):
    """Line by line: a quick run lacks the slow rows."""
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    begin, end = "<!-- made by tests/e2e_tls.py -->\n", "<!-- end -->"
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    if WRITE:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(before + begin + "\n".join(lines) + "\n" + end + after)
        return
    wanted = old.splitlines()
    for line in lines:
        e2e.check(line in wanted, f"docs/tls-policy.md says otherwise (e2e_tls.py --long --write mends it): {line}")


def the_matrix(case):
    kinds = [k for k in KINDS if case.long or k not in LONG_KINDS]
    table, _, _ = matrix(case, kinds)
    compare_with_page(render(table, kinds))
    case.note(f"{len(kinds)} kinds of servers x {len(MODES)} demands as docs/tls-policy.md has them")


def broken_tls_is_remembered(case):
    """The second run knows what the first one found out, and does not try again; demanded TLS is tried all the same."""
    port = world.free_port()
    authority_folder = case.path("ca2")
    os.makedirs(authority_folder)
    authority = ca.Authority(authority_folder)
    pem, key = authority.issue("c", dns=["mx-handshake.test"])
    server = case.closing(tls_server.Server("127.80.0.1", port, tls_server.HANDSHAKE, pem, key))
    knot = case.knot(make_zone(["handshake"], 80, ["a", "b", "strict"]))
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
    files = os.listdir(os.path.join(spool.folder, "tls"))
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
    knot = case.knot(make_zone(["good"], 82, ["a"]))
    spool = e2e.Spool(case, "resume", port=port, dns=knot.port, shards=1,
                      limits="messages_per_connection: 1, connections_per_site: 1",
                      extra="tls: {mode: verified, ca_file: %s}\n" % authority.pem)
    e2e.write_rows(case.path("resume.csv"), [(f"u{i}@a-good.test", i) for i in range(10)], ["email", "n"])
    template = case.write("short4.eml", e2e.SHORT_TEMPLATE)
    spool.send_list(template, case.path("resume.csv")).expect(e2e.ALL_ACCEPTED)
    e2e.check_equal(len(server.messages), 10, "messages")
    e2e.check(server.resumed >= 5, f"{server.resumed} of {server.handshakes} handshakes resumed")
    case.note(f"{server.resumed} of {server.handshakes} handshakes resumed, verified each time")


def main():
    with e2e.Case("tls") as case:
        case.step(the_matrix)
        case.step(broken_tls_is_remembered)
        case.step(routes)
        case.step(resumption)


if __name__ == "__main__":
    main()
