"""Hostile merge values through the real program: the receiver sees exactly the template's header fields, recipients and
parts, and the value itself; what cannot be shown so was refused before anything was queued.

The values and the reader's checks are those of merge_hostile_test.py; here they travel as NDJSON and CSV, through the
queue and SMTP, to aiosmtpd. 3,000 values, 10,000 with --long.
"""
import csv
import io
import json
import urllib.parse

import aiosmtpd.controller

import e2e
import merge_hostile_test as hostile

REFUSED_TRIED = 60


class Receiver:
    def __init__(self):
        self.messages = {}
        self.count = 0
        self.controller = aiosmtpd.controller.Controller(self, hostname="127.0.0.1", port=e2e.free_port())
        self.controller.start()
        self.port = self.controller.port

    async def handle_DATA(self, _server, _session, envelope):
        self.messages[tuple(envelope.rcpt_tos)] = (envelope.mail_from, envelope.original_content)
        self.count += 1
        return "250 2.0.0 kept"

    def close(self):
        self.controller.stop()


def sort_out(values):
    """Values that can be sent, and values that must be refused; long ones have a test of their own."""
    good, bad = [], []
    for value in values:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            continue  # neither JSON nor our CSV can hold it
        if hostile.must_refuse(value, True):
            bad.append(text)
        elif len(urllib.parse.quote(value, safe="-._~:/?#[]@!$&'*+;=%")) <= 700:
            good.append(text)
    return good, bad


def write_list(case, name, values):
    if name.endswith(".ndjson"):
        text = "".join(json.dumps({"email": f"r{i}@example.net", "v": value}) + "\n"
                       for i, value in enumerate(values))
    else:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(("email", "v"))
        for i, value in enumerate(values):
            writer.writerow((f"r{i}@example.net", value))
        text = out.getvalue()
    return case.write(name, text)


def sent_whole(case, values, name):
    receiver = case.closing(Receiver())
    spool = e2e.Spool(case, name.replace(".", "-"), routes={"*": [f"127.0.0.1:{receiver.port}"]})
    template = case.write("t.eml", hostile.HEADERS + hostile.BODY)
    run = spool.send_list(template, write_list(case, name, values), "c", "--until", "done", seconds=100)
    run.expect(e2e.ALL_ACCEPTED)
    e2e.check_counts(run.json, run, recipients=len(values), accepted=len(values))
    e2e.check_equal(receiver.count, len(values), "messages")
    for i, value in enumerate(values):
        got = receiver.messages.get((f"r{i}@example.net",))
        e2e.check(got is not None, f"value {i} did not arrive at its recipient alone", value)
        e2e.check_equal(got[0], e2e.SENDER, f"value {i}: the sender")
        try:
            hostile.check_full(got[1], value.encode())
        except (AssertionError, UnicodeError, AttributeError, TypeError, IndexError) as error:
            raise e2e.Failure(f"value {i} {value[:300]!r}: {error!r}\n"
                              f"{got[1][:3000].decode('ascii', 'backslashreplace')}") from None


def refused(case, values):
    spool = e2e.Spool(case, "refused", routes={"*": [f"127.0.0.1:{e2e.free_port()}"]})
    template = case.write("t.eml", hostile.HEADERS + hostile.BODY)
    for value in values:
        run = spool.send_list(template, write_list(case, "refused.ndjson", ["fine", value]))
        run.expect(e2e.USAGE)
        e2e.check("refused.ndjson:2: row 2" in run.err, "the message names file and row", run, repr(value)[:200])
        e2e.check(all(32 <= ord(c) < 127 or c == "\n" for c in run.err), "the message is printable", run)
    summary = case.tool("queue", "summary", "--config", spool.config, "--json")
    e2e.check(summary.out.strip() == "", "nothing was queued", summary)


def main():
    with e2e.Case("hostile_merge") as case:
        count = 10000 if case.long else 1500 if case.san else 3000
        good, bad = sort_out(hostile.hostile(2, count))
        case.step(sent_whole, good, "values.ndjson")
        # CSV reads its own line ends and quotes; the values are the same.
        case.step(sent_whole, good[:500], "values.csv")
        short = [value for value in bad if len(value) < 2000]
        case.step(refused, short[::max(1, len(short) // REFUSED_TRIED)])
        case.note(f"{len(good)} hostile values seen as they are, {REFUSED_TRIED} of {len(bad)} others refused by row")


if __name__ == "__main__":
    main()
