"""Bounces come home: what a receiver calls dead is suppressed, and the next campaign leaves it out; what is full or
blocked is not. Suppressions by hand and by CSV, at rest and beside a running sender.
"""
import fcntl
import os
import shutil
import threading
import time

import e2e
import world

GOOD, DEAD, FULL, BLOCKED = 150, 20, 8, 8
PERSONAS = """
persona dead
recipient dead*
rcpt reply 550 5.1.1 no such user here

persona full
recipient full*
rcpt reply 552 5.2.2 mailbox is full

persona blocked
recipient blocked*
rcpt reply 550 5.7.1 blocked using zen.spamhaus.org
"""


def open_scene(case):
    zone = world.Zone()
    zone.add("d0", "MX", "10 mx.d0")
    zone.add("mx.d0", "A", "127.0.0.1")
    knot = case.knot(zone)
    sink = case.sink(addresses=("127.0.0.1",), ipv6=False, personas=PERSONAS)
    return sink, e2e.Spool(case, "hygiene", port=sink.port, dns=knot.port)


def names(kind, count, domain):
    return [f"{kind}{n}@{domain}" for n in range(count)]


def listed(spool, *more):
    run = spool.case.tool("suppress", "list", "--json", "--config", spool.config, *more).expect(0)
    return {line["address"]: line for line in run.json_lines}


def suppress(spool, *arguments, **options):
    return spool.case.tool("suppress", *arguments, "--config", spool.config, **options)


def shown(spool, address):
    return suppress(spool, "show", address, "--json").expect(0).json_lines



def campaigns(case):
    sink, spool = open_scene(case)
    domain = "d0.test"
    everybody = (names("good", GOOD, domain) + names("dead", DEAD, domain) + names("full", FULL, domain) +
                 names("blocked", BLOCKED, domain) + [f"hand@{domain}"])
    rows = case.write("list.csv", "email,n\n" + "".join(f"{a},{i}\n" for i, a in enumerate(everybody)))
    template = case.write("t.eml", e2e.SHORT_TEMPLATE)

    suppress(spool, "add", f"HAND@{domain}", "--note", "asked by phone", "--reason", "complaint").expect(0)
    suppress(spool, "add", f"hand@{domain}", "--reason", "complaint", "--class", "no-user").expect(e2e.USAGE)
    refused(suppress(spool, "add", f"hand@{domain}", "nonsense"), '"nonsense" is no mail address')
    run = spool.send_list(template, rows, "one").expect(e2e.SOME_FAILED)
    e2e.check(f" {DEAD} failed     no-user " in run.err, "reasons are told with their class", run)
    first = run.json
    e2e.check_equal((first["suppressed"], first["accepted"], first["failed"]), (1, GOOD, DEAD + FULL + BLOCKED),
                    "the first campaign", first)
    dead = set(names("dead", DEAD, domain))
    e2e.check_equal(set(listed(spool)), dead | {f"hand@{domain}"}, "the list is exactly the dead and who asked")
    e2e.check_equal(listed(spool)[f"dead3@{domain}"]["class"], "no-user", "its class")
    full = shown(spool, f"full1@{domain}")[-1]
    e2e.check_equal((full["state"], full["counts"][0]["class"], full["counts"][0]["count"]), ("counted", "mailbox-full", 1),
                    "what is full is counted", full)
    blocked = shown(spool, f"blocked1@{domain}")
    e2e.check_equal([line["state"] for line in blocked], ["free"], "the sender's fault")
    check_standing(spool, domain, blocked[0]["standing"])
    classes = {e["recipient"]: e["bounce_classification"] for e in spool.events() if e["type"] == "Bounce"}
    e2e.check_equal((classes[f"dead0@{domain}"], classes[f"full0@{domain}"], classes[f"blocked0@{domain}"]),
                    ("no-user", "mailbox-full", "blocked"), "classes in events")

    second = spool.send_list(template, rows, "two").expect(e2e.SOME_FAILED).json
    e2e.check_equal((second["suppressed"], second["accepted"], second["failed"]), (1 + DEAD, GOOD, FULL + BLOCKED),
                    "the second campaign skips the dead", second)
    gone = {e["recipient"] for e in spool.events() if e["type"] == "Suppressed" and e["campaign"] == "two"}
    e2e.check_equal(gone, dead | {f"hand@{domain}"}, "Suppressed events")

    beside(case, spool, template, rows, domain)
    audit = e2e.audit(case, sink.ledger, spool)
    e2e.check_equal(audit["lost"] + audit["duplicates"] + audit["strangers"], 0, "ledger against events", audit)
    case.note(f"{DEAD} dead of {len(everybody)} left out of the next campaigns")


def check_standing(spool, domain, beside_address):
    """How the domain fared, with the first campaign's deliveries behind its first failure."""
    line = suppress(spool, "show", "--domain", domain.upper(), "--json").expect(0).json
    standing = line["standing"]
    e2e.check_equal(standing, beside_address, "the domain's standing beside an address", line)
    e2e.check_equal((standing["domain"], standing["hard"], standing["soft"], standing["senders"]),
                    (domain, DEAD, FULL, BLOCKED), "what failed there", line)
    e2e.check(0 < standing["delivered"] <= GOOD, "what arrived there", line)
    e2e.check(0.1 < standing["score"] < 1, "its score", line)
    e2e.check_equal({(h["class"], h["count"]) for h in standing["history"]},
                    {("no-user", DEAD), ("mailbox-full", FULL), ("blocked", BLOCKED)}, "its history", line)
    e2e.check(f"{domain}: known  score=" in suppress(spool, "show", "--domain", domain).expect(0).out, "in plain words")
    e2e.check_equal(suppress(spool, "show", "--domain", "other.test", "--json").expect(0).json["standing"]["state"],
                    "unknown", "another domain")
    suppress(spool, "show", "--domain", "..").expect(e2e.SOME_FAILED)


def damaged(case, spool):
    """The derived details: gone, cut, of another version, no folder at all. Nobody is mailed for it."""
    wanted = suppress(spool, "export").expect(0).out
    data = os.path.join(spool.folder, "hygiene", "derived", "data.mdb")
    with open(data, "rb") as f:
        whole = f.read()
    for what, content in {"gone": None, "cut": whole[:len(whole) // 2], "empty": b"", "zeroed": bytes(len(whole)),
                          "another version": whole.replace(b"\xde\xc0\xef\xbe\x01", b"\xde\xc0\xef\xbe\x02"),
                          "noise": os.urandom(len(whole))}.items():
        os.unlink(data)
        if content is not None:
            with open(data, "wb") as f:
                f.write(content)
        e2e.check_equal(suppress(spool, "export").expect(0).out, wanted, f"the export, with data.mdb {what}")
    shutil.rmtree(os.path.dirname(data))
    with open(os.path.dirname(data), "w", encoding="ascii"):
        pass
    run = suppress(spool, "export").expect(e2e.SOME_FAILED)
    e2e.check("every suppression is in force" in run.err, "it says what is missing, and what is not", run)
    suppress(spool, "add", "later@d0.test").expect(0)
    os.unlink(os.path.dirname(data))
    e2e.check("later@d0.test" in suppress(spool, "export").expect(0).out, "what was added meanwhile")


def locked(spool, domain):
    """A sender that starts or ends has the lock and no socket: it is waited for."""
    with open(os.path.join(spool.folder, "lock"), "r+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(0.5, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        suppress(spool, "add", f"waited@{domain}", "--reason", "complaint").expect(0)
        timer.join()
    with spool.dead_sender():
        suppress(spool, "remove", f"waited@{domain}").expect(0)


def beside(case, spool, template, rows, domain):
    """A sender waits, first for its time, then for our word; orders reach it through its socket."""
    sender = spool.start_list(template, rows, "three", "--at", "+8s", "--until", "done")
    for _ in range(100):
        run = spool.queue("status", "--json")
        if run.code == 0:
            run = spool.queue("pause", "--campaign", "three")  # refused while the list is loaded
        if run.code == 0:
            break
        time.sleep(0.05)
    run.expect(0)
    run = spool.queue("status").expect(0)
    e2e.check("sessions=" in run.out and "accepted=" in run.out, "the plain status", run)
    suppress(spool, "add", f"good0@{domain}", "--tenant", "other").expect(0)
    suppress(spool, "add", f"good1@{domain}", "--expires", "+1h", "--reason", "away, says the neighbour").expect(0)
    away = shown(spool, f"good1@{domain}")[0]
    e2e.check_equal((away["class"], away["note"]), ("no-user", "away, says the neighbour"), "a reason in words", away)
    more = case.write("more.csv", "email,class,until\n" + f"good2@{domain},unsubscribe,\n" +
                      f"good3@{domain},complaint,2020-01-01\n")
    e2e.check_equal(suppress(spool, "import", more, "--json").expect(0).json["done"], 1, "one row; the other ended in 2020")
    suppress(spool, "remove", f"hand@{domain}").expect(0)
    bad = case.write("bad.csv", f"email,class\ngood4@{domain},no-user\nnonsense,no-user\n")
    e2e.check("bad.csv:3: row 2" in suppress(spool, "import", bad).expect(e2e.USAGE).err, "a bad row is named")
    e2e.check_equal(shown(spool, f"good2@{domain}")[0]["state"], "suppressed", "imported beside the sender")
    spool.queue("resume", "--campaign", "three").expect(0)
    result = sender.wait(60 * case.patience).expect(e2e.SOME_FAILED).json
    e2e.check_equal((result["suppressed"], result["accepted"]), (DEAD + 2, GOOD - 2 + 1), "the third campaign", result)
    locked(spool, domain)
    exported = suppress(spool, "export").expect(0).out.splitlines()
    e2e.check_equal(exported[0], "address,class,source,time,until,tenant,stream,note", "header of the export")
    back = case.write("back.csv", "\n".join(exported) + "\n")
    suppress(spool, "import", back).expect(0)
    e2e.check_equal(suppress(spool, "export").expect(0).out.splitlines(), exported, "export and import agree")
    denied(case, spool, template)
    damaged(case, spool)


def denied(case, spool, template):
    """A domain that does not exist: who is suppressed is so there too, no bounce."""
    suppress(spool, "add", "off@nowhere.test").expect(0)
    rows = case.write("denied.csv", "email,n\noff@nowhere.test,1\non@nowhere.test,2\n")
    run = spool.send_list(template, rows, "denied").expect(e2e.SOME_FAILED).json
    e2e.check_equal((run["suppressed"], run["failed"]), (1, 1), "a domain without an answer", run)
    by_domain(spool)


def by_domain(spool):
    """How campaigns fare at one domain."""
    lines = spool.queue("summary", "--domain", "NOWHERE.test", "--json").expect(0).json_lines
    e2e.check_equal([[line[key] for key in ("campaign", "domain", "recipients", "suppressed", "failed", "queued")]
                     for line in lines], [["denied", "nowhere.test", 2, 1, 1, 0]], "the summary of a domain", lines)
    lines = {line["campaign"]: line for line in spool.queue("summary", "--domain", "d0.test", "--json").expect(0).json_lines}
    e2e.check_equal(sorted(lines), ["one", "three", "two"], "campaigns with this domain")
    whole = spool.summary("two")
    e2e.check_equal({key: whole[key] for key in lines["two"] if key != "domain"},
                    {key: value for key, value in lines["two"].items() if key != "domain"}, "all of it is there")
    run = spool.queue("summary", "--domain", "d0.test", "--campaign", "three").expect(0)
    e2e.check("campaign=three " in run.out and "domain=d0.test " in run.out and run.out.count("\n") == 1, "plain", run)
    e2e.check_equal(spool.queue("summary", "--domain", "other.test", "--json").expect(0).out, "", "nobody there")
    for verb in ("pause", "resume", "cancel"):
        refused(spool.queue(verb), f"{verb} what? Say --campaign C")
        refused(spool.queue(verb, "--campaign", "one", "--domain", "u@d0.test"), '"u@d0.test" is no domain')


def imported(spool, name, content, *more):
    return suppress(spool, "import", spool.case.write(name, content), *more)


def refused(run, *said):
    run.expect(e2e.USAGE)
    for words in said:
        e2e.check(words in run.err, f"it says {words}", run)


def shown_once(spool):
    """One address, one answer: whom mail is forbidden is not free as well."""
    line, = shown(spool, "c@x.test")
    e2e.check_equal((line["state"], line["stream"], line["standing"]["domain"]), ("suppressed", "bulk", "x.test"), "who is", line)
    run = suppress(spool, "show", "c@x.test").expect(0)
    e2e.check("c@x.test: suppressed: no mail of this scope" in run.out and "free" not in run.out, "in plain words", run)
    suppress(spool, "add", "c@x.test", "--scope", "t2").expect(0)
    e2e.check_equal(sorted((line["state"], line["tenant"]) for line in shown(spool, "c@x.test")),
                    [("suppressed", ""), ("suppressed", "t2")], "two scopes")
    suppress(spool, "remove", "c@x.test", "--scope", "t2").expect(0)
    e2e.check_equal(sorted((line["state"], line["tenant"]) for line in shown(spool, "c@x.test")),
                    [("suppressed", ""), ("withdrawn", "t2")], "one is lifted")
    e2e.check_equal([line["state"] for line in shown(spool, "nobody@x.test")], ["free"], "nothing against nobody")
    for address, *scope in (("c@x.test", "--scope", "t2"), ("c@x.test",), ("nobody@x.test",)):
        run = suppress(spool, "remove", address, *scope).expect(e2e.SOME_FAILED)
        e2e.check(f"{address}: nothing was removed" in run.err and "done" not in run.out, "there is nothing to remove", run)
    e2e.check_equal(sorted(line["state"] for line in shown(spool, "c@x.test")), ["suppressed", "withdrawn"], "it still holds")


def importing(case):
    """What the columns of others are called; none of them may widen a suppression in silence."""
    spool = e2e.Spool(case, "import", port=25, dns=53)
    imported(spool, "terms.csv", "Email,Reason,expiry,scope\na@x.test,complaint,2099-01-02,t1\n"
             "b@x.test,unsubscribe,,t1/bulk\nc@x.test,,,\nd@x.test,,,*\n", "--scope", "/bulk").expect(0)
    e2e.check_equal([(a, line["class"], (line["until"] or "")[:10], line["tenant"], line["stream"])
                     for a, line in sorted(listed(spool).items())],
                    [("a@x.test", "complaint", "2099-01-02", "t1", ""), ("b@x.test", "unsubscribe", "", "t1", "bulk"),
                     ("c@x.test", "no-user", "", "", "bulk"), ("d@x.test", "no-user", "", "", "")], "what was imported")
    for header, column, meant in (("email,expirry", 2, "expiry"), ("email,n,valid_until", 3, "until"),
                                  ("email,Tenant_ID", 2, "tenant"), ("mail,reason", 1, "email"),
                                  ("email,expires_at", 2, "expiry")):
        row = "z@x.test" + "," * header.count(",")
        refused(imported(spool, "near.csv", f"\n{header}\n{row}\n"),
                f"near.csv:2:{column}: column \"{header.split(',')[column - 1]}\"", f'did you mean "{meant}"')
    refused(imported(spool, "twice.csv", "email,until,expiry\nz@x.test,,\n"), ":1:3: ", 'the same as "until"')
    refused(imported(spool, "both.csv", "email,scope,stream\nz@x.test,,\n"), ":1:2: ", 'the same as "stream"')
    refused(imported(spool, "lane.csv", "email,scope\nz@x.test,bulk\n"), "lane.csv:2: ", '"bulk" is no scope')
    refused(imported(spool, "none.csv", "name,city\nz,y\n"), "none.csv:1:1: ", "the columns are address (or email)")
    refused(imported(spool, "words.csv", "hello\n"), "the columns are address (or email)")
    refused(imported(spool, "far.csv", f"email,{'x' * 80}_until\nz@x.test,\n"), "far.csv:1:2: ", 'did you mean "until"')
    for scope in ("t1/Bulk", "/newsletter"):
        refused(imported(spool, "stream.csv", f"email,scope\nz@x.test,{scope}\n"), "stream.csv:2: ", "is no stream")
        refused(suppress(spool, "add", "z@x.test", "--scope", scope), "a stream is bulk")
    # An end that is over does not end what stands.
    for end in ("0", "30", "2020-01-01"):
        refused(imported(spool, "plain.csv", "email\nc@x.test\n", "--expiry", end), f"--until {end} is over already")
        refused(suppress(spool, "add", "c@x.test", "--until", end), f"--until {end} is over already")
    run = imported(spool, "old.csv", "email,until\nd@x.test,2020-01-01\n", "--json").expect(0)
    e2e.check_equal(run.json["done"], 0, "what has ended is not imported", run)
    e2e.check("not imported: 1 that ended in the past" in run.err, "and that is told", run)
    e2e.check({"c@x.test", "d@x.test"} <= set(listed(spool)), "both are still suppressed")
    refused(suppress(spool, "add", "z@x.test", "--scope", "t", "--tenant", "t"), "a second time")
    refused(suppress(spool, "add", "z@x.test", "--source", "ops"), '"ops"', "operator or import")
    refused(suppress(spool, "add", "z@x.test", "--class", "nonsense"), '"nonsense"')
    e2e.check("z@x.test" not in listed(spool), "what was refused is not imported")
    run = imported(spool, "more.csv", "email,name,city\ne@x.test,E,Bonn\n").expect(0)
    e2e.check("not used: column name, city\n" in run.err, "what is not used is named", run)
    shown_once(spool)
    plain = case.write("plain", "f@x.test\ng@x.test\n")
    with open(plain, "rb") as stdin:
        run = suppress(spool, "import", "-", "--expiry", "2099-01-02", "--reason", "complaint", "--json", stdin=stdin)
    e2e.check_equal(run.expect(0).json["done"], 2, "addresses without a header", run)
    line = listed(spool)["f@x.test"]
    e2e.check_equal((line["class"], line["until"][:10]), ("complaint", "2099-01-02"), "what the options say", line)
    e2e.check_equal(imported(spool, "one", "h@x.test", "--json").expect(0).json["done"], 1, "one address")


def no_spool(case):
    """Looking makes nothing; who only says `queue` learns what can be said."""
    spool = e2e.Spool(case, "nothing", port=25, dns=53)
    looks = [("queue", "summary"), ("queue", "list"), ("queue", "verify"), ("queue", "pause", "--campaign", "c"),
             ("suppress", "list"), ("suppress", "show", "a@x.test"), ("suppress", "export"), ("suppress", "remove", "a@x.test")]
    for folder in ("absent", "empty"):
        if folder == "empty":
            os.mkdir(spool.folder)
        for look in looks:
            refused(case.tool(*look, "--config", spool.config), spool.folder)
        e2e.check_equal(os.path.exists(spool.folder) and os.listdir(spool.folder), [] if folder == "empty" else False,
                        f"what was made of an {folder} folder")
    refused(case.tool("queue"), "summary, status, list, show, pause, resume, cancel or verify?")
    suppress(spool, "add", "a@x.test").expect(0)
    e2e.check_equal(list(listed(spool)), ["a@x.test"], "a spool of suppressions alone")
    refused(spool.queue("summary"), "no queue")


def main():
    with e2e.Case("suppress") as case:
        case.step(no_spool)
        case.step(importing)
        case.step(campaigns)


if __name__ == "__main__":
    main()
