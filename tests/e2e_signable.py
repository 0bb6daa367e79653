"""Mail that cannot be signed is never sent unsigned: a key that is missing, open to others, too small or none is told at
the start and at SIGHUP, and what is queued waits; content that no key can sign is refused, also by a running sender whose
configuration is another, held at a start and deferred when keys come while it is being sent."""
import os
import signal
import subprocess
import time

import e2e
from e2e_bounces import Service
from e2e_dkim import Keys, Scene

DOMAIN = "ringel.example"
MESSAGE = f"From: news@{DOMAIN}\r\nTo: x@d0.test\r\nSubject: s\r\n\r\nhello\r\n"
MANY = "List-Info: <a@b>\n" * 70
TOO_MANY = "more than 64 of its header fields"


def one_key(case, name, scene_extra=""):
    keys = Keys(case, (DOMAIN, "r1", "rsa", False))
    return keys, Scene(case, name, keys, scene_extra), case.path(f"{DOMAIN}-r1.pem")


def send(case, scene, name, config=None, content=MESSAGE, more=()):
    path = case.write(name + ".eml", content)
    return case.send("--config", config or scene.spool.config, "--from", e2e.SENDER, "--message", path, "--to", "x@d0.test",
                     "--campaign", name, "--yes", "--json", *more)


def faults(case, path):
    """What may be wrong with a key file: who makes it so, and what is said of it."""
    good = open(path, "rb").read()

    def write(content, mode=0o600):
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)

    small = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"], check=True,
                           capture_output=True).stdout
    return lambda: write(good), [
        (lambda: os.unlink(path), "No such file"), (lambda: write(good, 0o644), "others can read"),
        (lambda: write(small), "less than 1024 bits"), (lambda: write(good[:len(good) // 2]), "no private key"),
        (lambda: write(b""), "empty")]


def keys_at_the_start(case):
    keys, scene, path = one_key(case, "start")
    send(case, scene, "waits", more=("--at", "+3s", "--until", "1s")).expect(e2e.STILL_QUEUED)
    due = time.monotonic() + 3
    mend, broken = faults(case, path)
    for spoil, words in broken:
        spoil()
        for run in (send(case, scene, "new"), send(case, scene, "waits"),
                    case.tool("run", "--config", scene.spool.config), case.tool("check", "--config", scene.spool.config)):
            run.expect(e2e.USAGE)
            e2e.check(words in run.err and path in run.err, f"it says {words!r} of {path}", run)
        mend()
    time.sleep(max(0, due - time.monotonic()))  # it is due, and was all the last of these times
    e2e.check_equal(scene.receiver.messages, [], "nothing was sent")
    e2e.check_equal(scene.spool.summary("new"), None, "nothing was queued")
    e2e.check_equal(scene.spool.summary("waits")["queued"], 1, "what was queued waits")
    send(case, scene, "waits", more=("--until", "done")).expect(0)
    e2e.check_equal([keys.signers(message) for _, _, message in scene.receiver.messages], [[(DOMAIN, "r1")]], "signed")
    case.note(f"{len(broken)} faults of a key file at the start")


def reload_refused(case):
    """A key that has gone when SIGHUP comes: the one in memory goes on signing."""
    keys, scene, path = one_key(case, "reload")
    scene.case = case
    service = Service(scene)
    mend, broken = faults(case, path)
    for i, (spoil, words) in enumerate(broken[:3]):
        spoil()
        service.process.signal(signal.SIGHUP)
        e2e.wait_for(lambda words=words: words in service.process.err(), 10 * case.patience, words)
        send(case, scene, f"r{i}").expect(0)
        mend()
    e2e.check_equal([keys.signers(message) for _, _, message in scene.receiver.messages], [[(DOMAIN, "r1")]] * 3, "signed")
    service.stop()
    case.note("a key gone at SIGHUP")


def handed_over(case):
    """A running service is asked before a campaign is queued with it."""
    keys, scene, _ = one_key(case, "service")
    scene.case = case
    service = Service(scene)
    other = case.write("other.yaml", open(scene.spool.config).read().replace(keys.yaml, ""))
    run = send(case, scene, "many", other, MANY + MESSAGE).expect(e2e.USAGE)
    e2e.check(TOO_MANY in run.err and f"the key of {DOMAIN}" in run.err and "running sender refuses" in run.err,
              "the service refuses it", run)
    run = send(case, scene, "many", content=MANY + MESSAGE).expect(e2e.USAGE)
    e2e.check(TOO_MANY in run.err and f"the key of {DOMAIN}" in run.err and "the message:" in run.err,
              "under the same configuration it is not even asked", run)
    second = Keys(case, ("new.example", "n1", "rsa", False))
    for line in ("sub.new.example", "new.example"):
        config = case.write("more.yaml", open(scene.spool.config).read() + second.yaml.split("\n")[1] + "\n")
        run = send(case, scene, "early", config, MESSAGE.replace(DOMAIN, line)).expect(e2e.USAGE)
        e2e.check(f"no key that signs mail of {line}" in run.err and "SIGHUP" in run.err, "the key is not there yet", run)
    for name in ("many", "early"):
        e2e.check_equal(scene.spool.summary(name), None, "nothing is queued")
    e2e.check_equal(scene.receiver.messages, [], "nothing was sent")
    scene.spool.configure(extra=keys.yaml + second.yaml.split("\n")[1] + "\n")
    service.process.signal(signal.SIGHUP)
    deadline = time.monotonic() + 20 * case.patience
    while (run := send(case, scene, "early", content=MESSAGE.replace(DOMAIN, "new.example"))).code == e2e.USAGE:
        e2e.check(time.monotonic() < deadline, "the new key is read", run)
        time.sleep(0.1)
    run.expect(0)
    send(case, scene, "fine").expect(0)
    keys.records.update(second.records)
    e2e.check_equal([keys.signers(message) for _, _, message in scene.receiver.messages],
                    [[("new.example", "n1")], [(DOMAIN, "r1")]], "signed")
    service.stop()
    case.note("campaigns that a service cannot sign")


def template(case):
    return case.write("many.eml", MANY + e2e.SHORT_TEMPLATE)


def rows(case, name, count):
    return e2e.write_rows(case.path(name + ".csv"), [(f"{name}{i}@d0.test", i) for i in range(count)], ("email", "n"))


def held(case):
    """Queued when nobody signed it."""
    keys, scene, _ = one_key(case, "held")
    yaml = keys.yaml
    scene.spool.configure(extra="")
    old, waiting = template(case), rows(case, "w", 5)
    scene.spool.send_list(old, waiting, "old", "--at", "+3s", "--until", "1s").expect(e2e.STILL_QUEUED)
    time.sleep(3)
    scene.spool.configure(extra=yaml)
    run = send(case, scene, "good").expect(0)
    e2e.check('campaign "old" is held' in run.err and TOO_MANY in run.err and f"the key of {DOMAIN}" in run.err,
              "it says so", run)
    e2e.check_equal([keys.signers(message) for _, _, message in scene.receiver.messages], [[(DOMAIN, "r1")]], "the other")
    e2e.check_equal(scene.spool.summary("old")["queued"], 5, "it waits")
    scene.receiver.messages.clear()
    scene.spool.configure(extra="")  # whoever decides that it need not be signed may say so
    scene.spool.send_list(old, waiting, "old", "--until", "done").expect(0)
    e2e.check_equal(len(scene.receiver.messages), 5, "then it goes")
    case.note("held at the start")


def deferred(case):
    """Keys come by SIGHUP while it is being sent."""
    keys, scene, _ = one_key(case, "deferred")
    yaml, count = keys.yaml, 120
    scene.spool.configure(extra="", limits="messages_per_second_per_site: 25")
    old, recipients = template(case), rows(case, "c", count)
    process = scene.spool.start_list(old, recipients, "old", "--until", "5s")
    e2e.wait_for(lambda: len(scene.receiver.messages) >= 10, 20 * case.patience, "mail flows")
    scene.spool.configure(extra=yaml)
    process.signal(signal.SIGHUP)
    process.wait(30 * case.patience).expect(e2e.STILL_QUEUED)
    went = {to[0] for _, to, _ in scene.receiver.messages}
    e2e.check(10 <= len(went) <= 80, "it stopped", len(went))
    e2e.check_equal(len(went), len(scene.receiver.messages), "each once")
    told = {event["recipient"] for event in scene.spool.events()
            if event["type"] == "TransientFailure" and TOO_MANY in str(event)}
    e2e.check(told and not told & went, "deferred, with the reason", sorted(told & went))
    bad = [event["type"] for event in scene.spool.events() if event["type"] not in ("Delivery", "TransientFailure")]
    e2e.check_equal(bad, [], "nobody failed for it")
    scene.spool.configure(extra="", limits="")
    scene.spool.send_list(old, recipients, "old", "--until", "done").expect(0)
    e2e.check_equal(sorted(to[0] for _, to, _ in scene.receiver.messages), sorted(f"c{i}@d0.test" for i in range(count)),
                    "in the end everybody, once")
    case.note(f"{count - len(went)} of {count} waited for a configuration that sends them")


def main():
    with e2e.Case("signable") as case:
        for step in (keys_at_the_start, reload_refused, handed_over, held, deferred):
            case.step(step)


if __name__ == "__main__":
    main()
