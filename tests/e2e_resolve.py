"""The verbs that look and do not send: resolve, check, config, version, help."""
import json
import os
import re
import signal

import e2e
import world


def make_zone():
    zone = world.Zone()
    zone.add("two", "MX", "20 b.two")
    zone.add("two", "MX", "10 a.two")
    zone.add("a.two", "A", "127.0.0.1")
    zone.add("a.two", "AAAA", "::1")
    zone.add("b.two", "A", "127.0.0.2")
    zone.add("hosted", "MX", "10 a.two")
    zone.add("implicit", "A", "127.0.0.3")
    zone.add("null", "MX", "0 .")
    zone.add("text", "TXT", '"no mail here"')
    zone.add("dangling", "MX", "10 nowhere")
    zone.add("alias", "CNAME", "two")
    zone.add("loop1", "CNAME", "loop2")
    zone.add("loop2", "CNAME", "loop1")
    zone.add("grün".encode("idna").decode(), "MX", "10 a.two")
    for n in range(300):  # more than fits in a datagram: TCP
        zone.add("many", "MX", f"{n} mx{n}.many")
        zone.add(f"mx{n}.many", "A", "127.0.0.4")
    return zone


def resolve(case):
    knot = case.knot(make_zone())
    spool = e2e.Spool(case, port=2525, dns=knot.port, routes={"smart.test": ["127.0.0.9:2600"]})

    def ask(domain):
        run = case.tool("resolve", domain, "--config", spool.config, "--json", seconds=20)
        return run, run.json

    run, two = ask("two.test")
    run.expect(0)
    e2e.check_equal([h["name"] for h in two["hosts"]], ["a.two.test", "b.two.test"], "hosts by preference", run)
    e2e.check_equal([h["preference"] for h in two["hosts"]], [10, 20], "preferences", run)
    e2e.check_equal(set(two["hosts"][0]["addresses"]), {"127.0.0.1", "::1"}, "addresses", run)
    e2e.check_equal((two["connections_per_site"], two["messages_per_connection"]), (20, 100), "limits", run)
    run, alias = ask("alias.test")
    e2e.check_equal((run.code, alias["site"]), (0, two["site"]), "a CNAME has the site of what it names", run)
    run, hosted = ask("hosted.test")
    e2e.check_equal([h["name"] for h in hosted["hosts"]], ["a.two.test"], "another domain's host", run)
    e2e.check(hosted["site"] != two["site"], "another set of hosts is another site", run)
    run, implicit = ask("implicit.test")
    e2e.check_equal((run.code, implicit["implicit_mx"], implicit["hosts"][0]["name"]), (0, True, "implicit.test"),
                    "no MX", run)
    run, upper = ask("TWO.Test.")
    e2e.check_equal(upper["site"], two["site"], "case and the final dot do not count", run)
    run, idn = ask("grün.test")
    e2e.check_equal(run.code, 0, "an international domain", run)
    run, many = ask("many.test")
    e2e.check_equal((run.code, [h["name"] for h in many["hosts"]]), (0, [f"mx{n}.many.test" for n in range(5)]),
                    "300 hosts, over TCP: the first five", run)
    for domain, status in (("null.test", "null_mx"), ("text.test", "no_address"), ("dangling.test", "no_address"),
                           ("nobody.test", "no_domain"), ("x.broken", "dns_failure"), ("loop1.test", "dns_failure")):
        run, result = ask(domain)
        e2e.check_equal((run.code, result["status"]), (1, status), domain, run)
        e2e.check(result["problem"], "it says why", run)
        e2e.check_equal(result["hosts"], [], "no hosts", run)
    run = case.tool("resolve", "two.test", "null.test", "--config", spool.config).expect(1)
    for word in ("two.test: ok", "10 a.two.test", "20 b.two.test", "null.test: null_mx", "20 connections"):
        e2e.check(word in run.out, f"{word!r} in the plain form", run)
    for bad in ("a b.test", "-", "x" * 64 + ".test", "a..test"):
        run = case.tool("resolve", "--config", spool.config, bad)
        e2e.check(run.code in (1, 2), f"{bad!r} is no domain", run)


def origins(case):
    """Smart hosts, limits, and the line of the configuration that each comes from."""
    knot = case.knot(make_zone())
    config = case.write("origins.yaml", f"""\
spool: {case.path("origins")}
dns: {{servers: ["127.0.0.1:{knot.port}"], timeout: 2s}}
smtp: {{port: 2525, allow_private_addresses: true}}
tls: {{mta_sts: false}}
limits: {{connections_per_site: 9}}
routes:
  smart.test: ["127.0.0.9:2600", "a.two.test:465"]
  ".below.test": {{hosts: ["b.two.test"], tls: required}}
  lost.test: ["nobody.test"]
sites:
  - {{match: .null.test, connections_per_site: 3}}
  - match: a.two.test
    messages_per_second_per_site: 100/min
""")
    domains = ("two.test", "smart.test", "x.below.test", "lost.test", "implicit.test")
    run = case.tool("resolve", *domains, "--config", config, "--json", seconds=20).expect(1)
    two, smart, below, lost, implicit = map(json.loads, run.out.splitlines())
    general = {"connections_per_site": f"limits.connections_per_site ({config}:5)",
               "messages_per_connection": "default", "messages_per_second_per_site": "default"}
    e2e.check_equal(implicit["limits_from"], general, "the general limits", run)
    e2e.check_equal(two["limits_from"],
                    general | {"messages_per_second_per_site": f"sites: a.two.test ({config}:12)"}, "a site's own", run)
    e2e.check_equal((two["connections_per_site"], two["messages_per_hour_per_site"]), (9, 6000), "limits", run)
    e2e.check_equal((two["route"], two["hosts"][0]["port"]), (None, 2525), "no smart host", run)
    e2e.check_equal([(h["name"], h["port"], h["addresses"][0]) for h in smart["hosts"]],
                    [("[127.0.0.9]", 2600, "127.0.0.9"), ("a.two.test", 465, "127.0.0.1")], "smart hosts", run)
    e2e.check_equal(smart["route"]["from"], f"routes: smart.test ({config}:7)", "where they stand", run)
    e2e.check_equal((below["route"]["from"], below["hosts"][0]["port"]), (f"routes: .below.test ({config}:8)", 2525),
                    "a route for what is below", run)
    e2e.check_equal((lost["status"], lost["hosts"]), ("dns_failure", []), "a smart host that is not there", run)
    run = case.tool("resolve", *domains, "--config", config).expect(1)
    for words in (f"smart hosts instead of MX, from routes: smart.test ({config}:7)", "a.two.test port 465, TLS at once",
                  f"limit: 6000 messages an hour, from sites: a.two.test ({config}:12)",
                  f"limit: 9 connections, from limits.connections_per_site ({config}:5)",
                  "limit: no message rate, from default"):
        e2e.check(words in run.out, f"{words!r} in the plain form", run)


def private_addresses(case):
    """An MX that points to loopback is refused unless the configuration allows it."""
    knot = case.knot(make_zone())
    config = case.write("strict.yaml", 'dns: {servers: ["127.0.0.1:%d"], timeout: 2s}\nspool: %s\n'
                        % (knot.port, case.path("strict")))
    run = case.tool("resolve", "two.test", "--config", config, "--json")
    e2e.check_equal((run.code, run.json["status"]), (1, "special_only"), "loopback", run)
    sent = case.tool("send", "--config", config, "--from", e2e.SENDER, "--message",
                     case.write("m.eml", "From: a@b.test\n\nx\n"), "--to", "u@two.test", "--yes", "--json")
    sent.expect(e2e.SOME_FAILED, e2e.STILL_QUEUED)
    events = e2e.read_events(case.path("strict/events"))
    e2e.check_equal([(e["stage"], e["cause"]) for e in events], [("resolve", "bad-route")], "the event", events)


def configuration(case):
    spool = e2e.Spool(case, "c", port=2525, dns=5353, limits="connections: 77")
    case.tool("check", "--config", spool.config).expect(0)
    run = case.tool("check", "--config", spool.config, "--memory").expect(0)
    e2e.check("sessions" in run.out and "address space at least" in run.out, "the memory sheet", run)
    run = case.tool("config", "show", "--config", spool.config, "--origin").expect(0)
    e2e.check("connections: 77" in run.out and "c.yaml:" in run.out and "default" in run.out, "values and origins", run)
    # What is shown can be read again, and means the same.
    shown = case.tool("config", "show", "--config", spool.config).expect(0).out
    again = case.tool("config", "show", "--config", case.write("again.yaml", shown)).expect(0).out
    e2e.check_equal(again, shown, "what is shown is what is read")
    schema = json.loads(case.tool("config", "schema").expect(0).out)
    e2e.check("limits" in schema["properties"], "the schema", list(schema["properties"]))
    reference = case.tool("config", "reference").expect(0).out
    e2e.check("limits.connections" in reference or "connections" in reference, "the reference")
    empty = os.path.join(case.folder, "empty")
    os.makedirs(empty)
    case.tool("check", cwd=empty).expect(0)


def help_texts(case):
    run = case.tool("version").expect(0)
    e2e.check(run.out.startswith("ringpost ") and len(run.out.split()) == 2, "the version", run)
    e2e.check_equal(case.tool("version", "--json").json["version"], run.out.split()[1], "the version as JSON")
    e2e.check_equal(case.tool("--version").expect(0).out, run.out, "--version")
    overview = case.tool("help").expect(0).out
    for verb in ("send", "run", "queue", "bounce", "suppress", "resolve", "tlsrpt", "check", "config", "version"):
        e2e.check(verb in overview, f"{verb} in the overview")
        text = case.tool("help", verb).expect(0).out
        e2e.check(f"ringpost {verb}" in text, f"help {verb}", text)
        e2e.check_equal(case.tool(verb, "--help").expect(0).out, text, f"{verb} --help")
        e2e.check(max(map(len, text.splitlines())) <= 100, f"help {verb} fits a terminal")
    send = case.tool("help", "send").out
    for option in ("--from", "--template", "--recipients", "--campaign", "--tenant", "--config", "--spool",
                   "--email-column", "--metadata", "--lane", "--at", "--rate", "--until", "--dry-run", "--json",
                   "--yes", "--message", "--to"):
        e2e.check(option in send, f"{option} in help send")
    run = case.tool().expect(e2e.USAGE)
    e2e.check("send" in run.out + run.err, "without a verb: the overview", run)
    case.tool("help", "nonsense").expect(e2e.USAGE)
    for verb in ("sink", "run", "micro", "audit"):
        case.run([case.bench, verb, "--help"]).expect(0)
    read = case.run([case.bench, "micro", "bounce", "--json"]).expect(0).json
    e2e.check_equal((read["set"], read["messages"], read["bounce"], read["complaint"], read["unsubscribe"]),
                    ("built in", 10, 3, 1, 1), "micro bounce without a folder")
    overview = case.run([case.bench, "--help"]).expect(0).out
    names = re.findall(r"^  (\S+) ", case.run([case.bench, "micro", "--help"]).expect(0).out, re.MULTILINE)
    listed = re.findall(r"[a-z]+", overview.partition("of these:")[2].partition("  run ")[0])
    e2e.check_equal((len(names) > 9, listed), (True, names), "micro-benchmarks in the overview", overview)
    e2e.check("refused" not in case.tool("help", "run").out, "a campaign beside a service is handed over")
    folder = os.path.dirname(case.write("mail/one.eml", "From: a@b.test\n\nHello.\n"))
    read = case.run([case.bench, "micro", "bounce", "--json", folder]).expect(0).json
    e2e.check_equal((read["set"], read["messages"], read["normal"]), (folder, 1, 1), "micro bounce of a folder")


def demo_options(case):
    """What the demo does with them is seen before it installs anything."""
    demo = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts", "demo")
    run = case.run([demo, "--help"]).expect(0)
    e2e.check("--recipients" in run.out and run.err == "", "scripts/demo --help", run)
    for wrong in (["--recipients"], ["--recipients=many"], ["--recipients", "0"], ["--recipients", "5", "x"], ["-n"]):
        run = case.run([demo, *wrong]).expect(e2e.USAGE)
        e2e.check("usage: scripts/demo" in run.err, "its use", run)
    # Its setup, build and campaign are others here.
    copy = case.write("demo/scripts/demo", open(demo, "rb").read())
    for path in (copy, case.write("demo/scripts/setup", "#!/bin/sh\n")):
        os.chmod(path, 0o755)
    case.write("demo/build/release/build.ninja", "build tools/ringpost: phony\nbuild bench/ringpost-bench: phony\n")
    case.write("demo/tests/demo.py", "import sys\nprint(sys.argv[1:])\n")
    for given, wanted in (([], "20000"), (["--recipients", "5"], "5"), (["--recipients=5"], "5")):
        run = case.run([copy, *given]).expect(0)
        e2e.check_equal(run.out.splitlines()[-1], str(["build/release", "--recipients", wanted]), f"scripts/demo {given}")


def reserved(size):
    """What jemalloc takes for a large piece: size classes, four a doubling, and a page."""
    step = 1 << max((size - 1).bit_length() - 3, 12)
    return -(-size // step) * step + 4096


def memory(case):
    """`check --memory` says what `run` maps: within 64 MiB (small things, the program's own data), when the allocator keeps
    nothing in reserve."""
    if case.san:
        case.note("memory is not compared under sanitizers")
        return
    spool = e2e.Spool(case, "m", port=2525, dns=5353, limits="connections: 300", verp=True,
                      extra="tlsrpt: {from: a@ringel.example}\nbounces: {listen: [\"127.0.0.1:%d\"]}\n" % world.free_port())
    sheet = case.tool("check", "--config", spool.config, "--memory").expect(0).out
    parts = re.findall(r"^(\S.*?) +(\d+) x +(\d+) = +(\d+)$", sheet, re.MULTILINE)
    totals = dict(re.findall(r"^(\S.*?) {2,}(\d+)$", sheet, re.MULTILINE))
    asked = sum(int(total) for name, *_, total in parts if name not in ("stacks of threads", "suppressions, a mapped file"))
    e2e.check_equal(int(totals["asked of the allocator"]), asked, "the sum", sheet)
    e2e.check_equal(int(totals["address space at least"]), sum(int(total) for *_, total in parts), "the sum", sheet)
    wanted = sum(int(count) * (reserved(int(size) + 64) if not name.startswith(("stacks", "suppressions")) else int(size))
                 for name, count, size, _ in parts if int(size) > 0)
    process = case.start([case.ringpost, "run", "--config", spool.config],
                         env=dict(os.environ, MALLOC_CONF="retain:false,tcache:false,narenas:1"))
    e2e.wait_for(lambda: "is being sent" in process.err() or process.poll() is not None, 20 * case.patience, "the service")
    e2e.check(process.poll() is None, "the service runs", process.run())
    mapped = 0
    with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps:
        for line in maps:
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            words = line.split(None, 5)
            if len(words) == 5 or words[5].strip() == "[heap]" or "hygiene" in words[5]:
                mapped += end - begin
    process.signal(signal.SIGTERM)
    process.wait(20 * case.patience).expect(0)
    e2e.check(0 <= mapped - wanted <= 64 << 20, f"{mapped} octets are mapped, {wanted} were announced", sheet)
    case.note(f"memory: {wanted >> 20} MiB announced, {mapped >> 20} MiB mapped")


def main():
    with e2e.Case("resolve") as case:
        for step in (resolve, origins, private_addresses, configuration, memory, help_texts, demo_options):
            case.step(step)
        case.note("routes, configuration and help as documented")


if __name__ == "__main__":
    main()
