#include "bench/micro_queue.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "bench/micro_queue_table.h"
#include "bench/micro_queue_work.h"
#include "bench/run_clock.h"

#define EXIT_USAGE 2
#define RECIPIENTS_DEFAULT 10000000
#define RECIPIENTS_MAX 50000000
#define SMALL_COUNT 10000
#define SMALL_MIN 200000 /* settled, before and behind the large list */
#define LISTS_MAX 50     /* in one store */
#define RECIPIENTS_A_DOMAIN 100

static const char help[] =
    "usage: ringpost-bench micro queue [options]\n"
    "\n"
    "Loads a list into the durable queue, closes it, opens it and settles "
    "every recipient in random\n"
    "order; for comparison as many recipients in lists of 10,000. No network.\n"
    "\n"
    "  --recipients N      (10000000)\n"
    "  --domains N         (one for 100 recipients)\n"
    "  --durability HOW    durable or os (durable)\n"
    "  --spool DIR         is made and removed (./micro-queue.spool)\n"
    "  --json              one JSON object on standard output\n"
    "  --help\n";

static bool read_number(const char *text, uint64_t max, uint32_t *ret)
{
    uint64_t number;

    if (!span_number(span_cstr(text), max, &number) || number == 0)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool read_durability(const char *text, enum store_durability *ret)
{
    /* With "memory" nothing would be there to settle after the list was loaded and closed. */
    static const char *const names[] = {"durable", "os"};

    for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum store_durability)i;
            return true;
        }
    return false;
}

/* -1: go on; else the exit status. */
static int read_options(int count, char **arguments, struct micro_queue_options *options,
                        bool *ret_json)
{
    static const struct option long_options[] = {
        {"recipients", required_argument, NULL, 'r'},
        {"domains", required_argument, NULL, 'd'},
        {"durability", required_argument, NULL, 'u'},
        {"spool", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool good = true;
    int option;

    optind = 1;
    while (good && (option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == 'r')
            good = read_number(optarg, RECIPIENTS_MAX, &options->recipients_count);
        else if (option == 'd')
            good = read_number(optarg, RECIPIENTS_MAX, &options->domains_count);
        else if (option == 'u')
            good = read_durability(optarg, &options->durability);
        else if (option == 's')
            options->spool = optarg;
        else if (option == 'j')
            *ret_json = true;
        else if (option == 'h')
            return fputs(help, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        else
            return EXIT_USAGE;
    }
    if (!good || optind != count) {
        (void)fputs("ringpost-bench micro queue: an argument makes no sense; try --help\n", stderr);
        return EXIT_USAGE;
    }
    return -1;
}

/* Microseconds of processor a recipient. */
struct costs {
    double all;     /* claim, verdict, commit */
    double claim;   /* finding and reading the recipient */
    double verdict; /* journaling and marking it, in memory */
};

/* Of many small lists together. */
struct small_costs {
    double all_s;
    double claim_s;
    double verdict_s;
    uint64_t count;
};

static struct costs costs_of(const struct micro_queue_result *result, uint32_t count)
{
    double to_us = 1e6 / count;

    return (struct costs){result->settle.cpu_s * to_us, result->claim_cpu_s * to_us,
                          result->verdict_cpu_s * to_us};
}

/* Lists of SMALL_COUNT recipients, until as many were settled as in the large list: half of them
 * before it and half behind it, because the machine may have got faster or slower meanwhile. */
static int small_lists(const struct micro_queue_options *options, struct small_costs *sum,
                       struct text *error)
{
    struct micro_queue_options small = *options;
    uint64_t until = sum->count + max_u64(options->recipients_count / 2, SMALL_MIN);
    int r = 0;

    small.recipients_count = SMALL_COUNT;
    small.domains_count = SMALL_COUNT / RECIPIENTS_A_DOMAIN;
    while (r == 0 && sum->count < until) {
        struct micro_queue_result result;

        small.lists_count =
            1 + (uint32_t)min_u64((until - sum->count + SMALL_COUNT - 1) / SMALL_COUNT, LISTS_MAX);
        r = micro_queue_work_lists(&small, &result, error);
        sum->count += (uint64_t)(small.lists_count - 1) * SMALL_COUNT;
        sum->all_s += result.settle.cpu_s;
        sum->claim_s += result.claim_cpu_s;
        sum->verdict_s += result.verdict_cpu_s;
    }
    return r;
}

static struct costs small_costs_of(const struct small_costs *sum)
{
    double to_us = 1e6 / (double)sum->count;

    return (struct costs){sum->all_s * to_us, sum->claim_s * to_us, sum->verdict_s * to_us};
}

static void write_load(const struct micro_queue_options *options,
                       const struct micro_queue_result *result, struct text *out)
{
    double count = options->recipients_count;

    json_put_key_u64(out, "recipients", options->recipients_count);
    json_put_key_u64(out, "domains", options->domains_count);
    json_put_key_double(out, "load_per_s", count / result->load.wall_s, 0);
    json_put_key_double(out, "load_cpu_us", result->load.cpu_s * 1e6 / count, 3);
    json_put_key_u64(out, "load_device_bytes", result->load.device_bytes);
    json_put_key_u64(out, "load_syncs", result->load_traffic.syncs_count);
    json_put_key_double(out, "load_sync_s", (double)result->load_traffic.sync_ns / 1e9, 3);
    json_put_key_double(out, "close_s", result->close.wall_s, 3);
    json_put_key_u64(out, "close_device_bytes", result->close.device_bytes);
    json_put_key_double(out, "open_s", result->open.wall_s, 3);
    json_put_key_double(out, "open_ready_s", result->open.wall_s + result->admit.wall_s, 3);
    json_put_key_double(out, "open_ready_cpu_s", result->open.cpu_s + result->admit.cpu_s, 3);
    json_put_key_double(out, "rebuild_s", result->rebuild.wall_s, 3);
    json_put_key_double(out, "heap_bytes_per_recipient", (double)result->heap_bytes / count, 1);
    json_put_key_double(out, "heap_settled_bytes_per_recipient",
                        (double)result->heap_settled_bytes / count, 1);
}

static void write_settle(const struct micro_queue_options *options,
                         const struct micro_queue_result *result, const struct costs *small,
                         struct text *out)
{
    struct costs costs = costs_of(result, options->recipients_count);
    double count = options->recipients_count;

    json_put_key_double(out, "settle_per_s", count / result->settle.wall_s, 0);
    json_put_key_double(out, "claim_and_settle_cpu_us", costs.all, 3);
    json_put_key_double(out, "claim_and_settle_cpu_10000_us", small->all, 3);
    json_put_key_double(out, "claim_cpu_us", costs.claim, 3);
    json_put_key_double(out, "claim_cpu_10000_us", small->claim, 3);
    json_put_key_double(out, "settle_cpu_us", costs.verdict, 3);
    json_put_key_double(out, "settle_cpu_10000_us", small->verdict, 3);
    json_put_key_double(out, "settle_cpu_ratio", costs.verdict / small->verdict, 3);
    json_put_key_double(out, "table_access_ns", micro_queue_table_ns(options->recipients_count), 1);
    json_put_key_double(out, "table_access_10000_ns", micro_queue_table_ns(SMALL_COUNT), 1);
    json_put_key_u64(out, "settle_device_bytes", result->settle.device_bytes);
    json_put_key_u64(out, "settle_journal_bytes", result->settle_traffic.bytes);
    json_put_key_u64(out, "settle_syncs", result->settle_traffic.syncs_count);
    json_put_key_double(out, "settle_sync_s", (double)result->settle_traffic.sync_ns / 1e9, 3);
    json_put_key_double(out, "settle_sync_max_ms", (double)result->settle_traffic.sync_max_ns / 1e6,
                        3);
    json_put_key_double(out, "turn_max_ms", result->turn_max_ms, 3);
    json_put_key_u64(out, "peak_rss_bytes", run_clock_rss_peak());
}

int micro_queue_run(int count, char **arguments)
{
    struct micro_queue_options options = {
        .spool = "micro-queue.spool", .recipients_count = RECIPIENTS_DEFAULT, .seed = 1};
    struct micro_queue_result result = {0};
    char line[4096], message[1024];
    struct text out, error;
    struct small_costs small = {0};
    struct costs small_costs;
    bool json = false;
    int r = read_options(count, arguments, &options, &json);

    if (r >= 0)
        return r;
    if (options.domains_count == 0)
        options.domains_count = options.recipients_count / RECIPIENTS_A_DOMAIN + 1;
    text_init(&error, message, sizeof(message));
    r = small_lists(&options, &small, &error);
    if (r == 0)
        r = micro_queue_work_round(&options, true, &result, &error);
    if (r == 0)
        r = small_lists(&options, &small, &error);
    if (r < 0) {
        (void)fprintf(stderr, "ringpost-bench micro queue: %s\n", text_cstr_end(&error));
        return EXIT_FAILURE;
    }
    text_init(&out, line, sizeof(line));
    json_put_open(&out, '{');
    write_load(&options, &result, &out);
    small_costs = small_costs_of(&small);
    write_settle(&options, &result, &small_costs, &out);
    json_put_close(&out, '}');
    if (!json)
        for (size_t i = 1; i + 1 < out.size; i++)
            if (line[i] == ',')
                line[i] = '\n';
    (void)text_cstr_end(&out);
    return puts(line) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
