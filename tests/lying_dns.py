"""A name server that lies, for the end-to-end tests (dnslib): what it does to an answer is in the first label of
the domain that is asked about. It also counts who asked how."""
import socket
import socketserver
import struct
import threading
import time

import dnslib
from dnslib import QTYPE, RR

GOOD = "127.0.0.2"
EVIL = "127.0.0.66"
LADDER = 5000


def records(name, kind):
    """The truth: every domain has one mail host, every host one address."""
    if kind == "MX" and not name.startswith("mx."):
        return [RR(name, QTYPE.MX, ttl=300, rdata=dnslib.MX("mx." + name, 10))]
    if kind == "A":
        return [RR(name, QTYPE.A, ttl=300, rdata=dnslib.A(GOOD))]
    return []


def trouble_of(name):
    labels = name.split(".")
    return labels[1] if labels[0] == "mx" else labels[0]


def true_reply(request):
    reply = request.reply()
    for record in records(str(request.q.qname).rstrip("."), QTYPE[request.q.qtype]):
        reply.add_answer(record)
    if not reply.rr:
        reply.add_auth(RR("test", QTYPE.SOA, ttl=60, rdata=dnslib.SOA("ns.test", "admin.test", (1, 2, 3, 4, 60))))
    return reply


def strange_record(name, number, data):
    """One record, as octets: an owner that points to the question, and any type and data."""
    return b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 300, len(data)) + data


def with_records(reply, extra):
    """The packet with more records in front of its answer section."""
    packed = bytes(reply.pack())
    at = 12
    while packed[at]:
        at += packed[at] + 1
    question_end = at + 5
    count = struct.unpack("!H", packed[6:8])[0] + len(extra)
    return packed[:6] + struct.pack("!H", count) + packed[8:question_end] + b"".join(extra) + packed[question_end:]


class Liar:
    def __init__(self, address="127.0.0.1", delay=0):
        self.asked = []  # (how, name, type), in order
        self.lock = threading.Lock()
        self.thread = threading.local()
        self.delay = delay
        liar = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                for packet in liar.answers(data, "udp"):
                    sock.sendto(packet, self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                connection = liar.connected()
                while True:
                    data = self.read()
                    if data is None:
                        return
                    for packet in liar.answers(data, f"tcp{connection}"):
                        if packet is None:
                            return
                        self.request.sendall(struct.pack("!H", len(packet)) + packet)

            def read(self):
                data = b""
                while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
                    try:
                        more = self.request.recv(4096)
                    except OSError:
                        return None
                    if not more:
                        return None
                    data += more
                return data[2:]

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.connections = 0
        self.stream = Server((address, 0), Stream)
        self.port = self.stream.server_address[1]
        self.datagram = socketserver.ThreadingUDPServer((address, self.port), Datagram)
        self.datagram.daemon_threads = True
        for server in (self.stream, self.datagram):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def connected(self):
        with self.lock:
            self.connections += 1
            return self.connections

    def questions(self, how, name):
        with self.lock:
            return sum(1 for h, n, _ in self.asked if h.startswith(how) and n == name)

    def answers(self, data, how):
        request = dnslib.DNSRecord.parse(data)
        name = str(request.q.qname).rstrip(".").lower()
        with self.lock:
            self.asked.append((how, name, QTYPE[request.q.qtype]))
        self.thread.how = how
        if self.delay:
            time.sleep(self.delay)
        trick = getattr(self, "do_" + trouble_of(name).replace("-", "_"), None)
        if trick is None:
            return [bytes(true_reply(request).pack())]
        return trick(request, how == "udp")

    # --- the tricks: packets for one question ---

    def do_silent(self, request, udp):
        return []

    def do_wrongid(self, request, udp):
        lie = dnslib.DNSRecord.parse(true_reply(request).pack())
        lie.header.id ^= 0x5a5a
        for record in lie.rr:
            record.rdata = dnslib.A(EVIL) if record.rtype == QTYPE.A else record.rdata
        return [bytes(lie.pack()), bytes(true_reply(request).pack())]

    def do_wrongquestion(self, request, udp):
        lie = dnslib.DNSRecord(dnslib.DNSHeader(id=request.header.id, qr=1, ra=1), q=dnslib.DNSQuestion(
            "other." + str(request.q.qname), request.q.qtype))
        lie.add_answer(RR(request.q.qname, QTYPE.A, ttl=300, rdata=dnslib.A(EVIL)))
        return [bytes(lie.pack()), bytes(true_reply(request).pack())]

    def do_truncated(self, request, udp):
        reply = true_reply(request)
        if udp:
            reply.rr = []
            reply.header.tc = 1
        return [bytes(reply.pack())]

    def do_hung(self, request, udp):
        """The second connection has died without a word."""
        return self.do_truncated(request, udp) if udp or self.thread.how != "tcp2" else []

    def do_notcp(self, request, udp):
        return self.do_truncated(request, udp) if udp else [None]

    def do_cutshort(self, request, udp):
        packed = bytes(true_reply(request).pack())
        return [packed[:-3]]

    def do_loop(self, request, udp):
        reply = request.reply()
        reply.add_answer(RR(request.q.qname, QTYPE.CNAME, ttl=300, rdata=dnslib.CNAME(request.q.qname)))
        return [bytes(reply.pack())]

    def do_endless(self, request, udp):
        """Each name is an alias of a new one, for ever."""
        reply = request.reply()
        label, rest = str(request.q.qname).rstrip(".").split(".", 1)
        further = f"{label}.{len(rest)}.{rest}"
        reply.add_answer(RR(request.q.qname, QTYPE.CNAME, ttl=300, rdata=dnslib.CNAME(further)))
        return [bytes(reply.pack())]

    def do_outside(self, request, udp):
        """True for what was asked, and lies about others: in the answer, beside it and as authority."""
        reply = true_reply(request)
        for section in (reply.add_answer, reply.add_ar, reply.add_auth):
            section(RR("victim.test", QTYPE.MX, ttl=86400, rdata=dnslib.MX("mx.evil.test", 0)))
            section(RR("mx.victim.test", QTYPE.A, ttl=86400, rdata=dnslib.A(EVIL)))
        return [bytes(reply.pack())]

    def do_folded(self, request, udp):
        """Sends the question back in lower case."""
        reply = true_reply(request)
        reply.q.qname = dnslib.DNSLabel(str(reply.q.qname).lower())
        return [bytes(reply.pack())]

    def do_odd(self, request, udp):
        """Records on which parsers have aborted: NSEC3 of unknown algorithms, names that no text can hold."""
        extra = [strange_record(request.q.qname, 50, b"\x07\x00\xff\xff\xff" + b"\x00" * 3),
                 strange_record(request.q.qname, 50, b""),
                 strange_record(request.q.qname, 46, b"\xff" * 40),
                 strange_record(request.q.qname, 65281, b"\x00")]
        return [with_records(true_reply(request), extra)]

    def do_keytrap(self, request, udp):
        """As many signatures and keys as a packet takes (CVE-2023-50387), over TCP."""
        if udp:
            return self.do_truncated(request, udp)
        key = strange_record(request.q.qname, 48, b"\x01\x01\x03\x0d" + b"\x11" * 64)
        signature = strange_record(request.q.qname, 46, b"\x00\x0f\x0d\x02" + b"\x22" * 96)
        return [with_records(true_reply(request), ([key] * 300 + [signature] * 350)[:640])]

    def do_ladder(self, request, udp):
        """A chain of compression pointers through data that nobody reads, and a name at its end."""
        if udp:
            return self.do_truncated(request, udp)
        start = 12 + len(str(request.q.qname).rstrip(".")) + 2 + 4 + 12
        steps = b"".join(struct.pack("!H", 0xc000 | (start + 2 * n - 2 if n else 12)) for n in range(LADDER))
        end = struct.pack("!H", 0xc000 | min(start + 2 * LADDER - 2, 0x3fff))
        return [with_records(true_reply(request), [strange_record(request.q.qname, 99, steps),
                                                   strange_record(request.q.qname, 5, end)])]

    def do_thousand(self, request, udp):
        if udp:
            return self.do_truncated(request, udp)
        reply = request.reply()
        name = str(request.q.qname).rstrip(".")
        for n in range(1000):
            if QTYPE[request.q.qtype] == "MX":
                reply.add_answer(RR(name, QTYPE.MX, ttl=300, rdata=dnslib.MX(f"mx.t{n}.test", n)))
            elif QTYPE[request.q.qtype] == "A":
                reply.add_answer(RR(name, QTYPE.A, ttl=300, rdata=dnslib.A(f"127.0.{n // 250}.{n % 250 + 1}")))
        return [bytes(reply.pack())]

    def do_shortmx(self, request, udp):
        if QTYPE[request.q.qtype] != "MX":
            return [bytes(true_reply(request).pack())]
        return [with_records(request.reply(), [strange_record(request.q.qname, 15, b"\x00")])]

    def do_refused(self, request, udp):
        reply = request.reply()
        reply.header.rcode = 5
        return [bytes(reply.pack())]

    def close(self):
        for server in (self.stream, self.datagram):
            server.shutdown()
            server.server_close()


def dead_port(case, address="127.0.0.1"):
    """A port that takes datagrams and never answers."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.bind((address, 0))
    case.closing(holder)
    return holder.getsockname()[1]
