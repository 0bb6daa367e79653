#!/usr/bin/python3
"""ringpost-bench audit against ledgers and events made up here.

usage: audit_test.py PATH-OF-RINGPOST-BENCH
"""
import base64
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.abspath(sys.argv.pop(1))


def tag(ordinal, day=20000, campaign=7):
    raw = struct.pack(">BQIH", 0x10, campaign, ordinal, day) + b"0123456789"
    return base64.b32encode(raw).decode().lower() + "@bounces.example"


def event(kind, ordinal, recipient=None, return_path=None, **more):
    event.number += 1
    made = {"type": kind, "event_id": f"{event.number}", "id": f"7.{ordinal}",
            "recipient": recipient or f"u{ordinal}@x",
            "return_path": tag(ordinal) if return_path is None else return_path,
            "unsure": False, "metadata": {"a": [1, {"b": None}]}}
    return {**made, **more}


event.number = 0


def entry(ordinal, recipient=None, return_path=None):
    return {"t": 1.5, "conn": 1, "from": tag(ordinal) if return_path is None else return_path,
            "rcpt": [recipient or f"u{ordinal}@x"], "message_id": "<x>", "size": 1}


class Audit(unittest.TestCase):
    def audit(self, ledger, events, status):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, lines in [("ledger", ledger)] + [(f"events{i}", part)
                                                       for i, part in enumerate(events)]:
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "w", encoding="utf-8") as file:
                    file.writelines(json.dumps(line) + "\n" for line in lines)
            done = subprocess.run([BENCH, "audit", *paths], capture_output=True, text=True,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, status, done)
        return json.loads(done.stdout) if status < 2 else done.stderr

    def check(self, ledger, events, **expected):
        wrong = {"lost": 0, "duplicates": 0, "strangers": 0, **expected}
        status = int(any(wrong[key] for key in ("lost", "duplicates", "strangers")))
        found = self.audit(ledger, [events], status)
        self.assertEqual({key: found[key] for key in wrong}, wrong)

    def test_agreement(self):
        events = [event("Delivery", number) for number in range(1000)]
        self.check([entry(number) for number in reversed(range(1000))], events,
                   accepted=1000, delivered=1000, unreported=0)

    def test_empty(self):
        self.check([], [])

    def test_lost(self):
        self.check([entry(1)], [event("Delivery", 1), event("Delivery", 2), event("Bounce", 3)],
                   lost=1)

    def test_duplicate(self):
        self.check([entry(1), entry(1)], [event("Delivery", 1)], duplicates=1, duplicates_unsure=0)

    def test_duplicate_on_another_day(self):
        self.check([entry(1), entry(1, return_path=tag(1, day=20001))],
                   [event("TransientFailure", 1, unsure=True), event("Delivery", 1)],
                   duplicates=1, duplicates_unsure=1)

    def test_strangers(self):
        self.check([entry(1), entry(2), entry(1, recipient="other@x")], [event("Delivery", 1)],
                   strangers=2)

    def test_unreported(self):
        self.check([entry(1), entry(2)],
                   [event("Delivery", 1), event("TransientFailure", 2, unsure=True)],
                   unreported=1)

    def test_repeated_events(self):
        one = event("Delivery", 1)
        self.check([entry(1)], [one, one, one], events_repeated=2, delivered=1)

    def test_without_signed_return_path(self):
        def mail(ordinal, recipient):
            return event("Delivery", ordinal, recipient=recipient, return_path="News@x")

        # The same address stands twice in the list; a third copy is one too many.
        events = [mail(1, "a@x"), mail(2, "A@x"), mail(3, "b@x")]
        ledger = [entry(1, "a@x", "news@x"), entry(2, "a@X", "news@x"), entry(3, "b@x", "news@x")]
        self.check(ledger, events)
        self.check(ledger + [entry(1, "a@x", "news@x")], events, duplicates=1)
        self.check(ledger[:2], events, lost=1)
        self.check(ledger + [entry(4, "c@x", "news@x")], events, strangers=1)

    def test_several_files_and_recipients(self):
        ledger = [{"from": "n@x", "rcpt": ["a@x", "\u00fc\"@x"], "message_id": ""}]
        events = [[event("Delivery", 1, "a@x", "n@x")], [event("Delivery", 2, "\u00fc\"@x", "n@x")]]
        self.assertEqual(self.audit(ledger, events, 0)["accepted"], 2)

    def test_broken_files(self):
        self.assertIn("ledger:1: no list of recipients", self.audit([{"from": "x"}], [[]], 2))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write('{"type":\n')
            file.flush()
            done = subprocess.run([BENCH, "audit", os.devnull, file.name], capture_output=True,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{file.name}:1: row 1", done.stderr)
        for arguments in ([], ["one"], ["/nowhere/a", "/nowhere/b"], ["--capacity", "x", "a", "b"]):
            done = subprocess.run([BENCH, "audit", *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main(verbosity=1)
