"""Verifiers that know nothing of ringpost accept what sign/ signs, and reject what was changed behind it.

    dkim_verifiers.py DKIM_TOOL SCRATCH [--mailauth | --postfix] [--messages N] [--seed N] [--show]

Random messages (tests/dkim_mail.py), every canonical form, RSA and Ed25519, two domains on one message;
python3-dkim for both algorithms and Mail::DKIM for RSA, or, with --mailauth, npm's mailauth for both: it is
installed into SCRATCH once, by name; where the registry cannot be had the test is skipped (exit 77). With --postfix
a real Postfix (unpacked into SCRATCH) has relayed the messages before they are verified.
"""
import argparse
import collections
from concurrent import futures
import json
import os
import random
import smtplib
import subprocess
import sys
import tempfile
import time

import dkim

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dkim_mail  # noqa: E402

SKIPPED = 77
HERE = os.path.dirname(os.path.abspath(__file__))

# Name of the key: kind, bits.
KEYS = {"rsa": ("rsa", "2048"), "ed": ("ed25519", "256"), "provider": ("rsa", "3072"), "short": ("rsa", "1024")}
# Who signs a batch: domain, selector (one each), forms, identity, key.
PARTIES = [
    [("customer.example", "r1", "relaxed/relaxed", "", "rsa"), ("customer.example", "e1", "relaxed/relaxed", "", "ed")],
    [("customer.example", "r2", "simple/simple", "", "rsa"), ("customer.example", "e2", "simple/simple", "@customer.example", "ed")],
    [("customer.example", "e3", "relaxed/simple", "news=x@a.customer.example", "ed"),
     ("provider.example", "p3", "simple/relaxed", "", "provider")],
    [("a-very-long-domain-name-of-a-customer-that-fills-most-of-a-line.customer.example", "long.selector_4",
      "relaxed/relaxed", "", "short"), ("provider.example", "e4", "relaxed/relaxed", "", "ed"),
     ("customer.example", "r4", "relaxed/relaxed", "", "rsa")],
]


def frame(messages):
    return b"".join(b"%d\n%s" % (len(message), message) for message in messages)


def unframe(data):
    messages, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        size = int(data[at:end])
        messages.append(data[end + 1:end + 1 + size])
        at = end + 1 + size
    return messages


def relay(messages, scratch, folder):
    """The messages as they come out of a real Postfix: by SMTP into it, by SMTP out of it. None: there is none."""
    import postfix
    from e2e_receivers import Aiosmtpd
    receiver = Aiosmtpd()
    try:
        os.chmod(os.path.dirname(folder), 0o755)
        os.makedirs(folder)
        os.makedirs(scratch, exist_ok=True)
        server = postfix.Postfix(os.path.abspath(scratch), folder, f"virtual_mailbox_domains =\nrelayhost = [127.0.0.1]:{receiver.port}\n")
    except postfix.Unavailable as why:
        print(f"skipped: {why}")
        receiver.close()
        return None
    try:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as client:
            for number, message in enumerate(messages):
                client.sendmail("news@customer.example", [f"r{number}@receiver.example"], message, ["BODY=8BITMIME"])
        deadline = time.monotonic() + 120 + len(messages) / 20
        while len(receiver.messages) < len(messages) and time.monotonic() < deadline:
            time.sleep(0.1)
        if len(receiver.messages) != len(messages):
            raise AssertionError(f"Postfix relayed {len(receiver.messages)} of {len(messages)}: {server.words()[-1500:]}")
    finally:
        server.close()
        receiver.close()
    relayed = {recipients[0]: content for _, recipients, content in receiver.messages}
    return [relayed[f"r{number}@receiver.example"] for number in range(len(messages))]


class Signed:
    """A message, the selectors that signed it, and what has to come of each: True or False."""

    def __init__(self, what, message, selectors, broken, party):
        self.what = what
        self.message = message
        self.wanted = {selector: i not in broken for i, selector in enumerate(selectors)}
        self.party = party


class Test:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.keys = {}
        self.records = {}
        self.algorithms = {}
        self.verdicts = collections.Counter()
        self.faults = []

    def tool(self, *arguments, data=None):
        return subprocess.run([self.arguments.tool, *arguments], input=data, stdout=subprocess.PIPE, check=True).stdout

    def make_keys(self):
        for name, (kind, bits) in KEYS.items():
            self.keys[name] = os.path.join(self.folder, name + ".pem")
            with open(self.keys[name], "wb") as file:
                file.write(self.tool("make", kind, bits))
        for party in PARTIES:
            for domain, selector, _, _, key in party:
                self.records[f"{selector}._domainkey.{domain}"] = self.tool("record", self.keys[key]).decode().strip()
                self.algorithms[selector] = KEYS[key][0]

    def sign(self):
        """All messages: as they are signed, carried by relays, and changed."""
        maker = dkim_mail.Maker(self.arguments.seed)
        chance = random.Random(self.arguments.seed + 1)
        signed = []
        for index, party in enumerate(PARTIES):
            count = (self.arguments.messages + index) // len(PARTIES)
            signers = [f"{domain}:{selector}:{forms}:{identity}:{self.keys[key]}"
                       for domain, selector, forms, identity, key in party]
            selectors = [selector for _, selector, _, _, _ in party]
            relaxed = all(forms == "relaxed/relaxed" for _, _, forms, _, _ in party)
            maker.obsolete = relaxed or not self.arguments.postfix  # Postfix takes blanks before the colon away
            sources = [maker.message() for _ in range(count)]
            messages = unframe(self.tool("sign", str(int(time.time()) - 5), str(self.arguments.seed), *signers,
                                         data=frame(sources)))
            if len(messages) != count:
                raise AssertionError(f"{count} messages in, {len(messages)} out")
            for message in messages:
                signed.append(Signed("as signed", message, selectors, [], index))
                signed.append(Signed("carried", dkim_mail.carry(message, relaxed, chance), selectors, [], index))
                what, changed, broken = dkim_mail.tamper(message, chance)
                signed.append(Signed(what, changed, selectors, broken, index))
        return signed

    def judge(self, verifier, signed, passed, knows):
        """passed: selectors that it accepted. knows: algorithms that it can judge at all."""
        for selector, wanted in signed.wanted.items():
            if self.algorithms[selector] not in knows:
                continue
            self.verdicts[verifier, self.algorithms[selector], wanted] += 1
            if (selector in passed) != wanted:
                self.faults.append((verifier, selector, "rejected" if wanted else "accepted", signed))

    def python(self, messages):
        def lookup(name, timeout=5):
            return self.records.get(name.decode().rstrip("."), "").encode() or None

        for signed in messages:
            passed = []
            if any(b" " in field.split(b":")[0] for field in dkim_mail.split(signed.message)[0]):
                self.verdicts["python3-dkim", "blank before the colon: it cannot read that", None] += 1
                continue
            for index, selector in enumerate(signed.wanted):
                verifier = dkim.DKIM(signed.message, minkey=1024)
                try:
                    if verifier.verify(idx=index, dnsfunc=lookup):
                        passed.append(verifier.selector.decode())
                except dkim.DKIMException as error:
                    if self.arguments.show and signed.wanted[selector]:
                        print(f"{selector}: {error!r}")
            self.judge("python3-dkim", signed, passed, ("rsa", "ed25519"))

    def program(self, verifier, command, messages, knows, meanwhile=None):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process, futures.ThreadPoolExecutor(1) as reader:
            answer = reader.submit(process.stdout.read)
            if meanwhile is not None:
                meanwhile(messages)
            lines = answer.result().decode("latin-1").splitlines()
        if process.returncode != 0 or len(lines) != len(messages):
            raise AssertionError(f"{verifier}: exit {process.returncode}, {len(messages)} messages, {len(lines)} answers")
        for signed, line in zip(messages, lines):
            self.judge(verifier, signed, [word[:-5] for word in line.split() if word.endswith("=pass")], knows)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def run(self):
        """None: there is no Postfix."""
        self.make_keys()
        messages = self.sign()
        if self.arguments.postfix:
            relayed = relay([signed.message for signed in messages], self.arguments.scratch,
                            os.path.join(self.folder, "postfix"))
            if relayed is None:
                return None
            for signed, message in zip(messages, relayed):
                if b"Received:" not in message.split(b"DKIM-Signature")[0]:
                    raise AssertionError("this came through no relay")
                signed.message = message
        stream = self.write("messages", frame(signed.message for signed in messages))
        if self.arguments.mailauth:
            records = self.write("records.json", json.dumps(self.records).encode())
            self.program("mailauth", ["node", os.path.join(HERE, "dkim_mailauth.js"), self.arguments.scratch, records, stream],
                         messages, ("rsa", "ed25519"))
        else:
            records = self.write("records", "".join(f"{name}\t{text}\n" for name, text in self.records.items()).encode())
            self.program("Mail::DKIM", ["perl", os.path.join(HERE, "dkim_perl.pl"), records, stream], messages, ("rsa",),
                         self.python)
        return messages


def install_mailauth(scratch):
    """False where it cannot be had: no npm, no registry, a Node.js older than it wants (20)."""
    try:
        version = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"node: {error}")
        return False
    if int(version.lstrip("v").split(".")[0]) < 20:
        print(f"node: {version.strip()} is too old")
        return False
    if os.path.exists(os.path.join(scratch, "node_modules", "mailauth", "package.json")):
        return True
    os.makedirs(scratch, exist_ok=True)
    try:
        result = subprocess.run(["npm", "install", "--prefix", scratch, "--no-audit", "--no-fund", "--ignore-scripts",
                                 "--no-package-lock", "mailauth"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"npm: {error}")
        return False
    if result.returncode != 0:
        print(result.stdout.decode(errors="replace")[-1000:])
    return result.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("scratch")
    parser.add_argument("--mailauth", action="store_true")
    parser.add_argument("--postfix", action="store_true")
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=6376)
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    if arguments.mailauth and not install_mailauth(arguments.scratch):
        print("skipped: npm cannot install mailauth here")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="ringpost-dkim-") as folder:
        test = Test(arguments, folder)
        messages = test.run()
    if messages is None:
        return SKIPPED
    for verifier, selector, verdict, signed in test.faults[:10]:
        print(f"{verifier} {verdict} {selector}, party {signed.party}, {signed.what}:\n{signed.message!r}\n")
    for (verifier, algorithm, wanted), count in sorted(test.verdicts.items(), key=str):
        wanted = {True: "signatures to be accepted", False: "signatures to be rejected", None: "messages left out"}[wanted]
        print(f"{verifier}: {count} {algorithm} {wanted}")
    empty = [key for key, count in test.verdicts.items() if count == 0] or len(test.verdicts) < 4
    print(f"{len(messages)} messages from {arguments.messages}, seed {arguments.seed}, {len(test.faults)} wrong verdicts")
    return 1 if test.faults or empty else 0


if __name__ == "__main__":
    sys.exit(main())
