"""A real Exim behind TLS, with certificates good and bad: mail that demands nothing goes over TLS to each, mail that demands a
verified server to the good one alone, and both see the same."""
import os
import re
import shutil

import ca
import e2e
import exim
import postfix
import world

NETWORK = 86
KINDS = {
    "good": {},
    "expired": {"end": "20210101000000Z"},
    "wrong": {"dns": ["elsewhere.example"]},
    "unknown": {"issuer": "other", "chain": ["other"]},
}
PER_CELL = 5


def make_certificates(case):
    """By kind: PEM and key, where Exim's user can read them."""
    folder = case.path("ca")
    os.makedirs(folder)
    authority = ca.Authority(folder)
    ca.Authority(folder, "other")
    os.chmod(case.folder, 0o755)
    os.chmod(folder, 0o755)
    files = {}
    for kind, options in KINDS.items():
        files[kind] = authority.issue("c-" + kind, **{"dns": [f"mx-{kind}.test"], "kind": "rsa2048", **options})
        for path in files[kind]:
            shutil.chown(path, exim.OWNER, exim.GROUP)
    return authority, files


def real_exim(case):
    authority, files = make_certificates(case)
    addresses = {kind: f"127.{NETWORK}.0.{i}" for i, kind in enumerate(KINDS, 1)}
    cache = os.path.join(os.path.dirname(os.path.dirname(case.bench)), "tests")
    os.makedirs(cache, exist_ok=True)
    os.makedirs(case.path("exim"))
    zone = world.Zone()
    domains = [f"{kind}-{mode}.test" for kind in KINDS for mode in ("any", "strict")]
    for kind, address in addresses.items():
        zone.add(f"mx-{kind}", "A", address)
        for mode in ("any", "strict"):
            zone.add(f"{kind}-{mode}", "MX", f"10 mx-{kind}.test.")
    try:
        server = case.closing(exim.Exim(cache, case.path("exim"), ":".join(domains), "dead", "nowhere.test", 9,
                                        {addresses[kind]: files[kind] for kind in KINDS}))
    except postfix.Unavailable as why:
        case.skip(str(why))
    strict = ", ".join(f'"{kind}-strict.test": verified' for kind in KINDS)
    spool = e2e.Spool(case, port=server.port, dns=case.knot(zone).port, retry="schedule: [1h]",
                      extra="tls: {mta_sts: false, ca_file: %s, domains: {%s}}\n" % (authority.pem, strict))
    rows = [(f"u{i}@{domain}", i) for i in range(PER_CELL) for domain in domains]
    e2e.write_rows(case.path("list.csv"), rows, ["email", "n"])
    spool.send_list(case.write("short.eml", e2e.SHORT_TEMPLATE), case.path("list.csv")).expect(e2e.STILL_QUEUED)
    seen = {}
    for event in spool.events():
        seen.setdefault(event["recipient"].partition("@")[2], set()).add(
            (event["type"], event["tls_protocol_version"]))
    wanted = {f"{kind}-any.test": {("Delivery", "TLSv1.3")} for kind in KINDS}
    wanted |= {f"{kind}-strict.test": {("TransientFailure", None)} for kind in KINDS}
    wanted["good-strict.test"] = {("Delivery", "TLSv1.3")}
    e2e.check_equal(seen, wanted, "by kind and demand")
    with open(os.path.join(server.folder, "mainlog"), errors="replace") as f:
        arrived = [line for line in f if " <= " in line]
    e2e.check_equal(len(arrived), PER_CELL * (len(KINDS) + 1), "at Exim")
    e2e.check(all(re.search(r" X=TLS1\.3", line) for line in arrived), "Exim saw TLS", arrived[:2])
    case.note(f"Exim with {len(KINDS)} kinds of certificates, {len(arrived)} messages behind TLS")


def main():
    with e2e.Case("tls_peers") as case:
        case.step(real_exim)


if __name__ == "__main__":
    main()
