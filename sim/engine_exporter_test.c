/* Events on a disk that loses power: every verdict that is in the journals at the end stands in the
 * event files exactly once, as a complete line, whatever happened in between. A failing case prints
 * its seed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "engine/exporter.h"
#include "engine/store_parts.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define SHARDS 2
#define RECIPIENTS 120
#define EVENTS_MAX 65536
#define LIVES_MAX 5
#define FOLDER "spool/events"

struct process {
    struct arena arena;
    struct io *io;
    struct store *store;
    struct store_shard *shards[SHARDS];
    struct exporter exporter;
    struct prng prng;
    uint64_t seed;
    uint32_t flows[SHARDS][64];
    uint32_t flows_count[SHARDS];
    uint32_t campaigns_count;
};

static struct process process;
static char message[1024];

static const struct store_options options = {
    .folder = "spool",
    .segment_size = (uint64_t)64 * 1024,
    .journal_size = (uint64_t)32 * 1024,
    .claims_max = 32,
    .limits = {.recipients_max = 4000,
               .domains_max = 64,
               .campaigns_max = 64,
               .segments_max = 512,
               .runs_max = 4096,
               .flows_max = 256,
               .shards_count = SHARDS},
    .tag_base = (uint64_t)TAG_STORE << 56,
    .wake_index = STORE_NO_WAKE,
};

static uint64_t shard_tags(uint32_t index)
{
    return ((uint64_t)TAG_STORE + 1 + index) << 56;
}

/* --- a process --- */

static void start(uint64_t seed, uint64_t file_max)
{
    const struct io_options io_options = {0};
    struct text error;
    int r;

    memset(&process, 0, sizeof(process));
    process.seed = seed / 16; /* of the case */
    prng_seed(&process.prng, seed);
    text_init(&error, message, sizeof(message) - 1);
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(arena_open(&process.arena, store_cost(&options)), 0);
    r = store_open(&process.store, process.io, &process.arena, &options, &error);
    if (r == 0)
        r = exporter_open(&process.exporter, process.io, process.store, FOLDER, true, &error);
    if (r < 0)
        fail_msg("seed %llu: %d: %s", (unsigned long long)seed, r, text_cstr_end(&error));
    process.exporter.file_max = file_max;
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct store_shard_options shard = {
            .io = process.io, .tag_base = shard_tags(i), .wake_index = STORE_NO_WAKE};

        process.shards[i] = store_shard(process.store, i);
        store_shard_open(process.shards[i], &shard);
    }
    process.campaigns_count = queue_campaigns_count(store_queue(process.store));
}

static void abandon(void)
{
    exporter_close(&process.exporter);
    io_close(process.io);
    arena_close(&process.arena);
}

static void turn(bool hurry)
{
    struct io_event events[16];
    uint64_t deadline = io_now_ns(process.io) + 20 * NS_PER_MS;
    uint32_t count;

    deadline = min_u64(deadline, store_deadline_ns(process.store));
    deadline = min_u64(deadline, exporter_deadline_ns(&process.exporter));
    for (uint32_t i = 0; i < SHARDS; i++)
        deadline = min_u64(deadline, store_shard_deadline_ns(process.shards[i]));
    count = io_wait(process.io, deadline, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        bool taken = store_event(process.store, &events[i]);

        for (uint32_t k = 0; k < SHARDS && !taken; k++)
            taken = store_shard_event(process.shards[k], &events[i]);
        if (!taken)
            exporter_event(&process.exporter, &events[i]);
    }
    store_tick(process.store);
    exporter_turn(&process.exporter, hurry);
    for (uint32_t i = 0; i < SHARDS; i++)
        store_shard_tick(process.shards[i]);
}

/* --- its work --- */

static bool load(void)
{
    char name[32] = "", address[64] = "", domain[32] = "";
    struct campaign_descriptor descriptor = {
        .tenant = SPAN("t"), .sender = SPAN("s@example.org"), .lane = LANE_BULK};
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    struct store_load *loading;

    (void)snprintf(name, sizeof(name), "c%llu", (unsigned long long)prng_next(&process.prng));
    descriptor.name = span_cstr(name);
    if (store_load_begin(process.store, &descriptor, SPAN("Subject: x\n\nHi\n"), &loading) < 0)
        return false;
    for (uint32_t i = 0; i < RECIPIENTS;) {
        struct store_recipient recipient = {.address = span_cstr(address),
                                            .domain = span_cstr(domain),
                                            .metadata = SPAN("{\"a\":\"\xc3\xb6\"}")};
        int r;

        (void)snprintf(domain, sizeof(domain), "d%u.example", i % 17);
        (void)snprintf(address, sizeof(address), "u%u@%s", i, domain);
        recipient.address = span_cstr(address);
        recipient.domain = span_cstr(domain);
        r = store_load_add(loading, &recipient);
        i += r == 0;
        if (r == 0)
            continue;
        if (r != -EAGAIN || sim_world_is_cut())
            return false;
        turn(false);
    }
    store_load_commit(loading, digest);
    while (store_load_state(loading) == STORE_LOAD_COMMITTING && !sim_world_is_cut())
        turn(false);
    if (!sim_world_is_cut())
        store_load_end(loading);
    return !sim_world_is_cut();
}

static void settle(uint32_t shard, uint32_t record)
{
    static const enum outcome_kind kinds[] = {OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED,
                                              OUTCOME_UNSURE};
    char text[200];
    struct attempt attempt = {
        .outcome = {.kind = kinds[prng_below(&process.prng, ARRAY_LEN(kinds))],
                    .stage = STAGE_DOT,
                    .cause = CAUSE_REPLY},
        .counted = true,
        .wall_ns = io_wall_ns(process.io),
    };
    struct reply *reply = &attempt.outcome.reply;

    memset(text, '"', sizeof(text));
    reply->code = 250;
    reply->text_size = (uint16_t)prng_below(&process.prng, sizeof(text));
    memcpy(reply->text, text, reply->text_size);
    if (attempt.outcome.kind == OUTCOME_DEFERRED || attempt.outcome.kind == OUTCOME_UNSURE)
        attempt.next_due_ns = attempt.wall_ns + prng_below(&process.prng, 3 * NS_PER_S);
    (void)store_settle(process.shards[shard], record, &attempt);
}

static void work(uint32_t shard)
{
    struct queue_shard *queue = store_shard_queue(process.shards[shard]);
    uint32_t *count = &process.flows_count[shard];
    uint32_t *flows = process.flows[shard];

    while (*count < ARRAY_LEN(process.flows[0])) {
        uint32_t flow = queue_ready(queue);

        if (flow == QUEUE_NONE)
            break;
        flows[(*count)++] = flow;
    }
    for (uint32_t i = 0; i < 4 && *count > 0; i++) {
        struct queue_recipient recipient;
        uint32_t record;
        int r = store_claim(process.shards[shard], flows[0], &record, &recipient);

        if (r == 0)
            settle(shard, record);
        if (r == -ENOENT)
            flows[0] = flows[--*count];
    }
}

static void live(uint32_t turns)
{
    for (uint32_t i = 0; i < turns && !sim_world_is_cut(); i++) {
        for (uint32_t k = 0; k < SHARDS; k++)
            work(k);
        turn(false);
    }
}

/* In good order, as front.c does it. */
static void finish(void)
{
    uint32_t bound = 200000;

    for (uint32_t i = 0; i < SHARDS; i++) {
        while (store_durable_count(process.shards[i]) < process.shards[i]->settled_count && --bound)
            turn(false);
    }
    for (; bound > 0 && !store_quiet(process.store); bound--)
        turn(false);
    for (uint32_t i = 0; i < 100; i++)
        turn(false); /* the shards' last reports */
    while (--bound > 0) {
        turn(true);
        if (exporter_quiet(&process.exporter))
            break;
    }
    exporter_stop(&process.exporter);
    while (--bound > 0 && !exporter_stopped(&process.exporter))
        turn(true);
    if (bound == 0)
        fail_msg("seed %llu: the export does not end", (unsigned long long)process.seed);
}

/* --- the check --- */

struct id {
    uint64_t journal;
    uint64_t offset;
};

static struct id exported[EVENTS_MAX], journaled[EVENTS_MAX];
static uint32_t exported_count, journaled_count;

static int compare(const void *a, const void *b)
{
    const struct id *x = a, *y = b;

    if (x->journal != y->journal)
        return x->journal < y->journal ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void take_line(struct span line)
{
    struct span key = SPAN("\"event_id\":\"");
    size_t at = span_find(line, key);
    uint64_t journal, offset;
    char id[64] = "", *end;

    if (at == SPAN_NOT_FOUND || !span_starts(line, SPAN("{\"type\":\"")) ||
        line.data[line.size - 1] != '}')
        fail_msg("seed %llu: a broken line: %.*s", (unsigned long long)process.seed, (int)line.size,
                 (const char *)line.data);
    line = span_skip(line, at + key.size);
    memcpy(id, line.data, min_size(span_find_byte(line, '"'), sizeof(id) - 1));
    journal = strtoull(id, &end, 16);
    assert_true(end > id && *end == '-');
    offset = strtoull(end + 1, &end, 16);
    assert_true(end[-1] != '-' && *end == '\0');
    assert_true(exported_count < EVENTS_MAX);
    exported[exported_count++] = (struct id){journal, offset};
}

static void read_files(void)
{
    exported_count = 0;
    for (uint32_t number = 1; number < 10000; number++) {
        char path[64];
        uint64_t size;
        uint8_t *bytes;
        struct span rest;

        (void)snprintf(path, sizeof(path), FOLDER "/events-%08u.ndjson", number);
        if (sim_world_file_size(path, &size) < 0)
            continue;
        bytes = malloc(size + 1);
        assert_int_equal(sim_world_file_read(path, (struct span_mut){bytes, size}, 0) < 0 ? -1 : 0,
                         0);
        rest = span_make(bytes, size);
        if (size > 0)
            assert_int_equal(bytes[size - 1], '\n');
        while (rest.size > 0)
            take_line(span_split(&rest, '\n'));
        free(bytes);
    }
}

static void read_journals(void)
{
    struct store_cursor cursor = {0};
    struct attempt_event event;
    int r;

    journaled_count = 0;
    while ((r = store_events_next(process.store, &cursor, &event)) != 0) {
        assert_int_equal(r, 1);
        assert_true(journaled_count < EVENTS_MAX);
        journaled[journaled_count++] = (struct id){event.journal, event.offset};
    }
}

/* Whole lines, each event once: at every start, before anything new is written. */
static void check_files(void)
{
    read_files();
    qsort(exported, exported_count, sizeof(exported[0]), compare);
    for (uint32_t i = 1; i < exported_count; i++)
        if (compare(&exported[i - 1], &exported[i]) == 0)
            fail_msg("seed %llu: event %llx-%llx stands twice in the files",
                     (unsigned long long)process.seed, (unsigned long long)exported[i].journal,
                     (unsigned long long)exported[i].offset);
}

static void check(void)
{
    check_files();
    read_journals();
    qsort(journaled, journaled_count, sizeof(journaled[0]), compare);
    if (exported_count != journaled_count ||
        memcmp(exported, journaled, exported_count * sizeof(exported[0])) != 0)
        fail_msg("seed %llu: %u events in the files, %u in the journals",
                 (unsigned long long)process.seed, exported_count, journaled_count);
}

/* --- cases --- */

static void one_case(uint64_t seed)
{
    struct sim_world_options world = {
        .delay = {.file_max_ns = 200 * NS_PER_US, .sync_max_ns = 3 * NS_PER_MS}};
    struct prng prng;
    uint64_t file_max;
    uint32_t lives;
    bool power;

    /* Of one kind a case: what a killed process had written and not synced, the next one reads from
     * the page cache, and a power loss after that takes it away. */
    prng_seed(&prng, seed);
    power = prng_percent(&prng, 50);
    lives = 1 + (uint32_t)prng_below(&prng, LIVES_MAX);
    file_max = prng_percent(&prng, 50) ? 2000 + prng_below(&prng, 30000) : EXPORTER_FILE_MAX;
    world.disk.write_back_percent = (uint32_t)prng_below(&prng, 60);
    world.delay.small_batch_percent = (uint32_t)prng_below(&prng, 50);
    sim_world_open(seed, &world);
    for (uint32_t life = 0; life < lives; life++) {
        start(seed * 16 + life, file_max);
        check_files();
        sim_world_cut_after(1 + prng_below(&prng, 2500));
        if (prng_percent(&prng, 20))
            sim_world_disk_options()->write_failure_permille = 20;
        if (process.campaigns_count > 3 || load())
            live((uint32_t)prng_below(&prng, 4000));
        sim_world_disk_options()->write_failure_permille = 0;
        if (power)
            sim_world_power_loss();
        else
            sim_world_kill();
        abandon();
        sim_world_cut_after(0);
    }
    start(seed * 16 + 15, file_max);
    check_files();
    if (load())
        live(300);
    finish();
    check();
    abandon();
    sim_world_close();
}

static uint64_t cases_count(void)
{
    const char *given = getenv("CRASH_STATES");

    return given != NULL ? strtoull(given, NULL, 10) : 30;
}

static void test_power_cuts(void **state)
{
    uint64_t events = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= cases_count(); seed++) {
        one_case(seed);
        events += exported_count;
    }
    printf("%llu events in %llu cases\n", (unsigned long long)events,
           (unsigned long long)cases_count());
    assert_true(events > 100 * cases_count());
}

static void begin_with(const char *cursor, const char *events)
{
    sim_world_open(99, NULL);
    start(99, EXPORTER_FILE_MAX);
    assert_true(load());
    live(200);
    finish();
    check();
    abandon();
    sim_world_kill();
    if (cursor != NULL)
        assert_int_equal(sim_world_file_poke(FOLDER "/cursor", span_make(cursor, 8), 0), 0);
    if (cursor != NULL)
        assert_int_equal(
            sim_world_file_poke(FOLDER "/cursor", span_make(cursor, 8), EXPORT_CURSOR_SLOT_SIZE),
            0);
    if (events != NULL)
        assert_int_equal(sim_world_file_make(FOLDER "/events-00000002.ndjson", span_cstr(events)),
                         0);
}

/* A cursor that cannot be read: everything again, into a file of its own. */
static void test_lost_cursor(void **state)
{
    uint32_t before;

    (void)state;
    begin_with("spoiled!", NULL);
    before = exported_count;
    start(100, EXPORTER_FILE_MAX);
    finish();
    read_files();
    read_journals();
    assert_int_equal(journaled_count, before);
    assert_int_equal(exported_count, 2 * before);
    abandon();
    sim_world_close();
}

/* A file behind the cursor was begun and never marked: it counts for nothing. */
static void test_left_over_file(void **state)
{
    (void)state;
    begin_with(NULL, "{\"type\":\"Deliv");
    start(100, EXPORTER_FILE_MAX);
    assert_true(load());
    live(200);
    finish();
    check();
    abandon();
    sim_world_close();
}

/* What was written behind the cursor and never marked, whole lines or not, is cut off before
 * anything new is written; a batch that is longer would only hide it by chance. */
static void test_stale_tail(void **state)
{
    static const char *const tails[] = {"{\"type\":\"Deliv", "\n", NULL};
    const char *path = FOLDER "/events-00000001.ndjson";

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t size, mended;
        uint8_t *bytes;

        begin_with(NULL, NULL);
        assert_int_equal(sim_world_file_size(path, &size), 0);
        bytes = malloc(size);
        assert_true(sim_world_file_read(path, (struct span_mut){bytes, size}, 0) >= 0);
        assert_int_equal(sim_world_file_append(path, tails[i] != NULL ? span_cstr(tails[i])
                                                                      : span_make(bytes, size)),
                         0);
        free(bytes);
        start(100, EXPORTER_FILE_MAX);
        assert_int_equal(sim_world_file_size(path, &mended), 0);
        assert_int_equal(mended, size);
        assert_true(load());
        live(20);
        finish();
        check();
        abandon();
        sim_world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_cursor),
        cmocka_unit_test(test_left_over_file),
        cmocka_unit_test(test_stale_tail),
        cmocka_unit_test(test_power_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
