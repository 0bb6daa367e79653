"""Reports as mail servers write them (RFC 3464, RFC 5965), about a message by its return path; and forged ones."""
import base64
import hashlib
import hmac
import random
import struct


def dsn(to, recipient, status="5.1.1", words="550 5.1.1 <%s>: no such user here", action="failed", original=None):
    """A delivery report to the return path `to`."""
    original = f"Original-Recipient: rfc822;{original}\n" if original else ""
    words = words % recipient if "%s" in words else words
    return f"""From: MAILER-DAEMON@mx.dead.test (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I could not deliver your message.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.dead.test

{original}Final-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}

--b
Content-Type: text/rfc822-headers

From: news@ringel.example
To: {recipient}
Subject: news

--b--
"""


def octets(to):
    """A delivery report about as many as are kept, all in control octets: more than a line of JSON can be."""
    groups = "".join(f"\nFinal-Recipient: rfc822; <{i:03}{chr(1) * 1000}>\nAction: failed\nStatus: 5.1.1\n"
                     f"Diagnostic-Code: smtp; 550 {chr(2) * 900}\n" for i in range(256))
    return f"""From: MAILER-DAEMON@mx.dead.test (Mail Delivery System)
To: {to}
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.dead.test
{groups}
--b--
"""


def feedback(to, kind, returned):
    """A complaint with what it returns of the message."""
    return f"""From: <fbl@provider.test>
To: {to}
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: provider/1.0
Version: 1

--b
Content-Type: {kind}

{returned}
--b--
"""


def complaint(to, return_path):
    return feedback(to, "message/rfc822", f"Return-Path: <{return_path}>\nFrom: news@ringel.example\nSubject: news\n\nhello\n")


def feedback_id(to, value):
    """Of a receiver that returns the id alone (RFC 9477), broken over two lines."""
    return feedback(to, "text/rfc822-headers", f"CFBL-Feedback-ID: {value[:20]}\n {value[20:]}\n")


def auto_reply(to):
    return f"""From: somebody@d0.test
To: {to}
Subject: Out of office: news
Auto-Submitted: auto-replied

I am away until Monday.
"""


def person(to, subject):
    return f"From: somebody@d0.test\nTo: {to}\nSubject: {subject}\n\n"


def forged_tags(seed, genuine, domain):
    """Return paths that are none: made up, another's key, a genuine one with one character changed or for another
    recipient, none at all."""
    draw = random.Random(seed)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    while True:
        kind = draw.randrange(5)
        if kind == 0:
            tag = "".join(draw.choice(alphabet) for _ in range(40))
        elif kind == 1:
            raw = bytes([0x10]) + draw.randbytes(14)
            raw += hmac.new(draw.randbytes(32), raw, hashlib.sha256).digest()[:10]
            tag = base64.b32encode(raw).decode().lower()
        elif kind == 2:
            tag = list(draw.choice(genuine))
            at = draw.randrange(2, 40)
            tag[at] = draw.choice([c for c in alphabet if c != tag[at]])
            tag = "".join(tag)
        elif kind == 3:
            raw = bytearray(base64.b32decode(draw.choice(genuine).upper()))
            ordinal = struct.unpack(">I", raw[9:13])[0]
            raw[9:13] = struct.pack(">I", (ordinal + draw.randrange(1, 50)) % 1000)
            tag = base64.b32encode(bytes(raw)).decode().lower()
        else:
            tag = draw.choice(["bounce", "owner-list", "list+user=dead.test", ""])
        yield f"{tag}@{domain}"
