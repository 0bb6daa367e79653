"""`ringpost-bench run`: nothing lost, nothing doubled, nothing left behind."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BENCH = sys.argv.pop(1)
SAN = "--san" in sys.argv
if SAN:
    sys.argv.remove("--san")

# Processor time of one turn of a shard's loop: what a session can wait because of the others. Ten times what was
# measured (docs/performance.md); sanitizers make it longer. One in a hundred may take longer than the second limit, by
# the clock. A processor that is shared charges its neighbours' caches and stolen time to us now and then, so two good
# ones of some runs count: a turn that does too much does it in every run.
TURN_LIMIT_US = 100000 if SAN else 15000
TURN_P99_LIMIT_US = 200000 if SAN else 20000
TURN_RUNS = 5
TURN_GOOD_RUNS = 2


def good_turns(runs):
    """Of these, which run as they are asked for, those with short turns until they suffice; and what was seen of each."""
    good, seen = [], []
    for result in runs:
        seen.append((result["longest_turn_cpu_us"], result["turn_p99_us"]))
        if seen[-1][0] < TURN_LIMIT_US and seen[-1][1] < TURN_P99_LIMIT_US:
            good.append(result)
        if len(good) == TURN_GOOD_RUNS:
            break
    return good, seen


class Turns(unittest.TestCase):
    def test_two_of_five(self):
        good, stall, slow = (TURN_LIMIT_US - 1, TURN_P99_LIMIT_US - 1), (TURN_LIMIT_US, 1), (1, TURN_P99_LIMIT_US)
        for runs, enough, asked in (([good] * 5, True, 2), ([stall, good, slow, stall, good], True, 5),
                                    ([stall] * 4 + [good], False, 5), ([good] + [slow] * 4, False, 5)):
            results = [{"longest_turn_cpu_us": longest, "turn_p99_us": p99} for longest, p99 in runs]
            found, seen = good_turns(iter(results))
            self.assertEqual((len(found) == TURN_GOOD_RUNS, len(seen)), (enough, asked), runs)


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_bench(self, *options, count=400):
        done = subprocess.run(
            [BENCH, "run", "--json", "--messages", str(count), "--spool", self.folder.name, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        result = json.loads(done.stdout)
        self.assertEqual(result["messages"], count)
        self.assertEqual(result["delivered"], count)
        for key in ("lost", "duplicates", "failed", "deferrals", "protocol_errors"):
            self.assertEqual(result[key], 0, key)
        for key in ("enqueue_per_s", "drain_per_s", "sender_cpu_us", "sink_cpu_us", "peak_rss_bytes",
                    "sessions_peak", "longest_turn_us", "queued_heap_bytes"):
            self.assertGreater(result[key], 0, key)
        self.assertEqual(os.listdir(self.folder.name), [])
        return result

    def test_plain(self):
        result = self.run_bench("--size", "4096")
        self.assertLess(abs(result["size"] - 4096), 200)

    def test_variants(self):
        self.run_bench("--shards", "1", "--durability", "memory", "--connections", "4")
        self.run_bench("--no-pipelining", "--no-chunking", "--durability", "os", "--size", "512")
        self.run_bench("--size", "100000", "--recipients-per-domain", "1", "--sink-threads", "2", count=100)

    def test_behind_tls(self):
        result = self.run_bench("--tls", "--connections", "4", "--messages-per-connection", "20", "--shards", "1")
        self.assertEqual(result["tls_messages"], 400)
        self.assertGreaterEqual(result["tls_sessions"], 20)
        self.assertGreater(result["tls_resumed"], 0)

    def test_delay_is_felt(self):
        result = self.run_bench("--delay", "20", "--connections", "4", "--shards", "1", count=40)
        self.assertLess(result["drain_per_s"], 4 / 0.02)

    def test_limits_are_obeyed(self):
        result = self.run_bench("--connections", "3", "--messages-per-connection", "10", "--shards", "1",
                                count=100)
        self.assertLessEqual(result["sessions_peak"], 3)
        self.assertGreaterEqual(result["connects"], 10)

    def check_turns(self, *options, count):
        good, seen = good_turns(self.run_bench("--shards", "1", "--connections", "200", *options, count=count)
                                for _ in range(TURN_RUNS))
        self.assertGreater(min(min(turns) for turns in seen), 0)
        self.assertEqual(len(good), TURN_GOOD_RUNS, f"longest turns by processor time, p99 by the clock, in us: {seen}")
        return good[-1]

    def test_no_turn_stalls_the_loop(self):
        """Many sessions answer at once: the time by the clock is the neighbours' affair, processor time is ours."""
        self.check_turns(count=3000)

    def test_no_turn_stalls_behind_handshakes(self):
        """200 sessions shake hands at once: a few steps a turn, and nobody waits for all of them."""
        result = self.check_turns("--tls", "--messages-per-connection", "5", count=2000)
        self.assertGreater(result["tls_sessions"], 200)

    def test_stopped_by_a_signal(self):
        process = subprocess.Popen(
            [BENCH, "run", "--messages", "1000", "--delay", "1000", "--connections", "2", "--spool",
             self.folder.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_refusals(self):
        for options in (["--messages", "0"], ["--messages", "9x"],
                        ["--durability", "perhaps"], ["--nonsense"], ["word"]):
            done = subprocess.run([BENCH, "run", *options], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr, options)
        done = subprocess.run([BENCH, "run", "--dkim", "x"], stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("x: No such file", done.stderr)

    def test_a_folder_that_is_not_there(self):
        done = subprocess.run([BENCH, "run", "--spool", "/nonexistent/folder"], stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
