"""Names and what is secure about them: signed zones and a validating resolver (knot, unbound), a resolver
that lies (dnslib), resolvers that are dead."""
import time

import e2e
import lying_dns
import validating

DIGEST = "5a" * 32
OTHER = "c3" * 32


def make_signed(case):
    zones = {
        "test": validating.zone_text(
            "test", "plain MX 10 mx.plain", "mx.plain A 127.0.0.2",
            f"_25._tcp.mx.plain TLSA 3 1 1 {DIGEST}",
            "mixed MX 10 mx.secure"),
        "secure.test": validating.zone_text(
            "secure.test", "@ MX 10 mx", "@ MX 20 alias", "mx A 127.0.0.2",
            f"_25._tcp.mx TLSA 3 1 1 {DIGEST}", f"_25._tcp.mx TLSA 2 0 1 {OTHER}",
            "alias CNAME mx",
            "none MX 10 mx.none", "mx.none A 127.0.0.2",
            "odd MX 10 mx.odd", "mx.odd A 127.0.0.2", f"_25._tcp.mx.odd TLSA 1 1 1 {DIGEST}",
            "out MX 10 mx.out", "mx.out CNAME mx.plain.test.", f"_25._tcp.mx.out TLSA 3 1 1 {DIGEST}",
            "far MX 10 mx.far", "mx.far A 127.0.0.2", "_25._tcp.mx.far CNAME _dane",
            f"_dane TLSA 3 1 1 {DIGEST}",
            "many MX 10 mx.many", "mx.many A 127.0.0.2",
            *(f"_25._tcp.mx.many TLSA 3 1 1 {n:064x}" for n in range(60))),
        "half.test": validating.zone_text(
            "half.test", "@ MX 10 mx", "mx A 127.0.0.2", f"_25._tcp.mx TLSA 3 1 1 {DIGEST}"),
        "bench.test": validating.zone_text("bench.test", "* MX 10 mx", "mx A 127.0.0.2"),
        "bogus.test": validating.zone_text("bogus.test", "@ MX 10 mx", "mx A 127.0.0.2"),
    }
    # The signatures stay, what they are about changes.
    spoil = {"half.test": (f"(?i){DIGEST}", OTHER), "bogus.test": (r"\bMX(\s+)10\b", r"MX\g<1>11")}
    signed = case.closing(validating.SignedZones(case.path("signed"), zones,
                                                 ("secure.test", "half.test", "bogus.test"), spoil))
    return case.closing(validating.Unbound(case.path("unbound"), signed))


def configuration(case, name, servers, trust_ad=False, timeout="3s"):
    return case.write(name + ".yaml", "hostname: h.example\nspool: %s\ndns: {servers: [%s], trust_ad: %s, "
                      "timeout: %s}\nsmtp: {port: 25, allow_private_addresses: true}\n"
                      % (case.path(name), ", ".join(f'"{s}"' for s in servers), str(trust_ad).lower(), timeout))


def resolve(case, config, *domains):
    run = case.tool("resolve", *domains, "--config", config, "--json", seconds=30)
    return run, run.json_lines


def secure_names(case, unbound):
    """What a validating resolver vouches for, and DANE's choice of names (RFC 7672 2.2)."""
    config = configuration(case, "secure", [f"127.0.0.1:{unbound.port}"], trust_ad=True)
    domains = ["secure.test", "plain.test", "mixed.test", "none.secure.test", "odd.secure.test",
               "out.secure.test", "far.secure.test", "many.secure.test", "half.test", "secure.test"]
    run, lines = resolve(case, config, *domains)
    seen = dict(zip(domains[:-1], lines))
    good = ["2 0 1 " + OTHER, "3 1 1 " + DIGEST]
    for domain, secure, host_secure, status, base, records in (
            ("secure.test", True, True, "records", "mx.secure.test", good),
            ("plain.test", False, False, "none", None, []),  # TLSA records that nobody vouches for
            ("mixed.test", False, True, "records", "mx.secure.test", good),  # MX insecure, host secure
            ("none.secure.test", True, True, "none", None, []),
            ("odd.secure.test", True, True, "records", "mx.odd.secure.test", ["1 1 1 " + DIGEST]),
            ("out.secure.test", True, False, "records", "mx.out.secure.test", ["3 1 1 " + DIGEST]),
            ("far.secure.test", True, True, "records", "mx.far.secure.test", ["3 1 1 " + DIGEST]),
            ("half.test", True, True, "failed", None, [])):  # a wrong signature is not "none"
        line = seen[domain]
        host = line["hosts"][0]
        e2e.check_equal((line["status"], line["secure"], host["secure"], host["tlsa"]["status"],
                         host["tlsa"]["base"], sorted(host["tlsa"]["records"])),
                        ("ok", secure, host_secure, status, base, records), domain, line)
    alias = seen["secure.test"]["hosts"][1]
    e2e.check_equal((alias["name"], alias["tlsa"]["base"]), ("alias.secure.test", "mx.secure.test"),
                    "where an alias leads", alias)
    e2e.check_equal(len(seen["many.secure.test"]["hosts"][0]["tlsa"]["records"]), 16, "60 records: over TCP, capped")
    e2e.check("SERVFAIL" in seen["half.test"]["hosts"][0]["tlsa"]["problem"], "why", seen["half.test"])
    e2e.check_equal((lines[0]["from"], lines[-1]["from"]), ("resolver", "cache"), "where answers came from", run)
    e2e.check_equal(lines[0]["resolvers"], [f"127.0.0.1:{unbound.port}"], "who said it", run)
    run, lines = resolve(case, config, "bogus.test")
    e2e.check_equal((run.code, lines[0]["status"]), (1, "dns_failure"), "bogus MX records", run)
    plain = case.tool("resolve", "secure.test", "--config", config).expect(0).out
    for words in ("MX secure (DNSSEC)", "(secure)", "TLSA at mx.secure.test: 3 1 1 " + DIGEST):
        e2e.check(words in plain, f"{words!r} in the plain form", plain)


def untrusted(case, unbound):
    """The same resolver, not marked as trusted: nothing is secure, and it says why."""
    config = configuration(case, "untrusted", [f"127.0.0.1:{unbound.port}"])
    run, lines = resolve(case, config, "secure.test")
    host = lines[0]["hosts"][0]
    e2e.check_equal((lines[0]["secure"], host["secure"], host["tlsa"]["status"]), (False, False, "untrusted"),
                    "without dns.trust_ad", run)
    e2e.check("dns.trust_ad" in host["tlsa"]["problem"], "the setting is named", run)
    checked = case.tool("check", "--config", config).expect(0).out
    e2e.check("dns.trust_ad is off" in checked, "check says that DANE has no effect", checked)


def bogus_defers(case, unbound):
    """Mail for a domain whose MX records are bogus waits; none is sent, none fails for good."""
    config = configuration(case, "bogus", [f"127.0.0.1:{unbound.port}"], trust_ad=True)
    message = case.write("m.eml", "From: a@b.test\n\nx\n")
    sent = case.tool("send", "--config", config, "--from", e2e.SENDER, "--message", message,
                     "--to", "u@bogus.test", "--yes", "--json", "--until", "idle")
    sent.expect(e2e.STILL_QUEUED, e2e.SOME_FAILED)
    events = e2e.read_events(case.path("bogus/events"))
    e2e.check_equal([(e["type"], e["stage"], e["cause"]) for e in events],
                    [("TransientFailure", "resolve", "dns-failure")], "the event", events)
    e2e.check("SERVFAIL, asked for MX of bogus.test" in events[0]["response"]["content"], "why", events)


def benchmark(case, unbound):
    run = case.run([case.bench, "micro", "dns", "--server", f"127.0.0.1:{unbound.port}", "--lookups", "300",
                    "--rounds", "1", "--json"])
    run.expect(0)
    e2e.check_equal((run.json["failed"], run.json["domains"]), (0, 300), "micro dns", run)
    e2e.check(run.json["uncached_per_s"] > 0 and run.json["cached_per_s"] > 0, "rates", run)


def lies(case):
    """Packets that are not the answer, or say more than was asked: the true one counts, or none."""
    liar = case.closing(lying_dns.Liar())
    config = configuration(case, "lies", [f"127.0.0.1:{liar.port}"], timeout="1s")
    good = ("wrongid", "wrongquestion", "truncated", "outside", "folded", "odd", "keytrap", "thousand")
    bad = {"silent": "no answer", "notcp": "no TCP", "cutshort": "malformed", "loop": "without end",
           "endless": "without end", "ladder": "malformed", "shortmx": "malformed", "refused": "REFUSED"}
    # One process, one cache: what the liar says beside the point would be found by the last one.
    run, lines = resolve(case, config, *(word + ".test" for word in good), "victim.test")
    for line in lines:
        name, host = line["domain"], line["hosts"][0]
        e2e.check_equal(line["status"], "ok", name, line)
        e2e.check(lying_dns.EVIL not in host["addresses"] and "evil" not in host["name"], "believed a lie", line)
    e2e.check_equal(lines[-1]["hosts"][0]["addresses"], [lying_dns.GOOD], "the victim's own address", lines[-1])
    e2e.check(liar.questions("udp", "victim.test") >= 1, "the victim was asked about", liar.asked)
    e2e.check_equal(len([1 for line in lines if line["domain"] == "thousand.test" for h in line["hosts"]
                         for _ in h["addresses"]]), 5, "1,000 MX records: five hosts")
    e2e.check(liar.questions("tcp", "folded.test") >= 1, "another letter case is asked again over TCP", liar.asked)
    fresh = case.closing(lying_dns.Liar())
    run, lines = resolve(case, configuration(case, "folds", [f"127.0.0.1:{fresh.port}"]),
                         "folded.one.test", "folded.two.test")
    e2e.check_equal((fresh.questions("tcp", "folded.one.test"), fresh.questions("tcp", "folded.two.test")), (1, 0),
                    "a server that folds case is known after the first time", fresh.asked)
    e2e.check(run.cpu_seconds < 2, "CPU time", run.cpu_seconds)
    for word, why in bad.items():
        run, lines = resolve(case, config, word + ".test")
        e2e.check_equal((run.code, lines[0]["status"]), (1, "dns_failure"), word, run)
        e2e.check(why in lines[0]["problem"], f"{why!r} for {word}", lines[0])


def tcp_is_reused(case):
    liar = case.closing(lying_dns.Liar())
    config = configuration(case, "reuse", [f"127.0.0.1:{liar.port}"])
    run, lines = resolve(case, config, *(f"truncated.n{n}.test" for n in range(20)))
    e2e.check_equal([line["status"] for line in lines], ["ok"] * 20, "all over TCP", run)
    e2e.check_equal(liar.connections, 1, "one connection for them all", liar.asked)
    run, lines = resolve(case, configuration(case, "hung", [f"127.0.0.1:{liar.port}"], timeout="5s"),
                         "truncated.again.test", "hung.test")
    e2e.check_equal([line["status"] for line in lines], ["ok", "ok"], "a connection that hangs is replaced", run)


def several(case):
    """Resolvers that are dead, refuse or are slow: the others are asked, and soon first."""
    dead, well, slow = lying_dns.dead_port(case), case.closing(lying_dns.Liar()), case.closing(lying_dns.Liar(delay=0.1))
    config = configuration(case, "several", [f"127.0.0.1:{dead}", f"127.0.0.1:{slow.port}", f"127.0.0.1:{well.port}"])
    started = time.monotonic()
    run, lines = resolve(case, config, *(f"n{n}.test" for n in range(60)))
    seconds = time.monotonic() - started
    e2e.check_equal([line["status"] for line in lines], ["ok"] * 60, "a dead one among three", run)
    e2e.check_equal(lines[-1]["resolvers"], [f"127.0.0.1:{well.port}"], "the fastest one answers", lines[-1])
    e2e.check(seconds < 10, f"{seconds:.1f} s for 60 domains")
    case.note(f"60 domains, of three resolvers one dead and one slow: {seconds:.1f} s")


def main():
    with e2e.Case("dns") as case:
        unbound = make_signed(case)
        for step in (secure_names, untrusted, bogus_defers, benchmark):
            case.step(step, unbound)
        for step in (lies, tcp_is_reused, several):
            case.step(step)


if __name__ == "__main__":
    main()
