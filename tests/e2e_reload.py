"""SIGHUP beside a running sender: a good configuration takes effect, a broken one is told and changes nothing, and what needs a
restart is named.
"""
import signal
import time

import e2e
import world

COUNT = 3000


def main():
    with e2e.Case("reload") as case:
        zone = world.Zone()
        zone.add("d0", "MX", "10 mx.d0")
        zone.add("mx.d0", "A", "127.0.0.1")
        knot = case.knot(zone)
        sink = case.sink(addresses=("127.0.0.1",), ipv6=False)
        spool = e2e.Spool(case, "spool", port=sink.port, dns=knot.port, shards=2,
                          limits='connections: 50, messages_per_second_per_site: "600/min"')
        template = case.write("news.eml", e2e.SHORT_TEMPLATE)
        rows = e2e.write_rows(case.path("list.csv"), [(f"u{i}@d0.test", i) for i in range(COUNT)], ("email", "n"))
        sender = spool.start_list(template, rows, "c", "--until", "done")
        e2e.wait_for(lambda: e2e.line_count(sink.ledger) >= 5, 20, "the first messages")

        spool.configure(limits="connections: 50, messages_per_second_per_site: fast")
        sender.signal(signal.SIGHUP)
        e2e.wait_for(lambda: "messages_per_second_per_site" in sender.err(), 10, "the complaint about the broken file")
        before = e2e.line_count(sink.ledger)
        time.sleep(2)
        slow = e2e.line_count(sink.ledger) - before
        e2e.check(0 < slow < 200, "the old rate is kept", slow, sender.err())

        for _ in range(5):  # a storm of signals is one reload after the other
            sender.signal(signal.SIGHUP)
        time.sleep(0.5)  # the file is not written in one piece
        spool.configure(limits="connections: 70", extra="")
        sender.signal(signal.SIGHUP)
        e2e.wait_for(lambda: "only after a restart: limits.connections\n" in sender.err(), 10,
                     "what needs a restart")
        run = sender.wait(60)
        run.expect(0)
        e2e.check_equal(run.json["accepted"], COUNT, "accepted", run)
        ledger = e2e.Ledger(sink.ledger, spool.events())
        e2e.check_equal((ledger.lost, ledger.duplicates), (0, 0), "lost and duplicates")
        case.note(f"{slow} messages in two seconds under the old rate, all {COUNT} within {run.seconds:.0f} s after "
                  "the new one")


if __name__ == "__main__":
    main()
