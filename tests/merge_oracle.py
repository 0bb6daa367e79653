#!/usr/bin/python3
"""A second implementation of docs/merge.md, for tests: what ringpost must send, before dot-stuffing.

As a module: Template(source).render(values, recipient=..., campaign=..., ordinal=..., host=..., date=...).
As a program: merge_oracle.py --template FILE --csv FILE --row N --email-column NAME --campaign HEX --host H --date SECONDS
prints the message of one row (N from 0).
"""
import argparse
import base64
import csv
import re
import sys
import time

TAG = re.compile(rb"\{\{\{[ \t\r\n]*([A-Za-z0-9_.-]{1,64})[ \t\r\n]*\}\}\}"
                 rb"|\{\{(?!\{)[ \t\r\n]*([A-Za-z0-9_.-]{1,64})[ \t\r\n]*\}\}")
ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
DOT_ATOM = re.compile(ATEXT + rb"+(\." + ATEXT + rb"+)*")
DOMAIN = re.compile(rb"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
LITERAL = re.compile(rb"\[[A-Za-z0-9.:]+\]")
QUOTED_LOCAL = re.compile(rb'"[^\x00-\x1f\x7f-\xff<>,;:"\\()]+"')
ENCODED_WORD = re.compile(rb"=\?([^?]+)\?([qQbB])\?([^?]*)\?=")
ADDRESS_FIELDS = {
    b"from", b"sender", b"reply-to", b"to", b"cc", b"resent-from", b"resent-sender", b"resent-to",
    b"resent-cc", b"resent-reply-to", b"errors-to", b"mail-followup-to", b"mail-reply-to",
    b"disposition-notification-to", b"return-receipt-to", b"apparently-to", b"x-original-to",
    b"delivered-to"}
ID_FIELDS = {b"message-id", b"in-reply-to", b"references", b"resent-message-id"}
URL_FIELDS = {b"archived-at", b"feedback-id", b"cfbl-address", b"cfbl-feedback-id",
              b"auto-submitted", b"precedence"}
FIXED_FIELDS = {b"date", b"resent-date", b"mime-version", b"received", b"dkim-signature"}
REMOVED_FIELDS = {b"bcc", b"resent-bcc", b"return-path"}
SINGLE_FIELDS = {
    b"from", b"sender", b"reply-to", b"to", b"cc", b"message-id", b"in-reply-to", b"references",
    b"subject", b"date", b"mime-version", b"content-type", b"content-transfer-encoding",
    b"content-disposition", b"content-id", b"content-description"}
HTML = {0x26: b"&amp;", 0x3c: b"&lt;", 0x3e: b"&gt;", 0x22: b"&quot;", 0x27: b"&#39;"}


class BadTemplate(Exception):
    pass


class Refused(Exception):
    pass


def kind_of(name):
    name = name.lower()
    if name in ADDRESS_FIELDS:
        return "address"
    if name in ID_FIELDS:
        return "id"
    if name in URL_FIELDS or name.startswith(b"list-"):
        return "url"
    if name in REMOVED_FIELDS:
        return "removed"
    if name == b"content-description":
        return "text"
    if name in FIXED_FIELDS or name.startswith((b"content-", b"arc-")):
        return "fixed"
    return "text"


def take_line(data, at):
    """The line that begins at `at`, and where the next begins."""
    for end in range(at, len(data)):
        if data[end] == 13:
            return data[at:end], end + (2 if data[end:end + 2] == b"\r\n" else 1)
        if data[end] == 10:
            return data[at:end], end + 1
    return data[at:], len(data)


def split_lines(data):
    """Lines without their ends; whether the last one had an end."""
    lines = re.split(rb"\r\n|\r|\n", data)
    ended = lines[-1] == b""
    return (lines[:-1] if ended else lines), ended or not data


def is_mailbox(value):
    local, at, domain = value.rpartition(b"@")
    return bool(at and 1 <= len(local) <= 64 and len(value) <= 254
                and (DOT_ATOM.fullmatch(local) or QUOTED_LOCAL.fullmatch(local))
                and (DOMAIN.fullmatch(domain) or LITERAL.fullmatch(domain)))


def is_id(value):
    left, _, right = value.partition(b"@")
    return bool(DOT_ATOM.fullmatch(left) and DOT_ATOM.fullmatch(right))


def percent(value):
    return re.sub(rb"[^A-Za-z0-9\-._~:/?#\[\]@!$&'*+;=%]", lambda m: b"%%%02X" % m[0][0], value)


def parts_of(text):
    """Literal octets and (name, raw) for fields."""
    parts = []
    at = 0
    while True:
        brace = text.find(b"{{", at)
        if brace < 0:
            break
        match = TAG.match(text, brace)
        if not match:
            raise BadTemplate("braces that begin no field")
        if brace > at:
            parts.append(text[at:brace])
        parts.append((match[1] or match[2], match[1] is not None))
        at = match.end()
    if at < len(text):
        parts.append(text[at:])
    return parts


def fields_in(parts):
    return [part for part in parts if isinstance(part, tuple)]


# Header text.

def words_of(text):
    """The words between blanks; blanks inside braces do not divide."""
    words = []
    at = 0
    while at < len(text):
        if text[at] in b" \t":
            at += 1
            continue
        start = at
        while at < len(text) and text[at] not in b" \t":
            match = TAG.match(text, at)
            at = match.end() if match else at + 1
        words.append(text[start:at])
    return words


def decode_words(text):
    """Encoded words read, blanks made one. Second result: a foreign charset was met."""
    out = b""
    foreign = False
    before_encoded = False
    for word in text.replace(b"\t", b" ").split(b" "):
        if not word:
            continue
        match = ENCODED_WORD.fullmatch(word)
        decoded = word
        encoded = False
        if match:
            charset = match[1].split(b"*")[0].lower()
            if charset in (b"utf-8", b"utf8", b"us-ascii", b"iso-8859-1"):
                encoded = True
                if match[2] in b"qQ":
                    decoded = re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]),
                                     match[3].replace(b"_", b" "))
                else:
                    digits = re.sub(rb"[^A-Za-z0-9+/]", b"", match[3].split(b"=")[0])
                    decoded = base64.b64decode(digits + b"A" * (-len(digits) % 4))
                    decoded = decoded[:len(digits) * 6 // 8]
                if charset == b"iso-8859-1":
                    decoded = decoded.decode("latin-1").encode()
            else:
                foreign = True
        if out and not out.endswith(b" ") and not (encoded and before_encoded):
            out += b" "
        out += decoded
        before_encoded = encoded
    return out, foreign


def is_spaced(text):
    return not (text.startswith(b" ") or text.endswith(b" ") or b"  " in text)


def is_printable(text):
    return all(0x20 <= c <= 0x7e for c in text) and b"=?" not in text


Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def q_encode(text):
    return b"".join(bytes([c]) if c in Q_SAFE else b"_" if c == 32 else b"=%02X" % c for c in text)


class Line:
    """A header field being written."""

    def __init__(self, name):
        self.out = bytearray(name + b":")
        self.column = len(self.out)
        self.first = True
        self.encoded = False

    def piece(self, data, extra=0):
        if not self.first and self.column + 1 + len(data) + extra > 76:
            self.out += b"\r\n " + data
            self.column = 1 + len(data)
        else:
            self.out += b" " + data
            self.column += 1 + len(data)
        self.first = False
        self.encoded = False

    def attach(self, data):
        self.out += data
        self.column += len(data)

    def words(self, text, join):
        q = q_encode(text)
        use_q = len(q) <= (len(text) + 2) // 3 * 4
        characters = [c.encode() for c in text.decode()]
        if join and self.encoded:
            characters.insert(0, b" ")
        while characters:
            if 76 - self.column - 1 - 12 < 20:
                self.out += b"\r\n "
                self.column = 1
            else:
                self.out += b" "
                self.column += 1
            room = min(63, 76 - self.column - 12)
            chunk = b""
            while characters:
                more = chunk + characters[0]
                size = len(q_encode(more)) if use_q else (len(more) + 2) // 3 * 4
                if size > room:
                    break
                chunk = more
                characters.pop(0)
            payload = q_encode(chunk) if use_q else base64.b64encode(chunk)
            word = b"=?utf-8?%s?%s?=" % (b"q" if use_q else b"b", payload)
            self.out += word
            self.column += len(word)
        self.first = False
        self.encoded = True

    def text(self, text):
        if not text:
            return
        if is_printable(text) and is_spaced(text) and max(map(len, text.split(b" "))) <= 900:
            for word in text.split(b" "):
                self.piece(word)
        else:
            self.words(text, True)

    def phrase(self, text):
        text = text.strip(b" ")
        if not text:
            return
        quoted = b'"' + re.sub(rb'(["\\])', rb"\\\1", text) + b'"'
        if not is_printable(text) or len(quoted) > 70:
            self.words(text, False)
        elif is_spaced(text) and re.fullmatch(b"(" + ATEXT + b"| )+", text):
            self.piece(text, 1)
        else:
            self.piece(quoted)


class HeaderField:
    """A field to be written: tokens are (form, parts)."""

    def __init__(self, name, tokens):
        self.name = name
        self.tokens = tokens

    def render(self, values):
        line = Line(self.name)
        for form, parts, url in self.tokens:
            text = b""
            for part in parts:
                if isinstance(part, tuple):
                    text += percent(values[part[0]]) if url else values[part[0]]
                else:
                    text += part
            if form == "comma":
                line.attach(b",")
            elif form == "text":
                line.text(text)
            elif form == "phrase":
                line.phrase(text)
            else:
                line.piece(text, 1)
        return bytes(line.out) + b"\r\n"


class Element:
    def __init__(self):
        self.name = b""
        self.address = b""
        self.angle = False


def skip_comment(text, at):
    depth = 0
    start = at
    while at < len(text):
        if text[at] == 0x5c:
            at += 1
        elif text[at] == 0x28:
            depth += 1
        elif text[at] == 0x29:
            depth -= 1
            if depth == 0:
                if b"{{" in text[start:at]:
                    raise BadTemplate("a field in a comment")
                return at + 1
        at += 1
    raise BadTemplate("an open comment")


def take_quoted(text, at):
    out = b""
    at += 1
    while at < len(text):
        if text[at] == 0x5c and at + 1 < len(text):
            at += 1
        elif text[at] == 0x22:
            return out, at + 1
        out += text[at:at + 1]
        at += 1
    raise BadTemplate("an open quote")


def elements_of(text):
    """Takes a list of addresses apart: name pieces, address."""
    elements = []
    names = []     # of the element at hand: ("quoted" or "atoms", octets)
    element = Element()
    after = False  # the angle brackets are closed
    at = 0

    def finish():
        nonlocal element, names, after
        if element.angle:
            name = b""
            for sort, piece in names:
                if sort == "atoms":
                    piece, foreign = decode_words(piece)
                    if foreign:
                        raise BadTemplate("a foreign charset")
                if piece and name and not name.endswith(b" "):
                    name += b" "
                name += piece
            element.name = name.strip(b" ")
            elements.append(element)
        else:
            address = b"".join(b'"' + re.sub(rb'(["\\])', rb"\\\1", p) + b'"' if s == "quoted" else p
                               for s, p in names).strip(b" \t")
            if address:
                element.address = address
                elements.append(element)
        element, names, after = Element(), [], False

    while at < len(text):
        c = text[at]
        if c == 0x2c:
            finish()
            at += 1
        elif c == 0x28:
            at = skip_comment(text, at)
            if not element.angle:
                names.append(("atoms", b" "))
        elif after:
            if c not in b" \t":
                raise BadTemplate("text after an address")
            at += 1
        elif c == 0x22:
            quoted, at = take_quoted(text, at)
            names.append(("quoted", quoted))
        elif c == 0x3c:
            end = at
            while end < len(text) and text[end] != 0x3e:
                end = take_quoted(text, end)[1] if text[end] == 0x22 else end + 1
            if end >= len(text):
                raise BadTemplate("an open bracket")
            element.angle = True
            element.address = text[at + 1:end].strip(b" \t")
            if any(s == "atoms" and re.search(rb"[:;@>]", p) for s, p in names):
                raise BadTemplate("a special character in a name")
            at = end + 1
            after = True
        else:
            match = TAG.match(text, at)
            end = match.end() if match else at + 1
            if names and names[-1][0] == "atoms":
                names[-1] = ("atoms", names[-1][1] + text[at:end])
            else:
                names.append(("atoms", text[at:end]))
            at = end
    finish()
    return elements


def address_tokens(text, contexts):
    tokens = []
    for element in elements_of(text):
        if tokens:
            tokens.append(("comma", [], False))
        element.name.decode()
        if element.name:
            parts = parts_of(element.name)
            contexts.extend((name, "phrase", 998) for name, _ in fields_in(parts))
            tokens.append(("phrase", parts, False))
        parts = parts_of(element.address)
        address_contexts(parts, element, contexts)
        if element.angle:
            parts = [b"<"] + parts + [b">"]
        tokens.append(("atom", parts, False))
    return tokens


def share(parts, extra):
    count = len(fields_in(parts))
    return (900 - extra - sum(len(p) for p in parts if not isinstance(p, tuple))) // max(count, 1)


def address_contexts(parts, element, contexts):
    room = share(parts, 2 if element.angle else 0)
    if len(parts) == 1 and isinstance(parts[0], tuple):
        contexts.append((parts[0][0], "mailbox", min(room, 254)))
        return
    probe = b"".join(b"x" if isinstance(part, tuple) else part for part in parts)
    if not is_mailbox(probe):
        raise BadTemplate("no mailbox")
    last = max(i for i, part in enumerate(parts) if not isinstance(part, tuple) and b"@" in part)
    for i, part in enumerate(parts):
        if isinstance(part, tuple):
            if probe.startswith(b'"'):
                raise BadTemplate("a field in a quoted mailbox")
            before = i < last
            contexts.append((part[0], "local" if before else "domain",
                             min(room, 64 if before else 253)))


def id_context(word, contexts):
    parts = parts_of(word)
    fields = fields_in(parts)
    if not fields:
        return parts
    room = share(parts, 0)
    if len(parts) == 1:
        contexts.append((fields[0][0], "id-whole", min(room, 250)))
        return parts
    inner = parts_of(word[1:-1])
    if not (word.startswith(b"<") and word.endswith(b">")):
        raise BadTemplate("no Message-ID")
    if len(inner) == 1:
        contexts.append((fields[0][0], "id-content", min(room, 250)))
        return parts
    if not is_id(b"".join(b"x" if isinstance(part, tuple) else part for part in inner)):
        raise BadTemplate("no Message-ID")
    contexts.extend((name, "id-part", min(room, 200)) for name, _ in fields)
    return parts


def is_kept_field(name, lines):
    extra = len(name) + 1
    for i, line in enumerate(lines):
        if len(line) + (extra if i == 0 else 0) > 998 or any(c > 127 for c in line):
            return False
        if i > 0 and not line.strip(b" \t"):
            return False
    return True


# Bodies.

def qp_decode(data):
    out = b""
    lines, ended = split_lines(data)
    for i, line in enumerate(lines):
        line = line.rstrip(b" \t")
        soft = line.endswith(b"=")
        if soft:
            line = line[:-1]
        out += re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), line)
        if not soft and (i + 1 < len(lines) or ended):
            out += b"\r\n"
    return out


def qp_encode(text, column, html):
    """The octets, and the column reached."""
    out = bytearray()
    text = re.sub(rb"\r\n|\r|\n", b"\n", text)
    for i, c in enumerate(text):
        if c == 10:
            out += b"\r\n"
            column = 0
            continue
        if html and c in HTML:
            for octet in HTML[c]:
                if column + 1 > 75:
                    out += b"=\r\n"
                    column = 0
                out.append(octet)
                column += 1
            continue
        bare = 0x21 <= c <= 0x7e and c != 0x3d
        if c in b" \t":
            bare = i + 1 < len(text) and text[i + 1] != 10
        for _ in range(2):
            unit = bytes([c]) if bare and not (c in b".-" and column == 0) else b"=%02X" % c
            if column + len(unit) <= 75:
                break
            out += b"=\r\n"
            column = 0
        out += unit
        column += len(unit)
    return bytes(out), column


class TextBody:
    def __init__(self, text, html):
        if not text.endswith((b"\r", b"\n")):
            text += b"\r\n"
        self.runs = []
        for part in parts_of(text):
            if isinstance(part, tuple):
                self.runs.append((part[0], html and not part[1]))
            else:
                encoded, column = qp_encode(part, 0, False)
                first = encoded.find(b"\r\n")
                self.runs.append((encoded, column, first if first >= 0 else len(encoded) + 1))

    def render(self, values):
        out = bytearray()
        column = 0
        after = False
        for run in self.runs:
            if len(run) == 2:
                encoded, column = qp_encode(values[run[0]], column, run[1])
                out += encoded
                after = True
                continue
            encoded, end, first = run
            if after and column + first > 76:
                out += b"=\r\n"
                column = 0
            out += encoded
            column = end if b"\r\n" in encoded else column + len(encoded)
            after = False
        return bytes(out)


def parameter(body, name):
    for match in re.finditer(rb';[ \t\r\n]*([^=; \t\r\n]+)[ \t\r\n]*=[ \t]*("[^"]*"|[^;\r\n]*)', body):
        if match[1].lower() == name:
            value = match[2]
            start, end = match.span(2)
            if value.startswith(b'"'):
                return value[1:-1], start + 1, end - 1
            stripped = value.strip()
            return stripped, start + value.find(stripped), start + value.find(stripped) + len(stripped)
    return None


class Part:
    """One header block and what it says about its content."""

    def __init__(self, template, data, at, digest):
        self.fields = []
        seen = set()
        while True:
            line, following = take_line(data, at)
            if not line:
                at = following
                break
            name, colon, rest = line.partition(b":")
            name = name.rstrip(b" \t")
            if not colon or not re.fullmatch(rb"[\x21-\x7e]+", name):
                raise BadTemplate("no header field")
            lines = [rest]
            at = following
            while at < len(data) and data[at] in b" \t":
                line, at = take_line(data, at)
                lines.append(line)
            if name.lower() in SINGLE_FIELDS and name.lower() in seen:
                raise BadTemplate("stands twice")
            seen.add(name.lower())
            self.fields.append((name, lines))
        self.at = at
        self.names = seen
        self.template = template
        self.body_of = {name.lower(): b"\r\n".join(lines) for name, lines in self.fields}
        content_type = self.body_of.get(b"content-type")
        self.type = b"text/plain" if not digest else b"message/rfc822"
        self.charset = self.boundary = None
        if content_type is not None:
            self.type = content_type.split(b";")[0].strip().lower()
            self.charset = parameter(content_type, b"charset")
            self.boundary = parameter(content_type, b"boundary")
        encoding = self.body_of.get(b"content-transfer-encoding", b"").strip().lower()
        self.encoding = "identity" if encoding in (b"7bit", b"8bit", b"binary", b"") else \
            encoding.decode("ascii", "replace")
        self.recode = None
        self.utf8 = False
        self.opaque = self.type.startswith(b"message/") or self.type == b"multipart/signed"
        self.multipart = self.type.startswith(b"multipart/") and not self.opaque
        if self.multipart and (not self.boundary or self.encoding != "identity"):
            raise BadTemplate("multipart")

    def decide(self, content):
        """Returns a list of what is to be put out as the content."""
        lines, _ = split_lines(content)
        clean = not any(c > 127 or c == 0 for c in content) and \
            all(len(line) <= 998 for line in lines)
        dots = any(line.startswith(b".") for line in lines)
        decoded = content
        if self.encoding == "quoted-printable":
            decoded = qp_decode(content)
        elif self.encoding == "base64":
            digits = re.sub(rb"[^A-Za-z0-9+/]", b"", content.split(b"=")[0])
            decoded = base64.b64decode(digits + b"A" * (-len(digits) % 4))[:len(digits) * 6 // 8]
        known = self.encoding in ("identity", "quoted-printable", "base64")
        if not self.type.startswith(b"text/"):
            if TAG.search(decoded):
                raise BadTemplate("a field in an attachment")
            if (self.opaque or not known) and not clean:
                raise BadTemplate("must not be changed")
            if self.opaque or not known or (clean and not dots):
                return self.kept(lines)
            self.recode = b"base64"
            if self.encoding == "identity":
                decoded = re.sub(rb"(\r\n|\n|\r)\Z", b"", decoded)
            return self.base64(decoded)
        tagged = b"{{" in decoded
        unicode_charset = self.charset is None or \
            self.charset[0].lower() in (b"utf-8", b"utf8", b"us-ascii", b"ascii")
        if tagged and (self.encoding == "base64" or not known or not unicode_charset):
            raise BadTemplate("no place for a field")
        self.utf8 = unicode_charset and (tagged or any(c > 127 for c in content)) and \
            self.encoding != "base64"
        if clean and not tagged and (not dots or not known):
            self.utf8 = False
            return self.kept(lines)
        if not known:
            raise BadTemplate("unknown encoding")
        if self.encoding == "base64":
            self.recode = b"base64"
            return self.base64(decoded)
        if unicode_charset:
            try:
                decoded.decode()
            except UnicodeDecodeError:
                raise BadTemplate("not UTF-8") from None
        if b"\0" in decoded:
            raise BadTemplate("NUL")
        self.recode = b"quoted-printable"
        html = self.type in (b"text/html", b"text/x-amp-html")
        self.template.contexts.extend((name, "body", 65536)
                                      for name, _ in fields_in(parts_of(decoded)))
        return [TextBody(decoded, html)] if decoded else []

    @staticmethod
    def kept(lines):
        return [b"".join(line + b"\r\n" for line in lines)]

    @staticmethod
    def base64(data):
        return [b"".join(base64.b64encode(data[i:i + 57]) + b"\r\n"
                         for i in range(0, len(data), 57))]

    def header(self, top):
        """Pieces of the header block, with its blank line."""
        out = []
        for name, lines in self.fields:
            lower = name.lower()
            if lower == b"content-transfer-encoding" and (self.recode or
                                                           self.encoding == "identity"):
                out.append(b"Content-Transfer-Encoding: " + (self.recode or b"7bit") + b"\r\n")
            elif lower == b"content-type" and self.utf8 and \
                    (self.charset is None or self.charset[0].lower() != b"utf-8"):
                body = b"\r\n".join(lines)
                if b"{{" in body:
                    raise BadTemplate("a field in Content-Type")
                if self.charset:
                    body = body[:self.charset[1]] + b"utf-8" + body[self.charset[2]:]
                else:
                    body = body.rstrip(b"; \t\r\n") + b"; charset=utf-8"
                out.append(b"Content-Type:" + body + b"\r\n")
            else:
                out.append(self.template.header_field(name, lines))
        if top:
            if b"from" not in self.names:
                raise BadTemplate("no From")
            out += [name for name, lower in (("DATE", b"date"), ("ID", b"message-id"),
                                             ("TO", b"to")) if lower not in self.names]
            mime = {b"content-type", b"content-transfer-encoding"} & self.names
            if (mime or self.recode or self.utf8) and b"mime-version" not in self.names:
                out.append(b"MIME-Version: 1.0\r\n")
        if self.utf8 and b"content-type" not in self.names:
            out.append(b"Content-Type: text/plain; charset=utf-8\r\n")
        if self.recode and b"content-transfer-encoding" not in self.names:
            out.append(b"Content-Transfer-Encoding: " + self.recode + b"\r\n")
        return out + [b"\r\n"]


class Template:
    def __init__(self, source):
        self.contexts = []  # (field, what it must be, octets)
        self.pieces = []
        if source.startswith(b"\xef\xbb\xbf"):
            source = source[3:]
        self.source = source
        self.levels = []
        self.at = 0
        self.part(True)
        while self.levels:
            _, mark = self.until_mark()
            if mark is None or mark[0] != len(self.levels) - 1:
                raise BadTemplate("a multipart is not closed")
            level, close, self.at = mark
            self.pieces.append(b"--" + self.levels[level][0] + (b"--\r\n" if close else b"\r\n"))
            if close:
                self.levels.pop()
            else:
                self.part(False)
        self.names = list(dict.fromkeys(name for name, _, _ in self.contexts))

    def until_mark(self):
        """What stands before the next delimiter, and (level, closes, end)."""
        start = self.at
        while self.at < len(self.source):
            line, following = take_line(self.source, self.at)
            for level in reversed(range(len(self.levels))):
                boundary = b"--" + self.levels[level][0]
                if line.startswith(boundary):
                    tail = line[len(boundary):]
                    close = tail.startswith(b"--")
                    if not (tail[2:] if close else tail).strip(b" \t"):
                        return self.source[start:self.at], (level, close, following)
            self.at = following
        return self.source[start:], None

    def part(self, top):
        digest = bool(self.levels) and self.levels[-1][1]
        part = Part(self, self.source, self.at, digest)
        self.at = part.at
        if part.multipart:
            self.pieces += part.header(top)
            self.levels.append((part.boundary[0], part.type == b"multipart/digest"))
            return
        content, _ = self.until_mark()
        body = part.decide(content)
        self.pieces += part.header(top) + body

    def header_field(self, name, lines):
        kind = kind_of(name)
        text = b"".join(lines)
        if kind == "removed":
            return b""
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text):
            raise BadTemplate("a control character")
        kept = is_kept_field(name, lines)
        copy = name + b":" + b"".join(line + b"\r\n" for line in lines)
        before = len(self.contexts)
        if kind == "text":
            tokens = self.text_tokens(text, kept)
        elif kind == "address":
            tokens = self.address_tokens(name, text, kept)
        else:
            if any(c > 127 for c in text) or (kind == "fixed" and b"{{" in text):
                raise BadTemplate("fixed field")
            tokens = None
            if b"{{" in text or not kept:
                tokens = []
                for word in words_of(text):
                    parts = id_context(word, self.contexts) if kind == "id" else parts_of(word)
                    tokens.append(("atom", parts, kind == "url"))
                    if kind == "url":
                        self.contexts.extend((field, "url", min(900, share(parts, 0)))
                                             for field, _ in fields_in(parts))
        if tokens is None:
            del self.contexts[before:]
            return copy
        return HeaderField(name, tokens)

    def text_tokens(self, text, kept):
        decoded, foreign = decode_words(text)
        if b"{{" not in decoded and kept:
            return None
        if foreign and b"{{" in decoded:
            raise BadTemplate("a foreign charset")
        try:
            decoded.decode()
        except UnicodeDecodeError:
            raise BadTemplate("not UTF-8") from None
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", decoded):
            raise BadTemplate("a control character")
        tokens = []
        for word in words_of(decoded):
            parts = parts_of(word)
            self.contexts.extend((name, "text", 998) for name, _ in fields_in(parts))
            tokens.append(("text", parts, False))
        return tokens

    def address_tokens(self, name, text, kept):
        contexts = []
        try:
            tokens = address_tokens(text, contexts)
        except (BadTemplate, UnicodeDecodeError) as error:
            if kept and b"{{" not in text and name.lower() != b"from":
                return None
            raise BadTemplate(str(error)) from None
        if not contexts and kept:
            return None
        self.contexts += contexts
        return tokens

    def check(self, values):
        for name, context, size_max in self.contexts:
            value = values[name]
            problem = check_value(context, value)
            size = len(percent(value)) if context == "url" else len(value)
            # A limit of one place holds for the field.
            if problem or size > size_max:
                raise Refused(f"{name.decode()}: {problem or 'too long'}")

    def render(self, values, *, recipient, campaign, ordinal, host, date):
        self.check(values)
        out = []
        for piece in self.pieces:
            if isinstance(piece, bytes):
                out.append(piece)
            elif piece == "DATE":
                day = time.gmtime(date)
                out.append(b"Date: " + ("%s, %02d %s %04d %02d:%02d:%02d +0000" % (
                    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.tm_wday], day.tm_mday,
                    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
                     "Dec")[day.tm_mon - 1], day.tm_year, day.tm_hour, day.tm_min,
                    day.tm_sec)).encode() + b"\r\n")
            elif piece == "ID":
                known = host if DOMAIN.fullmatch(host) and len(host) <= 253 else b"host.invalid"
                out.append(b"Message-ID: <%016x.%d@%s>\r\n" % (campaign, ordinal, known))
            elif piece == "TO":
                out.append(b"To: <%s>\r\n" % recipient if is_mailbox(recipient)
                           else b"To: undisclosed-recipients:;\r\n")
            else:
                out.append(piece.render(values))
        return b"".join(out)


def check_value(context, value):
    try:
        value.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    controls = rb"[\x00-\x08\x0b\x0c\x0e-\x1f]" if context == "body" else rb"[\x00-\x08\x0a-\x1f]"
    if re.search(controls, value):
        return "a control character or line break"
    if context == "mailbox":
        return None if is_mailbox(value) else "no mailbox"
    if context in ("local", "id-part"):
        return None if DOT_ATOM.fullmatch(value) else "no dot-atom"
    if context == "domain":
        return None if DOMAIN.fullmatch(value) and len(value) <= 253 else "no domain"
    if context == "id-whole":
        ok = len(value) > 2 and value[:1] == b"<" and value[-1:] == b">" and is_id(value[1:-1])
        return None if ok else "no Message-ID"
    if context == "id-content":
        return None if is_id(value) else "no Message-ID"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", required=True)
    parser.add_argument("--csv", required=True)
    parser.add_argument("--row", type=int, default=0)
    parser.add_argument("--email-column", default="email")
    parser.add_argument("--campaign", required=True, help="16 hexadecimal digits")
    parser.add_argument("--host", required=True)
    parser.add_argument("--date", type=int, required=True)
    options = parser.parse_args()
    with open(options.template, "rb") as file:
        template = Template(file.read())
    with open(options.csv, encoding="utf-8-sig", newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            if i == options.row:
                break
        else:
            sys.exit("no such row")
    values = {name.encode(): value.encode() for name, value in row.items()}
    sys.stdout.buffer.write(template.render(
        values, recipient=values[options.email_column.encode()], campaign=int(options.campaign, 16),
        ordinal=options.row, host=options.host.encode(), date=options.date))


if __name__ == "__main__":
    main()
