"""Mail servers whose TLS is good, bad or hostile: one port, one address a behaviour, a thread a connection.

Each keeps what was said to it: who got mail, and over what. Written from RFC 5321 and RFC 3207, with Python's ssl.
"""
import socket
import ssl
import threading

# What a behaviour does with STARTTLS.
NONE, GOOD, REFUSED, STRIPPED, INJECTED, HANDSHAKE, SILENCE, DROP = (
    "none", "good", "refused", "stripped", "injected", "handshake", "silence", "drop")


class Message:
    def __init__(self, recipient, version, cipher, parameters, client=None):
        self.recipient = recipient
        self.version = version      # None: in clear
        self.cipher = cipher
        self.parameters = parameters
        self.client = client        # common name of the client's certificate


class Server:
    """`how` is one of the behaviours; `pem` and `key` for those that come to a handshake."""

    def __init__(self, address, port, how, pem=None, key=None, first=False, offers=(), users=None,
                 client_ca=None):
        self.how = how
        self.first = first          # TLS before the greeting
        self.offers = list(offers)  # further EHLO keywords behind TLS
        self.users = users          # {user: password}: AUTH is offered behind TLS and wanted
        self.messages = []
        self.clear_commands = []    # everything that was said in clear
        self.handshakes = 0
        self.resumed = 0
        self.connections = 0
        self.lock = threading.Lock()
        self.context = None
        if pem:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem, key)
        if client_ca:               # a certificate of its own is demanded of the client
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.closing = threading.Event()
        self.listener = socket.create_server((address, port), backlog=64)
        self.listener.settimeout(0.2)
        self.threads = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def close(self):
        self.closing.set()
        self.thread.join()
        self.listener.close()

    def _accept(self):
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                continue
            with self.lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(60)
            Talk(self, connection).run()
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            connection.close()


class Talk:
    def __init__(self, server, connection):
        self.server = server
        self.connection = connection
        self.secured = False
        self.rest = b""
        self.recipient = None
        self.parameters = ""
        self.user = None

    def say(self, *lines):
        self.connection.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def line(self):
        while b"\n" not in self.rest:
            data = self.connection.recv(65536)
            if not data:
                raise ValueError("closed")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def secure(self):
        if self.rest:
            raise ValueError("octets behind STARTTLS")
        with self.server.lock:
            self.server.handshakes += 1
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        if self.connection.session_reused:
            with self.server.lock:
                self.server.resumed += 1
        self.secured = True

    def run(self):
        if self.server.first:
            self.secure()
        self.say("220 mx.test ESMTP")
        while True:
            line = self.line()
            verb, _, argument = line.partition(" ")
            if not self.secured:
                with self.server.lock:
                    self.server.clear_commands.append(line)
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.say("502 5.5.2 what?")
            elif handler(argument) is False:
                return

    def on_ehlo(self, _):
        lines = ["mx.test", "PIPELINING", "8BITMIME"]
        how = self.server.how
        if how == STRIPPED and not self.secured:
            lines.append("XXXXXXXX")
        elif how != NONE and not self.secured:
            lines.append("STARTTLS")
        if self.secured:
            lines += self.server.offers
            if self.server.users:
                lines.append("AUTH PLAIN LOGIN")
        self.say(*["250-" + line for line in lines[:-1]], "250 " + lines[-1])

    def on_starttls(self, _):
        how = self.server.how
        if how in (NONE, STRIPPED):
            self.say("502 5.5.1 not known")
        elif how == REFUSED:
            self.say("454 4.7.0 TLS is not available")
        elif how == INJECTED:
            self.say("220 go", "250 injected")
            self.secure()
        elif how == HANDSHAKE:
            self.say("220 go")
            self.connection.recv(65536)
            self.connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")  # alert: handshake_failure
            return False
        elif how == SILENCE:
            self.say("220 go")
            while self.connection.recv(65536):
                pass
            return False
        elif how == DROP:
            self.say("220 go")
            return False
        else:
            self.say("220 go")
            self.secure()
        return True

    def on_auth(self, argument):
        import base64
        method, _, initial = argument.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line()).decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        if self.server.users.get(user) == password:
            self.user = user
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 no")

    def on_mail(self, argument):
        if self.server.users and not self.user:
            self.say("530 5.7.0 who are you?")
            return
        self.parameters = argument.partition(">")[2].strip()
        self.say("250 2.1.0 ok")

    def on_rcpt(self, argument):
        self.recipient = argument.partition("<")[2].partition(">")[0]
        self.say("250 2.1.5 ok")

    def on_data(self, _):
        self.say("354 go")
        while self.line() != ".":
            pass
        version = self.connection.version() if self.secured else None
        cipher = self.connection.cipher()[0] if self.secured else None
        with self.server.lock:
            self.server.messages.append(Message(self.recipient, version, cipher, self.parameters, self.client()))
        self.say("250 2.0.0 taken")

    def client(self):
        certificate = self.connection.getpeercert() if self.secured else None
        names = dict(pair[0] for pair in certificate["subject"]) if certificate else {}
        return names.get("commonName")

    def on_rset(self, _):
        self.say("250 2.0.0 ok")

    def on_quit(self, _):
        self.say("221 2.0.0 bye")
        return False
