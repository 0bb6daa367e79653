/* The queue on a disk that fails and loses power: nothing that was accepted is lost, no verdict
 * that was reported durable is forgotten, and every start succeeds. A failing case prints its seed.
 *
 * CRASH_STATES=3000 draws so many seeds in each of the four drawn tests (a seed is one to four
 * lives) and flips so many bits of each file. CRASH_SEED=90396 runs that seed alone (each
 * drawn test has its own range of them) and leaves the other cases out. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/store_parts.h"
#include "sim/queue_driver.h"
#include "sim/sim_world.h"

static struct queue_driver driver;
static struct queue_driver_ledger ledger;
static char message[1024];
static uint64_t print_seed;
static uint32_t crashes_count; /* drawn power cuts and kills that a start came after */

/* After a test that failed half-way there is still a world: the next one opens its own. */
static int close_world(void **state)
{
    (void)state;
    if (print_seed != 0)
        printf("crash_queue: failed with seed %lu\n", (unsigned long)print_seed);
    print_seed = 0;
    if (driver.io != NULL)
        queue_driver_abandon(&driver);
    sim_world_close();
    return 0;
}

static void open_driver(const struct store_options *options, uint64_t seed)
{
    struct text error;
    int r;

    text_init(&error, message, sizeof(message) - 1);
    r = queue_driver_open(&driver, &ledger, options, seed, &error);
    if (r < 0)
        fail_msg("seed %lu: start failed with %d: %s", (unsigned long)seed, r,
                 text_cstr_end(&error));
}

static bool sleeping(void)
{
    for (uint32_t i = 0; i < driver.shards_count; i++)
        if (queue_next_due_s(store_shard_queue(driver.shards[i])) != UINT64_MAX)
            return true;
    return false;
}

static void run_to_the_end(void)
{
    for (uint32_t i = 0; i < 200000; i++) {
        queue_driver_run(&driver, 1);
        if (queue_driver_idle(&driver) && !sleeping()) {
            queue_driver_run(&driver, 50); /* until the shards' last reports have come */
            return;
        }
    }
    fail_msg("the queue does not drain");
}

static void test_load_settle_reopen(void **state)
{
    const struct store_options options = queue_driver_options(2);
    struct campaign_counts counts;
    uint32_t events;

    (void)state;
    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(1, NULL);
    open_driver(&options, 1);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 300, LANE_BULK)), 0);
    assert_int_equal(
        queue_driver_load(&driver, queue_driver_campaign(&ledger, 5, LANE_TRANSACTIONAL)), 0);
    run_to_the_end();
    events = queue_driver_events(&driver);
    assert_true(events >= 305);
    assert_int_equal(queue_campaign(store_queue(driver.store), 0)->state, CAMPAIGN_DONE);
    assert_int_equal(queue_driver_close(&driver), 0);

    open_driver(&options, 2);
    assert_true(store_recovery(driver.store)->from_checkpoint);
    assert_true(store_recovery(driver.store)->clean);
    assert_int_equal(store_recovery(driver.store)->recipients_count, 305);
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_events(&driver), events);
    store_counts(driver.store, 0, &counts);
    assert_int_equal(campaign_counts_open(&counts), 0);
    assert_int_equal(counts.delivered + counts.failed, 300);
    assert_int_equal(queue_driver_close(&driver), 0);
    sim_world_close();
}

/* --- drawn crashes --- */

static uint64_t given_number(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);

    return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

/* How many seeds: CRASH_STATES=N asks for another number. */
static uint32_t seeds_count(uint32_t usual)
{
    return (uint32_t)given_number("CRASH_STATES", usual);
}

/* Options that walk every "full" branch: small files, few claims. */
static struct store_options draw_options(struct prng *prng)
{
    struct store_options options = queue_driver_options(1 + (uint32_t)prng_below(prng, 3));

    options.segment_size = (uint64_t)16384 << prng_below(prng, 4);
    options.journal_size = (uint64_t)16384 << prng_below(prng, 4);
    options.claims_max = 4 + (uint32_t)prng_below(prng, 28);
    options.checkpoint_bytes = prng_percent(prng, 50) ? (uint64_t)4096 << prng_below(prng, 5) : 0;
    if (prng_percent(prng, 30))
        options.limits.flows_max = 3;
    return options;
}

static struct sim_world_options draw_world(struct prng *prng)
{
    struct sim_world_options world = {
        .disk = {.write_back_percent = (uint32_t)prng_below(prng, 60)},
        .delay = {.file_max_ns = prng_below(prng, 200 * NS_PER_US),
                  .sync_max_ns = 1 + prng_below(prng, 3 * NS_PER_MS),
                  .sync_slow_percent = (uint32_t)prng_below(prng, 4),
                  .empty_wait_percent = (uint32_t)prng_below(prng, 10),
                  .small_batch_percent = (uint32_t)prng_below(prng, 50)},
    };

    return world;
}

/* Loads and settles until the world is cut at a drawn moment. */
static void live(struct prng *prng)
{
    uint32_t loads = (uint32_t)prng_below(prng, 3);

    for (uint32_t i = 0; i < loads && !sim_world_is_cut(); i++) {
        struct queue_driver_campaign *campaign;

        if (ledger.campaigns_count == QUEUE_DRIVER_CAMPAIGNS)
            break;
        campaign = queue_driver_campaign(&ledger, 1 + (uint32_t)prng_below(prng, 120),
                                         prng_percent(prng, 30) ? LANE_TRANSACTIONAL : LANE_BULK);
        (void)!queue_driver_load(&driver, campaign);
        queue_driver_run(&driver, (uint32_t)prng_below(prng, 40));
    }
    queue_driver_run(&driver, 40 + (uint32_t)prng_below(prng, 400));
}

/* What ends the lives of a spool. */
enum ends {
    ENDS_POWER = 0,
    ENDS_KILL,
    ENDS_MIXED,   /* either */
    ENDS_FAILING, /* either; writes and syncs fail too, and unwritten pages may be forgotten */
};

#define RANGE 40000 /* seeds of one kind */

static void break_disk(struct prng *prng)
{
    struct disk_options *disk = sim_world_disk_options();

    disk->sync_failure_permille = prng_percent(prng, 70) ? 60 : 0;
    disk->write_failure_permille = prng_percent(prng, 50) ? 40 : 0;
    disk->evict_after_failure = prng_percent(prng, 50);
}

static void mend_disk(void)
{
    struct disk_options *disk = sim_world_disk_options();

    disk->sync_failure_permille = disk->write_failure_permille = 0;
}

static void end_life(struct prng *prng, enum ends ends)
{
    bool power = ends == ENDS_POWER || (ends != ENDS_KILL && prng_percent(prng, 50));

    mend_disk();
    if (!sim_world_is_cut() && prng_percent(prng, 50)) {
        sim_world_cut_after(0);
        assert_int_equal(queue_driver_close(&driver), 0);
        return;
    }
    if (power)
        sim_world_power_loss();
    else
        sim_world_kill();
    crashes_count++;
    queue_driver_abandon(&driver);
    sim_world_cut_after(0);
}

static void one_life(uint64_t seed, const struct store_options *options, struct prng *prng,
                     enum ends ends)
{
    if (ends == ENDS_FAILING)
        break_disk(prng);
    if (prng_percent(prng, 85))
        sim_world_cut_after(1 + prng_below(prng, 600));
    live(prng);
    end_life(prng, ends);
    open_driver(options, seed);
    queue_driver_check(&driver);
    if (ends != ENDS_FAILING)
        assert_int_equal(store_recovery(driver.store)->damaged_count, 0);
}

static void one_seed(uint64_t seed, enum ends ends)
{
    struct sim_world_options world;
    struct store_options options;
    struct prng prng;
    uint32_t lives;

    prng_seed(&prng, seed);
    world = draw_world(&prng);
    options = draw_options(&prng);
    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(seed, &world);
    open_driver(&options, seed);
    lives = 1 + (uint32_t)prng_below(&prng, 4);
    for (uint32_t i = 0; i < lives; i++)
        one_life(seed + i, &options, &prng, ends);
    run_to_the_end();
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_close(&driver), 0);
    sim_world_close();
}

static void crash(uint64_t first, uint32_t count, enum ends ends)
{
    uint64_t chosen = given_number("CRASH_SEED", 0);

    if (chosen != 0) {
        if (chosen < first || chosen >= first + RANGE)
            skip();
        first = chosen;
        count = 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        print_seed = first + i;
        one_seed(first + i, ends);
    }
    print_seed = 0;
}

static void test_power_cuts(void **state)
{
    (void)state;
    crash(10000, seeds_count(700), ENDS_POWER);
}

static void test_kills(void **state)
{
    (void)state;
    crash(50000, seeds_count(300), ENDS_KILL);
}

/* Loads may fail, settles may wait; promises hold. */
static void test_failing_disk(void **state)
{
    (void)state;
    crash(90000, seeds_count(400), ENDS_FAILING);
}

/* What a killed process had written and not synced is read back, and lost by the next power cut. */
static void test_kills_and_power_cuts(void **state)
{
    (void)state;
    crash(130000, seeds_count(400), ENDS_MIXED);
}

/* Verdicts are read back that never reached the platter: the process was killed before the sync's
 * answer, or the sync failed and their pages were kept. The new one closes in good order; its
 * checkpoint must not know more than what the next power cut leaves of the journals. */
static void read_back(uint64_t seed, bool failing)
{
    const struct store_options options = queue_driver_options(1);

    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(seed, NULL);
    open_driver(&options, seed);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 60, LANE_BULK)), 0);
    while (store_durable_count(driver.shards[0]) == 0) /* there is a journal now */
        queue_driver_run(&driver, 1);
    if (failing)
        sim_world_disk_options()->sync_failure_permille = 1000;
    else
        sim_world_options()->delay.sync_min_ns = 10000 * NS_PER_S;
    queue_driver_run(&driver, 10);
    sim_world_kill();
    queue_driver_abandon(&driver);
    sim_world_disk_options()->sync_failure_permille = 0;
    sim_world_options()->delay.sync_min_ns = 0;
    open_driver(&options, seed);
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_close(&driver), 0);
    sim_world_power_loss();
    open_driver(&options, seed);
    queue_driver_check(&driver);
    queue_driver_abandon(&driver);
    sim_world_close();
}

static void test_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_seed = seed;
        read_back(seed, false);
        read_back(seed, true);
    }
    print_seed = 0;
}

/* A sync fails and its verdicts go to the next journal; the process is killed while it writes them
 * there. Whoever exports must not have gone on to that journal before they were durable in it: they
 * are read back from the first. */
static void leave_journal(uint64_t seed, uint32_t turns)
{
    const struct store_options options = queue_driver_options(1);

    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(seed, NULL);
    open_driver(&options, seed);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 200, LANE_BULK)), 0);
    while (store_durable_count(driver.shards[0]) == 0)
        queue_driver_run(&driver, 1);
    sim_world_disk_options()->sync_failure_permille = 1000;
    while (store_shard_error(driver.shards[0]) == 0)
        queue_driver_run(&driver, 1);
    sim_world_disk_options()->sync_failure_permille = 0;
    sim_world_options()->delay.file_max_ns = NS_PER_S; /* the shard reports meanwhile */
    for (uint32_t i = 0; i < turns; i++) {
        queue_driver_turn(&driver, 50 * NS_PER_MS);
        queue_driver_export(&driver, UINT32_MAX);
    }
    sim_world_kill();
    queue_driver_abandon(&driver);
    sim_world_options()->delay.file_max_ns = 0;
    open_driver(&options, seed);
    queue_driver_check(&driver);
    queue_driver_abandon(&driver);
    sim_world_close();
}

static void test_leave_journal(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 120; i++) {
        print_seed = 1 + i;
        leave_journal(1 + i, 20 + (uint32_t)i % 60);
    }
    print_seed = 0;
}

/* The disk is full for a while: claims stop, nothing is forgotten; then it goes on by itself. */
static void test_full_disk(void **state)
{
    const struct store_options options = queue_driver_options(2);
    struct store_progress progress;
    uint32_t stopped = 0;

    (void)state;
    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(3, NULL);
    open_driver(&options, 3);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 400, LANE_BULK)), 0);
    sim_world_disk_options()->capacity = 1; /* whatever is there already stays */
    for (uint32_t i = 0; i < 300; i++) {
        queue_driver_run(&driver, 1);
        store_progress(driver.store, &progress);
        stopped += progress.journal_failed;
    }
    assert_true(stopped > 0);
    assert_int_equal(
        queue_driver_load(&driver, queue_driver_campaign(&ledger, 400, LANE_TRANSACTIONAL)),
        -ENOSPC);
    sim_world_disk_options()->capacity = 0;
    run_to_the_end();
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_close(&driver), 0);
    open_driver(&options, 4);
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_close(&driver), 0);
    sim_world_close();
}

/* --- events --- */

#define EVENTS_MAX 20000

static struct {
    uint64_t journal;
    uint64_t offset;
} read_events[EVENTS_MAX];
static uint32_t read_count;

/* What an exporter does: reads on, and keeps its cursor as text. */
static void export_some(char *kept, size_t kept_size, uint32_t events_max)
{
    struct store_cursor cursor;
    struct attempt_event event;
    struct text text;
    int r;

    assert_true(store_cursor_read(span_cstr(kept), &cursor));
    for (uint32_t i = 0; i < events_max; i++) {
        r = store_events_next(driver.store, &cursor, &event);
        if (r == 0)
            break;
        assert_int_equal(r, 1);
        assert_true(read_count < EVENTS_MAX);
        read_events[read_count].journal = event.journal;
        read_events[read_count++].offset = event.offset;
    }
    text_init(&text, kept, kept_size);
    store_cursor_write(&cursor, &text);
    (void)text_cstr_end(&text);
    assert_false(text.overflow);
}

static uint32_t times_read(uint64_t journal, uint64_t offset)
{
    uint32_t times = 0;

    for (uint32_t i = 0; i < read_count; i++)
        times += read_events[i].journal == journal && read_events[i].offset == offset;
    return times;
}

/* Every event is read exactly once by a cursor that was kept over crashes. */
static void check_exported(void)
{
    static struct store_cursor cursor;
    struct attempt_event event;
    uint32_t count = 0;

    memset(&cursor, 0, sizeof(cursor));
    while (store_events_next(driver.store, &cursor, &event) != 0) {
        assert_int_equal(times_read(event.journal, event.offset), 1);
        count++;
    }
    assert_int_equal(count, read_count);
}

static void test_cursor(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds_count(100); seed++) {
        char kept[STORE_CURSOR_TEXT_MAX] = "1\n";
        struct sim_world_options world;
        struct store_options options;
        struct prng prng;

        print_seed = seed;
        prng_seed(&prng, seed);
        world = draw_world(&prng);
        options = draw_options(&prng);
        read_count = 0;
        memset(&ledger, 0, sizeof(ledger));
        sim_world_open(seed, &world);
        open_driver(&options, seed);
        for (uint32_t life = 0; life < 3; life++) {
            sim_world_cut_after(200 + prng_below(&prng, 2000));
            (void)!queue_driver_load(&driver, queue_driver_campaign(&ledger, 100, LANE_BULK));
            for (uint32_t i = 0; i < 300 && !sim_world_is_cut(); i++) {
                queue_driver_run(&driver, 1 + (uint32_t)prng_below(&prng, 20));
                export_some(kept, sizeof(kept), (uint32_t)prng_below(&prng, 50));
            }
            if (prng_percent(&prng, 50))
                sim_world_power_loss();
            else
                sim_world_kill();
            queue_driver_abandon(&driver);
            sim_world_cut_after(0);
            open_driver(&options, seed + life);
        }
        run_to_the_end();
        export_some(kept, sizeof(kept), EVENTS_MAX);
        check_exported();
        assert_int_equal(queue_driver_close(&driver), 0);
        sim_world_close();
    }
    print_seed = 0;
}

/* --- bit flips --- */

/* With one shard, in the first life; 3 is the transactional lane's. */
#define SHARD "spool/journals/0000000000000001.jnl"
#define CONTROL "spool/journals/0000000000000002.jnl"
#define BULK "spool/segments/0000000000000004.seg"
#define FLIPS_A_SPOOL 20

struct found {
    uint32_t lost_count;
    uint32_t others_count;
};

static void note_problem(void *context, const struct store_problem *problem)
{
    struct found *found = context;

    found->lost_count += problem->lost;
    found->others_count += !problem->lost;
}

static uint32_t verify(void)
{
    const struct io_options options = {0};
    struct store_verify_totals totals;
    struct found found = {0};
    struct io *io;
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&io, &options, &error), 0);
    assert_int_equal(store_verify(io, "spool", note_problem, &found, &totals), 0);
    assert_int_equal(found.lost_count, totals.problems_count);
    io_close(io);
    return found.lost_count;
}

/* Recipients of the ledger that cannot be found or read, or whose verdict is forgotten. */
static uint32_t missing_count(void)
{
    struct queue *queue = store_queue(driver.store);
    uint32_t missing = 0;

    for (uint32_t c = 0; c < ledger.campaigns_count; c++) {
        const struct queue_driver_campaign *campaign = &ledger.campaigns[c];
        uint32_t index = queue_find_campaign(queue, SPAN("tenant"), span_cstr(campaign->name));

        if (index == QUEUE_NONE) {
            missing += campaign->count;
            continue;
        }
        for (uint32_t i = 0; i < campaign->count; i++) {
            struct identity identity = {queue_campaign(queue, index)->descriptor.id, i};
            uint32_t record = queue_find(queue, identity);
            struct queue_recipient recipient;
            struct queue_standing standing;

            if (record == QUEUE_NONE || queue_read(queue, record, &recipient) != 0 ||
                queue_standing(queue, record, &standing) != 0 ||
                standing.kind != campaign->recipients[i].durable) {
                missing++;
                continue;
            }
            assert_int_equal(recipient.identity.ordinal, i);
        }
    }
    return missing;
}

static void flip(const char *path, uint64_t offset, uint8_t mask)
{
    uint8_t byte;

    assert_true(sim_world_file_read(path, (struct span_mut){&byte, 1}, offset) >= 0);
    byte ^= mask;
    assert_int_equal(sim_world_file_poke(path, span_make(&byte, 1), offset), 0);
}

static void make_spool(const struct store_options *options)
{
    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(5, NULL);
    open_driver(options, 5);
    driver.final_only = true;
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 60, LANE_BULK)), 0);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 60, LANE_BULK)), 0);
    run_to_the_end();
}

#define CHECKPOINT "spool/checkpoint.0000000000000001"

static void flip_one(const struct store_options *options, const char *path, uint64_t end,
                     struct prng *prng)
{
    uint64_t offset = prng_percent(prng, 10) ? prng_below(prng, 128) : prng_below(prng, end);
    uint8_t mask = (uint8_t)(1U << prng_below(prng, 8));
    uint32_t lost, missing;

    flip(path, offset, mask);
    lost = verify();
    open_driver(options, offset);
    missing = missing_count();
    if (missing > 0 && lost == 0)
        fail_msg("%s: bit %u at %lu: %u are missing and nothing is reported", path, mask,
                 (unsigned long)offset, missing);
    sim_world_kill();
    queue_driver_abandon(&driver);
    flip(path, offset, mask);
}

/* Flips bits of one file, one at a time. A start always succeeds; what is missing then is told.
 * Every start leaves files, so that a spool serves for some flips only. */
static void flip_file(const char *path, uint64_t end, bool anew, struct prng *prng)
{
    const uint32_t count = seeds_count(200);
    struct store_options options = queue_driver_options(1);
    uint64_t size = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (i % FLIPS_A_SPOOL == 0) {
            make_spool(&options);
            assert_int_equal(queue_driver_close(&driver), 0);
            assert_int_equal(verify(), 0);
            if (anew)
                flip(CHECKPOINT, 0, 1); /* everything is read anew */
            assert_true(sim_world_file_size(path, &size) >= 0);
        }
        flip_one(&options, path, min_u64(end, size), prng);
        if (i % FLIPS_A_SPOOL == FLIPS_A_SPOOL - 1 || i == count - 1)
            sim_world_close();
    }
}

static void test_bit_flips(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 5);
    for (uint32_t anew = 0; anew < 2; anew++) {
        flip_file(SHARD, 26000, anew, &prng);
        flip_file(CONTROL, 5000, anew, &prng);
        flip_file(BULK, 30000, anew, &prng);
    }
    flip_file(CHECKPOINT, 140000, false, &prng);
}

/* --- damage at bad places --- */

/* The offsets of the batches that stand in a file, in order. */
static uint32_t find_batches(const char *path, uint64_t *offsets, uint32_t count_max)
{
    static uint8_t image[1 << 20];
    uint64_t id = strtoull(strrchr(path, '/') + 1, NULL, 16), size = 0;
    struct record_batch batch;
    uint32_t count = 0;

    assert_true(sim_world_file_size(path, &size) >= 0);
    size = min_u64(size, sizeof(image));
    assert_true(sim_world_file_read(path, (struct span_mut){image, size}, 0) >= 0);
    for (uint64_t at = RECORD_PAGE; count < count_max; count++) {
        if (record_read_batch(span_make(image, size), id, at, &batch) != 0)
            break;
        offsets[count] = at;
        at = record_align(at + sizeof(batch) + batch.size);
    }
    return count;
}

/* A load is reported READY and the power goes in that moment: a bit of an early batch is bad then.
 * No more is lost than that batch, whether or not the one that closes the load was kept. */
static void flip_after_commit(uint64_t seed, uint32_t bad)
{
    const struct store_options options = queue_driver_options(1);
    uint64_t offsets[32] = {0};
    uint32_t missing;

    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(seed, NULL);
    open_driver(&options, seed);
    driver.batches = 20;
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 300, LANE_BULK)), 0);
    sim_world_power_loss();
    queue_driver_abandon(&driver);
    assert_in_range(find_batches(BULK, offsets, ARRAY_LEN(offsets)), 13, 30);
    flip(BULK, offsets[bad] + 17, 4);
    open_driver(&options, seed);
    missing = missing_count();
    /* descriptor and content stand in the first one: without them nobody can be mailed */
    if (bad > 0 && (missing == 0 || missing > 40))
        fail_msg("seed %lu, batch %u: %u are missing", (unsigned long)seed, bad, missing);
    assert_true(store_recovery(driver.store)->damaged_count > 0);
    sim_world_kill();
    queue_driver_abandon(&driver);
    sim_world_close();
}

static void test_flip_after_commit(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        print_seed = 1 + i;
        flip_after_commit(1 + i, i % 12);
    }
    print_seed = 0;
}

/* The last batches of a segment and of the control journal are damaged, while the process is gone
 * with or without a farewell: that is told from a torn tail. */
static void flip_last(const char *path, bool closes)
{
    const struct store_options options = queue_driver_options(1);
    uint64_t offsets[32];
    uint32_t count;

    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(8, NULL);
    open_driver(&options, 8);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 30, LANE_BULK)), 0);
    if (closes) {
        assert_int_equal(queue_driver_close(&driver), 0);
        flip("spool/checkpoint.0000000000000001", 0, 1); /* everything is read anew */
    } else {
        for (uint32_t i = 0; i < 20; i++)
            queue_driver_turn(&driver, 10 * NS_PER_MS);
        sim_world_kill();
        queue_driver_abandon(&driver);
    }
    assert_int_equal(verify(), 0);
    count = find_batches(path, offsets, ARRAY_LEN(offsets));
    assert_true(count >= 2);
    flip(path, offsets[count - 2] + 44, 1);
    assert_true(verify() > 0);
    open_driver(&options, 9);
    assert_true(store_recovery(driver.store)->damaged_count > 0);
    queue_driver_abandon(&driver);
    sim_world_close();
}

static void test_flip_last(void **state)
{
    (void)state;
    flip_last(BULK, false);
    flip_last(CONTROL, false);
    flip_last(BULK, true);
    flip_last(CONTROL, true);
}

/* A checkpoint is written while the queue works; then the process dies. The first batch behind what
 * the checkpoint covers is damaged: those behind it are good and must be read all the same. */
static void damage_behind_checkpoint(const char *path, bool loads)
{
    struct store_options options = queue_driver_options(1);
    uint64_t before[64], after[64];
    uint32_t covered, count, missing;

    memset(&ledger, 0, sizeof(ledger));
    options.segment_size = (uint64_t)256 * 1024;
    options.journal_size = (uint64_t)256 * 1024;
    sim_world_open(9, NULL);
    open_driver(&options, 9);
    driver.final_only = true;
    driver.batches = 20;
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 300, LANE_BULK)), 0);
    if (!loads)
        queue_driver_run(&driver, 3);
    for (uint32_t i = 0; i < 20; i++)
        queue_driver_turn(&driver, NS_PER_S);
    store_parts_checkpoint_begin(driver.store, false);
    for (uint32_t i = 0; i < 100; i++)
        queue_driver_turn(&driver, NS_PER_MS);
    covered = find_batches(path, before, ARRAY_LEN(before));
    assert_true(sim_world_file_size("spool/checkpoint.0000000000000001", &(uint64_t){0}) >= 0);
    for (uint32_t i = 0; loads && i < 2; i++)
        assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 100, LANE_BULK)),
                         0);
    if (!loads)
        run_to_the_end();
    count = find_batches(path, after, ARRAY_LEN(after));
    if (count < covered + 4)
        fail_msg("%s: %u batches, %u covered", path, count, covered);
    sim_world_kill();
    queue_driver_abandon(&driver);
    flip(path, after[covered] + 17, 4);
    open_driver(&options, 10);
    assert_true(store_recovery(driver.store)->from_checkpoint);
    assert_true(store_recovery(driver.store)->damaged_count > 0);
    missing = missing_count();
    if (missing > (loads ? 100 : 60)) /* the one whose descriptor was there; not the next */
        fail_msg("%s: %u are missing for one bad batch", path, missing);
    sim_world_kill();
    queue_driver_abandon(&driver);
    sim_world_close();
}

static void test_damage_behind_checkpoint(void **state)
{
    (void)state;
    damage_behind_checkpoint(BULK, true);
    damage_behind_checkpoint(SHARD, false);
}

int main(void)
{
    const struct CMUnitTest drawn[] = {
        cmocka_unit_test_teardown(test_power_cuts, close_world),
        cmocka_unit_test_teardown(test_kills, close_world),
        cmocka_unit_test_teardown(test_kills_and_power_cuts, close_world),
        cmocka_unit_test_teardown(test_failing_disk, close_world),
    };
    const struct CMUnitTest made[] = {
        cmocka_unit_test_teardown(test_load_settle_reopen, close_world),
        cmocka_unit_test_teardown(test_read_back, close_world),
        cmocka_unit_test_teardown(test_leave_journal, close_world),
        cmocka_unit_test_teardown(test_cursor, close_world),
        cmocka_unit_test_teardown(test_full_disk, close_world),
        cmocka_unit_test_teardown(test_bit_flips, close_world),
        cmocka_unit_test_teardown(test_flip_after_commit, close_world),
        cmocka_unit_test_teardown(test_flip_last, close_world),
        cmocka_unit_test_teardown(test_damage_behind_checkpoint, close_world),
    };
    int failed;

    /* A store's arena is large and mostly untouched: it shall be mapped, and not be filled. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_PERTURB, 0);
    failed = cmocka_run_group_tests_name("drawn", drawn, NULL, NULL);
    print_message("%u drawn kills and power cuts\n", crashes_count);
    if (given_number("CRASH_SEED", 0) == 0)
        failed += cmocka_run_group_tests_name("made", made, NULL, NULL);
    return failed;
}
