#include "bench/micro_suppressions.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_put.h"
#include "base/prng.h"
#include "bench/micro_small.h"
#include "bench/run_clock.h"
#include "bounce/hygiene_filter.h"
#include "engine/hygiene_store.h"
#include "engine/tag.h"

#define EXIT_USAGE 2
#define ADDRESSES_DEFAULT 10000000
#define ADDRESSES_MAX 100000000
#define ASKED 65536
#define KEY_SIZE 64
#define NOW UINT64_C(1800000000)

struct work {
    const char *folder;
    uint32_t addresses_count;
    uint32_t room; /* 0: as many */
    struct io *io;
    struct arena arena;
    struct hygiene_store *store;
    uint64_t blocked_count;
    char strangers[ASKED][KEY_SIZE];
    char members[ASKED][KEY_SIZE];
};

static double now_s(void)
{
    return (double)run_clock_ns() / 1e9;
}

static void write_key(uint64_t number, const char *what, char key[KEY_SIZE])
{
    static const char *const names[] = {"anna", "b.meier", "christine", "d", "erika.mustermann"};

    (void)snprintf(key, KEY_SIZE, "%s%s%lu@domain%lu.example", names[number % ARRAY_LEN(names)],
                   what, (unsigned long)number, (unsigned long)(number * 2654435761 % 200003));
}

static void turn(struct work *work)
{
    struct io_event events[16];
    uint64_t deadline_ns =
        min_u64(hygiene_store_deadline_ns(work->store), io_now_ns(work->io) + NS_PER_MS);
    uint32_t count = io_wait(work->io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(work->store, &events[i]);
    hygiene_store_turn(work->store, NULL, false);
}

/* Seconds, or less than 0: it was told why not. */
static double open_store(struct work *work)
{
    struct io_options ring = {.entries = 64, .handles_max = 64, .buffers_count = 16};
    struct hygiene_store_options options = {
        .folder = work->folder,
        .durability = STORE_DURABLE,
        .addresses_max = work->room != 0 ? work->room : work->addresses_count};
    double started_s = now_s();
    char message[512];
    struct text error;
    int result;

    text_init(&error, message, sizeof(message));
    result = io_open(&work->io, &ring, &error);
    if (result == 0)
        result = arena_open(&work->arena, hygiene_store_cost(&options));
    if (result == 0)
        result = hygiene_store_open(&work->store, work->io, &work->arena, &options, &error);
    if (result == 0)
        return now_s() - started_s;
    (void)fprintf(stderr, "micro suppressions: %s %s\n", strerror(-result), text_cstr_end(&error));
    return -1;
}

static double close_store(struct work *work)
{
    double started_s = now_s();
    int result = hygiene_store_close(work->store);

    io_close(work->io);
    arena_close(&work->arena);
    return result == 0 ? now_s() - started_s : -1;
}

/* The journal's durability is waited for too. */
static double add_all(struct work *work)
{
    double started_s = now_s();

    for (uint32_t i = 0; i < work->addresses_count; i++) {
        struct hygiene_change change = {.kind = HYGIENE_SUPPRESS,
                                        .source = HYGIENE_FROM_IMPORT,
                                        .class = BOUNCE_NO_USER,
                                        .time_s = NOW,
                                        .until_s = HYGIENE_CHANGE_FOREVER};
        char key[KEY_SIZE];
        int result;

        write_key(i, "", key);
        change.key = span_cstr(key);
        while ((result = hygiene_store_change(work->store, &change, NULL)) == -EAGAIN)
            turn(work);
        if (result < 0)
            return -1;
        if (i % 20000 == 0)
            turn(work);
    }
    while (hygiene_store_durable_count(work->store) < hygiene_store_ticket(work->store))
        turn(work);
    return now_s() - started_s;
}

static void ask(struct work *work, char keys[ASKED][KEY_SIZE])
{
    for (uint32_t i = 0; i < ASKED; i++) {
        struct hygiene_target target = {
            .key = span_cstr(keys[i]), .tenant = SPAN("ringel"), .stream = SPAN("bulk")};

        work->blocked_count += hygiene_blocks(hygiene_store_tables(work->store), &target, NOW);
    }
}

static void ask_strangers(void *context)
{
    struct work *work = context;

    ask(work, work->strangers);
}

static void ask_members(void *context)
{
    struct work *work = context;

    ask(work, work->members);
}

static void put_memory(struct text *out)
{
    json_put_key_u64(out, "memory_bytes", run_clock_rss_anonymous());
    json_put_key_u64(out, "page_cache_bytes", run_clock_rss_files());
}

static uint64_t shelf_bytes(const struct work *work, char path[512])
{
    struct stat stat_of;

    (void)snprintf(path, 512, "%s/derived/data.mdb", work->folder);
    return stat(path, &stat_of) == 0 ? (uint64_t)stat_of.st_size : 0;
}

static bool measure_answers(struct work *work, struct text *out)
{
    struct prng prng;

    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < ASKED; i++) {
        write_key(prng_below(&prng, work->addresses_count), "", work->members[i]);
        write_key(prng_below(&prng, work->addresses_count), "x", work->strangers[i]);
    }
    micro_small_put(out, "free", micro_small_rate(ask_strangers, work, ASKED));
    if (work->blocked_count != 0)
        return false;
    micro_small_put(out, "blocked", micro_small_rate(ask_members, work, ASKED));
    return work->blocked_count % ASKED == 0 && work->blocked_count > 0;
}

/* Leaves it open. */
static bool measure_starts(struct work *work, struct text *out)
{
    char path[512];
    double seconds = open_store(work);
    bool good = seconds >= 0 && !hygiene_store_recovery(work->store)->shelf_made;

    json_put_key_double(out, "start_s", seconds, 3);
    if (good)
        put_memory(out);
    if (!good || close_store(work) < 0)
        return false;
    json_put_key_u64(out, "shelf_bytes", shelf_bytes(work, path));
    if (unlink(path) < 0)
        return false;
    seconds = open_store(work);
    json_put_key_double(out, "start_without_shelf_s", seconds, 3);
    return seconds >= 0 && hygiene_store_recovery(work->store)->shelf_made;
}

static bool measure(struct work *work, struct text *out)
{
    uint32_t room = work->room != 0 ? work->room : work->addresses_count;
    double seconds;
    bool good;

    json_put_key_u64(out, "addresses", work->addresses_count);
    json_put_key_u64(out, "filter_bytes", hygiene_filter_size(room));
    json_put_key_u64(out, "filter_bytes_50_million", hygiene_filter_size(50000000));
    if (open_store(work) < 0)
        return false;
    seconds = add_all(work);
    if (seconds < 0)
        return false;
    json_put_key_double(out, "added_per_s", work->addresses_count / seconds, 0);
    seconds = close_store(work);
    json_put_key_double(out, "close_s", seconds, 3);
    good = seconds >= 0 && measure_starts(work, out);
    return good && measure_answers(work, out) && close_store(work) >= 0;
}

static bool read_number(const char *text, uint32_t *ret)
{
    uint64_t number;

    if (!span_number(span_cstr(text), ADDRESSES_MAX, &number) || number < 1000)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool read_options(int count, char **arguments, struct work *work)
{
    static const struct option long_options[] = {{"addresses", required_argument, NULL, 'a'},
                                                 {"room", required_argument, NULL, 'r'},
                                                 {"folder", required_argument, NULL, 'f'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {NULL, 0, NULL, 0}};
    bool good = true;
    int option;

    optind = 1;
    while (good && (option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == 'a')
            good = read_number(optarg, &work->addresses_count);
        else if (option == 'r')
            good = read_number(optarg, &work->room);
        else if (option == 'f')
            work->folder = optarg;
        else
            good = option == 'j'; /* it is JSON in any case */
    }
    return good && optind == count && (work->room == 0 || work->room >= work->addresses_count);
}

int micro_suppressions_run(int count, char **arguments)
{
    static struct work work = {.folder = "micro-suppressions",
                               .addresses_count = ADDRESSES_DEFAULT};
    char buffer[4096], command[600];
    struct text out;
    bool good;

    if (!read_options(count, arguments, &work)) {
        (void)fputs("usage: ringpost-bench micro suppressions [--addresses N] [--room N] "
                    "[--folder NEW] [--json]\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (mkdir(work.folder, 0700) < 0) {
        perror(work.folder);
        return EXIT_FAILURE;
    }
    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "benchmark", "suppressions");
    good = measure(&work, &out);
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
    (void)snprintf(command, sizeof(command), "rm -r -- '%s'", work.folder);
    return system(command) == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
