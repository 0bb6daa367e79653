"""Talks to merge_tool (tests/merge_tool.c) for the merge tests."""
import struct
import subprocess
import tempfile


class CompileError(Exception):
    pass


def spanned(data):
    return struct.pack("<I", len(data)) + data


class Answers:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self):
        (value,) = struct.unpack_from("<I", self.data, self.at)
        self.at += 4
        return value

    def span(self):
        size = self.number()
        self.at += size
        return self.data[self.at - size:self.at]


def merge_all(tool, template, rows, *, host=b"mail.test", date=1763750160, campaign=0x1234abcd5678):
    """rows: (ordinal, recipient, {name: value}). Gives (status, text) for each, and the names."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(template)
        file.flush()
        command = [tool, file.name, host.decode(), str(date), f"{campaign:x}"]
        first = subprocess.run(command, input=b"", capture_output=True, check=False)
        if first.returncode == 2:
            raise CompileError(first.stdout.decode().strip())
        if first.returncode != 0:
            raise SystemExit(f"merge_tool: {first.returncode} {first.stderr.decode()}")
        answers = Answers(first.stdout)
        names = [answers.span() for _ in range(answers.number())]
        request = b"".join(struct.pack("<I", ordinal) + spanned(recipient) +
                           b"".join(spanned(values[name]) for name in names)
                           for ordinal, recipient, values in rows)
        run = subprocess.run(command, input=request, capture_output=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"merge_tool: {run.returncode} {run.stderr.decode()}")
    answers = Answers(run.stdout)
    for _ in range(answers.number()):
        answers.span()
    return names, [(answers.number(), answers.span()) for _ in rows]
