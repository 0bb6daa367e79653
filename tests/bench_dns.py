"""`ringpost-bench micro dns` against a local unbound: bench_dns.py RINGPOST-BENCH [options of micro dns].

unbound runs with one thread over a zone with a record for every name, which knot serves. The first of the two
rounds warms it. The benchmark runs on the last core, the servers on the others."""
import os
import subprocess
import sys
import tempfile

import validating


def main():
    bench, *options = sys.argv[1:]
    zone = validating.zone_text("bench.test", "* MX 10 mx", "mx A 127.0.0.2", "mx AAAA ::1")
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, cores[:-1] or cores)
        zones = validating.SignedZones(os.path.join(folder, "zones"), {"bench.test": zone}, ())
        unbound = validating.Unbound(os.path.join(folder, "unbound"), zones,
                                     extra="    msg-cache-size: 64m\n    rrset-cache-size: 128m\n"
                                           "    so-rcvbuf: 1m\n    minimal-responses: yes\n")
        try:
            os.sched_setaffinity(0, cores[-1:])
            run = subprocess.run([bench, "micro", "dns", "--server", f"127.0.0.1:{unbound.port}", *options],
                                 check=False)
        finally:
            unbound.close()
            zones.close()
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
