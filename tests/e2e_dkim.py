"""Signatures: python3-dkim verifies every message at the receiver, RSA and Ed25519 and a second signer's, of campaigns
with values, lone dots and a return path, of finished messages in 8-bit and of those that are signed already."""
import base64
import csv
import os
import re
import signal
import subprocess
import time

import dkim

import e2e
from e2e_receivers import Aiosmtpd

TEMPLATE = """From: Ringel "{{name}}" <news@shop.ringel.example>
To: {{email}}
Subject:  Grüße,\t {{name}}
Reply-To: a@b.example
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Dear {{name}},  \x20
.
..two dots
{{text}}
.{{text}}

--b
Content-Type: text/html; charset=utf-8

<p>{{text}}</p>


--b--


"""
THREADS = "signing: {threads: 2}\n"
VALUES = ["Anna", "Jo \t Li", "Łódź", ".", "..", "x" * 300, "a\nb\n.\nc", " spaces  ", "", "=3D", "tab\t", "<b>&"]


def make_key(case, name, kind):
    """A key file and what the DNS says about it."""
    path = case.path(name + ".pem")
    options = ["-algorithm", "ed25519"] if kind == "ed25519" else ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]
    subprocess.run(["openssl", "genpkey", *options, "-out", path], check=True, capture_output=True)
    os.chmod(path, 0o600)
    public = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    return path, f"v=DKIM1; k={kind}; p={base64.b64encode(public[-32:] if kind == 'ed25519' else public).decode()}"


class Keys:
    """Some domains' keys: the configuration, the DNS, and who signs what."""

    def __init__(self, case, *items):
        self.records = {}
        lines = []
        for domain, selector, kind, also in items:
            path, record = make_key(case, f"{domain}-{selector}", kind)
            self.records[f"{selector}._domainkey.{domain}."] = record
            lines.append("  - {domain: %s, selector: %s, key_file: %s, also_sign: %s}\n"
                         % (domain, selector, path, str(also).lower()))
        self.yaml = "dkim:\n" + "".join(lines)

    def signers(self, message):
        """(domain, selector) of every signature of ours, each of which verifies."""
        seen = []
        header = message.split(b"\r\n\r\n")[0]
        count = len(re.findall(rb"^DKIM-Signature:", header, re.M | re.I))
        for index in range(count):
            verifier = dkim.DKIM(message, minkey=1024)
            field = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"][index]
            tags = dkim.util.parse_tag_value(field)
            name = f"{tags[b's'].decode()}._domainkey.{tags[b'd'].decode()}."
            if name not in self.records:
                continue
            try:
                good = verifier.verify(idx=index, dnsfunc=lambda n, timeout=5: self.records[n.decode()].encode())
            except dkim.DKIMException as error:
                raise e2e.Failure(f"signature {index}: {error}\n  {e2e.shorten(message)}") from None
            e2e.check(good, f"signature {index} does not verify", message)
            e2e.check(b"l" not in tags and tags[b"c"] == b"relaxed/relaxed", "its tags", tags)
            seen.append((tags[b"d"].decode(), tags[b"s"].decode()))
        return seen


def tampered(keys, message):
    """One octet changed anywhere in what is signed: no signature stands."""
    for old, new in ((b"news@shop", b"news@shoq"), (b"Dear", b"Deer"), (b"Subject:", b"Subject: x"),
                     (b"\r\nTo:", b"\r\nCc: x@y.example\r\nTo:"), (b"List-Unsubscribe: <", b"List-Unsubscribe: <x")):
        changed = message.replace(old, new, 1)
        e2e.check(changed != message, f"{old!r} is in the message", message)
        try:
            keys.signers(changed)
        except e2e.Failure:
            continue
        raise e2e.Failure(f"{old!r} as {new!r} is not noticed")


class Scene:
    def __init__(self, case, name, keys, extra=""):
        self.receiver = case.closing(Aiosmtpd())
        self.spool = e2e.Spool(case, name, routes={"*": [f"127.0.0.1:{self.receiver.port}"]}, verp=True,
                               retry="schedule: [1s]", extra=keys.yaml + extra)

    def message(self, case, content, name="m", sender=e2e.SENDER):
        self.receiver.messages.clear()
        path = case.write(name + ".eml", content)
        run = case.send("--config", self.spool.config, "--from", sender, "--message", path, "--to", "x@d0.test",
                        "--campaign", name, "--yes", "--json").expect(0)
        e2e.check_counts(run.json, run, accepted=1)
        return self.receiver.messages[0][2]


def campaign(case, name="campaign", extra=""):
    keys = Keys(case, ("ringel.example", "r1", "rsa", False), ("ringel.example", "e1", "ed25519", False),
                ("esp.example", "s", "rsa", True), ("else.example", "x", "rsa", False))
    scene = Scene(case, name, keys, "unsubscribe: {mailto: leave@ringel.example}\n"
                                    "headers: {feedback_id: \"{{campaign}}:::ringel\"}\n" + extra)
    count = 60 if case.san else 120
    template = case.write("t.eml", TEMPLATE)
    rows = [(f"r{i}@d{i % 5}.test", VALUES[i % len(VALUES)].replace("\n", " ").replace("\t", " ") or "n",
             VALUES[i // 2 % len(VALUES)]) for i in range(count)]
    recipients = case.path("rows.csv")
    with open(recipients, "w", newline="") as f:
        csv.writer(f).writerows([("email", "name", "text"), *rows])
    run = scene.spool.send_list(template, recipients, "c", "--until", "done").expect(0)
    e2e.check_counts(run.json, run, accepted=count)
    e2e.check_equal(len(scene.receiver.messages), count, "messages")
    wanted = [("ringel.example", "r1"), ("ringel.example", "e1"), ("esp.example", "s")]
    for _, _, message in scene.receiver.messages:
        e2e.check_equal(keys.signers(message), wanted, "who signed")
    tampered(keys, scene.receiver.messages[0][2])
    case.note(f"{count} merged messages, three signatures each")


def threads(case):
    """The same, signed by two threads beside two shards."""
    campaign(case, "threads", "shards: 2\n" + THREADS)


def wait_for_mail(case, scene, process, count):
    deadline = time.monotonic() + 30 * case.patience
    while len(scene.receiver.messages) < count:
        e2e.check(time.monotonic() < deadline and process.poll() is None, "mail flows", process.run())
        time.sleep(0.01)


def stopped(case):
    """A stop while two threads sign, then the same command again: everybody gets one message, signed."""
    keys = Keys(case, ("ringel.example", "r1", "rsa", False), ("ringel.example", "e1", "ed25519", False))
    scene = Scene(case, "stopped", keys, THREADS)
    template = case.write("t.eml", TEMPLATE)
    count = 200
    recipients = e2e.write_rows(case.path("rows.csv"), [(f"r{i}@d{i % 3}.test", "n", "t") for i in range(count)],
                                ("email", "name", "text"))
    scene.spool.configure(shards=1, limits="messages_per_second_per_site: 200")
    process = scene.spool.start_list(template, recipients, "c", "--until", "done")
    wait_for_mail(case, scene, process, 40)
    tasks = [open(f"/proc/{process.pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{process.pid}/task")]
    e2e.check_equal(len([name for name in tasks if not name.startswith("iou-")]), 4, "front, shard, two that sign")
    process.signal(signal.SIGTERM)
    process.wait(60 * case.patience).expect(e2e.INTERRUPTED)
    e2e.check(len(scene.receiver.messages) < count, "the stop came in the middle", len(scene.receiver.messages))
    scene.spool.configure(limits="")
    scene.spool.send_list(template, recipients, "c", "--until", "done").expect(0)
    e2e.check_equal(sorted(to for _, to, _ in scene.receiver.messages),
                    sorted([f"r{i}@d{i % 3}.test"] for i in range(count)), "everybody once")
    for _, _, message in scene.receiver.messages:
        e2e.check_equal(keys.signers(message), [("ringel.example", "r1"), ("ringel.example", "e1")], "who signed")
    case.note("stopped and gone on, with two threads that sign")


def messages(case):
    keys = Keys(case, ("ringel.example", "r1", "rsa", False), ("ringel.example", "e1", "ed25519", False))
    scene = Scene(case, "messages", keys)
    both = [("ringel.example", "r1"), ("ringel.example", "e1")]
    head = b"From: news@ringel.example\r\nTo: x@d0.test\r\nSubject: s\r\n"
    for name, content in {
            "plain": head + b"\r\nhello\r\n",
            "empty": head + b"\r\n",
            "eight": head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                            "Grüße  \r\n.\r\n..\r\n\r\n\r\n".encode(),
            "folded": b"From: A\n (b@evil.example) <news@ringel.example>\nsubject:  a \n\t b\nReceived: x\n\nbody \t\n\n",
            "long": head + b"\r\n" + b"x" * 998 + b"\r\n" + b".y\r\n" * 40000,
    }.items():
        e2e.check_equal(keys.signers(scene.message(case, content, name)), both, name)
    first = scene.message(case, head + b"\r\nhello\r\n", "first")
    again = scene.message(case, first, "again")  # which carries signatures: ours come on top
    e2e.check(again.endswith(first.split(b"Subject: s")[1]), "it is whole", again)
    e2e.check_equal(keys.signers(again), both + both, "signed twice")
    other = scene.message(case, b"From: a@other.example\r\nSubject: s\r\n\r\nx\r\n", "other")
    e2e.check_equal(keys.signers(other), [], "nobody's")
    case.note("finished messages, also signed ones")


def international(case):
    """From in U-labels, the key under A-labels."""
    keys = Keys(case, ("xn--bcher-kva.example", "r1", "rsa", False))
    scene = Scene(case, "international", keys)
    for name, domain in (("utf8", "bücher.example"), ("upper", "news.BÜCHER.example"), ("ascii", "xn--bcher-kva.example")):
        message = scene.message(case, f"From: <news@{domain}>\r\nSubject: s\r\n\r\nx\r\n".encode(), name)
        e2e.check_equal(keys.signers(message), [("xn--bcher-kva.example", "r1")], name)
    case.note("an international From domain")


def unsignable(case):
    """More fields than are signed: refused before anything is queued; held when keys come later."""
    keys = Keys(case, ("ringel.example", "r1", "rsa", False))
    scene = Scene(case, "unsignable", keys)
    path = case.write("many.eml", b"From: a@ringel.example\r\n" + b"References: <x@y>\r\n" * 70 + b"\r\nx\r\n")
    common = ("--config", scene.spool.config, "--from", e2e.SENDER, "--message", path, "--to", "x@d0.test",
              "--campaign", "many")
    for more in (("--dry-run",), ("--yes", "--json")):
        run = case.send(*common, *more).expect(e2e.USAGE)
        e2e.check("more than 64 of its header fields" in run.err, "the reason", run)
    e2e.check_equal(len(scene.receiver.messages), 0, "messages")
    case.note("mail that cannot be signed")


def rotated(case):
    """Another key with SIGHUP while mail flows: every message has one of the two, and verifies."""
    keys = Keys(case, ("ringel.example", "old", "rsa", False), ("ringel.example", "new", "rsa", False))
    lines = keys.yaml.splitlines()
    keys.yaml = "\n".join(lines[:2]) + "\n"
    keys.yaml += THREADS
    scene = Scene(case, "rotated", keys, "")
    template = case.write("t.eml", TEMPLATE)
    count = 400
    recipients = e2e.write_rows(case.path("rows.csv"), [(f"r{i}@d.test", "n", "t") for i in range(count)],
                                ("email", "name", "text"))
    scene.spool.configure(limits="messages_per_second_per_site: 200")
    process = scene.spool.start_list(template, recipients, "c", "--until", "done")
    wait_for_mail(case, scene, process, 40)
    scene.spool.configure(extra=lines[0] + "\n" + lines[2] + "\n" + THREADS)
    process.signal(signal.SIGHUP)
    run = process.wait(60 * case.patience).expect(0)
    e2e.check_counts(run.json, run, accepted=count)
    seen = [keys.signers(message) for _, _, message in scene.receiver.messages]
    e2e.check_equal({tuple(s) for s in seen}, {(("ringel.example", "old"),), (("ringel.example", "new"),)}, "who signed")
    bad = scene.spool.config + ".bad"
    with open(scene.spool.config) as good, open(bad, "w") as f:
        f.write(good.read())
    os.chmod(case.path("ringel.example-new.pem"), 0o644)
    run = case.tool("check", "--config", bad).expect(e2e.USAGE)
    e2e.check("others can read" in run.err and "ringel.example-new.pem" in run.err, "an open key file", run)
    case.note("a key changed on the way")


def main():
    with e2e.Case("dkim") as case:
        for step in (campaign, threads, stopped, messages, international, unsignable, rotated):
            case.step(step)


if __name__ == "__main__":
    main()
