#include "bench/run.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json_put.h"
#include "bench/run_clock.h"
#include "bench/run_options.h"
#include "bench/run_sink.h"
#include "bench/run_work.h"

#define PATH_SIZE 1024
#define EXIT_INTERRUPTED 130

struct run {
    struct run_options options;
    struct run_identity identity; /* with --tls */
    struct run_sink sink;
    struct run_work work;
    struct run_figures figures;
    struct run_sink_result received;
    char folder[PATH_SIZE];
    struct text error;
    char error_buffer[1024];
};

/* --- the spool's folder --- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int make_folder(struct run *run)
{
    struct text path;

    text_init(&path, run->folder, sizeof(run->folder) - 1);
    text_add_format(&path, "%s/ringpost-bench.XXXXXX", run->options.spool);
    if (path.overflow)
        return -ENAMETOOLONG;
    run->folder[path.size] = '\0';
    if (mkdtemp(run->folder) != NULL)
        return 0;
    text_add_format(&run->error, "no folder can be made in %s", run->options.spool);
    run->folder[0] = '\0';
    return -errno;
}

static void remove_folder(struct run *run)
{
    if (run->folder[0] == '\0')
        return;
    if (run->options.keep)
        (void)fprintf(stderr, "the spool is %s\n", run->folder);
    else if (nftw(run->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        (void)fprintf(stderr, "ringpost-bench run: %s: cannot be removed: %s\n", run->folder,
                      strerror(errno));
}

/* --- the account --- */

static uint64_t lost_count(const struct run *run)
{
    uint64_t arrived = run->received.messages - run->received.duplicates;
    uint64_t delivered = run->figures.stats.outcomes[OUTCOME_DELIVERED];

    return delivered > arrived ? delivered - arrived : 0;
}

static uint64_t undelivered_count(const struct run *run)
{
    uint64_t delivered = run->figures.stats.outcomes[OUTCOME_DELIVERED];

    return run->options.messages > delivered ? run->options.messages - delivered : 0;
}

static double rate(double count, double seconds)
{
    return seconds > 0 ? count / seconds : 0;
}

static void put_engine(struct text *out, const struct run_figures *figures, double messages)
{
    const struct stats_sum *stats = &figures->stats;

    json_put_key_u64(out, "connects", stats->counters[STATS_CONNECTS]);
    json_put_key_u64(out, "sessions_peak", stats->gauges[STATS_SESSIONS_PEAK]);
    json_put_key_double(out, "longest_turn_us", (double)stats->turn_max_ns / 1e3, 1);
    json_put_key_double(out, "longest_turn_cpu_us", (double)stats->turn_cpu_max_ns / 1e3, 1);
    json_put_key_double(out, "turn_p50_us", (double)stats_turn_percentile_ns(stats, 500) / 1e3, 1);
    json_put_key_double(out, "turn_p99_us", (double)stats_turn_percentile_ns(stats, 990) / 1e3, 1);
    json_put_key_u64(out, "queued_heap_bytes", figures->queued_heap_bytes);
    json_put_key_double(out, "queued_heap_bytes_each",
                        (double)figures->queued_heap_bytes / messages, 1);
    json_put_key_u64(out, "peak_rss_bytes", run_clock_rss_peak());
}

static void put_account(const struct run *run, struct text *out)
{
    const struct run_figures *figures = &run->figures;
    double messages = run->options.messages;

    json_put_open(out, '{');
    json_put_key_u64(out, "messages", run->options.messages);
    json_put_key_double(out, "size",
                        rate((double)run->received.bytes, (double)run->received.messages), 0);
    json_put_key_double(out, "enqueue_per_s", rate(messages, figures->enqueue_s), 0);
    json_put_key_double(out, "enqueue_cpu_us", figures->enqueue_cpu_s * 1e6 / messages, 2);
    json_put_key_double(out, "drain_per_s",
                        rate((double)figures->recipients_done, figures->drain_s), 0);
    json_put_key_double(out, "drain_seconds", figures->drain_s, 4);
    json_put_key_double(out, "run_seconds", figures->run_s, 4);
    json_put_key_double(out, "sender_cpu_us", figures->sender_cpu_s * 1e6 / messages, 2);
    json_put_key_double(out, "sink_cpu_us", run->received.cpu_s * 1e6 / messages, 2);
    json_put_key_u64(out, "delivered", figures->stats.outcomes[OUTCOME_DELIVERED]);
    json_put_key_u64(out, "deferrals", figures->stats.outcomes[OUTCOME_DEFERRED]);
    json_put_key_u64(out, "failed", figures->stats.outcomes[OUTCOME_FAILED]);
    json_put_key_u64(out, "lost", lost_count(run));
    json_put_key_u64(out, "duplicates", run->received.duplicates);
    if (run->options.tls) {
        json_put_key_u64(out, "tls_sessions", run->received.tls_sessions);
        json_put_key_u64(out, "tls_resumed", run->received.tls_resumed);
        json_put_key_u64(out, "tls_messages", run->received.tls_messages);
    }
    if (run->options.dkim_count > 0) {
        json_put_key_u64(out, "signatures", figures->stats.counters[STATS_SIGNATURES]);
        json_put_key_u64(out, "signature_batches", figures->stats.counters[STATS_SIGN_BATCHES]);
    }
    json_put_key_u64(out, "protocol_errors", run->received.protocol_errors);
    put_engine(out, figures, messages);
    json_put_close(out, '}');
}

static int report(const struct run *run)
{
    char buffer[4096];
    struct text out;
    bool good = lost_count(run) == 0 && undelivered_count(run) == 0 &&
                run->received.duplicates == 0 && run->received.untracked == 0;

    text_init(&out, buffer, sizeof(buffer));
    if (run->options.json)
        put_account(run, &out);
    else
        text_add_format(&out,
                        "messages=%u enqueue_per_s=%.0f drain_per_s=%.0f sender_cpu_us=%.2f "
                        "sink_cpu_us=%.2f peak_rss_bytes=%llu lost=%llu duplicates=%llu",
                        run->options.messages, rate(run->options.messages, run->figures.enqueue_s),
                        rate((double)run->figures.recipients_done, run->figures.drain_s),
                        run->figures.sender_cpu_s * 1e6 / run->options.messages,
                        run->received.cpu_s * 1e6 / run->options.messages,
                        (unsigned long long)run_clock_rss_peak(),
                        (unsigned long long)lost_count(run),
                        (unsigned long long)run->received.duplicates);
    (void)printf("%s\n", text_cstr_end(&out));
    return fflush(stdout) == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the whole --- */

/* Signals wait until the front asks for them, so that the spool is always removed. */
static void prepare_process(void)
{
    struct rlimit files;
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &held, NULL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* if not, io_open says what is missing */
    }
}

static int work(struct run *run)
{
    int result = make_folder(run), closed;

    if (result == 0 && run->options.tls)
        result = run_identity_make(&run->identity, run->folder);
    if (result == 0)
        result = run_sink_start(&run->sink, &run->options, &run->identity, &run->error);
    if (result == 0)
        result = run_work_open(&run->work, &run->options, run->folder, run->sink.port, &run->error);
    if (result == 0)
        result = run_work_load(&run->work, &run->figures, &run->error);
    if (result == 0)
        result = run_work_drain(&run->work, &run->figures, &run->error);
    closed = run_work_close(&run->work);
    if (result == 0)
        result = closed;
    if (run->sink.pid != 0) {
        int stopped = run_sink_stop(&run->sink, &run->received, &run->error);

        result = result == 0 ? stopped : result;
    }
    return result;
}

int run_command(int count, char **arguments)
{
    static struct run run;
    int result, status;

    if (run_options_parse(&run.options, count, arguments, &status) < 0)
        return status;
    prepare_process();
    text_init(&run.error, run.error_buffer, sizeof(run.error_buffer));
    result = work(&run);
    remove_folder(&run);
    if (result == -EINTR)
        return EXIT_INTERRUPTED;
    if (result < 0) {
        (void)fprintf(stderr, "ringpost-bench run: %s%s%s\n", text_cstr_end(&run.error),
                      run.error.size > 0 ? ": " : "", strerror(-result));
        return EXIT_FAILURE;
    }
    return report(&run);
}
