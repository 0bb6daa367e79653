#!/usr/bin/python3
"""What the end-to-end tests know of a spool's files is so: the cursor of the export (engine/export_cursor.h)."""
import os
import tempfile
import types
import unittest

import e2e


class ExportCursor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.spool = types.SimpleNamespace(events_folder=self.folder, case=types.SimpleNamespace(patience=0.005))

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)

    def write_slots(self, *heads):
        self.write("cursor", b"".join(head.encode().ljust(e2e.EXPORT_CURSOR_SLOT, b"\0") for head in heads))

    def wait(self):
        e2e.Spool.wait_for_export(self.spool)

    def test_the_newer_slot_counts(self):
        self.write("events-00000003.ndjson", b"x" * 70)
        self.write_slots("ringpost-cursor 1 4 3 50 99\n1 2\n", "ringpost-cursor 1 5 3 70 99\n1 2\n")
        self.wait()
        self.write_slots("ringpost-cursor 1 10 3 70 99\n1 2\n", "ringpost-cursor 1 9 3 50 99\n1 2\n")
        self.wait()
        self.write_slots("", "ringpost-cursor 1 1 3 70 99\n1 2\n")
        self.wait()

    def test_not_yet(self):
        with self.assertRaises(e2e.Failure):
            self.wait()  # no file
        self.write("events-00000003.ndjson", b"x" * 70)
        for slots in ((), ("",), ("", ""), ("ringpost-cursor 1 ", ""),
                      ("ringpost-cursor 1 6 3 70 99\n1 2\n", "ringpost-cursor 1 7 3 60 99\n1 2\n"),
                      ("ringpost-cursor 1 6 2 70 99\n1 2\n",)):
            self.write_slots(*slots)
            with self.assertRaises(e2e.Failure, msg=slots):
                self.wait()

    def test_no_events(self):
        self.write_slots("ringpost-cursor 1 2 1 0 99\n1 2\n")
        with self.assertRaises(e2e.Failure):
            self.wait()


if __name__ == "__main__":
    unittest.main()
