"""kill -9 of the sender at random moments of a campaign, then the same command again: nothing is lost, and what
comes twice is at most what was in flight at a kill. 10 kills (50 with --long) spread over loading and sending.

The bound: a kill can double what the sink had accepted and no journal had made durable: one message a
session under DATA (a session waits for the answer to its dot before it sends the next content), plus what was
answered while the last sync was under way. A disk in trouble syncs slowly: UNSYNCED is what arrives in 50 ms.
"""
import collections
import glob
import os
import random
import time

import e2e
import world

SESSIONS = 40
SITES = 20
UNSYNCED = 256


def make_world(case, count):
    zone = world.Zone()
    for n in range(SITES):
        zone.add(f"d{n}", "MX", f"10 mx.d{n}")
        zone.add(f"mx.d{n}", "A", f"127.0.0.{1 + n % 3}")
    knot = case.knot(zone)
    # Slow enough for kills in the middle: 20 sites of 2 sessions, 5 ms a flight.
    sink = case.sink("--delay", "5", ipv6=False)
    spool = e2e.Spool(case, port=sink.port, dns=knot.port, verp=True,
                      retry="schedule: [1s, 1s, 2s], lifetime: 10m",
                      limits=f"connections: {SESSIONS}, connections_per_site: 2")
    rows = e2e.write_rows(case.path("list.csv"),
                          [(f"u{i}@d{i % SITES}.test", i) for i in range(count)], ("email", "n"))
    return sink, spool, case.write("t.eml", e2e.SHORT_TEMPLATE), rows


def kill_rounds(case, spool, sink, template, rows, count, kills):
    """Starts and kills the sender; some kills early (while it loads or recovers), most while it sends."""
    draw = random.Random(7)
    killed_sending = 0
    for number in range(kills):
        before = e2e.line_count(sink.ledger)
        sender = spool.start_list(template, rows, "c", "--until", "done")
        if number < kills // 5:
            time.sleep(draw.random() * 0.15)
        else:
            # Wait for mail to flow again, then a random while.
            target = before + draw.randrange(1, max(2, count // (2 * kills)))
            e2e.wait_for(lambda target=target, sender=sender:
                         e2e.line_count(sink.ledger) >= target or sender.poll() is not None,
                         60 * case.patience, "mail after a restart")
            killed_sending += 1
        if sender.poll() is not None:
            sender.run().expect(e2e.ALL_ACCEPTED)
            return number, killed_sending
        sender.kill()
    return kills, killed_sending


def check_outcome(case, spool, sink, run, count, kills):
    result = run.json
    e2e.check_counts(result, run, recipients=count, accepted=count, failed=0, queued=0)
    sink.close()
    events = spool.events()
    ledger = e2e.Ledger(sink.ledger, events)
    e2e.check_equal(ledger.lost, 0, "lost: delivered in the events, unknown to the sink")
    e2e.check_equal(len(ledger.delivered), count, "deliveries in the events")
    e2e.check_equal(ledger.delivered_twice, 0, "settled twice")
    e2e.check_equal(ledger.strangers, 0, "accepted by the sink, unknown to the events")
    seen = collections.Counter(r for entry in ledger.entries for r in entry["rcpt"])
    e2e.check_equal(len(seen), count, "recipients in the ledger")
    e2e.check(ledger.duplicates <= (SESSIONS + UNSYNCED) * kills,
              f"{ledger.duplicates} duplicates of {kills} kills with {SESSIONS} sessions")
    e2e.check(max(seen.values()) <= 1 + kills, "one recipient got it more often than there were kills")
    # All copies of one message carry one Message-ID, so that a receiver can drop them.
    ids = collections.defaultdict(set)
    for entry in ledger.entries:
        ids[entry["rcpt"][0]].add(entry["message_id"])
    e2e.check(all(len(i) == 1 for i in ids.values()), "a duplicate with another Message-ID")
    verp = e2e.Verp(spool.key)
    for entry in ledger.entries:
        _, ordinal, _ = verp.read(entry["from"])
        e2e.check_equal(entry["rcpt"], [f"u{ordinal}@d{ordinal % SITES}.test"], "return path", entry)
    audit = e2e.audit(case, sink.ledger, spool)
    e2e.check_equal((audit["lost"], audit["strangers"]), (0, 0), "ringpost-bench audit", audit)
    e2e.check_equal(audit["duplicates"] + audit.get("duplicates_unsure", 0), ledger.duplicates,
                    "duplicates in the audit", audit)
    return ledger


def cut_segment(case, template):
    """A file that the sender has mapped is truncated: it says which, ends, and starts again with what is left."""
    sink = case.sink("--delay", "20", ipv6=False)
    spool = e2e.Spool(case, "cut", port=sink.port, routes={"*": ["127.0.0.1"]},
                      limits="connections: 2, connections_per_site: 2")
    rows = e2e.write_rows(case.path("cut.csv"), [(f"u{i}@cut.test", i) for i in range(2000)], ("email", "n"))
    sender = spool.start_list(template, rows, "cut")
    e2e.wait_for(lambda: e2e.line_count(sink.ledger) >= 20, 30 * case.patience, "mail")
    segment = max(glob.glob(os.path.join(spool.folder, "segments", "*.seg")), key=os.path.getmtime)
    os.truncate(segment, 4096)
    run = sender.wait(30 * case.patience)
    e2e.check_equal(run.code, e2e.IO, "exit code", run)
    e2e.check(f"the file {segment} cannot be read at offset" in run.err, "the message names the file", run)
    # The kernel takes the dead sender's ring apart a moment later.
    e2e.wait_for(lambda: spool.queue("summary", "--json").expect(0, e2e.TRY_AGAIN).code == 0,
                 10 * case.patience, "the dead sender's control socket to be gone")
    verified = spool.queue("verify", "--json").expect(e2e.SOME_FAILED)
    e2e.check(any(line.get("lost") for line in verified.json_lines), "queue verify tells the loss", verified)
    summary = spool.summary("cut")
    e2e.check(summary is None or summary["damaged"] > 1900, "what cannot be read is counted", summary)


def main():
    with e2e.Case("kill") as case:
        kills = 50 if case.long else 10
        count = 40000 if case.long else 8000
        sink, spool, template, rows = make_world(case, count)
        cut_segment(case, template)
        done, sending = kill_rounds(case, spool, sink, template, rows, count, kills)
        e2e.check(done == kills, f"the campaign was over after {done} of {kills} kills")
        totals = spool.verify()
        summary = spool.summary("c")
        e2e.check_equal(summary["recipients"], count, "recipients after the kills", summary)
        run = spool.send_list(template, rows, "c", "--until", "done", seconds=120)
        run.expect(e2e.ALL_ACCEPTED)
        ledger = check_outcome(case, spool, sink, run, count, kills)
        spool.verify()
        case.note(f"{kills} kills ({sending} while sending) in {count} recipients: lost 0, "
                  f"{ledger.duplicates} duplicates (in flight at the kills: at most {SESSIONS * kills}), verify clean "
                  f"({totals['problems']} torn tails)")


if __name__ == "__main__":
    main()
