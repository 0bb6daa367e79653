#include "bench/micro_resolver.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "bench/micro_small.h"
#include "bench/run_clock.h"
#include "engine/resolver.h"
#include "engine/tag.h"

#define EXIT_USAGE 2
#define LOOKUPS_DEFAULT 20000
#define LOOKUPS_MAX 1000000
#define ROUNDS_DEFAULT 2
#define IN_FLIGHT_DEFAULT 1000
#define EVENTS_MAX 256
#define BUFFERS_COUNT 1024
#define CACHED_PASSES 20
#define TIMEOUT_NS (5 * NS_PER_S)

static const char help[] =
    "usage: ringpost-bench micro dns [options]\n"
    "\n"
    "Routes of new and of cached domains, the answering server within the process; with --server\n"
    "instead look-ups of n0.SUFFIX, n1.SUFFIX .. from a real one over UDP, and then from the "
    "cache.\n"
    "\n"
    "  --server ADDRESS[:PORT]\n"
    "  --suffix NAME       a zone with a record for everything (bench.test)\n"
    "  --lookups N         domains (20000)\n"
    "  --rounds N          the last one counts, those before warm the server (2)\n"
    "  --in-flight N       (1000)\n"
    "  --json              one JSON object on standard output; there is no other form\n"
    "  --help\n";

struct live {
    const char *suffix;
    struct policy policy;
    uint32_t lookups, rounds, in_flight;
    bool asked;
    /* of the round */
    struct io *io;
    struct arena arena;
    struct resolver resolver;
    struct route route;
    uint32_t next, done, failed;
    struct dns_stats stats;
    double wall_s, cpu_s, cached_s;
};

/* -1: go on; else the exit status. */
static int read_options(int count, char **arguments, struct live *live)
{
    static const struct option long_options[] = {
        {"server", required_argument, NULL, 's'},
        {"suffix", required_argument, NULL, 'x'},
        {"lookups", required_argument, NULL, 'n'},
        {"rounds", required_argument, NULL, 'r'},
        {"in-flight", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    uint64_t number = 0;
    bool good = true;
    int option;

    optind = 1;
    while (good && (option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == 's')
            live->asked = good =
                ip_parse_port(span_cstr(optarg), 53, &live->policy.dns_addresses[0]);
        else if (option == 'x')
            live->suffix = optarg;
        else if (option == 'h')
            return fputs(help, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        else if (option == 'n' || option == 'r' || option == 'f')
            good = span_number(span_cstr(optarg), LOOKUPS_MAX, &number) && number > 0;
        else if (option != 'j')
            return EXIT_USAGE;
        if (option == 'n')
            live->lookups = (uint32_t)number;
        else if (option == 'r')
            live->rounds = (uint32_t)number;
        else if (option == 'f')
            live->in_flight = (uint32_t)number;
    }
    if (good && optind == count && live->in_flight <= DNS_QUESTIONS_MAX / 4)
        return -1;
    (void)fputs("ringpost-bench micro dns: an argument makes no sense; try --help\n", stderr);
    return EXIT_USAGE;
}

static enum route_status ask(struct live *live, uint32_t number)
{
    char buffer[512];
    struct text name;

    text_init(&name, buffer, sizeof(buffer));
    text_add_format(&name, "n%u.%s", number, live->suffix);
    return dns_route(live->resolver.dns, io_now_ns(live->io), text_span(&name), number,
                     &live->route);
}

/* False: it waits. */
static bool take(struct live *live, uint32_t number)
{
    enum route_status status = ask(live, number);

    if (status == ROUTE_PENDING)
        return false;
    live->failed += status != ROUTE_OK;
    live->done++;
    return true;
}

static void turn(struct live *live)
{
    struct io_event events[EVENTS_MAX];
    uint64_t waiter;
    uint32_t count;

    resolver_turn(&live->resolver);
    count = io_wait(live->io, resolver_deadline_ns(&live->resolver), events, EVENTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        resolver_event(&live->resolver, &events[i]);
    resolver_expire(&live->resolver);
    while (dns_done(live->resolver.dns, &waiter))
        (void)take(live, (uint32_t)waiter); /* if not, it waits on */
}

static void ask_cached(struct live *live)
{
    double started_s = run_clock_thread_s();

    for (uint32_t pass = 0; pass < CACHED_PASSES; pass++)
        for (uint32_t i = 0; i < live->lookups; i++)
            live->failed += ask(live, i) != ROUTE_OK;
    live->cached_s = run_clock_thread_s() - started_s;
}

static int measure_round(struct live *live, uint32_t round)
{
    struct resolver_options options = {.policy = &live->policy,
                                       .cache_entries_max = 2 * live->lookups + 1000,
                                       .questions_max = 4 * live->in_flight,
                                       .seed = round + 1};
    int result = arena_open(&live->arena, resolver_cost(&options));

    if (result < 0)
        return result;
    resolver_init(&live->resolver, &live->arena, live->io, &options);
    live->next = live->done = live->failed = 0;
    uint64_t started_ns = run_clock_ns();
    double started_s = run_clock_thread_s();
    while (live->done < live->lookups) {
        while (live->next < live->lookups && live->next - live->done < live->in_flight)
            (void)take(live, live->next++); /* if not, it waits */
        if (live->done < live->lookups)
            turn(live);
    }
    live->cpu_s = run_clock_thread_s() - started_s;
    live->wall_s = (double)(run_clock_ns() - started_ns) / 1e9;
    dns_stats(live->resolver.dns, &live->stats);
    if (round + 1 == live->rounds)
        ask_cached(live);
    return 0;
}

static int measure(struct live *live, struct text *error)
{
    struct io_options ring = {.buffers_count = BUFFERS_COUNT};
    int result = 0;

    live->policy.dns_servers.count = 1;
    live->policy.dns_timeout_ns = TIMEOUT_NS;
    live->policy.allow_private_addresses = true;
    for (uint32_t round = 0; round < live->rounds && result == 0; round++) {
        result = io_open(&live->io, &ring, error);
        if (result < 0)
            return result;
        result = measure_round(live, round);
        io_close(live->io);
        arena_close(&live->arena);
    }
    return result;
}

static void put_live(const struct live *live, struct text *out)
{
    double cached = (double)live->lookups * CACHED_PASSES;

    json_put_key_u64(out, "lookups", live->stats.answers);
    json_put_key_u64(out, "domains", live->lookups);
    json_put_key_u64(out, "failed", live->failed);
    json_put_key_u64(out, "timeouts", live->stats.timeouts);
    json_put_key_double(out, "uncached_per_s", (double)live->stats.answers / live->wall_s, 0);
    json_put_key_double(out, "uncached_us", live->cpu_s * 1e6 / (double)live->stats.answers, 2);
    json_put_key_double(out, "cached_per_s", cached / live->cached_s, 0);
    json_put_key_double(out, "cached_us", live->cached_s * 1e6 / cached, 2);
}

int micro_resolver_run(int count, char **arguments)
{
    static struct live live = {.suffix = "bench.test",
                               .lookups = LOOKUPS_DEFAULT,
                               .rounds = ROUNDS_DEFAULT,
                               .in_flight = IN_FLIGHT_DEFAULT};
    char buffer[4096], words[512];
    struct text out, error;
    int result = read_options(count, arguments, &live);

    if (result >= 0)
        return result;
    text_init(&out, buffer, sizeof(buffer));
    text_init(&error, words, sizeof(words));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "benchmark", "dns");
    result = live.asked ? measure(&live, &error) : micro_small_dns(&out);
    if (result == 0 && live.asked)
        put_live(&live, &out);
    if (result < 0) {
        (void)fprintf(stderr, "ringpost-bench micro dns: %s %s\n", strerror(-result),
                      text_cstr_end(&error));
        return EXIT_FAILURE;
    }
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
    return live.failed == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
