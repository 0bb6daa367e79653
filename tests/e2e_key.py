"""ringpost key: keys are made and kept safe, their records are printed as a zone wants them, and what is published
is compared with the key: good, missing, revoked, another key, for testing, several. And what sending and checking
warn of: no aligned key, no SPF, no DMARC, no one-click unsubscribing."""
import base64
import json
import os
import stat
import subprocess

import e2e
import world


def make(case, name, *options):
    path = case.path(name + ".pem")
    run = case.tool("key", "make", "--domain", "ours.test", "--selector", name, "--out", path, "--json", *options).expect(0)
    return path, run.json


def openssl_public(path):
    der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], stdout=subprocess.PIPE, check=True)
    return der.stdout


def making(case):
    path, made = make(case, "rsa")
    e2e.check_equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "its owner's alone", path)
    e2e.check_equal((made["name"], made["algorithm"], made["bits"]), ("rsa._domainkey.ours.test", "rsa-sha256", 2048), "RSA")
    e2e.check_equal(made["record"], "v=DKIM1; k=rsa; p=" + base64.b64encode(openssl_public(path)).decode(),
                    "the public key, as openssl has it", made)
    before = open(path, "rb").read()
    run = case.tool("key", "make", "--domain", "ours.test", "--selector", "rsa", "--out", path).expect(e2e.CANNOT_CREATE)
    e2e.check("never overwritten" in run.err and open(path, "rb").read() == before, "a file is never overwritten", run)
    link = case.path("link.pem")
    os.symlink(case.path("nowhere"), link)
    case.tool("key", "make", "--domain", "ours.test", "--selector", "x", "--out", link).expect(e2e.CANNOT_CREATE)
    e2e.check(not os.path.exists(case.path("nowhere")), "nor is a link followed", link)

    ed, made = make(case, "ed", "--ed25519")
    e2e.check_equal(made["record"], "v=DKIM1; k=ed25519; p=" + base64.b64encode(openssl_public(ed)[-32:]).decode(),
                    "Ed25519: 32 octets", made)
    e2e.check(b"PRIVATE" in open(ed, "rb").read(), "PEM", ed)
    umask = os.umask(0o277)
    strict, _ = make(case, "strict", "--ed25519")
    os.umask(umask)
    e2e.check_equal(stat.S_IMODE(os.stat(strict).st_mode), 0o600, "whatever the umask", strict)
    run = case.tool("key", "make", "--domain", "grün.test", "--selector", "x", "--out", case.path("idn.pem"), "--ed25519",
                    "--json").expect(0)
    e2e.check_equal(run.json["domain"], "grün.test".encode("idna").decode(), "an international domain", run)

    os.chmod(ed, 0o644)
    run = case.tool("key", "show", "--domain", "ours.test", "--selector", "ed", "--key", ed).expect(e2e.USAGE)
    e2e.check("others can read" in run.err and ed in run.err, "a key that others can read is refused", run)
    os.chmod(ed, 0o600)
    if os.geteuid() == 0:  # nobody else can give a file away
        os.chown(ed, 65534, -1)
        run = case.tool("key", "show", "--domain", "ours.test", "--selector", "ed", "--key", ed).expect(e2e.USAGE)
        e2e.check("belongs to another user" in run.err and ed in run.err, "another user's key is refused", run)
        os.chown(ed, 0, -1)
    here = subprocess.run([case.ringpost, "key", "make", "--ed25519", "--domain", "a.test", "--selector", "s", "--out", "here.pem"],
                          cwd=os.path.dirname(ed), capture_output=True, check=False)
    e2e.check(here.returncode == 0 and os.path.exists(os.path.join(os.path.dirname(ed), "here.pem")), "a name without a folder", here)


def usage(case):
    path = case.path("none.pem")
    whole = ["--domain", "a.test", "--selector", "s", "--out", path]
    for arguments, words in ((["mkae"], 'did you mean "make"'), ([], "make, show or check"),
                             (["make", "--domian", "x"], "did you mean --domain"), (["make", "--domain"], "lacks its value"),
                             (["make", "--json", "-xv", "--ed25519"], "-xv is not an option"),
                             (["make", *whole[:4]], "--out"), (["make", *whole, "extra"], "extra"),
                             (["make", *whole, "--bits", "2000"], "--bits is"), (["make", *whole, "--bits", "2048x"], "--bits is"),
                             (["make", *whole, "--ed25519", "--bits", "2048"], "no --bits"),
                             (["make", "--domain", "a..test", *whole[2:]], "a..test"),
                             (["make", "--domain", "a.test", "--selector", "s s", "--out", path], "the selector"),
                             (["show", "--key", path], "--domain and --selector"), (["show", "--bits", "2048"], "key make"),
                             (["show", *whole], "No such file")):
        run = case.tool("key", *arguments).expect(e2e.USAGE)
        e2e.check(words in run.err, f"{words!r} in what it says to {arguments}", run)
    e2e.check(not os.path.exists(path), "nothing was made", path)
    broken = case.write("broken.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    os.chmod(broken, 0o600)
    run = case.tool("key", "show", "--domain", "a.test", "--selector", "s", "--key", broken).expect(e2e.USAGE)
    e2e.check("broken.pem" in run.err, "no key", run)


def publish(zone, name, *records):
    for record in records:
        parts = " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
        zone.add(name, "TXT", parts)


def checking(case):
    rsa, made = make(case, "big", "--bits", "4096")
    ed, made_ed = make(case, "small", "--ed25519")
    _, made_other = make(case, "other", "--bits", "1024")
    p, p_ed = made["record"].split("p=")[1], made_ed["record"].split("p=")[1]
    zone = world.Zone()
    shown = case.tool("key", "show", "--domain", "ours.test", "--selector", "big", "--key", rsa).expect(0).out.strip()
    zone.lines.append(shown)  # as it is printed
    zone.add("elsewhere", "TXT", f'"{made_ed["record"]}"')
    zone.add("alias._domainkey.ours", "CNAME", "elsewhere")
    zone.add("nodata._domainkey.ours", "A", "127.0.0.1")
    publish(zone, "bare._domainkey.ours", "p=" + base64.b64encode(base64.b64decode(p)[24:]).decode())
    publish(zone, "spf._domainkey.ours", "v=spf1 -all")
    publish(zone, "revoked._domainkey.ours", "v=DKIM1; k=rsa; p=")
    publish(zone, "another._domainkey.ours", made_other["record"])
    publish(zone, "kind._domainkey.ours", made_ed["record"])
    publish(zone, "broken._domainkey.ours", made["record"][:-1])
    publish(zone, "quoted._domainkey.ours", made["record"].replace("p=", "p=\\\""))
    publish(zone, "testing._domainkey.ours", f"v=DKIM1; k=rsa; t=y:s; p={p}")
    publish(zone, "two._domainkey.ours", made_other["record"], made["record"])
    publish(zone, "beside._domainkey.ours", "v=spf1 -all", made["record"])
    publish(zone, "sha1._domainkey.ours", f"v=DKIM1; k=rsa; h=sha1; p={p}")
    publish(zone, "note._domainkey.ours", f"v=DKIM1; k=rsa; h=sha256; s=email; t=s; n=a note; p={p}")
    knot = case.knot(zone)
    spool = e2e.Spool(case, dns=knot.port, dns_timeout="2s")

    def check(selector, key, domain="ours.test"):
        run = case.tool("key", "check", "--domain", domain, "--selector", selector, "--key", key, "--config", spool.config,
                        "--json", seconds=20)
        return run, run.json

    for selector, key, code, status, words in (
            ("big", rsa, 0, "good", None), ("BIG", rsa, 0, "good", None), ("alias", ed, 0, "good", None),
            ("bare", rsa, 0, "good", None), ("beside", rsa, 0, "good", None), ("note", rsa, 0, "good", None),
            ("nowhere", rsa, 1, "missing", "no TXT record"), ("nodata", rsa, 1, "missing", "no TXT record"),
            ("spf", rsa, 1, "foreign", "none is DKIM's"), ("revoked", rsa, 1, "revoked", "p= is empty"),
            ("another", rsa, 1, "other_key", "another key"), ("kind", rsa, 1, "other_key", "an Ed25519 key"),
            ("broken", rsa, 1, "broken", "cannot be read"), ("quoted", rsa, 1, "broken", "cannot be read"),
            ("testing", rsa, 1, "testing", "t=y"), ("two", rsa, 1, "several", "this key's among them"),
            ("two", ed, 1, "several", "none with this key"), ("sha1", rsa, 1, "restricted", "sha256")):
        run, result = check(selector, key)
        e2e.check_equal((run.code, result["status"]), (code, status), selector, run)
        e2e.check((words is None and result["problem"] is None) or words in result["problem"], f"{selector}: {words}", run)
    run, result = check("any", rsa, "x.broken")
    e2e.check_equal((run.code, result["status"]), (e2e.TRY_AGAIN, "unknown"), "the DNS does not answer", run)

    run = case.tool("key", "check", "--domain", "ours.test", "--selector", "big", "--key", rsa, "--config", spool.config)
    e2e.check_equal(run.expect(0).out, "big._domainkey.ours.test: good: publishes this key (RSA, 4096 bits)\n", "plain", run)
    both = case.write("both.yaml", f"""\
spool: {case.path("both")}
dns: {{servers: ["127.0.0.1:{knot.port}"], timeout: 2s}}
dkim: [{{domain: ours.test, selector: big, key_file: {rsa}}}, {{domain: ours.test, selector: small, key_file: {ed}}}]
""")
    run = case.tool("key", "check", "--config", both, "--json").expect(1)
    e2e.check_equal([json.loads(line)["status"] for line in run.out.splitlines()], ["good", "missing"], "all that sign", run)
    run = case.tool("key", "check", "--selector", "BIG", "--config", both, "--json").expect(0)
    e2e.check_equal(run.json["key_file"], rsa, "one of them", run)
    run = case.tool("key", "show", "--config", both).expect(0)
    e2e.check_equal(len(run.out.splitlines()), 2, "their records", run)
    run = case.tool("key", "check", "--domain", "else.test", "--config", both).expect(e2e.USAGE)
    e2e.check("no such key is configured" in run.err, "none of them", run)
    e2e.check(p_ed in case.tool("key", "show", "--selector", "small", "--config", both).expect(0).out, "the record", run)


ONE_CLICK = "List-Unsubscribe: <https://news.test/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"


def preflight(case):
    """What send --dry-run and check --from warn of, and that they are silent when all is there."""
    key, made = make(case, "pre")
    small, made_small = make(case, "pre-small", "--ed25519")
    zone = world.Zone()
    for name in ("full.co", "plain", "twice"):  # co.test is no public suffix: organisations are under .test
        publish(zone, f"pre._domainkey.{name}", made["record"])
    publish(zone, "pre._domainkey.only", made_small["record"])
    publish(zone, "only", "v=spf1 -all")
    publish(zone, "_dmarc.only", "v=DMARC1; p=none")
    publish(zone, "co", "v=DMARC1; p=none", "v=spf1 -all")
    publish(zone, "full.co", "v=spf1 ip4:127.0.0.1 -all", "other text")
    publish(zone, "_dmarc.co", "v=DMARC1; p=reject")
    publish(zone, "twice", "v=spf1 -all", "v=SPF1", "v=spf10 -all")
    publish(zone, "_dmarc.twice", "v=DMARC1; p=none", "v=DMARC1;p=reject")
    publish(zone, "bounces", "v=spf1 -all")
    knot = case.knot(zone)
    recipients = case.write("preflight.csv", "email\na@b.test\n")

    def configure(name, domains, extra=""):
        keys = ", ".join(f"{{domain: {domain}, selector: pre, key_file: {key}{more}}}" for domain, more in domains)
        return case.write(name + ".yaml", f"spool: {case.path(name)}\ndns: {{servers: [\"127.0.0.1:{knot.port}\"], "
                          f"timeout: 1s}}\ndkim: [{keys}]\n{extra}")

    def warnings(config, sender, header="", *options):
        header = header if "From:" in header else f"From: {sender}\n{header}"
        template = case.write("preflight.eml", f"Subject: x\n{header}\nHello\n")
        run = case.tool("send", "--from", sender, "--template", template, "--recipients", recipients, "--dry-run",
                        "--config", config, *options, seconds=30).expect(0)
        e2e.check("nothing was queued" in run.err and "Hello" in run.out, "a dry run", run)
        return [line for line in run.err.splitlines() if line.startswith("warning: ")], run

    def expect(words, seen):
        found, run = seen
        e2e.check(len(found) == len(words) and all(word in line for word, line in zip(words, found)), f"warnings {words}", run)

    full = configure("full", [("full.co.test", ""), ("plain.test", ""), ("twice.test", ""), ("gone.test", "")])
    expect([], warnings(full, "a@full.co.test", ONE_CLICK))
    expect([], warnings(full, "a@full.co.test", "From: x <y@news.FULL.co.test>\n" + ONE_CLICK))
    expect([], warnings(full, "a@full.co.test", "", "--lane", "transactional"))
    expect(["one-click"], warnings(full, "a@full.co.test"))
    expect(["message's own"], warnings(full, "a@full.co.test", "List-Unsubscribe: <mailto:x@y.test>\n"))
    expect(["no SPF record", "no DMARC record: publish TXT \"v=DMARC1; p=none\" at _dmarc.plain.test"],
           warnings(full, "a@plain.test", ONE_CLICK))
    expect(["2 SPF records", "2 DMARC records"], warnings(full, "a@twice.test", ONE_CLICK))
    expect(["pre._domainkey.gone.test: there is no TXT record", "no SPF", "no DMARC"], warnings(full, "a@gone.test", ONE_CLICK))
    expect(["no key signs in the name of b.test (From)", "plain.test (MAIL FROM) has no SPF", "b.test (From) has no DMARC"],
           warnings(full, "a@plain.test", "From: <x@b.test>\n" + ONE_CLICK))
    expect(["no key signs", "SPF is not known", "DMARC is not known"], warnings(full, "a@x.broken", ONE_CLICK))
    other = configure("others", [("full.co.test", ", also_sign: true")])
    expect(["only keys with also_sign of other domains", "no SPF", "no DMARC"], warnings(other, "a@plain.test", ONE_CLICK))
    expect(["no SPF"], warnings(other, "a@mail.co.test", ONE_CLICK))  # aligned by the organisation
    # Keys of a domain above the nearest one sign nothing: that theirs is not published is no fault, and their RSA no help.
    nearest = configure("nearest", [("full.co.test", ""), ("co.test", "")])
    expect([], warnings(nearest, "a@full.co.test", ONE_CLICK))
    with open(nearest, encoding="utf-8") as f:
        text = f.read()
    ed = case.write("ed.yaml", text.replace("co.test, selector: pre, key_file: " + key, "only.test, selector: pre, key_file: " + small, 1)
                    .replace("full.only.test", "only.test").replace("domain: co.test", "domain: test"))
    expect(["no RSA key signs in the name of only.test"], warnings(ed, "a@only.test", ONE_CLICK))

    verp = case.path("preflight.key")
    world.write_verp_key(verp)
    tagged = configure("tagged", [("full.co.test", "")], f"return_path: {{domain: bounces.test, key_file: {verp}}}\n"
                       "unsubscribe: {url: \"https://news.test/u/\"}\n")
    expect([], warnings(tagged, "a@full.co.test"))
    run = case.tool("check", "--config", tagged, "--from", "a@full.co.test").expect(0)
    e2e.check("good" in run.out and "SPF and DMARC records are there" in run.out and "warning" not in run.out, "all is there", run)
    run = case.tool("check", "--config", full, "--from", "a@gone.test").expect(0)
    e2e.check_equal(run.out.count("warning: "), 4, "check --from", run)
    if os.geteuid() == 0 and not case.san:  # without the right to lock as much as it likes; sanitizers lock nothing
        seen = []
        for kib in range(64, 8192, 64):
            run = case.run(["prlimit", f"--memlock={kib * 1024}:{kib * 1024}", "setpriv", "--bounding-set=-ipc_lock", "--",
                            case.ringpost, "check", "--config", tagged], 20)
            seen.append("no" if run.code != 0 else "once" if "a reload holds the new keys" in run.out else "twice")
            if seen[-1] == "twice":
                break
        e2e.check("no" in seen and "once" in seen and seen[-1] == "twice", "locked memory for a reload", seen)
        run = case.run(["prlimit", "--memlock=0:0", "setpriv", "--bounding-set=-ipc_lock", "--", case.ringpost, "key", "show",
                        "--domain", "full.co.test", "--selector", "pre", "--key", key], 20).expect(e2e.USAGE)
        e2e.check("cannot lock" in run.err and not run.out, "a key is not read into memory that cannot be locked", run)
    run = case.tool("check", "--config", tagged).expect(0)
    e2e.check("warning" not in run.out, "check without an address", run)
    empty = case.write("empty.yaml", f"spool: {case.path('empty')}\n")
    run = case.tool("check", "--config", empty).expect(0)
    e2e.check("no key signs mail" in run.out and "one-click" in run.out, "what the configuration lacks", run)
    case.tool("check", "--from", "nobody", "--config", empty).expect(e2e.USAGE)


def main():
    with e2e.Case("key") as case:
        for step in (making, usage, checking, preflight):
            case.step(step)
        case.note("keys made, shown and compared with what is published")


if __name__ == "__main__":
    main()
