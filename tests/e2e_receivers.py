"""Real receivers: every message arrives whole at Postfix, OpenSMTPD and aiosmtpd, finished ones and merged ones.

Tricky contents: lone dots, lines that begin with dots, no body, 998 octets in a line, no line end at the end, every kind
of line end, all mixes of CR, LF and dots.
"""
import csv
import email
import email.policy
import itertools
import os
import re
import threading
import time

import aiosmtpd.controller
import aiosmtpd.smtp

import e2e
import merge_oracle
import opensmtpd
import postfix
import unpacked
import world

# Complete, so that nothing is added.
HEAD = (b"From: news@ringel.example\r\nTo: <%s>\r\nSubject: %s\r\nDate: Fri, 21 Nov 2025 18:36:00 +0000\r\n"
        b"Message-ID: <%s@ringel.example>\r\n")
MIXES = [b"".join(mix) for size in range(1, 7) for mix in itertools.product((b"\r", b"\n", b"."), repeat=size)]

BODIES = {
    "empty": b"",
    "short": b"hello\r\n",
    "lone dot": b".\r\n",
    "lone dots": b"a\r\n.\r\n.\r\n..\r\n...\r\nb\r\n.\r\n",
    "dots first": b".a\r\n..b\r\n...c\r\n. d\r\n",
    "dot at the end": b"a\r\n.",
    "no line end": b"the last line has no end",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "998 octets": b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n" + b"y" * 998,
    "LF only": b"a\nb\n.\nc\n\n.d\n",
    "CR only": b"a\rb\r.\rc\r\r.d\r",
    "mixed ends": b"a\nb\r\nc\rd\n\re\r\r\nf\n",
    "8 bit": "Grüße aus der Backstube. Łódź, 李小龙\r\n".encode() * 50,
    "smuggling": b"a\n.\nMAIL FROM:<x@evil.test>\nRCPT TO:<y@evil.test>\nDATA\nb\n.\n",
    "smuggling CR": b"a\r.\rMAIL FROM:<x@evil.test>\r\n.\rb\n.\r\nQUIT\r\n",
    "large": b"".join(b"%07d ................................................................\r\n" % i
                      for i in range(40000)),
    "mixes": b"".join(b"[%d]" % i + mix + b"x" for i, mix in enumerate(MIXES)),
}
for number, last in enumerate(MIXES):
    if len(last) <= 3:
        BODIES[f"mix {number} at the end"] = b"a" + last
        BODIES[f"mix {number} alone"] = last


def as_sent(data):
    """What a receiver must see: line ends are CRLF, the last line has one."""
    data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


class Aiosmtpd:
    """Keeps what it gets: (sender, recipients, content)."""

    def __init__(self):
        self.messages = []
        self.controller = aiosmtpd.controller.Controller(self, hostname="127.0.0.1", port=e2e.free_port())
        self.controller.start()
        self.port = self.controller.port

    async def handle_DATA(self, _server, _session, envelope):
        self.messages.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return "250 2.0.0 kept"

    def close(self):
        self.controller.stop()


def write_message(case, name, body):
    number = list(BODIES).index(name)
    head = HEAD % (f"m{number}@r.test".encode(), name.encode(), f"m{number}".encode())
    return number, head + b"\r\n" + body


def send_messages(case, spool):
    """Every body to its own recipient, each by a command of its own; several at once."""
    problems = []
    numbers = iter(BODIES)
    lock = threading.Lock()

    def work(worker):
        own = e2e.Spool(case, f"{os.path.basename(spool.folder)}-{worker}", routes=spool.base["routes"])
        while True:
            with lock:
                name = next(numbers, None)
                if name is None or problems:
                    return
                number, data = write_message(case, name, BODIES[name])
                path = case.write(f"m{number}.eml", data)
                process = case.start([case.ringpost, "send", "--config", own.config, "--from", e2e.SENDER,
                                      "--message", path, "--to", f"m{number}@r.test", "--yes", "--json"])
            try:
                run = process.wait(60 * case.patience)
                run.expect(e2e.ALL_ACCEPTED)
                e2e.check_counts(run.json, run, recipients=1, accepted=1)
            except e2e.Failure as failure:
                problems.append(f"{name}: {failure}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    e2e.check(not problems, "sending", *problems)


def compare(name, seen, wanted):
    at = next((i for i, (a, b) in enumerate(zip(seen, wanted)) if a != b), min(len(seen), len(wanted)))
    e2e.check(seen == wanted, f"{name}: {len(seen)} octets instead of {len(wanted)}, the first other one is {at}",
              f"seen   {seen[max(0, at - 40):at + 40]!r}", f"wanted {wanted[max(0, at - 40):at + 40]!r}")


def messages_to_aiosmtpd(case):
    receiver = case.closing(Aiosmtpd())
    spool = e2e.Spool(case, "a", routes={"*": [f"127.0.0.1:{receiver.port}"]})
    send_messages(case, spool)
    got = {recipients[0]: (sender, recipients, content) for sender, recipients, content in receiver.messages}
    e2e.check_equal(len(receiver.messages), len(BODIES), "messages (no more, no fewer)")
    for name in BODIES:
        number, data = write_message(case, name, BODIES[name])
        sender, recipients, content = got[f"m{number}@r.test"]
        e2e.check_equal((sender, recipients), (e2e.SENDER, [f"m{number}@r.test"]), f"{name}: the envelope")
        compare(name, content, as_sent(data))
    case.note(f"{len(BODIES)} messages whole at aiosmtpd")


def strip_trace(name, message):
    """Without what the receiver puts in front."""
    at = message.find(b"From: news@ringel.example\n")
    e2e.check(at >= 0, f"{name}: the header is not there", message[:500].decode("latin-1"))
    front = message[:at]
    for line in front.splitlines():
        e2e.check(re.match(rb"(Return-Path|X-Original-To|Delivered-To|Received|[ \t])", line),
                  f"{name}: something was added", line.decode("latin-1"))
    return message[at:]


def subject_number(message):
    return int(re.search(rb"^Message-ID: <m(\d+)@", message, re.M)[1])


def messages_to(case, receiver, server):
    """A receiver with a Maildir."""
    spool = e2e.Spool(case, receiver[:1], routes={"*": [f"127.0.0.1:{server.port}"]})
    send_messages(case, spool)
    e2e.wait_for(lambda: len(server.files()) >= len(BODIES), 30 * case.patience, f"{receiver} to deliver")
    time.sleep(0.3)
    files = {subject_number(message): message for message in server.files()}
    e2e.check_equal(len(server.files()), len(BODIES), "messages (no more, no fewer)")
    for name in BODIES:
        number, data = write_message(case, name, BODIES[name])
        e2e.check(b"Return-Path: <news@ringel.example>" in files[number], f"{name}: the sender")
        # A Maildir's files have LF for line ends.
        compare(name, strip_trace(name, files[number]), as_sent(data).replace(b"\r\n", b"\n"))
    case.note(f"{len(BODIES)} messages whole at {receiver}")


def messages_to_postfix(case, server):
    messages_to(case, "Postfix", server)


def messages_to_opensmtpd(case, cache):
    folder = case.path("opensmtpd")
    os.makedirs(folder)
    try:
        server = case.closing(opensmtpd.OpenSMTPD(cache, folder, ["r.test"]))
    except unpacked.Unavailable as why:
        case.note(f"no OpenSMTPD: {why}")
        return
    messages_to(case, "OpenSMTPD", server)


def campaign(case, name, port, receive, count=200):
    """A merged campaign: each message is what the second implementation of docs/merge.md says."""
    spool = e2e.Spool(case, name, routes={"*": [f"127.0.0.1:{port}"]}, verp=True)
    domains = [(f"d{n}.test", "mx") for n in range(20)]
    world.write_list(case.path("campaign.csv"), domains, count)
    run = spool.send_list(case.write("campaign.eml", world.TEMPLATE), case.path("campaign.csv"), "c", "--until",
                          "done", seconds=60)
    run.expect(e2e.ALL_ACCEPTED)
    template = merge_oracle.Template(world.TEMPLATE.encode())
    events = {e["recipient"]: e for e in spool.events()}
    with open(case.path("campaign.csv"), encoding="utf-8", newline="") as f:
        rows = [{k.encode(): v.encode() for k, v in row.items()} for row in csv.DictReader(f)]
    got = receive(count)
    e2e.check_equal(len(got), count, "messages of the campaign")
    for ordinal, row in enumerate(rows):
        recipient = row[b"email"].decode()
        event = events[recipient]
        campaign_id, number = e2e.identity(event)
        e2e.check_equal(number, ordinal, "the ordinal", event)
        wanted = template.render(row, recipient=row[b"email"], campaign=campaign_id, ordinal=ordinal,
                                 host=e2e.SENDER.partition("@")[2].encode(), date=int(float(event["created"])))
        compare(recipient, got[recipient], wanted)
        shown = email.message_from_bytes(got[recipient], policy=email.policy.default)
        e2e.check_equal([a.addr_spec for a in shown["To"].addresses], [recipient], "To, as a reader sees it")
    case.note(f"{count} merged messages whole at {name}")


def campaign_to_aiosmtpd(case):
    receiver = case.closing(Aiosmtpd())
    campaign(case, "aiosmtpd", receiver.port,
             lambda count: {recipients[0]: content for _, recipients, content in receiver.messages})


def campaign_to_postfix(case, server):
    before = set(server.files())

    def receive(count):
        e2e.wait_for(lambda: len(server.files()) >= len(before) + count, 30 * case.patience, "Postfix to deliver")
        got = {}
        for message in set(server.files()) - before:
            recipient = re.search(rb"^X-Original-To: (\S+)$", message, re.M)[1].decode()
            at = message.find(b"From: =?utf-8?q?B=C3=A4ckerei")
            e2e.check(at > 0, "the header is not there", message[:400].decode("latin-1"))
            got[recipient] = message[at:].replace(b"\n", b"\r\n")
        return got

    campaign(case, "postfix", server.port, receive)


def main():
    with e2e.Case("receivers") as case:
        if case.san:  # each is a run of the program, which is slow there
            for name in [name for name, body in BODIES.items() if name.startswith("mix ") and len(body) > 3]:
                del BODIES[name]
        case.step(messages_to_aiosmtpd)
        case.step(campaign_to_aiosmtpd)
        cache = os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
        os.makedirs(cache, exist_ok=True)
        os.chmod(case.folder, 0o755)
        if case.long or case.options.only:
            case.step(messages_to_opensmtpd, cache)
        folder = case.path("receiver")
        os.makedirs(folder)
        try:
            server = case.closing(postfix.Postfix(cache, folder))
        except postfix.Unavailable as why:
            case.skip(f"{'; '.join(case.notes)}; but without Postfix: {why}")
        case.step(messages_to_postfix, server)
        case.step(campaign_to_postfix, server)


if __name__ == "__main__":
    main()
