"""The demo behind scripts/demo: a campaign through the whole path, and its account."""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dkim  # noqa: E402
from aiosmtpd.controller import Controller  # noqa: E402

import world  # noqa: E402

SENDER = "news@ringel.test"

DKIM = "dkim: [{{domain: ringel.test, selector: demo, key_file: {key}}}]\n"

PERSONAS = """# the demo's receivers are not perfect
persona unknown-user
recipient *3
percent 10
rcpt reply 550 5.1.1 User unknown

persona busy
recipient *7
percent 20
rcpt reply 451 4.3.2 Please try again later
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--recipients", type=int, default=20000)
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    ringpost = os.path.join(build, "tools", "ringpost")
    bench = os.path.join(build, "bench", "ringpost-bench")
    folder = os.path.join(build, "demo")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)

    domains, zone = world.make_domains(500)
    signing = os.path.join(folder, "dkim.pem")
    published = make_signing_key(ringpost, signing, zone)
    knot = world.Knot(folder, zone)
    personas = os.path.join(folder, "personas")
    with open(personas, "w") as f:
        f.write(PERSONAS)
    sink = None
    try:
        sink = world.Sink(bench, folder, "--persona", personas)
        with open(os.path.join(folder, "template.eml"), "w", encoding="utf-8") as f:
            f.write(world.TEMPLATE.replace("news@ringel.example", SENDER))
        kinds = world.write_list(os.path.join(folder, "list.csv"), domains, options.recipients)
        key = os.path.join(folder, "verp.key")
        world.write_verp_key(key)
        world.write_config(os.path.join(folder, "ringpost.yaml"), os.path.join(folder, "spool"),
                           knot.port, sink.port, key,
                           "retry: {schedule: [1s, 2s, 4s], lifetime: 30s}\n" + DKIM.format(key=signing))
        print(f"demo: {options.recipients} recipients in {len(domains)} domains: " +
              ", ".join(f"{kinds[k]} {k}" for k in world.KINDS if k in kinds))
        sent = subprocess.run(
            [ringpost, "send", "--config", os.path.join(folder, "ringpost.yaml"),
             "--from", SENDER, "--template", os.path.join(folder, "template.eml"),
             "--recipients", os.path.join(folder, "list.csv"), "--campaign", "demo",
             "--metadata", "account", "--until", "done", "--yes", "--json"],
            stdout=subprocess.PIPE, text=True)
        sink_result = sink.close()
        sink = None
        verified = is_signed(folder, ringpost, knot, signing, published)
    finally:
        if sink is not None:
            sink.close()
        knot.close()
    if sent.returncode not in (0, 1):
        print(f"demo: ringpost send ended with exit code {sent.returncode}", file=sys.stderr)
        return 1
    learned(folder, ringpost)
    result = account(folder, bench, json.loads(sent.stdout), sink_result, options.recipients)
    return result if verified else 1


def make_signing_key(ringpost, path, zone):
    """A key that signs the demo's mail; its record is published in the zone."""
    made = subprocess.run([ringpost, "key", "make", "--domain", "ringel.test", "--selector", "demo", "--ed25519",
                           "--out", path, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    record = json.loads(made.stdout)["record"]
    zone.add("demo._domainkey.ringel", "TXT", f'"{record}"')
    return record


def is_signed(folder, ringpost, knot, key, record):
    """Whether the published key fits, and one message of this configuration, read back, verifies."""
    received = []

    class Reader:
        async def handle_DATA(self, server, session, envelope):
            received.append(envelope.content)
            return "250 2.0.0 ok"

    reader = Controller(Reader(), hostname="127.0.0.1", port=world.free_port())
    reader.start()
    try:
        config = os.path.join(folder, "reader.yaml")
        world.write_config(config, os.path.join(folder, "reader"), knot.port, reader.port, None, DKIM.format(key=key) +
                           'routes: {"reader.test": ["127.0.0.1:%d"]}\n' % reader.port)
        checked = subprocess.run([ringpost, "key", "check", "--config", config], stdout=subprocess.PIPE, text=True)
        subprocess.run([ringpost, "send", "--config", config, "--from", SENDER, "--message", "-", "--to",
                        "reader@reader.test", "--yes", "--json"], input=f"From: {SENDER}\nSubject: signed?\n\nGuten Tag!\n",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        reader.stop()
    verified = len(received) == 1 and dkim.verify(received[0], dnsfunc=lambda name, timeout=5: record.encode())
    print(f"demo: {checked.stdout.strip()}; a message read back {'verifies' if verified else 'DOES NOT VERIFY'}")
    return verified and checked.returncode == 0


def learned(folder, ringpost):
    """What the suppression list knows now, by class."""
    listed = subprocess.run([ringpost, "suppress", "list", "--config",
                             os.path.join(folder, "ringpost.yaml"), "--json"],
                            stdout=subprocess.PIPE, text=True, check=True)
    classes = collections.Counter(json.loads(line)["class"] for line in listed.stdout.splitlines())
    print(f"demo: {classes.total()} addresses will not be mailed again (ringpost suppress list): " +
          ", ".join(f"{count} {name}" for name, count in classes.most_common()))


def account(folder, bench, result, sink, recipients):
    events = os.path.join(folder, "spool", "events")
    files = sorted(os.path.join(events, name) for name in os.listdir(events)
                   if name.endswith(".ndjson"))
    audit = subprocess.run([bench, "audit", os.path.join(folder, "ledger.ndjson"), *files],
                           stdout=subprocess.PIPE, text=True)
    audit = json.loads(audit.stdout)
    print(f"demo: {result['messages_per_second']:.0f} messages a second, "
          f"{sink['connections']} connections; ledger and events are in {folder}")
    lost = audit["lost"] + audit.get("strangers", 0)
    print(f"demo: recipients={result['recipients']} accepted={result['accepted']} "
          f"failed={result['failed']} suppressed={result['suppressed']} "
          f"queued={result['queued']} lost={audit['lost']} duplicates={audit['duplicates']}")
    adds_up = (result["recipients"] == recipients and result["queued"] == 0 and
               result["recipients"] == result["accepted"] + result["failed"] +
               result["suppressed"] + result["queued"] and
               sink["messages"] == result["accepted"])
    return 0 if adds_up and lost == 0 and audit["duplicates"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
