"""A whole campaign: what the sink accepted, what the events say and what should have been sent agree.

100,000 recipients (20,000 with --san) in 500 domains of every kind over a real name server; nothing
here trusts the programs' own account: the ledger is read by e2e.Ledger, return paths by e2e.Verp, and the messages
are merged a second time by merge_oracle.
"""
import collections
import csv
import hashlib
import os

import e2e
import merge_oracle
import world

PERSONAS = """
persona unknown-user
recipient *3
percent 20
rcpt reply 550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown

persona busy
recipient *7
percent 20
rcpt reply 451 4.3.2 Please try again later
"""
SENT_KINDS = ("mx", "backup", "shared", "hosted", "implicit")
CAUSES = {"null": "null-mx", "nothing": "no-address", "nxdomain": "no-domain"}


def send(case, count):
    domains, zone = world.make_domains(500)
    knot = case.knot(zone)
    sink = case.sink(personas=PERSONAS)
    spool = e2e.Spool(case, port=sink.port, dns=knot.port, verp=True,
                      retry="schedule: [1s, 2s, 4s, 8s], lifetime: 25s")
    template = case.write("template.eml", world.TEMPLATE)
    kinds = world.write_list(case.path("list.csv"), domains, count)
    run = spool.send_list(template, case.path("list.csv"), "autumn", "--metadata", "account",
                          "--until", "done", seconds=110)
    return spool, sink, dict(domains), kinds, run


def check_events(events, count, result, domains):
    """Every recipient has exactly one end, its attempts are numbered, the kinds of domains did what they do."""
    attempts = collections.defaultdict(list)
    for event in events:
        attempts[e2e.identity(event)].append(event)
    e2e.check_equal(len(attempts), count, "recipients in the events")
    ends = collections.Counter()
    for key, line in attempts.items():
        line.sort(key=lambda e: e["num_attempts"])
        numbers = [e["num_attempts"] for e in line]
        final = [e["type"] for e in line if e["type"] != "TransientFailure"]
        e2e.check(len(final) == 1 and line[-1]["type"] == final[0], "one end, and it comes last", line)
        # An expiry is no attempt of its own: it may carry the number of the last one.
        tries = numbers[:-1] if final[0] == "Expiration" else numbers
        e2e.check_equal(tries, list(range(1, len(tries) + 1)), f"attempts of {key}", line)
        kind = domains[line[0]["recipient"].rpartition("@")[2]]
        end = line[-1]
        ends[final[0]] += 1
        if kind in CAUSES:
            e2e.check_equal((end["type"], end["cause"], end["num_attempts"]),
                            ("Bounce", CAUSES[kind], 1), kind, end)
        elif kind == "servfail":
            e2e.check_equal((end["type"], line[0]["cause"]), ("Expiration", "dns-failure"), kind, line)
        else:
            e2e.check(end["type"] in ("Delivery", "Bounce", "Expiration"), kind, line)
            for event in line[:-1]:
                # On a busy machine a name server may be late; nothing else may stand in the way.
                e2e.check((event["response"]["code"], event["stage"]) == (451, "rcpt") or
                          (event["stage"], event["cause"]) == ("resolve", "dns-failure"), kind, event)
    e2e.check_equal(ends["Delivery"], result["accepted"], "deliveries in the events")
    e2e.check_equal(ends["Bounce"] + ends["Expiration"], result["failed"], "failures in the events")


def check_ledger(case, spool, sink, events, result):
    counts = sink.close()
    ledger = e2e.Ledger(sink.ledger, events)
    e2e.check_equal(ledger.lost, 0, "lost: delivered in the events, unknown to the sink")
    e2e.check_equal(ledger.duplicates, 0, "duplicates in the ledger")
    e2e.check_equal(ledger.strangers, 0, "accepted by the sink, unknown to the events")
    e2e.check_equal(ledger.delivered_twice, 0, "delivered twice in the events")
    e2e.check_equal(ledger.recipients, result["accepted"], "recipients in the ledger")
    e2e.check_equal(counts["messages"], result["accepted"], "messages the sink counted")
    e2e.check_equal(counts["protocol_errors"], 0, "protocol errors the sink counted")
    audit = e2e.audit(case, sink.ledger, spool)
    for what in ("lost", "duplicates", "strangers", "unreported", "events_repeated"):
        e2e.check_equal(audit[what], 0, f"{what} in ringpost-bench audit", audit)
    e2e.check_equal(audit["delivered"], result["accepted"], "deliveries in the audit", audit)
    return ledger


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return [{k.encode(): v.encode() for k, v in row.items()} for row in csv.DictReader(f)]


def check_messages(spool, entries, events, rows, whole_every):
    """Return paths name their recipients; bodies (and every so often whole messages) are the oracle's."""
    verp = e2e.Verp(spool.key)
    template = merge_oracle.Template(world.TEMPLATE.encode())
    delivered = {e2e.identity(e): e for e in events if e["type"] == "Delivery"}
    wholes = 0
    for entry in entries:
        campaign, ordinal, day = verp.read(entry["from"])
        row = rows[ordinal]
        e2e.check_equal(entry["rcpt"], [row[b"email"].decode()], "the return path's recipient", entry)
        event = delivered.get((campaign, ordinal))
        e2e.check(event is not None, "no delivery event for this return path", entry)
        e2e.check_equal(event["return_path"], entry["from"], "the event's return path", entry)
        e2e.check_equal(event["recipient"], entry["rcpt"][0], "the event's recipient", entry)
        e2e.check(abs(day - entry["t"] / 86400) < 1.1, "the return path's day", entry)
        e2e.check_equal(event["metadata"], {"account": row[b"account"].decode()}, "metadata", event)
        if ordinal % whole_every == 0:
            message = template.render(row, recipient=row[b"email"], campaign=campaign, ordinal=ordinal,
                                      host=e2e.SENDER.partition("@")[2].encode(), date=int(float(event["created"])))
            body = message.partition(b"\r\n\r\n")[2]
            e2e.check_equal((entry["size"], entry["body_sha256"], entry["sha256"]),
                            (len(message), hashlib.sha256(body).hexdigest(),
                             hashlib.sha256(message).hexdigest()),
                            f"the message of row {ordinal}", entry, message.decode())
            wholes += 1
    return wholes


def main():
    with e2e.Case("campaign") as case:
        count = 20000 if case.san else 100000
        spool, sink, domains, kinds, run = send(case, count)
        run.expect(e2e.SOME_FAILED)
        result = run.json
        e2e.check_counts(result, run, recipients=count, queued=0, suppressed=0, unsure=0)
        healthy = sum(kinds[k] for k in SENT_KINDS)
        e2e.check(result["accepted"] > healthy * 0.9, "most of what can be delivered is", run, kinds)
        events = spool.events()
        check_events(events, count, result, domains)
        ledger = check_ledger(case, spool, sink, events, result)
        rows = read_rows(case.path("list.csv"))
        wholes = check_messages(spool, ledger.entries, events, rows, 1 if case.long else 10)
        counts = spool.summary("autumn")
        e2e.check_equal(counts["accepted"], result["accepted"], "queue summary", counts)
        e2e.check_equal(spool.verify()["recipients"], count, "recipients that queue verify counts")
        size = sum(os.path.getsize(os.path.join(top, f)) for top, _, files in os.walk(spool.folder)
                   for f in files)
        case.note(f"{count} recipients in {run.seconds:.1f} s "
                  f"({result['messages_per_second']:.0f} messages/s of {result['seconds']:.1f} s), "
                  f"{result['accepted']} accepted, {result['failed']} failed, lost 0, duplicates 0")
        case.note(f"every return path read back, {wholes} messages merged again, "
                  f"{run.rss_bytes >> 20} MiB memory, {size >> 20} MiB spool")


if __name__ == "__main__":
    main()
