"""`ringpost send` beside a running sender: the campaign goes to it through the control socket, whole or not at all, while
clients and the service are killed at random moments; what is told and the exit codes are those at rest.
"""
import array
import collections
import fcntl
import os
import random
import resource
import signal
import subprocess
import termios
import time

import e2e

LARGE_TEMPLATE = "From: news@ringel.example\nSubject: {{n}}\n\n" + ("x" * 70 + "\n") * 60000
DOMAINS = ["one.test", "two.test", "three.test"]


class Service:
    def __init__(self, case, spool, **options):
        self.case, self.spool = case, spool
        self.process = case.start([case.ringpost, "run", "--config", spool.config], **options)
        self.wait_ready()

    def wait_ready(self):
        e2e.wait_for(lambda: "is being sent" in self.process.err() or self.process.poll() is not None,
                     20 * self.case.patience, "the service")
        e2e.check(self.process.poll() is None, "the service runs", self.process.run())

    def stop(self):
        self.process.signal(signal.SIGTERM)
        return self.process.wait(40 * self.case.patience).expect(0)


def scene(case, name, *sink_options, limits="connections_per_site: 4"):
    sink = case.sink(*sink_options, ipv6=False)
    spool = e2e.Spool(case, name, port=sink.port, routes={d: ["127.0.0.1"] for d in DOMAINS}, limits=limits,
                      retry="schedule: [1s, 1s, 2s], lifetime: 10m")
    return sink, spool, case.write(name + ".eml", e2e.SHORT_TEMPLATE)


def rows(case, name, count, prefix="u"):
    return e2e.write_rows(case.path(name), [(f"{prefix}{i}@{DOMAINS[i % 3]}", i) for i in range(count)], ("email", "n"))


def check_ledger(sink, spool, wanted):
    """Every address as often as wanted, by the sink's own account and by the events."""
    sink.close()
    seen = collections.Counter(r for entry in e2e.read_lines(sink.ledger) for r in entry["rcpt"])
    e2e.check_equal(seen, wanted, "what the sink took")
    said = collections.Counter(e["recipient"] for e in spool.events() if e["type"] == "Delivery")
    e2e.check_equal(said, wanted, "what the events say")


def addresses(count, prefix="u"):
    return collections.Counter(f"{prefix}{i}@{DOMAINS[i % 3]}" for i in range(count))


def handing(case):
    """Accepted, resumed, refused, interrupted: as at rest."""
    sink, spool, template = scene(case, "handing", "--delay", "10")
    service = Service(case, spool)
    first = rows(case, "first.csv", 400)
    run = spool.send_list(template, first, "first")
    e2e.check_counts(run.json, run, recipients=400, accepted=400)
    e2e.check("are with the running sender" in run.err, "it says who has the campaign", run)
    run = spool.send_list(template, first, "first")
    e2e.check("is done" in run.err or "goes on" in run.err, "the same again", run.expect(0))
    e2e.check_equal((run.json["accepted"], run.json["messages_per_second"]), (400, 0), "this run sent nothing", run)
    other = spool.send_list(template, rows(case, "other.csv", 401), "first").expect(e2e.USAGE)
    e2e.check("another list" in other.err, "another list is refused", other)
    changed = case.write("changed.eml", e2e.SHORT_TEMPLATE + "more\n")
    e2e.check("another content" in spool.send_list(changed, first, "first").expect(e2e.USAGE).err, "content")
    bad = case.write("bad.csv", "email,n\r\na@one.test,1\r\nnobody,2\r\n")
    run = spool.send_list(template, bad, "bad").expect(e2e.USAGE)
    e2e.check("bad.csv:3" in run.err, "the row is named by the client", run)
    e2e.check_equal(spool.summary("bad"), None, "nothing of a bad list")
    refused = case.tool("send", *[a for a in spool.list_arguments(template, first, "unasked")[1:] if a != "--yes"])
    e2e.check("say --yes" in refused.expect(e2e.USAGE).err, "it asks first", refused)
    # What is to go out later is not waited for, and can be cancelled there.
    run = spool.send_list(template, rows(case, "later.csv", 5, "l"), "later", "--at", "+1h").expect(e2e.STILL_QUEUED)
    e2e.check_counts(run.json, run, recipients=5, queued=5)
    spool.queue("cancel", "--campaign", "later", "--yes").expect(0)
    # A domain that was paused before is not waited for either.
    spool.queue("pause", "--domain", "one.test").expect(0)
    paused = rows(case, "paused.csv", 3, "p")
    run = spool.send_list(template, paused, "paused").expect(e2e.STILL_QUEUED)
    e2e.check_counts(run.json, run, recipients=3, accepted=2, queued=1)
    e2e.check("paused to so many domains: 1" in run.err and "queue summary" in run.err, "it says what is paused", run)
    spool.queue("resume", "--domain", "one.test").expect(0)
    run = spool.send_list(template, paused, "paused").expect(0)
    e2e.check_counts(run.json, run, recipients=3, accepted=3)
    # Interrupted while it waits: the campaign stays. Gone on with, until everything has its end.
    many = rows(case, "many.csv", 600, "m")
    client = spool.start_list(template, many, "many", "--until", "done")
    e2e.wait_for(lambda: "are with the running sender" in client.err(), 20 * case.patience, "the hand-over")
    client.signal(signal.SIGINT)
    run = client.wait(10 * case.patience).expect(e2e.INTERRUPTED)
    e2e.check("stays with the running sender" in run.err, "it says so", run)
    run = spool.send_list(template, many, "many", "--until", "done")
    e2e.check_counts(run.json, run, recipients=600, accepted=600)
    # A finished message, and a list that comes through a slow pipe.
    message = case.write("message.eml", "From: news@ringel.example\nSubject: x\n\nOne.\n")
    run = case.send("--config", spool.config, "--from", e2e.SENDER, "--message", message, "--to", "lone@one.test", "--yes",
                    "--json", "--lane", "transactional")
    e2e.check_counts(run.json, run, recipients=1, accepted=1)
    pipe = subprocess.Popen(["/bin/sh", "-c", "echo email,n; for i in 1 2 3 4; do sleep 0.1; echo s$i@one.test,$i; done"],
                            stdout=subprocess.PIPE)
    run = spool.send_list(template, "-", "streamed", stdin=pipe.stdout)
    pipe.wait()
    e2e.check_counts(run.json, run, recipients=4, accepted=4)
    service.stop()
    run = spool.send_list(template, first, "first").expect(0)
    e2e.check_equal((run.json["accepted"], run.json["messages_per_second"]), (400, 0), "at rest as well", run)
    check_ledger(sink, spool, addresses(400) + addresses(3, "p") + addresses(600, "m") +
                 collections.Counter(["lone@one.test"] + [f"s{i}@one.test" for i in (1, 2, 3, 4)]))
    case.note("six ways of handing over")


def two_senders(case):
    """The second `send` hands over to the first one; whoever is left ends what is open."""
    sink, spool, template = scene(case, "two", "--delay", "8")
    lists = [rows(case, f"two{i}.csv", 300, f"t{i}-") for i in range(3)]
    first = spool.start_list(template, lists[0], "t0")
    e2e.wait_for(lambda: e2e.line_count(sink.ledger) > 0, 20 * case.patience, "mail")
    others = [spool.start_list(template, lists[i], f"t{i}") for i in (1, 2)]
    for process in [first, *others]:
        run = process.wait(60 * case.patience)
        e2e.check_counts(run.json, run, recipients=300, accepted=300)
    check_ledger(sink, spool, addresses(300, "t0-") + addresses(300, "t1-") + addresses(300, "t2-"))


class Half:
    """A client whose list stops in the middle: the load is open until somebody dies or the rest comes."""

    def __init__(self, case, spool, template, path, name):
        with open(path, "rb") as f:
            self.text = f.read()
        self.at = self.text.index(b"\r\n", len(self.text) // 2) + 2
        read_end, self.write_end = os.pipe()
        self.process = spool.start_list(template, "-", name, "--until", "1s", stdin=read_end)
        os.close(read_end)
        os.set_blocking(self.write_end, True)
        os.write(self.write_end, self.text[:self.at])
        e2e.wait_for(lambda: (spool.summary(name) or {}).get("state") == "loading", 20 * case.patience, "half a load")

    def close(self):
        os.close(self.write_end)


def killed_clients(case):
    """A client that dies in the middle of its list leaves nothing behind, and the next one goes first time."""
    sink, spool, template = scene(case, "clients")
    service = Service(case, spool)
    count = 2000
    big = rows(case, "big.csv", count, "k")
    draw = random.Random(11)
    half = Half(case, spool, template, big, "big")
    # One load a lane: the next one waits for its turn, the other lane does not.
    waiting = spool.start_list(template, rows(case, "next.csv", 30, "n"), "next")
    run = spool.send_list(template, rows(case, "quick.csv", 30, "q"), "quick", "--lane", "transactional")
    e2e.check_counts(run.json, run, recipients=30, accepted=30)
    e2e.check("is taking in a campaign" in waiting.err(), "the waiting client says why", waiting.run())
    half.process.kill()
    half.close()
    run = waiting.wait(20 * case.patience)
    e2e.check_counts(run.json, run, recipients=30, accepted=30)
    e2e.check_equal(spool.summary("big"), None, "half a list is no campaign")
    for _ in range(40 if case.long else 6):
        client = spool.start_list(template, big, "big", "--until", "1s")
        time.sleep(draw.random() * 0.1 * case.patience)
        client.kill()
        found = spool.summary("big")
        if found and found["state"] != "loading":
            e2e.check_equal(found["recipients"], count, "whole or not at all", found)
            break
    run = spool.send_list(template, big, "big")
    e2e.check_counts(run.json, run, recipients=count, accepted=count)
    # The service is stopped in the middle of a load: the client says that nothing was queued.
    half = Half(case, spool, template, big, "never")
    service.stop()
    half.close()
    run = half.process.wait(20 * case.patience).expect(e2e.TRY_AGAIN)
    e2e.check("nothing was queued" in run.err, "what became of half a list", run)
    check_ledger(sink, spool, addresses(count, "k") + addresses(30, "n") + addresses(30, "q"))


def killed_service(case):
    """kill -9 of the service in the middle of loads, and at random moments of loading and sending."""
    sink, spool, template = scene(case, "service")
    draw = random.Random(5)
    count, campaigns = 1000, 24 if case.long else 4
    service = Service(case, spool)
    lists, codes = {}, collections.Counter()
    for i in range(campaigns):
        name = f"c{i}"
        lists[name] = rows(case, name + ".csv", count, name + "-")
        half = Half(case, spool, template, lists[name], name) if i % 2 == 0 else None
        client = half.process if half else spool.start_list(template, lists[name], name, "--until", "1s")
        time.sleep(draw.random() * 0.08 * case.patience)
        service.process.kill()
        if half:
            half.close()
        run = client.wait(60 * case.patience)
        codes[run.code] += 1
        e2e.check(run.code in (e2e.TRY_AGAIN, e2e.STILL_QUEUED, e2e.ALL_ACCEPTED), "how a client ends", run)
        if half:
            # The kernel closes a killed sender's sockets after a while, so the client cannot always know.
            e2e.check("the same command" in run.expect(e2e.TRY_AGAIN).err, "half a load", run)
        service = Service(case, spool)
        found = spool.summary(name)
        e2e.check(found is None or (found["recipients"] == count and not half), "whole or not at all", found, run)
        if run.code == e2e.TRY_AGAIN and "nothing was queued" in run.err:
            e2e.check_equal(found, None, "nothing was queued, it said", run)
    for name, path in lists.items():
        run = spool.send_list(template, path, name, "--until", "done")
        e2e.check_equal((run.json["recipients"], run.json["accepted"]), (count, count), name, run)
    service.stop()
    sink.close()
    seen = collections.Counter(r for entry in e2e.read_lines(sink.ledger) for r in entry["rcpt"])
    e2e.check_equal(len(seen), campaigns * count, "recipients")
    events = collections.Counter(e["recipient"] for e in spool.events() if e["type"] == "Delivery")
    e2e.check_equal((len(events), max(events.values())), (campaigns * count, 1), "deliveries by the events")
    twice = sum(n - 1 for n in seen.values())
    e2e.check(twice <= campaigns * 512, f"{twice} came twice")
    spool.verify()
    case.note(f"{campaigns} kills of the service, clients ended {dict(codes)}, {twice} messages twice")


def address_space(process, what="VmSize"):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def waiting_octets(pipe):
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def dead_sender(case):
    """A sender was killed a moment ago: its socket still takes connections. Every command waits it out and does its work on
    the spool at rest."""
    sink, spool, template = scene(case, "dead")
    run = spool.send_list(template, rows(case, "dead.csv", 5), "before")
    e2e.check_counts(run.json, run, recipients=5, accepted=5)
    with spool.dead_sender():
        e2e.check_equal(spool.summary("before")["accepted"], 5, "queue summary")
    for verb, code in (("list", 0), ("pause", e2e.SOME_FAILED)):  # it is done: its state does not change
        with spool.dead_sender():
            spool.queue(verb, "--campaign", "before").expect(code)
    with spool.dead_sender():
        case.queue("status", "--config", spool.config).expect(e2e.NO_SERVICE)
    with spool.dead_sender():
        case.tool("suppress", "add", "nobody@one.test", "--config", spool.config).expect(0)
    with spool.dead_sender():
        run = spool.send_list(template, rows(case, "after.csv", 5, "a"), "after")
    e2e.check_counts(run.json, run, recipients=5, accepted=5)
    check_ledger(sink, spool, addresses(5) + addresses(5, "a"))


def no_memory(case):
    """A content for which the sender has no memory is refused before its list comes: which limit, what to raise, and whether
    it can ever be; nothing waits, nothing is queued, and with the limit raised it is sent."""
    if case.san:
        return  # a sanitizer ends the process instead of having no memory
    sink, spool, _ = scene(case, "memory")
    service = Service(case, spool, env={**os.environ, "MALLOC_CONF": "retain:false"})
    large = case.write("large.eml", LARGE_TEMPLATE)
    limits = [(address_space(service.process) + 2 ** 20, e2e.TRY_AGAIN, "do not fit any more"),
              (16 * 2 ** 20, e2e.USAGE, "more than the sender's limit of 16 MiB")]
    for limit, code, words in limits:
        before = resource.prlimit(service.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        run = spool.send_list(large, rows(case, "memory.csv", 2), "large", seconds=30).expect(code)
        e2e.check(words in run.err and "LimitAS=" in run.err and "nothing was queued" in run.err, "why, and what helps", run)
        found = spool.summary("large")
        resource.prlimit(service.process.pid, resource.RLIMIT_AS, before)
        e2e.check_equal(found, None, "nothing was queued")
    run = spool.send_list(large, rows(case, "memory.csv", 2), "large")
    e2e.check_counts(run.json, run, recipients=2, accepted=2)
    service.stop()
    check_ledger(sink, spool, addresses(2))


def no_memory_alone(case):
    """The same without a service: nothing is queued, and the list is not even read."""
    if case.san:
        return
    sink, spool, _ = scene(case, "alone")
    large = case.write("alone.eml", LARGE_TEMPLATE)
    environment = {**os.environ, "MALLOC_CONF": "retain:false"}
    theirs, ours = os.pipe()
    os.write(ours, b"email,n\n")  # is read when the content has been prepared
    process = spool.start_list(large, "-", "large", stdin=theirs, env=environment)
    e2e.wait_for(lambda: waiting_octets(theirs) == 0 or process.poll() is not None, 20, "the list")
    peak = address_space(process, "VmPeak")
    process.kill()
    os.close(theirs)
    os.close(ours)
    run = spool.send_list(large, rows(case, "alone.csv", 2), "large", env=environment, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_AS, (peak - 12 * 2 ** 20, resource.RLIM_INFINITY))).expect(e2e.TRY_AGAIN)
    e2e.check("content cannot be prepared" in run.err and "LimitAS=" in run.err and "nothing was queued" in run.err, "why", run)
    e2e.check_equal(spool.summary("large"), None, "nothing was queued")
    run = spool.send_list(large, rows(case, "alone.csv", 2), "large", env=environment)
    e2e.check_counts(run.json, run, recipients=2, accepted=2)
    check_ledger(sink, spool, addresses(2))


def main():
    with e2e.Case("beside") as case:
        case.step(handing)
        case.step(two_senders)
        case.step(dead_sender)
        case.step(no_memory)
        case.step(no_memory_alone)
        case.step(killed_clients)
        case.step(killed_service)


main()
