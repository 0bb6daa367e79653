#!/usr/bin/python3
"""merge_tool against merge_oracle: the same octets for templates and values of every sort.

merge_agree_test.py MERGE_TOOL [SEED [TEMPLATES]]
"""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import merge_client  # noqa: E402
import merge_oracle  # noqa: E402

WORDS = ["Hello", "Grüße", "日本語", "a", "=?utf-8?q?Gr=C3=BC?=", "=?ISO-8859-1?Q?Gr=FC=DFe?=",
         "=?utf-8?b?8J+Yg8O8?=", "x" * 80, "-", ".", "..", "--bb", "é" * 50, "=", "=3D", "=?", "?=",
         "{", "}", "&amp;", "<b>", "%20", "tab\tbed", "'", "\u2028", "\u0085", "\u202e", "--"]
FIELDS = ["{{a}}", "{{{a}}}", "{{ b }}", "{{c.d-e_f}}", "{{{ b }}}", "{{a}}{{b}}", "{{\tn1}}"]
VALUES = ["", "a", " ", "  two  ", "Anna", "Anna Maria", "Jürgen", "a" * 200, "é" * 100, "-", ".",
          "--bb", ".\r\n.", "line\nline", "x\r\n\r\n.\r\n", "\r", "\r\n", "tab\t", "=?utf-8?q?x?=",
          "<>&\"'", "a,b", "x@evil, <y@evil>", "\\", '"', "日本", "\U0001f600" * 20, "a b " * 60,
          "%", "a/b?c=d&e", "a.b", "a@b.example", '"a b"@c.example', "<i@d>", "i@d", "=", "==", "_",
          " lead", "trail ", "a=?b", "\u2028", "\ufeff", "z" * 65, "0123456789" * 99]


def text(rng, count, fields=True, breaks=True):
    out = []
    for _ in range(rng.randrange(count)):
        draw = rng.random()
        if draw < 0.3 and fields:
            out.append(rng.choice(FIELDS))
        elif draw < 0.8:
            out.append(rng.choice(WORDS))
        elif draw < 0.9:
            out.append("".join(rng.choice("abc .-=\t") for _ in range(rng.randrange(90))))
        else:
            out.append(rng.choice(["\n", "\r\n", "\n\n", "\r", " \n", "."]) if breaks else "word")
        out.append(rng.choice(["", " ", "  "]))
    return "".join(out)


def quoted(rng, data):
    """Some quoted-printable form of it."""
    out = b""
    column = 0
    for line in data.split(b"\n"):
        for octet in line:
            unit = b"=%02x" % octet if octet > 126 or octet == 61 or octet < 32 or \
                rng.random() < 0.1 else bytes([octet])
            if column + len(unit) > 70 or rng.random() < 0.02:
                out += b"=\n"
                column = 0
            out += unit
            column += len(unit)
        out += b"\n"
        column = 0
    return out


def leaf(rng):
    content_type = rng.choice(["text/plain", "text/html", "text/plain; charset=utf-8",
                               "text/html;\n charset=\"us-ascii\"; format=flowed",
                               "text/plain; charset=iso-8859-1", "application/pdf", "text/calendar;",
                               "TEXT/HTML; Charset=UTF-8", None, "message/rfc822", "image/png"])
    encoding = rng.choice([None, None, "7bit", "8bit", "quoted-printable", "Quoted-Printable",
                           "base64", "binary", "x-odd"])
    fields = rng.random() < 0.6
    body = text(rng, 30, fields).encode()
    if encoding == "base64":
        body = merge_oracle.base64.encodebytes(text(rng, 9, rng.random() < 0.1).encode())
    elif encoding and encoding.lower() == "quoted-printable":
        body = quoted(rng, body.replace(b"\r", b""))
    elif rng.random() < 0.05:
        body += b"x" * 2000 + b"\n"
    elif rng.random() < 0.03:
        body += b"\xff\xfe"
    headers = []
    if content_type:
        headers.append("Content-Type: " + content_type)
    if encoding:
        headers.append("Content-Transfer-Encoding: " + encoding)
    if rng.random() < 0.2:
        headers.append("Content-Description: " + text(rng, 5, True, False).replace("\t", " "))
    rng.shuffle(headers)
    return "".join(line + "\n" for line in headers).encode(), body


def multipart(rng, depth):
    if depth == 0 or rng.random() < 0.4:
        return leaf(rng)
    boundary = rng.choice(["bb", "b b", "=_x", "bbb"]) + str(depth)
    head = f'Content-Type: multipart/{rng.choice(["mixed", "alternative", "digest", "signed"])};\n' \
           f' boundary="{boundary}"\n'
    body = rng.choice(["", "preamble\n", "\n"]).encode()
    for _ in range(rng.randrange(1, 4)):
        part_head, part_body = multipart(rng, depth - 1)
        if part_body and not part_body.endswith(b"\n"):
            part_body += b"\n"
        body += b"--" + boundary.encode() + rng.choice([b"", b" ", b"\t"]) + b"\n" + \
            part_head + b"\n" + part_body
    body += b"--" + boundary.encode() + b"--" + rng.choice([b"\n", b"", b"\nepilogue\n"])
    return head.encode(), body


def mailbox(rng):
    name = rng.choice(["", text(rng, 4, True, False), '"' + text(rng, 3, True, False).replace('"', "")
                       .replace("\\", "") + '" ', "Anna {{a}} ", '"{{a}}, {{b}}" ', "(remark) ",
                       "{{a}} {{b}} "])
    address = rng.choice(["a@b.example", "{{mail}}", "r+{{id}}@b.example", "x@{{dom}}.example",
                          "{{id}}@{{dom}}", "{{ mail }}", '"q s"@b.example', "bad"])
    return rng.choice([f"{name}<{address}>", address, f"{name} < {address} >", f"{address} (note)"])


def template(rng):
    lines = ["From: " + rng.choice(["Acme <news@acme.example>", mailbox(rng), "news@acme.example",
                                    '"Grüße, Acme" <n@acme.example>'])]
    if rng.random() < 0.8:
        lines.append("Subject: " + text(rng, 12, True, False))
    if rng.random() < 0.5:
        lines.append("To: " + ", ".join(mailbox(rng) for _ in range(rng.randrange(1, 4))))
    if rng.random() < 0.3:
        lines.append("Reply-To: undisclosed:;" if rng.random() < 0.2 else "Reply-To: " + mailbox(rng))
    if rng.random() < 0.3:
        lines.append("List-Unsubscribe: <https://x.example/u?{{a}}={{b}}>,\n <mailto:{{mail}}>")
    if rng.random() < 0.3:
        lines.append("Message-ID: " + rng.choice(["<{{id}}.x@acme.example>", "{{mid}}", "<{{mid2}}>",
                                                  "<x@y>"]))
    if rng.random() < 0.3:
        lines.append("X-Long: " + " ".join("word%d" % i for i in range(40)) + rng.choice(
            ["", "\n folded {{a}}", " {{b}}-" + "y" * 60]))
    if rng.random() < 0.2:
        lines.append(rng.choice(["Bcc: a@b.example", "Date: Mon, 1 Jan 2024 00:00:00 +0000",
                                 "MIME-Version: 1.0", "X-Empty:", "Date: {{a}}", "Subject: 2",
                                 "Comments: " + "z" * 1200, "Return-Path: <x@y.example>"]))
    rng.shuffle(lines)
    head, body = multipart(rng, rng.randrange(3))
    source = ("\n".join(lines) + "\n").encode() + head + b"\n" + body
    return source.replace(b"\n", rng.choice([b"\n", b"\r\n"])) if rng.random() < 0.5 else source


def row(rng, names):
    values = {}
    for name in names:
        special = {b"mail": ["a@b.example", "Anna.B+c@sub.b.example", '"a b"@c.example', "[x@y"],
                   b"id": ["x1", "a.b", "A-1", "a..b"], b"dom": ["b", "a-b.c", "-"],
                   b"mid": ["<a.b@c>", "a@b"], b"mid2": ["a.b@c.d", "<a@b>"]}.get(name)
        # Most draws are good, or most rows would be refused.
        value = rng.choice(special[:2] if special and rng.random() < 0.9 else special or VALUES)
        if not special and rng.random() < 0.5:
            value = rng.choice(["Anna", "Jürgen M", "日本", "x-1", ""])
        values[name] = value.encode()
    return values


def main():
    tool = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1500
    tally = {"refused template": 0, "refused values": 0, "message": 0}
    for number in range(seed, seed + count):
        rng = random.Random(number)
        source = template(rng)
        try:
            oracle = merge_oracle.Template(source)
        except (merge_oracle.BadTemplate, UnicodeDecodeError) as error:
            oracle = None
            problem = error
        rows = []
        if oracle:
            rows = [(i, b"r%d@d.example" % i, row(rng, oracle.names)) for i in range(6)]
        try:
            names, answers = merge_client.merge_all(tool, source, rows)
        except merge_client.CompileError as error:
            tally["refused template"] += 1
            if oracle:
                fail(number, source, f"merge_tool refuses it: {error}")
            continue
        if not oracle:
            fail(number, source, f"the oracle refuses it: {problem}")
        if sorted(names) != sorted(oracle.names):
            fail(number, source, f"fields {names} and {oracle.names}")
        for (ordinal, recipient, values), (status, answer) in zip(rows, answers):
            try:
                expected = oracle.render(values, recipient=recipient, campaign=0x1234abcd5678,
                                         ordinal=ordinal, host=b"mail.test", date=1763750160)
            except merge_oracle.Refused as error:
                expected = None
                problem = error
            if expected is None and status != 1:
                fail(number, source, f"the oracle refuses {values}: {problem}", answer)
            if expected is not None and (status, answer) != (0, expected):
                fail(number, source, f"other octets for {values}", answer, expected)
            tally["message" if status == 0 else "refused values"] += 1
    print(tally)
    if tally["message"] < count or tally["refused values"] == 0:
        sys.exit("too few messages were compared")


def fail(number, source, what, got=None, expected=None):
    print(f"seed {number}: {what}")
    print(source.decode("utf-8", "backslashreplace"))
    if got is not None:
        print("---- merge_tool\n" + got.decode("utf-8", "backslashreplace"))
    if expected is not None:
        print("---- oracle\n" + expected.decode("utf-8", "backslashreplace"))
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(map(len, (got, expected))))
        print(f"---- at {at}: {got[at - 20:at + 40]} and {expected[at - 20:at + 40]}")
    sys.exit(1)


if __name__ == "__main__":
    main()
