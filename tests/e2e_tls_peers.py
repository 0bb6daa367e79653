#!/usr/bin/python3
"""Real mail servers behind TLS, Exim and OpenSMTPD, with certificates good and bad: mail that demands nothing and mail that demands
TLS goes over TLS to each, mail that demands a verified server to the good one alone; and both sides see the same. And a server whose
every handshake fails: OpenSMTPD as Debian 12 ships it."""
import email
import email.policy
import os
import re
import smtplib
import ssl

import ca
import e2e
import exim
import opensmtpd
import unpacked
import world

NETWORK = 86
KINDS = {
    "good": {},
    "expired": {"end": "20210101000000Z"},
    "wrong": {"dns": ["elsewhere.example"]},
    "unknown": {"issuer": "other", "chain": ["other"]},
}
MODES = {"any": "opportunistic", "required": "required", "strict": "verified"}
PER_CELL = 5

# What a server could change, behind what ringpost makes of it.
TEMPLATE = """From: Ringel <news@ringel.example>
To: {{email}}
Subject: Number {{n}}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Number {{n}} for {{email}}.
.
..
.three
""" + "x" * 900 + "\n\n\nGrüße\n"


def make_certificates(case):
    """The authority, and by kind (PEM, key). All servers have the same names and keys, which cost time."""
    if not hasattr(case, "certificates"):
        os.makedirs(case.path("ca"))
        authority = ca.Authority(case.path("ca"))
        ca.Authority(case.path("ca"), "other")
        case.certificates = authority, {
            kind: authority.issue("c-" + kind, **{"dns": [f"mx-{kind}.test"], "kind": "rsa2048", **options})
            for kind, options in KINDS.items()}
    return case.certificates


class Peers:
    """The names, keys and mail for one server that listens on one address a kind of certificate."""

    def __init__(self, case, name, network):
        self.case = case
        self.name = name
        self.addresses = {kind: f"127.{NETWORK}.{network}.{i}" for i, kind in enumerate(KINDS, 1)}
        self.domains = [f"{kind}-{mode}.test" for kind in KINDS for mode in MODES]
        self.rows = [(f"u{i}@{domain}", i) for i in range(PER_CELL) for domain in self.domains]
        os.chmod(case.folder, 0o755)
        os.makedirs(case.path(name))
        self.cache = os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
        os.makedirs(self.cache, exist_ok=True)
        self.authority, files = make_certificates(case)
        self.certificates = {self.addresses[kind]: files[kind] for kind in KINDS}

    def zone(self):
        zone = world.Zone()
        for kind, address in self.addresses.items():
            zone.add(f"mx-{kind}", "A", address)
            for mode in MODES:
                zone.add(f"{kind}-{mode}", "MX", f"10 mx-{kind}.test.")
        return zone

    def send(self, port):
        """The events."""
        modes = ", ".join(f'"{kind}-{mode}.test": {demand}' for kind in KINDS for mode, demand in MODES.items())
        spool = e2e.Spool(self.case, "spool-" + self.name, port=port, dns=self.case.knot(self.zone()).port,
                          retry="schedule: [1h]",
                          extra="tls: {mta_sts: false, ca_file: %s, domains: {%s}}\n" % (self.authority.pem, modes))
        list_file = e2e.write_rows(self.case.path(self.name + ".csv"), self.rows, ["email", "n"])
        template = self.case.write(self.name + ".eml", TEMPLATE)
        spool.send_list(template, list_file).expect(e2e.STILL_QUEUED)
        return spool.events()

    def check_events(self, events, handshakes=True):
        """Who got mail, and how; the answer: the recipients."""
        seen = {}
        for event in events:
            seen.setdefault(event["recipient"].partition("@")[2], []).append(
                (event["type"], event["tls_protocol_version"], (event["tls_cipher"] or "")[:4]))
        wanted = {}
        for kind in KINDS:
            for mode in MODES:
                deferred = (mode == "strict" and kind != "good") if handshakes else mode != "any"
                wanted[f"{kind}-{mode}.test"] = (("TransientFailure", None, "") if deferred else
                                                 ("Delivery", "TLSv1.3", "TLS_") if handshakes else ("Delivery", None, ""))
        e2e.check_equal(seen, {domain: [one] * PER_CELL for domain, one in wanted.items()}, "by kind and demand")
        for event in events:
            kind, mode = event["recipient"].partition("@")[2].removesuffix(".test").split("-")
            words = event["response"]["content"]
            e2e.check(event["type"] == "Delivery" or f"mx-{kind}.test" in words and "demanded" in words, "the words", event)
            e2e.check((event["delays"]["tls"] > 0) == (event["tls_protocol_version"] is not None), "delays.tls", event)
        return {event["recipient"] for event in events if event["type"] == "Delivery"}


def start(case, make):
    try:
        return case.closing(make())
    except unpacked.Unavailable as why:
        case.note("not tried: " + " ".join(str(why).split()))
        return None


def real_exim(case):
    peers = Peers(case, "exim", 0)
    server = start(case, lambda: exim.Exim(peers.cache, case.path("exim"), ":".join(peers.domains), "dead", "nowhere.test", 9,
                                           peers.certificates))
    if server is None:
        return
    delivered = peers.check_events(peers.send(server.port))
    with open(os.path.join(server.folder, "mainlog"), errors="replace") as f:
        arrived = [line for line in f if " <= " in line]
    e2e.check_equal(len(arrived), len(delivered), "at Exim")
    e2e.check(all(re.search(r" X=TLS1\.3", line) for line in arrived), "Exim saw TLS", arrived[:2])
    case.note(f"Exim with {len(KINDS)} kinds of certificates, {len(arrived)} messages behind TLS")


def check_whole(case, peers, server, delivered, secured):
    """Each once, with every octet, in its Maildir; and what the server says of TLS."""
    e2e.wait_for(lambda: len(server.files()) >= len(delivered), 20 * case.patience, "OpenSMTPD to deliver")
    numbers = dict(peers.rows)
    seen = []
    for message in server.files():
        head = message.decode("ascii").partition("\n\n")[0]
        read = email.message_from_bytes(message, policy=email.policy.default)
        recipient = read["To"]
        seen.append(recipient)
        wanted = TEMPLATE.replace("{{email}}", recipient).replace("{{n}}", str(numbers[recipient])).partition("\n\n")
        e2e.check_equal(read.get_content(), wanted[2], f"{recipient}: the body")
        e2e.check(set(wanted[0].splitlines()[:3]) <= set(head.splitlines()), f"{recipient}: the header", head)
        e2e.check(re.search(r"with ESMTPS id \w+ \(TLSv1\.3:TLS_" if secured else r"with ESMTP id", head),
                  f"{recipient}: what OpenSMTPD saw", head)
        e2e.check("\nReturn-Path: <news@ringel.example>\n" in "\n" + head, f"{recipient}: the sender", head)
    e2e.check_equal(sorted(seen), sorted(delivered), "at OpenSMTPD, each once")


def real_opensmtpd(case):
    peers = Peers(case, "opensmtpd", 1)
    server = start(case, lambda: opensmtpd.OpenSMTPD(peers.cache, case.path("opensmtpd"), peers.domains,
                                                     certificates=peers.certificates))
    if server is None:
        return
    delivered = peers.check_events(peers.send(server.port))
    check_whole(case, peers, server, delivered, True)
    case.note(f"OpenSMTPD with {len(KINDS)} kinds of certificates, {len(delivered)} messages whole behind TLS")


def shakes_hands(server):
    """Whether Python's TLS comes to terms with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with smtplib.SMTP(server.addresses[0], server.port, "x.test", timeout=20) as client:
            client.starttls(context=context)
            client.ehlo()
        return True
    except (OSError, smtplib.SMTPException):
        return False


def broken_opensmtpd(case):
    """Mail that demands nothing goes in clear behind a handshake that failed; all that demands TLS stays."""
    peers = Peers(case, "broken", 2)
    server = start(case, lambda: opensmtpd.OpenSMTPD(peers.cache, case.path("broken"), peers.domains,
                                                     certificates=peers.certificates, mended=False))
    if server is None:
        return
    if shakes_hands(server):
        case.note("this OpenSMTPD's TLS works as it is shipped")
        return
    delivered = peers.check_events(peers.send(server.port), handshakes=False)
    check_whole(case, peers, server, delivered, False)
    case.note(f"OpenSMTPD whose handshakes fail, {len(delivered)} messages whole in clear")


def main():
    with e2e.Case("tls_peers") as case:
        case.step(real_exim)
        case.step(real_opensmtpd)
        case.step(broken_opensmtpd)
        if all(note.startswith("not tried") for note in case.notes):
            case.skip("; ".join(case.notes))


if __name__ == "__main__":
    main()
