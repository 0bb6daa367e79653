"""One campaign to many receivers, each with one bad habit: every habit has its defined outcome in the events, a healthy
receiver gets all its mail meanwhile, and the campaign ends.

Each habit is a listener of its own (127.0.1.N) that is the mail host of one domain. What never answers at all is a
campaign of its own (silent), ended by --until.
"""
import collections

import e2e
import world

RECIPIENTS = 3     # of each domain
HEALTHY = 2000     # of the healthy domain
DELIVERED = [("Delivery", "dot", "reply", 250)]
PROTOCOL, LOST = "protocol", "lost"


def deferred(stage, cause="reply", code=0):
    return [("TransientFailure", stage, cause, code)]


def failed(stage, code):
    return [("Bounce", stage, "reply", code)]


def any_of(*outcomes):
    return [outcome for outcome in outcomes for outcome in outcome]


# With the dot the next message's MAIL has left: when the connection ends there, both have an outcome.
BROKEN_AT_DOT = [("unsure", "dot", LOST, 0), *deferred("mail", LOST)]

# Name: rules of the persona, and the outcomes that each attempt may have.
HABITS = {
    "healthy": ("", DELIVERED),
    # 4yz at each step
    "greet4": ("greeting reply 450 4.3.2 not now", deferred("greeting", code=450)),
    "ehlo4": ("ehlo reply 451 4.3.0 not now\nhelo reply 451 4.3.0 not now", deferred("ehlo", code=451)),
    "mail4": ("mail reply 451 4.7.1 not now", deferred("mail", code=451)),
    "rcpt4": ("rcpt reply 450 4.2.1 not now", deferred("rcpt", code=450)),
    "data4": ("data reply 451 4.3.0 not now", deferred("data", code=451)),
    "dot4": ("dot reply 452 4.2.2 mailbox full", deferred("dot", code=452)),
    # 5yz at each step: before MAIL it is about the host, and another one may take the mail later
    "greet5": ("greeting reply 554 5.7.1 go away", deferred("greeting", code=554)),
    "ehlo5": ("ehlo reply 550 5.7.1 go away\nhelo reply 550 5.7.1 go away", deferred("ehlo", code=550)),
    "mail5": ("mail reply 550 5.7.1 no", failed("mail", 550)),
    "rcpt5": ("rcpt reply 550 5.1.1 no such user", failed("rcpt", 550)),
    "data5": ("data reply 554 5.5.1 no", failed("data", 554)),
    "dot5": ("dot reply 554 5.6.0 looks like spam", failed("dot", 554)),
    "rcpt5liar": ("rcpt reply 550 5.1.1 no such user\ndata reply 354 go on all the same", failed("rcpt", 550)),
    # an old server: EHLO is not known, HELO is
    "helo": ("ehlo reply 502 5.5.1 what", DELIVERED),
    "plain": ("no-pipelining\nno-extensions", DELIVERED),
    # 421 at each step
    "greet421": ("greeting reply 421 4.3.2 shutting down", deferred("greeting", code=421)),
    "ehlo421": ("ehlo reply 421 4.3.2 shutting down", deferred("ehlo", code=421)),
    "mail421": ("mail reply 421 4.3.2 shutting down", deferred("mail", code=421)),
    "rcpt421": ("rcpt reply 421 4.3.2 shutting down", deferred("rcpt", code=421)),
    "data421": ("data reply 421 4.3.2 shutting down", deferred("data", code=421)),
    "dot421": ("dot reply 421 4.3.2 shutting down", any_of(deferred("dot", code=421), deferred("mail", code=421))),
    "later421": ("mail after 1 close 421 4.7.0 enough", any_of(DELIVERED, deferred("mail", code=421))),
    # the connection breaks at each step
    "greetdrop": ("greeting drop", deferred("greeting", LOST)),
    "ehlodrop": ("ehlo drop", deferred("ehlo", LOST)),
    "maildrop": ("mail drop", deferred("mail", LOST)),
    "rcptdrop": ("rcpt drop", deferred("rcpt", LOST)),
    "datadrop": ("data drop", deferred("data", LOST)),
    "bodydrop": ("body after 100 drop", any_of(deferred("body", LOST), BROKEN_AT_DOT)),
    "dotdrop": ("dot drop", BROKEN_AT_DOT),
    "dotdropliar": ("dot drop accepted", BROKEN_AT_DOT),
    "quitdrop": ("quit drop", DELIVERED),
    "refuse": ("refuse", deferred("connect", "connect")),
    # replies that come oddly, but are right
    "split": ("split 1", DELIVERED),
    "wordy": ("mail lines 100 250 and another thing", DELIVERED),
    "textless": (r"mail raw 250\r\n", DELIVERED),
    "barelf": (r"mail raw 250 ok\n", any_of(DELIVERED, deferred("mail", PROTOCOL))),
    "control": (r"rcpt raw 550 5.1.1 \x1b[2Jno\x07such\x7fuser\r\n", failed("rcpt", 550)),
    "nul": (r"rcpt raw 550 5.1.1 no\0such user\r\n", deferred("rcpt", PROTOCOL)),
    # replies that are wrong
    "flood": ("mail lines endless 250 and another thing", deferred("mail", PROTOCOL)),
    "floodgreeting": ("greeting lines endless 220 hello", deferred("greeting", PROTOCOL)),
    "longline": (r"mail raw 250 " + "x" * 2000 + "x" * 40 + r"\r\n", any_of(DELIVERED, deferred("mail", PROTOCOL))),
    "garbage": (r"mail raw hello\r\n", deferred("mail", PROTOCOL)),
    "code999": (r"mail raw 999 what\r\n", deferred("mail", PROTOCOL)),
    "empty": (r"mail raw \r\n", deferred("mail", PROTOCOL)),
    "mixed": (r"mail raw 250-one\r\n550 two\r\n", deferred("mail", PROTOCOL)),
    "twice": ("rcpt twice", any_of(deferred("rcpt", PROTOCOL), deferred("data", PROTOCOL),
                                   [("unsure", "dot", PROTOCOL, 0)])),
    "twicemail": ("mail twice", any_of(deferred("mail", PROTOCOL), deferred("rcpt", PROTOCOL),
                                       deferred("data", PROTOCOL))),
    "early": (r"greeting raw 220 hi\r\n250 too early\r\n",
              any_of(deferred("greeting", PROTOCOL), deferred("ehlo", PROTOCOL))),
}

# No answer at all, at each step, and a reply too few; the sender is told to stop after a few seconds.
SILENT = ("greeting", "ehlo", "mail", "rcpt", "data", "dot")


def make_world(case, names):
    zone = world.Zone()
    for number, name in enumerate(names, 1):
        zone.add(name, "MX", f"10 mx.{name}")
        zone.add(f"mx.{name}", "A", f"127.0.1.{number}")
    return case.knot(zone)


def make_personas(rules):
    text = ""
    for number, (name, lines) in enumerate(rules, 1):
        if lines:
            text += f"persona {name}\nlistener {number}\n{lines}\n\n"
    return text


def outcome_of(event):
    kind = "unsure" if event["unsure"] else event["type"]
    return kind, event["stage"], event["cause"], event["response"]["code"]


def check_texts(event):
    """What a receiver said can be shown and stored: printable, one line, bounded."""
    text = event["response"]["content"]
    e2e.check(all(ord(c) >= 32 and ord(c) != 127 for c in text), "control characters in the response", event)
    e2e.check(len(text) <= 2048, "a response without bounds", event)


def habits(case):
    names = list(HABITS)
    knot = make_world(case, names)
    sink = case.sink(addresses=[f"127.0.1.{n}" for n in range(1, len(names) + 1)], ipv6=False,
                     personas=make_personas([(n, HABITS[n][0]) for n in names]))
    spool = e2e.Spool(case, "habits", port=sink.port, dns=knot.port)
    rows = [(f"r{i}@{name}.test", i) for i in range(RECIPIENTS) for name in names if name != "healthy"]
    rows += [(f"r{i}@healthy.test", i) for i in range(HEALTHY)]
    run = spool.send_list(case.write("t.eml", e2e.SHORT_TEMPLATE),
                          e2e.write_rows(case.path("list.csv"), rows, ("email", "n")), "habits", seconds=60)
    run.expect(e2e.STILL_QUEUED)
    e2e.check_counts(run.json, run, recipients=len(rows))
    events = spool.events()
    by_domain = collections.defaultdict(list)
    for event in events:
        check_texts(event)
        by_domain[event["recipient"].partition("@")[2].partition(".")[0]].append(event)
    problems = []
    for name, (_, wanted) in HABITS.items():
        count = HEALTHY if name == "healthy" else RECIPIENTS
        seen = collections.Counter(outcome_of(e) for e in by_domain[name])
        people = len({e["recipient"] for e in by_domain[name]})
        if people != count or any(outcome not in wanted for outcome in seen):
            problems.append(f"{name}: {people} of {count} recipients: {dict(seen)} instead of {wanted}: "
                            f"{by_domain[name][:1]}")
        for event in by_domain[name]:
            e2e.check(event["num_attempts"] == 1, "one attempt, later ones wait", event)
    e2e.check(not problems, f"{len(problems)} habits have another outcome", *problems)
    check_promptness(events)
    ledger_of(sink, events, by_domain)
    case.note(f"{len(HABITS)} habits in {run.seconds:.1f} s, each with its outcome")


def check_promptness(events):
    """The healthy domain's mail did not wait for the others."""
    times = sorted(e["timestamp"] for e in events if e["recipient"].endswith("@healthy.test"))
    start = min(e["created"] for e in events)
    e2e.check(times[-1] - start < 15, f"the healthy domain was served {times[-1] - start:.1f} s after the start")


def ledger_of(sink, events, by_domain):
    """What counts as delivered was accepted, once; what was accepted without an answer is unsure."""
    sink.close()
    entries = list(e2e.read_lines(sink.ledger))
    # The sink believes that it took this recipient: what it got then is a lone dot (RFC 2920).
    refused = [entry for entry in entries if entry["rcpt"][0].endswith("@control.test")]
    e2e.check(all(entry["size"] == 0 for entry in refused), "content for a refused recipient", refused)
    accepted = collections.Counter(r for entry in entries if entry not in refused for r in entry["rcpt"])
    delivered = {e["recipient"] for e in events if e["type"] == "Delivery"}
    unsure = {e["recipient"] for e in by_domain["dotdropliar"] if e["unsure"]}
    e2e.check_equal(set(accepted) - delivered, unsure, "accepted, but not delivered in the events")
    e2e.check_equal(delivered - set(accepted), set(), "delivered in the events, but never accepted")
    e2e.check_equal(max(accepted.values()), 1, "accepted more than once")


def silence(case):
    names = ["healthy"] + [f"silent{step}" for step in SILENT] + ["fewer"]
    knot = make_world(case, names)
    rules = [("healthy", "")] + [(f"silent{step}", f"{step} silence") for step in SILENT] + \
        [("fewer", "rcpt skip")]
    sink = case.sink(addresses=[f"127.0.1.{n}" for n in range(1, len(names) + 1)], ipv6=False,
                     personas=make_personas(rules))
    spool = e2e.Spool(case, "silence", port=sink.port, dns=knot.port)
    rows = [(f"r{i}@{name}.test", i) for name in names for i in range(100 if name == "healthy" else 2)]
    run = spool.send_list(case.write("t.eml", e2e.SHORT_TEMPLATE),
                          e2e.write_rows(case.path("list.csv"), rows, ("email", "n")), "silence",
                          "--until", "4s", seconds=60)
    run.expect(e2e.STILL_QUEUED)
    e2e.check_counts(run.json, run, recipients=len(rows), accepted=100, failed=0)
    e2e.check(run.seconds < 45 * case.patience, "stopping takes at most 30 s", run)
    seen = collections.defaultdict(set)
    for event in spool.events():
        seen[event["recipient"].partition("@")[2].partition(".")[0]].add(outcome_of(event)[:3])
    e2e.check_equal(seen.pop("healthy"), {("Delivery", "dot", "reply")}, "the healthy domain")
    # Once the content has left, nobody knows: unsure. Before that nothing was tried that counts.
    e2e.check_equal({o[0] for o in seen.pop("silentdot")}, {"unsure"}, "silence after the dot")
    for name, outcomes in seen.items():
        e2e.check(all(o[0] == "TransientFailure" for o in outcomes), f"{name} has another outcome", outcomes)
    counts = spool.summary("silence")
    e2e.check_equal(counts["accepted"], 100, "accepted", counts)
    case.note(f"{len(SILENT)} kinds of silence ended by --until in {run.seconds:.1f} s")


def main():
    with e2e.Case("personas") as case:
        case.step(habits)
        case.step(silence)


if __name__ == "__main__":
    main()
