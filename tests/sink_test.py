#!/usr/bin/python3
"""ringpost-bench sink, end to end: real sockets, smtplib and raw octets.

usage: sink_test.py PATH-OF-RINGPOST-BENCH
"""
import hashlib
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import ca

BENCH = os.path.abspath(sys.argv.pop(1))
SKIPPED = 77
FOLDER = tempfile.TemporaryDirectory()
AUTHORITY = ca.Authority(FOLDER.name)
CERTIFICATE = AUTHORITY.issue("sink")


class Sink:
    """The program, listening on free ports."""

    def __init__(self, *options, listeners=1, persona=None):
        self.folder = tempfile.TemporaryDirectory()
        self.ledger_path = os.path.join(self.folder.name, "ledger")
        arguments = [BENCH, "sink", "--ledger", self.ledger_path]
        for _ in range(listeners):
            arguments += ["--listen", "127.0.0.1:0"]
        if persona is not None:
            path = os.path.join(self.folder.name, "persona")
            with open(path, "w", encoding="utf-8") as file:
                file.write(persona)
            arguments += ["--persona", path]
        self.process = subprocess.Popen(
            arguments + list(options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ports = []
        for _ in range(listeners):
            line = self.process.stderr.readline()
            if not line.startswith(("listening ", "refusing ")):
                self.process.wait()
                raise RuntimeError(line + self.process.stderr.read())
            self.ports.append(int(line.rsplit(":", 1)[1]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.folder.cleanup()

    def smtp(self, listener=0):
        return smtplib.SMTP("127.0.0.1", self.ports[listener], timeout=10)

    def raw(self, listener=0):
        return socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=10)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.result()

    def result(self):
        out, error = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, error
        return json.loads(out)

    def ledger(self):
        with open(self.ledger_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def read_until(connection, octets):
    data = b""
    while octets not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


def read_to_end(connection):
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def talk(connection, line):
    connection.sendall(line)
    return read_until(connection, b"\r\n")


def begin(connection):
    read_until(connection, b"\r\n")
    connection.sendall(b"EHLO x\r\n")
    data = read_until(connection, b"\n250 ")
    while not data.endswith(b"\r\n"):  # the rest of the last line may come later
        data += connection.recv(65536)


def stuff(content):
    return (b"." if content.startswith(b".") else b"") + content.replace(b"\r\n.", b"\r\n..")


CONTENTS = [
    b"",
    b"\r\n",
    b"Message-ID: <1@x>\r\n\r\n",
    b"Message-ID: <2@x>\r\n\r\n.\r\n..\r\n...\r\n.x\r\n",
    b"message-id:\r\n <3@x>\r\nSubject: y\r\n\r\n" + b"x" * 998 + b"\r\n",
    b"Subject: none\r\n\r\n\r\n\r\n",
    b".\r\n.\r\n",
    b"Message-ID: <4@x>\r\n\r\nbare\nline\n.\nfeeds\r.\r\n",
    b"Message-ID: <5@x>\r\n\r\n\r\r\n.\r\r\n",
    b"Message-ID: <6@x>\r\n\r\n" + bytes(range(14, 256)) * 200 + b"\r\n",
]


class Digests(unittest.TestCase):
    def check(self, entry, content):
        self.assertEqual(entry["size"], len(content))
        self.assertEqual(entry["sha256"], hashlib.sha256(content).hexdigest())
        body = content[2:] if content.startswith(b"\r\n") else \
            content.partition(b"\r\n\r\n")[2]
        self.assertEqual(entry["body_sha256"], hashlib.sha256(body).hexdigest())

    def test_data_in_pieces(self):
        for piece in (1, 3, 7, 4096, 10**6):
            with self.subTest(piece=piece), Sink() as sink:
                with sink.raw() as connection:
                    begin(connection)
                    for content in CONTENTS:
                        self.assertTrue(talk(connection, b"MAIL FROM:<a@x>\r\n").startswith(b"250"))
                        self.assertTrue(talk(connection, b"RCPT TO:<b@y>\r\n").startswith(b"250"))
                        self.assertTrue(talk(connection, b"DATA\r\n").startswith(b"354"))
                        wire = stuff(content) + b".\r\n"
                        if piece == 1 and len(wire) > 2000:
                            piece_size = 500
                        else:
                            piece_size = piece
                        for at in range(0, len(wire), piece_size):
                            connection.sendall(wire[at:at + piece_size])
                            if piece_size < 10:
                                time.sleep(0.0002)
                        self.assertTrue(read_until(connection, b"\r\n").startswith(b"250"))
                    self.assertTrue(talk(connection, b"QUIT\r\n").startswith(b"221"))
                    self.assertEqual(connection.recv(10), b"")
                counts = sink.stop()
                self.assertEqual(counts["messages"], len(CONTENTS))
                self.assertEqual(counts["bytes"], sum(map(len, CONTENTS)))
                self.assertEqual(counts["protocol_errors"], 1)  # the bare line feeds
                for entry, content in zip(sink.ledger(), CONTENTS):
                    self.check(entry, content)
                self.assertEqual([entry["message_id"] for entry in sink.ledger()],
                                 ["", "", "<1@x>", "<2@x>", "<3@x>", "", "", "<4@x>", "<5@x>",
                                  "<6@x>"])

    def test_bdat(self):
        with Sink() as sink:
            with sink.raw() as connection:
                begin(connection)
                burst = b""
                for content in CONTENTS:
                    burst += b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\n"
                    half = len(content) // 2
                    burst += b"BDAT %d\r\n%b" % (half, content[:half])
                    burst += b"BDAT %d LAST\r\n%b" % (len(content) - half, content[half:])
                connection.sendall(burst + b"QUIT\r\n")
                replies = read_to_end(connection).split(b"\r\n")
                self.assertEqual([reply[:3] for reply in replies],
                                 [b"250"] * 5 * len(CONTENTS) + [b"221", b""])
            counts = sink.stop()
            self.assertEqual(counts["recipients"], 2 * len(CONTENTS))
            self.assertEqual(counts["protocol_errors"], 0)
            for entry, content in zip(sink.ledger(), CONTENTS):
                self.check(entry, content)
                self.assertEqual(entry["rcpt"], ["b@y", "c@y"])


class Counting(unittest.TestCase):
    def test_smtplib_and_duplicates(self):
        with Sink() as sink:
            with sink.smtp() as client:
                for number in (1, 2, 1):
                    client.sendmail("a@x.org", ["B@y.org", "c@y.org"],
                                    f"Message-ID: <{number}@x>\r\n\r\nhello\r\n.\r\n")
                client.sendmail("a@x.org", ["b@Y.org"], "Message-ID: <1@x>\r\n\r\n")
                client.sendmail("a@x.org", ["b@Y.org"], "Subject: no id\r\n\r\n")
            counts = sink.stop(signal.SIGINT)
            self.assertEqual(counts["connections"], 1)
            self.assertEqual(counts["messages"], 5)
            self.assertEqual(counts["recipients"], 8)
            self.assertEqual(counts["duplicates"], 3)
            self.assertEqual(counts["without_message_id"], 1)
            self.assertEqual(counts["protocol_errors"], 0)
            self.assertGreater(counts["cpu_seconds"], 0)

    def test_many_connections_on_two_threads(self):
        each = 20
        with Sink("--threads", "2") as sink:
            clients = [sink.smtp() for _ in range(100)]

            def work(part):
                for index in part:
                    for number in range(each):
                        clients[index].sendmail("a@x", [f"u{index}@y"],
                                                f"Message-ID: <{index}.{number}@x>\r\n\r\n")
                    clients[index].quit()

            threads = [threading.Thread(target=work, args=(range(at, 100, 4),)) for at in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            counts = sink.stop()
            self.assertEqual(counts["messages"], 100 * each)
            self.assertEqual(counts["peak_connections"], 100)
            self.assertEqual(counts["duplicates"], 0)
            ids = {entry["message_id"] for entry in sink.ledger()}
            self.assertEqual(len(ids), 100 * each)

    def test_protocol_errors(self):
        with Sink("--no-pipelining") as sink:
            with sink.raw() as connection:
                begin(connection)
                talk(connection, b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n")  # does not wait
            with sink.raw() as connection:
                begin(connection)
                talk(connection, b"MAIL FROM:<a@x>\r\n")  # and goes away
            time.sleep(0.2)
            self.assertEqual(sink.stop()["protocol_errors"], 3)

    def test_turned_away(self):
        with Sink("--connections", "2") as sink:
            with sink.raw() as first, sink.raw() as second:
                begin(first)
                begin(second)
                with sink.raw() as third:
                    self.assertEqual(read_to_end(third), b"")
            self.assertEqual(sink.stop()["turned_away"], 1)


class Misbehaving(unittest.TestCase):
    def test_reject(self):
        with Sink("--reject", "451:50") as sink:
            refused = 0
            with sink.raw() as connection:
                begin(connection)
                talk(connection, b"MAIL FROM:<a@x>\r\n")
                for _ in range(400):
                    refused += talk(connection, b"RCPT TO:<b@y>\r\n").startswith(b"451 4.2.0")
            self.assertTrue(120 < refused < 280)
            self.assertEqual(sink.stop()["rejected"], refused)

    def test_delay(self):
        with Sink("--delay", "150") as sink:
            with sink.raw() as connection:
                times = [time.monotonic()]
                for send, wanted in ((b"", b"\r\n"), (b"EHLO x\r\n", b"250 "),
                                     (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n", b"354"),
                                     (b"x\r\n.\r\n", b"250")):
                    connection.sendall(send)
                    read_until(connection, wanted)
                    times.append(time.monotonic())
            for before, after in zip(times, times[1:]):
                self.assertTrue(0.149 < after - before < 1, after - before)

    def test_delay_of_overlapping_flights(self):
        with Sink("--delay", "300") as sink, sink.raw() as connection:
            begin(connection)
            start = time.monotonic()
            for _ in range(5):
                connection.sendall(b"NOOP\r\n")
                time.sleep(0.04)
            data = b""
            while data.count(b"\r\n") < 5:
                data += connection.recv(1000)
                if data.count(b"\r\n") == 1:
                    self.assertGreater(time.monotonic() - start, 0.299)
            self.assertLess(time.monotonic() - start, 1)

    def test_refused_silent_dropped(self):
        persona = """
persona closed
listener 1
refuse
persona mute
listener 2
greeting silence
persona dropping
listener 3
greeting drop
persona liar
listener 4
dot drop accepted
persona eager
listener 5
rcpt reply 550 5.1.1 unknown
data reply 354 go on
"""
        with Sink(listeners=5, persona=persona.replace("\n\n", "\n")) as sink:
            with sink.raw(1) as connection:
                connection.settimeout(0.3)
                connection.sendall(b"EHLO x\r\n")
                with self.assertRaises(socket.timeout):
                    connection.recv(1)
            with sink.raw(2) as connection:
                self.assertEqual(read_to_end(connection), b"")
            with sink.raw(3) as connection:
                begin(connection)
                connection.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
                read_until(connection, b"354")
                connection.sendall(b"x\r\n.\r\n")
                self.assertNotIn(b"250", read_to_end(connection)[4:])
            with sink.raw(4) as connection:
                begin(connection)
                connection.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
                self.assertIn(b"550 5.1.1 unknown\r\n354 go on\r\n", read_until(connection, b"354 go on\r\n"))
                self.assertTrue(talk(connection, b".\r\n").startswith(b"554"))
            counts = sink.stop()
            self.assertEqual(counts["messages"], 1)
            self.assertEqual(len(sink.ledger()), 1)

    def test_refuse_by_port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with Sink("--listen", f"127.0.0.1:{port}", listeners=1,
                  persona=f"persona closed\nport {port}\nrefuse\n") as sink:
            self.assertEqual(sink.process.stderr.readline(), f"refusing 127.0.0.1:{port}\n")
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with sink.smtp() as client:
                self.assertEqual(client.noop()[0], 250)

    def split_parts(self):
        """Replies to fifty commands, in the parts in which they came."""
        with Sink(persona="persona bytewise\nsplit 1\n") as sink, sink.raw() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin(connection)
            connection.sendall(b"MAIL FROM:<a@x>\r\n" * 50)
            parts = []
            while b"".join(parts).count(b"\r\n") < 50:
                parts.append(connection.recv(65536))
        return parts

    def test_split(self):
        counts = []
        for _ in range(5):  # a reader that is late finds several parts joined
            parts = self.split_parts()
            self.assertEqual(b"".join(parts), b"250 2.1.0 ok\r\n" + b"503 5.5.1 nested MAIL\r\n" * 49)
            counts.append(len(parts))
            if counts[-1] > 5:
                return
        self.fail(counts)

    def test_flood_starves_nobody(self):
        with Sink(listeners=2, persona="persona flood\nlistener 1\nehlo lines endless 250 and more\n") \
                as sink:
            flooded = [sink.raw() for _ in range(20)]
            for connection in flooded:
                connection.sendall(b"EHLO x\r\n")
            with sink.smtp(1) as client:
                for number in range(50):
                    client.sendmail("a@x", ["b@y"], f"Message-ID: <{number}@x>\r\n\r\n")
            received = 0
            while received < 10_000_000:
                received += len(flooded[0].recv(1 << 20))
            for connection in flooded:
                connection.close()
            time.sleep(0.3)
            with sink.smtp(1) as client:
                client.sendmail("a@x", ["b@y"], "Message-ID: <x@x>\r\n\r\n")
            self.assertEqual(sink.stop()["messages"], 51)

    def test_client_that_reads_nothing(self):
        with Sink() as sink:
            with sink.raw() as connection:
                connection.settimeout(2)
                with self.assertRaises(OSError):
                    for _ in range(4000):
                        connection.sendall(b"NOOP\r\n" * 10000)
            with sink.smtp() as client:
                self.assertEqual(client.noop()[0], 250)
            self.assertGreater(sink.stop()["protocol_errors"], 0)


class CommandLine(unittest.TestCase):
    def fails(self, *arguments):
        done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=10,
                              check=False)
        self.assertEqual(done.stdout, "")
        self.assertNotEqual(done.stderr, "")
        return done.returncode, done.stderr

    def test_usage(self):
        for arguments in ([], ["nothing"], ["sink"], ["sink", "--listen", "x"],
                          ["sink", "--listen", "127.0.0.1:0", "more"], ["sink", "--bad"],
                          ["sink", "--listen", "127.0.0.1:0", "--threads", "0"],
                          ["sink", "--listen", "127.0.0.1:0", "--reject", "250:10"],
                          ["sink", "--listen", "127.0.0.1:0", "--for", "-1"],
                          ["sink", "--listen", "127.0.0.1:0", "--delay", "1x"],
                          ["sink", "--persona", "/nonexistent"]):
            self.assertEqual(self.fails(*arguments)[0], 2, arguments)

    def test_tls_needs_both_files(self):
        listen = ("sink", "--listen", "127.0.0.1:0")
        for options in (("--tls-cert", CERTIFICATE[0]), ("--tls-key", CERTIFICATE[1]), ("--tls-at-once",),
                        ("--tls-cert", "/nowhere/x", "--tls-key", CERTIFICATE[1])):
            self.assertEqual(self.fails(*listen, *options)[0], 2)
        status, error = self.fails(*listen, "--tls-cert", CERTIFICATE[0], "--tls-key", CERTIFICATE[0])
        self.assertEqual(status, 1)
        self.assertIn("TLS: no readable PEM private key", error)

    def test_persona_error_names_the_line(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("persona p\n\nmail sing\n")
            file.flush()
            self.assertIn(f"{file.name}: line 3: an action is expected",
                          self.fails("sink", "--persona", file.name)[1])

    def test_cannot_listen_or_write(self):
        with Sink() as sink, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            status, error = self.fails("sink", "--listen", f"127.0.0.1:{port}")
            self.assertEqual(status, 1)
            self.assertIn("in use", error)
            # Not beside another sink either, which would take a part of its connections.
            status, error = self.fails("sink", "--listen", f"127.0.0.1:{sink.ports[0]}", "--for", "1")
            self.assertEqual(status, 1)
            self.assertIn("in use", error)
            status, error = self.fails("sink", "--listen", "127.0.0.1:0", "--ledger", "/nowhere/x")
            self.assertEqual(status, 1)
            self.assertIn("/nowhere/x", error)
            sink.stop()

    def test_for_and_help(self):
        start = time.monotonic()
        with Sink("--for", "0.5") as sink:
            self.assertEqual(sink.result()["messages"], 0)
        self.assertTrue(0.5 <= time.monotonic() - start < 3)
        for arguments in (["--help"], ["sink", "--help"]):
            done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, check=True)
            self.assertIn("usage: ringpost-bench", done.stdout)


class Tls(unittest.TestCase):
    OPTIONS = ("--tls-cert", CERTIFICATE[0], "--tls-key", CERTIFICATE[1])

    def context(self, version=None):
        context = ssl.create_default_context(cafile=AUTHORITY.pem)
        if version is not None:
            context.maximum_version = version
        return context

    def connect(self, sink, listener=0):
        client = smtplib.SMTP(timeout=10)
        client._host = "localhost"  # the name in the certificate
        client.connect("127.0.0.1", sink.ports[listener])
        return client

    def send(self, client, number, size):
        content = b"Message-ID: <%d@x>\r\n\r\n" % number + b"0123456789abcdef\r\n" * (size // 18)
        client.sendmail("a@x", "b@y", content)
        return content

    def test_starttls(self):
        persona = "persona bytewise\nlistener 2\nsplit 7\ndelay 3\n"
        with Sink(*self.OPTIONS, listeners=2, persona=persona) as sink:
            contents = []
            for number, version in enumerate((None, ssl.TLSVersion.TLSv1_2) * 2):
                client = self.connect(sink, number // 2)
                client.ehlo()
                self.assertTrue(client.has_extn("starttls"))
                client.starttls(context=self.context(version))
                self.assertEqual(client.sock.version(), "TLSv1.2" if version else "TLSv1.3")
                client.ehlo()
                self.assertFalse(client.has_extn("starttls"))
                for size in (18, 300000):
                    contents.append(self.send(client, len(contents), size))
                client.quit()
            clear = self.connect(sink)
            self.send(clear, 9, 18)
            clear.quit()
            counts = sink.stop()
            self.assertEqual((counts["tls_sessions"], counts["tls_messages"], counts["tls_failures"]), (4, 8, 0))
            self.assertEqual((counts["messages"], counts["protocol_errors"]), (9, 0))
            ledger = sink.ledger()
            self.assertEqual([entry["tls"] for entry in ledger], [True] * 8 + [False])
            for entry, content in zip(ledger, contents):
                self.assertEqual(entry["sha256"], hashlib.sha256(content).hexdigest())

    def test_what_was_said_in_clear_is_forgotten(self):
        with Sink(*self.OPTIONS) as sink:
            client = self.connect(sink)
            client.starttls(context=self.context())
            self.assertEqual(client.docmd("MAIL FROM:<a@x>")[0], 503)
            self.assertEqual(client.docmd("STARTTLS")[0], 502)
            client.close()
            with sink.raw() as connection:  # no octets of clear text are taken for the session's
                begin(connection)
                connection.sendall(b"STARTTLS\r\nEHLO injected\r\n")
                self.assertTrue(read_until(connection, b"ENHANCEDSTATUSCODES\r\n").startswith(b"503 "))
            counts = sink.stop()
            self.assertEqual((counts["tls_sessions"], counts["protocol_errors"]), (1, 3))

    def test_at_once_and_again(self):
        with Sink(*self.OPTIONS, "--tls-at-once") as sink:
            session = None
            for _ in range(3):
                context = self.context() if session is None else context
                with sink.raw() as plain, context.wrap_socket(plain, server_hostname="localhost",
                                                              session=session) as connection:
                    self.assertTrue(read_until(connection, b"\r\n").startswith(b"220 "))
                    self.assertEqual(connection.session_reused, session is not None)
                    connection.sendall(b"QUIT\r\n")
                    self.assertEqual(read_until(connection, b"\r\n"), b"221 2.0.0 bye\r\n")
                    session = connection.session
                    self.assertEqual(connection.recv(1), b"")  # close_notify
            counts = sink.stop()
            self.assertEqual((counts["tls_sessions"], counts["tls_resumed"], counts["tls_failures"]), (3, 2, 0))

    def test_broken_handshakes(self):
        with Sink(*self.OPTIONS) as sink:
            for octets in (b"EHLO in clear\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 5000, b""):
                with sink.raw() as connection:
                    begin(connection)
                    self.assertTrue(talk(connection, b"STARTTLS\r\n").startswith(b"220 "))
                    connection.sendall(octets)
                    connection.shutdown(socket.SHUT_WR)
                    self.assertNotIn(b"250", read_to_end(connection))
            client = self.connect(sink)
            with self.assertRaises(ssl.SSLError):
                client.starttls(context=ssl.create_default_context())  # knows no such authority
            counts = sink.stop()
            self.assertEqual((counts["tls_sessions"], counts["messages"]), (0, 0))
            self.assertEqual(counts["tls_failures"], 3)

    def test_personas(self):
        persona = ("persona a\nlistener 1\nno-starttls\n"
                   "persona b\nlistener 2\nno-handshake\n"
                   "persona c\nlistener 3\nstarttls reply 454 4.7.0 not now\n"
                   "persona d\nlistener 4\nstarttls raw 220 go\\r\\n250 injected\\r\\n\n")
        with Sink(*self.OPTIONS, listeners=4, persona=persona) as sink:
            stripped = self.connect(sink, 0)
            stripped.ehlo()
            self.assertFalse(stripped.has_extn("starttls"))
            self.assertEqual(stripped.docmd("STARTTLS")[0], 502)
            with sink.raw(1) as connection:
                begin(connection)
                self.assertTrue(talk(connection, b"STARTTLS\r\n").startswith(b"220 "))
                connection.sendall(b"\x16\x03\x01")
                connection.settimeout(0.3)
                self.assertRaises(TimeoutError, connection.recv, 1)
            refused = self.connect(sink, 2)
            self.assertEqual(refused.docmd("EHLO x")[0], 250)
            self.assertEqual(refused.docmd("STARTTLS")[0], 454)
            self.assertEqual(refused.docmd("NOOP")[0], 250)
            with sink.raw(3) as connection:
                begin(connection)
                connection.sendall(b"STARTTLS\r\n")
                self.assertEqual(read_until(connection, b"injected\r\n"), b"220 go\r\n250 injected\r\n")
                with self.context().wrap_socket(connection, server_hostname="localhost") as secured:
                    self.assertTrue(talk(secured, b"EHLO x\r\n").startswith(b"250"))
            sink.stop()


if __name__ == "__main__":
    try:
        Sink("--for", "0.01").result()
    except RuntimeError as reason:
        if "io_uring" in str(reason):
            print(reason, file=sys.stderr)
            sys.exit(SKIPPED)
        raise
    unittest.main(verbosity=1)
