#!/usr/bin/python3
"""10,000 hostile values in every kind of header field and in both parts: a reader sees exactly the template's header
fields, recipients and parts, and the value itself - or the value was refused.

merge_hostile_test.py MERGE_TOOL [SEED [VALUES]]
The reader is Python's email package; every message must also be 7-bit with short CRLF lines.
"""
import email
import email.header
import email.policy
import email.utils
import os
import random
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import merge_client  # noqa: E402

BODY = b"""MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="edge"

--edge
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Dear {{v}},
{{v}}
.{{v}}
--{{v}}
last {{v}}
--edge
Content-Type: text/html; charset=utf-8

<p title="{{v}}">{{{v}}}</p>
{{v}}
--edge--
"""
# Every kind of text, at once.
HEADERS = b"""From: "Acme {{v}}" <news@acme.example>
Reply-To: {{v}} <reply@acme.example>, Second {{v}} <second@acme.example>
To: {{v}} <to@example.net>
Subject: Hello {{v}} and x{{v}}y
X-Note: {{v}}
Comments: =?utf-8?q?Gr=C3=BC=C3=9Fe?= {{v}} ende
List-Unsubscribe: <https://acme.example/u?x={{v}}>, <mailto:u@acme.example>
Date: Fri, 21 Nov 2025 18:36:00 +0000
Message-ID: <fixed@acme.example>
"""
PLAIN = b"""From: news@acme.example
To: to@example.net
Subject: plain
Date: Fri, 21 Nov 2025 18:36:00 +0000
Message-ID: <fixed@acme.example>
"""
# One atom each: nearly everything is refused; what is not must be seen as it is.
ATOMS = {
    "mailbox": (b"To", b"{{v}}", lambda v: v),
    "angle": (b"To", b"Someone <{{v}}>", lambda v: v),
    "local": (b"To", b"r+{{v}}@example.net", lambda v: "r+" + v + "@example.net"),
    "domain": (b"To", b"<r@x.{{v}}.example>", lambda v: "r@x." + v + ".example"),
    "id": (b"In-Reply-To", b"<{{v}}@acme.example>", lambda v: "<" + v + "@acme.example>"),
    "id content": (b"In-Reply-To", b"<{{v}}>", lambda v: "<" + v + ">"),
    "id whole": (b"In-Reply-To", b"{{v}}", lambda v: v),
}

SEEDS = [
    "\r\nBcc: x@evil.example", "\nX-Evil: 1", "\r\n\r\nbody", "\r", "\n", "\0", "a\0b", "\x0b", "\x0c", "\x1b[2J", "\x7f",
    "x@evil.example, ", "x@evil.example,", ", x@evil.example", "<x@evil.example>", '" <x@evil.example>, "', '"', '""', '\\"',
    "\\", "a\\", '"a"', "(", ")", "(comment)", ";", ":", "a: b@c.example;", "@", "a@b", "a@b.example", "a@b@c", "<", ">", "<>",
    "=?utf-8?q?x?=", "=?utf-8?q?a=0D=0ABcc:_x@evil.example?=", "=?utf-8?b?DQpCY2M6IHhAZXZpbC5leGFtcGxl?=", "=?", "?=", "=?=?=",
    "=?iso-2022-jp?b?GyRC?=", "=?utf-8?q?", "=0D=0A", "=\r\n", "=", "=3D", "%0d%0a", "%0d%0aBcc:x", "\\r\\n", "&#13;&#10;",
    "\u2028", "\u2029", "\u0085", "\u00a0", "\u200b", "\u202e", "\ufeff", "\u0000", "\ufffd", "\U0010ffff", "\U0001f600", "é", "e\u0301",
    "Å", "ﬀ", "日本語", "العربية", "\u0378", "\ufdd0", "ｘ＠ｅｖｉｌ", "\uff0c", "\uff1c", "¼", "ß", "İ", ".", "..", ".\r\n", "\r\n.\r\n", "\n.\n",
    "\r\n.\r\nMAIL FROM:<x@evil.example>\r\n", "--edge", "\r\n--edge\r\n", "\n--edge--\n", "edge", "-", "--", "From ", "\nFrom x",
    "<script>alert(1)</script>", "&amp;", "&lt;", "'\"><img>", "{{v}}", "{{{v}}}", "{{", "}}", " ", "  ", "\t", " \t ", "a b", " a", "a ",
    "a  b", "", "x" * 75, "x" * 76, "x" * 77, "x" * 900, "x" * 901, "x" * 998, "x" * 999, "é" * 499, "é" * 500, "a " * 400, "word " * 199,
    "x" * 65536, "x" * 65537, "é" * 32768, "\n" * 65536, "<" * 65536, "Ω" * 70, "#$%&'*+/=?^_`{|}~", "J. R. \"Bob\" Dobbs", "O'Neil",
]
BYTES = [b"\x80", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe2\x80", b"a\xffb", b"\xfe\xff\0a",
         b"\xc0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x8d\xc0\x8a"]


def hostile(seed, count):
    rng = random.Random(seed)
    values = [text.encode() for text in SEEDS] + BYTES
    short = [text for text in SEEDS if len(text) < 100]
    while len(values) < count:
        draw = rng.random()
        if draw < 0.6:
            text = "".join(rng.choice(short) for _ in range(rng.randrange(1, 6)))
        elif draw < 0.75:
            text = "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x800),
                                           rng.randrange(0xd800), 0x1f600 + rng.randrange(80)]))
                           for _ in range(rng.randrange(1, 40)))
        elif draw < 0.9:
            text = "".join(rng.choice("ab \",<>@=?_\\.;:()-é") for _ in range(rng.randrange(1, 100)))
        elif draw < 0.95:
            text = "".join(rng.choice("abc-_+.@") for _ in range(rng.randrange(1, 12)))
        else:
            values.append(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 12))))
            continue
        values.append(text.encode())
    return values


def check_wire(message):
    assert message.endswith(b"\r\n")
    assert all(octet < 128 for octet in message), "8-bit octets"
    assert b"\0" not in message
    bare = message.replace(b"\r\n", b"")
    assert b"\r" not in bare and b"\n" not in bare, "a bare CR or LF"
    assert max(map(len, message.split(b"\r\n"))) <= 998, "a long line"


def header_text(message, name):
    """Unfolded and decoded, as a reader shows it."""
    raw = re.sub(r"\r\n(?=[ \t])", "", message[name])
    text = ""
    for part, charset in email.header.decode_header(raw):
        if isinstance(part, bytes):
            part = part.decode(charset or "ascii")
        text += part
    return text.strip(" ")


def check_headers(message, template_headers):
    expected = re.findall(r"(?m)^([A-Za-z-]+):", template_headers.decode())
    assert message.keys() == expected, message.keys()
    assert not message.defects, message.defects


def names_and_addresses(message, name):
    raw = re.sub(r"\r\n(?=[ \t])", "", message[name])
    pairs = []
    for display, address in email.utils.getaddresses([raw]):
        text = "".join(part.decode(charset or "ascii") if isinstance(part, bytes) else part
                       for part, charset in email.header.decode_header(display))
        # In a quoted string or as atoms nothing is encoded; decode_header must not change it.
        pairs.append((text if "=?" in display else display, address))
    return pairs


def check_addresses(message, value):
    strip = value.strip(" ")
    assert names_and_addresses(message, "From") == \
        [(("Acme " + value).strip(" "), "news@acme.example")], message["From"]
    assert names_and_addresses(message, "Reply-To") == \
        [(strip, "reply@acme.example"), (("Second " + value).strip(" "), "second@acme.example")]
    assert names_and_addresses(message, "To") == [(strip, "to@example.net")], message["To"]


def check_modern(data):
    """The same through the newer parser: addresses only, it is strict about little else."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    found = [address.addr_spec for name in ("From", "Reply-To", "To")
             for address in message[name].addresses]
    assert found == ["news@acme.example", "reply@acme.example", "second@acme.example",
                     "to@example.net"], found


def joined(*words):
    return " ".join(word for word in words if word)


def check_body(message, value):
    crlf = re.sub(r"\r\n|\r|\n", "\r\n", value)
    escaped = crlf
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"),
                          ("'", "&#39;")):
        escaped = escaped.replace(plain, entity)
    assert message.is_multipart() and len(message.get_payload()) == 2, "parts"
    text, html = message.get_payload()
    assert text.get_content_type() == "text/plain" and html.get_content_type() == "text/html"
    assert text.keys() == ["Content-Type", "Content-Transfer-Encoding"], text.keys()
    assert html.keys() == ["Content-Type", "Content-Transfer-Encoding"], html.keys()
    # The line end before a boundary belongs to the boundary.
    expected = f"Dear {crlf},\r\n{crlf}\r\n.{crlf}\r\n--{crlf}\r\nlast {crlf}"
    assert text.get_payload(decode=True).decode() == expected, "the text part"
    assert html.get_payload(decode=True).decode() == f'<p title="{escaped}">{crlf}</p>\r\n{escaped}'


def check_full(data, value):
    check_wire(data)
    value = value.decode()
    message = email.message_from_bytes(data)
    check_headers(message, HEADERS + BODY.split(b"\n\n")[0])
    check_addresses(message, value)
    assert header_text(message, "Subject") == joined("Hello", value, "and", "x" + value + "y").strip(" ")
    assert header_text(message, "X-Note") == value.strip(" ")
    assert header_text(message, "Comments") == joined("Grüße", value, "ende"), message["Comments"]
    url = re.sub(r"\r\n(?=[ \t])", "", message["List-Unsubscribe"]).strip()
    match = re.fullmatch(r"<(https://acme\.example/u\?x=([^<>, ]*))>, <mailto:u@acme\.example>", url)
    assert match and urllib.parse.unquote(match[2]) == urllib.parse.unquote(value), url
    check_body(message, value)
    check_modern(data)


def check_atom(data, value, name, expect):
    check_wire(data)
    message = email.message_from_bytes(data)
    value = expect(value.decode())
    if name == "To":
        assert [a for _, a in email.utils.getaddresses([message["To"]])] == [value], message["To"]
    else:
        assert message[name].strip() == value, message[name]


def must_refuse(value, header):
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return True
    controls = "[\\x00-\\x08\\x0a-\\x1f]" if header else "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]"
    return bool(re.search(controls, text)) or len(value) > (998 if header else 65536)


def run(tool, template, values, check, tally, label):
    rows = [(i, b"to@example.net", {b"v": value}) for i, value in enumerate(values)]
    _, answers = merge_client.merge_all(tool, template, rows)
    for value, (status, answer) in zip(values, answers):
        tally[label + (" refused" if status else " sent")] = \
            tally.get(label + (" refused" if status else " sent"), 0) + 1
        try:
            check(value, status, answer)
        except (AssertionError, UnicodeError, AttributeError, TypeError, IndexError) as error:
            print(f"{label}: value {value[:300]!r}: {error!r}")
            print(answer[:3000].decode("ascii", "backslashreplace"))
            sys.exit(1)


def main():
    tool = sys.argv[1]
    values = hostile(int(sys.argv[2]) if len(sys.argv) > 2 else 1,
                     int(sys.argv[3]) if len(sys.argv) > 3 else 10000)
    tally = {}

    def full(value, status, answer):
        # A URL may be too long once it is encoded.
        long_url = len(urllib.parse.quote(value, safe="-._~:/?#[]@!$&'*+;=%")) > 800
        assert (status == 1) == must_refuse(value, True) or (status == 1 and long_url), "refused?"
        if status == 0:
            check_full(answer, value)

    def bodies(value, status, answer):
        assert (status == 1) == must_refuse(value, False), "refused?"
        if status == 0:
            check_wire(answer)
            message = email.message_from_bytes(answer)
            check_headers(message, PLAIN + BODY.split(b"\n\n")[0])
            check_body(message, value.decode())

    run(tool, HEADERS + BODY, values, full, tally, "headers and bodies")
    run(tool, PLAIN + BODY, values, bodies, tally, "bodies")
    for label, (name, text, expect) in ATOMS.items():
        template = b"From: news@acme.example\n" + name + b": " + text + b"\n\nbody\n"

        def atom(value, status, answer, name=name, expect=expect):
            if status == 0:
                check_atom(answer, value, name.decode(), expect)
        run(tool, template, values, atom, tally, label)
    for label, count in tally.items():
        print(f"{label}: {count}")


if __name__ == "__main__":
    main()
