"""Messages for the tests of DKIM: as odd as mail may be, by seed; and what may and may not be done to a
signed one. Knows nothing of sign/: which fields are signed is said here a second time.
"""
import random
import re

OVER_SIGNED = ["from", "to", "subject", "date", "message-id", "reply-to", "cc", "mime-version", "content-type",
               "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post", "feedback-id"]
SIGNED = OVER_SIGNED + ["sender", "in-reply-to", "references", "cfbl-address", "cfbl-feedback-id"]

LINE_MAX = 998  # RFC 5322 2.1.1: a longer line is broken by the next relay

WORDS = [b"news", b"of", b"the", b"day", b"Gr\xc3\xbc\xc3\x9fe", b"=?utf-8?q?caf=C3=A9?=", b"100%", b"a;b=c", b"\"quoted  twice\"",
         b"<x@example.net>", b"very-long-word-" * 6, b"\xff\xfe", b":", b"1,5"]
BLANKS = [b" ", b" ", b" ", b"  ", b"\t", b" \t ", b"    "]


def is_signed(name):
    name = name.lower()
    return name in SIGNED or name.startswith(("content-", "list-"))


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.blank_names = False
        self.obsolete = True  # blanks before the colon may be

    def value(self, end):
        """Words with odd blanks and folds between."""
        chance = self.random
        if chance.random() < 0.06:
            return chance.choice([b"", b" ", b"\t "])
        parts = [chance.choice([b"", b" ", b" ", b"  ", b"\t", end + b" "])]
        for _ in range(chance.randint(1, 9)):
            parts.append(chance.choice(WORDS))
            fold = chance.random() < 0.2
            parts.append(chance.choice([b"", b" "]) + end + chance.choice([b" ", b"\t", b"   "]) if fold
                         else chance.choice(BLANKS))
        if chance.random() < 0.7:
            parts.pop()
        return b"".join(parts)

    def name(self, name):
        style = self.random.random()
        name = name.upper() if style < 0.1 else name.lower() if style < 0.2 else name
        return name.encode() + (b" " if self.blank_names and self.random.random() < 0.3 else b"")

    def header(self, end):
        chance = self.random
        self.blank_names = chance.random() < 0.08 and self.obsolete  # RFC 5322 4.5.8
        names = ["From", "To", "Subject", "Date", "Message-ID"]
        names = names[:1] + [name for name in names[1:] if chance.random() < 0.9]
        names += [name for name in ("Reply-To", "Cc", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
                                    "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Sender", "References",
                                    "CFBL-Address", "CFBL-Feedback-ID", "List-Id", "Content-Language", "X-Mailer", "Received", "Comments")
                  if chance.random() < 0.3]
        for _ in range(chance.choice([0, 0, 0, 1, 3])):
            names.append(chance.choice(["To", "Subject", "Received", "X-Mailer", "List-Id", "Content-Language", "Cc"]))
        rest = names[1:]
        chance.shuffle(rest)
        fields = [b"From: News <news@customer.example>" + chance.choice([b"", b" ", b"\t\t"])]
        fields += [self.name(name) + b":" + self.value(end) for name in rest]
        chance.shuffle(fields)
        return b"".join(field + end for field in fields)

    def line(self):
        chance = self.random
        kind = chance.random()
        if kind < 0.15:
            return b""
        if kind < 0.25:
            return chance.choice([b" ", b"\t", b"  \t", b".", b"..", b". ", b"From here", b"-- "])
        if kind < 0.3:
            return bytes(chance.choice(b"ab \xe4\xff\x80") for _ in range(chance.choice([300, 990, 998])))
        if kind < 0.35:
            return bytes(chance.choice([*range(0x80, 0x100), 0x20, 0x09]) for _ in range(60))
        line = b"".join(chance.choice(WORDS) + chance.choice(BLANKS) for _ in range(chance.randint(1, 12)))
        return line if chance.random() < 0.3 else line.rstrip()

    def body(self, end):
        chance = self.random
        kind = chance.random()
        if kind < 0.08:
            return b""
        if kind < 0.16:
            return b"".join(chance.choice([b"", b" ", b"\t"]) + end for _ in range(chance.randint(1, 6)))
        text = end.join(self.line() for _ in range(chance.randint(1, 30)))
        if kind < 0.3:
            return text  # no line end at the end
        if kind < 0.34:  # a line that has to be broken
            text += bytes(chance.choice(b"abc def") for _ in range(chance.randint(999, 5000)))
        return text + end * chance.choice([1, 1, 1, 2, 5])

    def message(self):
        """With CRLF, sometimes LF, sometimes CR."""
        end = self.random.choice([b"\r\n"] * 8 + [b"\n", b"\r"])
        return self.header(end) + end + self.body(end)


def split(message):
    """Fields (with folds and line ends) and the body of a message with CRLF."""
    head, _, body = message.partition(b"\r\n\r\n")
    if message.startswith(b"\r\n"):
        return [], message[2:]
    return re.findall(rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", head + b"\r\n"), body


def name_of(field):
    return field.split(b":")[0].strip().decode("latin-1").lower()


def letters(text):
    """Places where another letter or digit makes another text in every canonical form."""
    return [i for i, byte in enumerate(text) if chr(byte).isascii() and chr(byte).isalnum()]


def changed(text, place):
    byte = text[place]
    base = 48 if byte < 58 else 65 if byte < 91 else 97
    size = 10 if byte < 58 else 26
    return text[:place] + bytes([base + (byte - base + 1) % size]) + text[place + 1:]


def tamper(message, chance):
    """A signed message with one thing changed: (what, the message, indexes of the signatures that must fail)."""
    fields, body = split(message)
    own = [i for i, field in enumerate(fields) if name_of(field) == "dkim-signature"]
    signed = [i for i, field in enumerate(fields) if is_signed(name_of(field)) and letters(field)]
    kind = chance.choice(["body", "body", "field", "field", "field", "signature", "signature", "add", "remove", "append"])
    if kind == "body" and letters(body):
        body = changed(body, chance.choice(letters(body)))
    elif kind == "field":
        i = chance.choice(signed)
        fields[i] = changed(fields[i], chance.choice(letters(fields[i])))
    elif kind == "signature":
        which = chance.randrange(len(own))
        end = fields[own[which]].rstrip(b"=\r\n")
        place = chance.choice(letters(end)[:-2])  # the last digits hold bits that do not count
        fields[own[which]] = changed(fields[own[which]], place)
        return f"{kind} {which}, octet {place}", b"".join(fields) + b"\r\n" + body, [which]
    elif kind == "remove":
        del fields[chance.choice(signed)]
    elif kind == "append":
        body = body.rstrip() + b"\r\nmore\r\n"
    else:
        kind = "add"
        fields.insert(chance.choice([0, len(own), len(fields)]), chance.choice(OVER_SIGNED).encode() + b": evil\r\n")
    return kind, b"".join(fields) + b"\r\n" + body, list(range(len(own)))


def carry(message, relaxed, chance):
    """What relays do, and signatures survive: trace fields on top, others anywhere, empty lines at the end; in
    the relaxed form also other folds and blanks."""
    fields, body = split(message)
    if relaxed:
        for i, field in enumerate(fields):
            place = field.find(b" ", max(10, field.index(b":") + 2))
            if place > 0 and b"\r\n" not in field[:-2] and field[place:].strip():
                fields[i] = field[:place] + b"\r\n\t " + field[place:]
        lines = body.split(b"\r\n")
        body = b"\r\n".join(line + chance.choice([b"", b" ", b"\t"]) if line.strip() and len(line) < LINE_MAX else line
                            for line in lines)
    fields.insert(0, b"Received: from a by b;\r\n\tMon, 1 Jan 2026 00:00:00 +0000\r\n")
    fields.insert(0, b"Return-Path: <x@y.example>\r\n")
    fields.append(b"X-Spam-Status: no\r\n")
    return b"".join(fields) + b"\r\n" + body + b"\r\n" * chance.randint(0, 3)
