"""Receivers that never come to an end: silent at a step, taking no content or a few octets a second of it, answering each
command so late that nothing gets done. Each session ends at its configured time-out with the outcome of that step.
"""
import resource
import signal
import socket
import threading
import time

import e2e

TIMEOUTS = ("{connect: 2s, greeting: 1s, ehlo: 1s, starttls: 1s, handshake: 1s, mail: 1s, rcpt: 1s, data: 1s, block: 2s, dot: 1s, quit: 1s, "
            "transaction: 2500ms}")
BODY = 8000000  # more than the sockets of loopback take by themselves
TLS_STEPS = ("starttls", "handshake")
STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "dot")


class Receiver(threading.Thread):
    """One listener that serves one connection after the other."""

    def __init__(self, number, habit):
        super().__init__(daemon=True)
        self.habit = habit
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind((f"127.9.2.{number}", 0))
        self.listener.listen(5)
        self.route = "%s:%d" % self.listener.getsockname()
        self.lasted = None  # seconds from the connection to its end
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            started = time.monotonic()
            try:
                self.serve(connection)
            except OSError:
                pass
            self.lasted = time.monotonic() - started
            connection.close()

    def answer(self, connection, step, line):
        if self.habit == step:
            while connection.recv(4096):  # not a word more
                pass
            raise OSError
        if self.habit == "late":
            time.sleep(0.9)
        connection.sendall(line)

    def take_body(self, connection):
        if self.habit == "shut":
            connection.settimeout(None)
            threading.Event().wait(12)  # reads nothing
            raise OSError
        if self.habit == "drip":
            while connection.recv(30):
                time.sleep(0.1)
            raise OSError
        tail = b""
        while not tail.endswith(b"\r\n.\r\n"):
            data = connection.recv(65536)
            if not data:
                raise OSError
            tail = (tail + data)[-5:]

    def serve(self, connection):
        self.answer(connection, "greeting", b"220 x\r\n")
        lines = connection.makefile("rb", buffering=0)
        while True:
            line = lines.readline()
            if not line:
                return
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.answer(connection, "ehlo", b"250-x\r\n250 STARTTLS\r\n" if self.habit in TLS_STEPS else b"250 x\r\n")
            elif verb == b"STAR":
                self.answer(connection, "starttls", b"220 s\r\n")
                self.answer(connection, "handshake", b"")
            elif verb == b"MAIL":
                self.answer(connection, "mail", b"250 a\r\n")
            elif verb == b"RCPT":
                self.answer(connection, "rcpt", b"250 b\r\n")
            elif verb == b"DATA":
                self.answer(connection, "data", b"354 c\r\n")
                self.take_body(connection)
                self.answer(connection, "dot", b"250 d\r\n")
            else:
                connection.sendall(b"221 bye\r\n")
                return


def make_spool(case, receivers):
    routes = {f"{habit}.test": [receiver.route] for habit, receiver in receivers.items()}
    extra = "tls: {domains: {%s}}" % ", ".join(f"{step}.test: required" for step in TLS_STEPS)
    spool = e2e.Spool(case, "timeouts", routes=routes, retry="schedule: [1h]", extra=extra)
    with open(spool.config) as f:
        text = f.read()
    with open(spool.config, "w") as f:
        f.write(text.replace("smtp: {", "smtp: {timeouts: " + TIMEOUTS + ", "))
    return spool


def timeouts(case):
    habits = STEPS + TLS_STEPS + ("shut", "drip", "late", "good")
    receivers = {habit: Receiver(number + 1, habit) for number, habit in enumerate(habits)}
    spool = make_spool(case, receivers)
    line = "line after line of it\n"
    template = case.write("long.eml", "From: News <%s>\nTo: {{email}}\nSubject: long\n\n" % e2e.SENDER +
                          line * (BODY // len(line)))
    rows = e2e.write_rows(case.path("list.csv"), [(f"r@{habit}.test", 1) for habit in habits], ("email", "n"))
    run = spool.send_list(template, rows, "c", seconds=40)
    run.expect(e2e.STILL_QUEUED)
    e2e.check(run.seconds < 9 * case.patience, f"it took {run.seconds:.1f} s", run)
    seen = {event["recipient"].split("@")[1].split(".")[0]: event for event in spool.events()}
    wanted = {step: (step, "timeout") for step in STEPS}
    wanted.update({step: ("tls", "tls") for step in TLS_STEPS})
    wanted.update(shut=("body", "timeout"), drip=("body", "timeout"), late=("rcpt", "timeout"),
                  good=("dot", "reply"))
    for habit in habits:
        event = seen[habit]
        stage, cause = wanted[habit]
        if habit == "late":  # at the step that the time of the whole message ran out in
            e2e.check(event["stage"] in ("mail", "rcpt", "data", "body", "dot"), "the step of " + habit, event)
            stage = event["stage"]
        e2e.check_equal((event["stage"], event["cause"]), (stage, cause), "the outcome of " + habit, event)
        if habit in ("shut", "drip", "good"):  # those two do not see the end for long
            continue
        lasted = e2e.wait_for(lambda h=habit: receivers[h].lasted, 15, f"the end of {habit}'s session")
        e2e.check(0.8 < lasted < 9 * case.patience, f"{habit} was given up after {lasted:.1f} s")
    e2e.check(seen["dot"]["type"] != "Delivery" and seen["dot"]["unsure"], "a lost verdict is unsure", seen["dot"])


def status(spool):
    run = spool.queue("status", "--json")
    return run.json if run.code == 0 else {}


def what_is_waited_for(case):
    """A receiver that has not greeted, and a want of files for connections, are to be seen while it waits."""
    silent, good = Receiver(40, "greeting"), Receiver(41, "good")
    spool = e2e.Spool(case, "waits", routes={"silent.test": [silent.route], "good.test": [good.route]})
    template = case.write("short.eml", e2e.SHORT_TEMPLATE)
    rows = e2e.write_rows(case.path("silent.csv"), [("r@silent.test", 1)], ("email", "n"))
    sender = spool.start_list(template, rows, "silent")
    e2e.wait_for(lambda: status(spool).get("opening") == 1, 20 * case.patience, "a session that opens")
    e2e.check("no_socket" not in status(spool), "nothing else is wrong", status(spool))
    sender.signal(signal.SIGINT)
    sender.wait(40).expect(e2e.INTERRUPTED)
    spool.queue("cancel", "--campaign", "silent", "--yes").expect(0)
    rows = e2e.write_rows(case.path("good.csv"), [("r@good.test", 1)], ("email", "n"))
    sender = spool.start_list(template, rows, "good", "--at", "+3s", "--until", "done")
    e2e.wait_for(lambda: status(spool), 20 * case.patience, "the sender")
    before = resource.prlimit(sender.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(sender.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    # Its own socket can be asked no more: that takes a file as well. It says so by itself, every ten seconds.
    e2e.wait_for(lambda: "NO CONNECTION CAN BE MADE: Too many open files" in sender.err(), 30 * case.patience, "the words")
    resource.prlimit(sender.pid, resource.RLIMIT_NOFILE, before)
    run = sender.wait(30 * case.patience).expect(e2e.ALL_ACCEPTED)  # the site is not to blame
    e2e.check_counts(run.json, run, accepted=1)


def main():
    with e2e.Case("timeouts") as case:
        case.step(timeouts)
        case.step(what_is_waited_for)
        case.note("each endless receiver was given up at its own time-out")


if __name__ == "__main__":
    main()
