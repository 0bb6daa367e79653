"""A campaign whose stored template does not compile (another version of ringpost took it) is held, alone: the spool opens,
other campaigns go on, everybody is told its name and why; it can be cancelled, and goes on where it does compile.
"""
import glob
import os
import struct
import time

import e2e
import world

GOOD = "Number {{n}} for"
BAD = "Number {{n}  for"
BATCH_MAGIC = 0x48435442
PAGE = 4096


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data, start=0):
    crc = start ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def patch_batch(image, file_id, at, old, new):
    """Changes the template in one batch and makes all its CRCs good again (docs/queue-format.md)."""
    size = struct.unpack_from("<I", image, at + 12)[0]
    changed, place = 0, at + 40
    while place + 12 <= at + 40 + size:
        length = struct.unpack_from("<I", image, place + 4)[0]
        payload = bytes(image[place + 12:place + 12 + length])
        if old in payload:
            image[place + 12:place + 12 + length] = payload.replace(old, new)
            struct.pack_into("<I", image, place, crc32c(image[place + 4:place + 12 + length]))
            changed += 1
        place += (12 + length + 7) // 8 * 8
    seed = crc32c(struct.pack("<QQ", file_id, at))
    struct.pack_into("<I", image, at + 8, crc32c(image[at + 40:at + 40 + size], seed))
    struct.pack_into("<I", image, at + 4, crc32c(image[at + 8:at + 40], seed))
    return changed


def patch(spool, old, new):
    changed = 0
    for path in glob.glob(os.path.join(spool, "segments", "*.seg")):
        file_id = int(os.path.basename(path)[:16], 16)
        with open(path, "r+b") as f:
            image = bytearray(f.read(1 << 20))
            at = PAGE
            while at + 40 <= len(image) and struct.unpack_from("<I", image, at)[0] == BATCH_MAGIC:
                changed += patch_batch(image, file_id, at, old.encode(), new.encode())
                at += (40 + struct.unpack_from("<I", image, at + 12)[0] + 7) // 8 * 8
            f.seek(0)
            f.write(image)
    return changed


def open_scene(case):
    zone = world.Zone()
    zone.add("d0", "MX", "10 mx.d0")
    zone.add("mx.d0", "A", "127.0.0.1")
    knot = case.knot(zone)
    sink = case.sink(addresses=("127.0.0.1",), ipv6=False)
    return sink, e2e.Spool(case, "held", port=sink.port, dns=knot.port)


def check_told(run):
    e2e.check('campaign "bad" is held' in run.err and "does not compile, line" in run.err, "it says so", run)


def held(case):
    sink, spool = open_scene(case)
    e2e.check(GOOD in e2e.SHORT_TEMPLATE, "the template is the one that this test breaks")
    template = case.write("t.eml", e2e.SHORT_TEMPLATE)
    rows = {name: e2e.write_rows(case.path(name + ".csv"), [(f"{name}{i}@d0.test", i) for i in range(20)],
                                 ("email", "n")) for name in ("bad", "good", "more")}
    spool.send_list(template, rows["bad"], "bad", "--at", "+4s", "--until", "1s").expect(e2e.STILL_QUEUED)
    record = spool.queue("list", "--json").expect(0).json_lines[0]
    e2e.check_equal(patch(spool.folder, GOOD, BAD), 1, "templates broken")
    spool.verify()  # the file is whole: nothing but the template is wrong
    time.sleep(4)  # it would be due
    # Another campaign goes on, whatever is waited for.
    for name, until in (("good", "idle"), ("more", "done")):
        run = spool.send_list(template, rows[name], name, "--until", until, seconds=30)
        run.expect(e2e.ALL_ACCEPTED)
        e2e.check_counts(run.json, run, accepted=20)
        check_told(run)
    summary = spool.summary("bad")
    e2e.check_equal((summary["state"], summary["queued"]), ("held", 20), "state, queued", summary)
    e2e.check("does not compile, line" in summary["held_because"], "why", summary)
    e2e.check_equal(spool.summary("good")["state"], "done", "the other's state")
    plain = spool.queue("summary", "--campaign", "bad").expect(0).out
    e2e.check("state=held" in plain and "held_because=the stored template" in plain, "the plain form", plain)
    shown = spool.queue("show", record["id"], "--json").expect(0).json_lines[0]
    e2e.check("does not compile" in shown["held_because"], "a recipient of it", shown)
    run = spool.send_list(template, rows["bad"], "bad").expect(e2e.USAGE)
    e2e.check('"bad" is held' in run.err and "cancelled" in run.err, "sending it", run)
    spool.queue("pause", "--campaign", "bad").expect(0)
    run = spool.queue("resume", "--campaign", "bad")
    e2e.check(run.code != 0 and "cannot be resumed" in run.err, "resuming it", run)
    return sink, spool, template, rows


def mended(sink, spool, template, rows):
    """By a program that can read it it is sent as if nothing had been."""
    e2e.check_equal(patch(spool.folder, BAD, GOOD), 1, "templates mended")
    e2e.check_equal(spool.summary("bad")["state"], "paused", "its own state")
    spool.queue("resume", "--campaign", "bad").expect(0)
    run = spool.send_list(template, rows["bad"], "bad", "--until", "done", seconds=30).expect(e2e.ALL_ACCEPTED)
    e2e.check_counts(run.json, run, accepted=20)
    e2e.wait_for(lambda: e2e.line_count(sink.ledger) >= 60, 5, "60 messages in the ledger")
    ledger = e2e.Ledger(sink.ledger, spool.events())
    e2e.check_equal((ledger.lost, ledger.duplicates, ledger.strangers, ledger.recipients), (0, 0, 0, 60),
                    "lost, duplicates, strangers, accepted")


def cancelled(sink, spool, template, rows):
    """Somebody gives it up: no content is needed for that."""
    del sink
    spool.send_list(template, rows["bad"], "worse", "--at", "+1h", "--until", "1s").expect(e2e.STILL_QUEUED)
    e2e.check(patch(spool.folder, GOOD, BAD) >= 1, "templates broken")
    e2e.check_equal(spool.summary("worse")["state"], "held", "its state")
    spool.queue("cancel", "--campaign", "worse", "--yes").expect(0)
    summary = spool.summary("worse")
    e2e.check_equal((summary["state"], "held_because" in summary), ("cancelled", False), "its state", summary)


def main():
    with e2e.Case("held") as case:
        scene = held(case)
        mended(*scene)
        cancelled(*scene)
        case.note("a template that does not compile held its campaign, and no other")


if __name__ == "__main__":
    main()
