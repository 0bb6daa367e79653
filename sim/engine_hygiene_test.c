/* Suppressions on a disk that loses power: what was reported as durable is in force in the next
 * life, what was withdrawn for good stays so, and nothing else than a beginning of what was asked
 * for is ever found. A failing case prints its seed. */
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
#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_domains.h"
#include "engine/hygiene_store.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define KEYS 24
#define CHANGES_MAX 4000
#define LIVES_MAX 5
#define NOW UINT64_C(1800000000)

struct step {
    uint8_t key;
    bool suppressed;
    uint64_t ticket; /* in its life */
};

/* What was asked for, in order, as far as the disk may have it. */
static struct step steps[CHANGES_MAX];
static uint32_t steps_count;
static uint32_t durable_steps; /* of them reported as durable */
static uint32_t compacted_count;

static struct arena arena;
static struct io *io;
static struct hygiene_store *hygiene;

static const struct hygiene_store_options options = {.folder = "hygiene",
                                                     .durability = STORE_DURABLE,
                                                     .addresses_max = 200,
                                                     .shelf_in_memory = true,
                                                     .compact_bytes = (uint64_t)24 * 1024};

static void write_key(uint32_t key, char *into, size_t size)
{
    (void)snprintf(into, size, "user%u@example.com", key / 2);
}

static bool begin_life(void)
{
    struct io_options ring = {.entries = 64, .handles_max = 64, .buffers_count = 16};
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, hygiene_store_cost(&options)), 0);
    if (hygiene_store_open(&hygiene, io, &arena, &options, &error) < 0)
        return false;
    compacted_count += hygiene_store_recovery(hygiene)->compacted;
    return true;
}

static void end_life(void)
{
    io_close(io);
    arena_close(&arena);
}

/* Of this key and scope alone; what hygiene_blocks makes of it must agree. */
static bool is_suppressed(uint32_t key)
{
    char text[64];
    struct hygiene_target target = {.tenant = key % 2 != 0 ? SPAN("t1") : SPAN("")};
    struct hygiene *tables = hygiene_store_tables(hygiene);
    uint32_t next = HYGIENE_FIND_FIRST;
    struct hygiene_entry entry;

    write_key(key, text, sizeof(text));
    target.key = span_cstr(text);
    while (hygiene_find(tables, target.key, &next, &entry) == 0) {
        if (!span_equal(entry.tenant, target.tenant))
            continue;
        if (entry.until_s != 0)
            assert_true(hygiene_blocks(tables, &target, NOW));
        return entry.until_s != 0;
    }
    return false;
}

/* Whether the tables are what the first `count` steps make. */
static bool is_after(uint32_t count)
{
    bool suppressed[KEYS] = {false};

    for (uint32_t i = 0; i < count; i++)
        suppressed[steps[i].key] = steps[i].suppressed;
    for (uint32_t key = 0; key < KEYS; key++)
        if (is_suppressed(key) != suppressed[key])
            return false;
    return true;
}

static void check_recovered(void)
{
    /* The shortest: those behind it that make no difference need not have been lost. */
    for (uint32_t count = durable_steps; count <= steps_count; count++) {
        if (is_after(count)) {
            steps_count = count;
            durable_steps = count; /* the next life's start made it so */
            return;
        }
    }
    fail_msg("the tables are no beginning of what was asked for");
}

static void ask(struct prng *prng)
{
    char text[64];
    struct step step = {(uint8_t)prng_below(prng, KEYS), prng_percent(prng, 60), 0};
    struct hygiene_change change = {.kind = step.suppressed ? HYGIENE_SUPPRESS : HYGIENE_WITHDRAW,
                                    .source = HYGIENE_FROM_OPERATOR,
                                    .time_s = NOW,
                                    .until_s = HYGIENE_CHANGE_FOREVER,
                                    .note = SPAN("because somebody said so"),
                                    .tenant = step.key % 2 != 0 ? SPAN("t1") : SPAN("")};

    if (steps_count == CHANGES_MAX)
        return;
    write_key(step.key, text, sizeof(text));
    change.key = span_cstr(text);
    if (hygiene_store_change(hygiene, &change, &step.ticket) == 0)
        steps[steps_count++] = step;
}

static void live(struct prng *prng)
{
    uint32_t turns = 20 + (uint32_t)prng_below(prng, 200);

    for (uint32_t turn = 0; turn < turns && !sim_world_is_cut(); turn++) {
        struct io_event events[16];
        uint64_t deadline_ns;
        uint32_t count, asked = (uint32_t)prng_below(prng, 6);

        for (uint32_t i = 0; i < asked; i++)
            ask(prng);
        hygiene_store_turn(hygiene, NULL, false);
        deadline_ns = min_u64(hygiene_store_deadline_ns(hygiene), io_now_ns(io) + 50 * NS_PER_MS);
        count = io_wait(io, deadline_ns, events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            hygiene_store_event(hygiene, &events[i]);
        while (!sim_world_is_cut() && durable_steps < steps_count &&
               steps[durable_steps].ticket <= hygiene_store_durable_count(hygiene))
            durable_steps++;
        assert_true(durable_steps <= steps_count);
    }
}

static uint32_t durable_seen;

static void one_case(uint64_t seed)
{
    struct prng prng;
    struct sim_world_options world = {.delay = {.file_max_ns = NS_PER_MS,
                                                .sync_min_ns = NS_PER_MS,
                                                .sync_max_ns = 8 * NS_PER_MS}};

    prng_seed(&prng, seed);
    world.disk.write_back_percent = (uint32_t)prng_below(&prng, 60);
    steps_count = durable_steps = 0;
    sim_world_open(seed, &world);
    for (uint32_t life = 0; life < LIVES_MAX; life++) {
        bool power = prng_percent(&prng, 50);
        jmp_buf jump;

        sim_world_cut_after(1 + prng_below(&prng, 400));
        sim_world_cut_jump(&jump);
        if (prng_percent(&prng, 30))
            sim_world_disk_options()->write_failure_permille = 30;
        if (setjmp(jump) == 0) {
            assert_true(begin_life());
            check_recovered();
            live(&prng);
        }
        sim_world_cut_jump(NULL);
        sim_world_disk_options()->write_failure_permille = 0;
        durable_seen += durable_steps;
        if (power)
            sim_world_power_loss();
        else
            sim_world_kill();
        sim_world_cut_after(0);
        end_life();
    }
    assert_true(begin_life());
    check_recovered();
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_close();
}

static uint64_t print_seed;

static void print_failure(void)
{
    if (print_seed != 0)
        printf("engine_hygiene: failed with seed %lu\n", (unsigned long)print_seed);
}

static void test_crashes(void **state)
{
    const char *given = getenv("CRASH_STATES");
    uint32_t count = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : 520;

    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        print_seed = seed;
        one_case(seed);
    }
    print_seed = 0;
    assert_true(durable_seen > count * 20); /* else it checks nothing */
    assert_true(compacted_count > count / 2);
}

/* A closed journal is whole; a flipped bit in it is found. */
static void test_closing_keeps_everything(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    steps_count = durable_steps = 0;
    sim_world_open(7, NULL);
    assert_true(begin_life());
    for (uint32_t i = 0; i < 500; i++)
        ask(&prng);
    assert_int_equal(steps_count, 500);
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_power_loss();
    assert_true(begin_life());
    assert_true(is_after(500));
    assert_int_equal(hygiene_store_recovery(hygiene)->changes_count, 500);
    assert_int_equal(hygiene_store_recovery(hygiene)->damages_count, 0);
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_close();
}

static void change_one(enum hygiene_change_kind kind, enum bounce_class class, uint64_t time_s)
{
    struct hygiene_change change = {.kind = kind,
                                    .source = HYGIENE_FROM_REPORT,
                                    .class = class,
                                    .time_s = time_s,
                                    .until_s = time_s + 1000,
                                    .key = SPAN("kept@example.com"),
                                    .note = SPAN("550 so"),
                                    .provider =
                                        kind == HYGIENE_HOLD ? SPAN("p.example") : SPAN("")};

    assert_int_equal(hygiene_store_change(hygiene, &change, NULL), 0);
}

static char open_error[512];

static int open_with(const struct hygiene_store_options *other)
{
    struct io_options ring = {.entries = 64, .handles_max = 64, .buffers_count = 16};
    struct text error;
    int result;

    text_init(&error, open_error, sizeof(open_error));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, hygiene_store_cost(other)), 0);
    result = hygiene_store_open(&hygiene, io, &arena, other, &error);
    (void)text_cstr_end(&error);
    return result;
}

static bool open_compacting(uint64_t compact_bytes)
{
    struct hygiene_store_options eager = options;

    eager.compact_bytes = compact_bytes;
    assert_int_equal(open_with(&eager), 0);
    return hygiene_store_recovery(hygiene)->compacted;
}

static void close_life(void)
{
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_power_loss();
}

/* One bounce less than a breaker takes; and a domain where ten failed. */
static void spoil_standing(void)
{
    struct hygiene *tables = hygiene_store_tables(hygiene);

    for (uint32_t i = 0; i < HYGIENE_BREAKER_HARD_MIN - 1; i++)
        assert_false(hygiene_breaker_count(hygiene_breakers(tables), SPAN("q.example"), true));
    for (uint32_t i = 0; i < 10; i++)
        hygiene_domains_count(hygiene_domain_counts(tables), SPAN("z.example"), BOUNCE_SPAM, 20000);
}

/* The last bounce that it takes is tried on a copy of the bytes. */
static bool standing_is_kept(void)
{
    struct hygiene *tables = hygiene_store_tables(hygiene);
    struct hygiene_breaker *breakers = hygiene_breakers(tables);
    const struct hygiene_domain *domain =
        hygiene_domains_find(hygiene_domain_counts(tables), SPAN("z.example"));
    bool kept = domain != NULL && hygiene_domain_count_on(domain, BOUNCE_SPAM, 20000) == 10;
    uint8_t bytes[HYGIENE_BREAKER_RECORD_MAX];
    uint32_t place = 0;
    size_t size;

    do {
        size = hygiene_breaker_write_next(breakers, &place, true, bytes);
    } while (size > 0 && !span_ends_nocase(span_make(bytes, size), SPAN("q.example")));
    kept = kept && size > 0 && hygiene_breaker_count(breakers, SPAN("q.example"), true);
    return kept && hygiene_breaker_read(breakers, span_make(bytes, size)) == 0 &&
           !hygiene_breaker_is_open(breakers, SPAN("q.example"));
}

/* Suppressions, what is held, counts, used tags and standing are the same before and behind it. */
static void test_compaction_keeps_everything(void **state)
{
    struct seen_tag tag = {.identity = {7, 1}, .day = 20000};
    struct confirmation said = {.key = SPAN("kept@example.com"),
                                .list = SPAN("team@lists.example"),
                                .class = BOUNCE_NO_USER,
                                .message = 9},
                        found;
    struct hygiene_score before, behind;
    struct hygiene_change lifted = {
        .kind = HYGIENE_WITHDRAW, .source = HYGIENE_FROM_OPERATOR, .time_s = NOW};
    struct hygiene_entry entry;
    uint32_t next;
    uint64_t ticket;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    steps_count = durable_steps = 0;
    sim_world_open(3, NULL);
    assert_false(open_compacting(MIB));
    for (uint32_t i = 0; i < 900; i++)
        ask(&prng);
    for (uint32_t day = 20000; day < 20012; day++)
        change_one(HYGIENE_COUNT, day % 2 == 0 ? BOUNCE_MAILBOX_FULL : BOUNCE_EXPIRED,
                   day * UINT64_C(86400));
    spoil_standing();
    change_one(HYGIENE_SUPPRESS, BOUNCE_NO_USER, 20 * UINT64_C(86400) - 1000);
    change_one(HYGIENE_HOLD, BOUNCE_NO_USER, NOW);
    assert_int_equal(hygiene_store_use_tag(hygiene, &tag, &ticket), 0);
    for (said.day = 20000; said.day < 20003; said.day++, said.message++)
        assert_int_equal(hygiene_store_confirm(hygiene, &said, &ticket), 0);
    said.list = SPAN("other@lists.example"); /* was lifted: what was counted before is forgotten */
    assert_int_equal(hygiene_store_confirm(hygiene, &said, &ticket), 0);
    lifted.key = said.key;
    lifted.stream = said.list;
    assert_int_equal(hygiene_store_change(hygiene, &lifted, NULL), 0);
    assert_int_equal(
        hygiene_score_of(hygiene_store_tables(hygiene), SPAN("kept@example.com"), &before), 0);
    close_life();
    assert_true(open_compacting(1));
    close_life();
    for (uint32_t round = 0; round < 2; round++) {
        assert_false(open_compacting(MIB));
        assert_true(is_after(steps_count));
        assert_true(hygiene_store_recovery(hygiene)->changes_count < 100); /* the rest is gone */
        next = HYGIENE_FIND_FIRST;
        assert_int_equal(
            hygiene_find(hygiene_store_tables(hygiene), SPAN("kept@example.com"), &next, &entry),
            0);
        assert_true(entry.held_until_s == NOW + 1000 && entry.time_s == NOW);
        assert_true(entry.until_s == 20 * UINT64_C(86400)); /* both */
        assert_true(span_equal(entry.provider, SPAN("p.example")));
        assert_int_equal(
            hygiene_score_of(hygiene_store_tables(hygiene), SPAN("kept@example.com"), &behind), 0);
        assert_memory_equal(&before, &behind, sizeof(before));
        assert_true(hygiene_store_has_tag(hygiene, &tag));
        for (uint32_t part = 0; part < 3; part++) {
            assert_true(confirmations_at(hygiene_store_confirmations(hygiene), 0, part, &found));
            assert_true(span_equal(found.list, SPAN("team@lists.example")) &&
                        span_equal(found.key, SPAN("kept@example.com")));
            assert_int_equal(found.day, 20000 + part);
            assert_int_equal(found.message, 9 + part);
        }
        assert_false(confirmations_at(hygiene_store_confirmations(hygiene), 0, 3, &found));
        assert_false(confirmations_at(hygiene_store_confirmations(hygiene), 1, 0, &found));
        tag.identity.ordinal++;
        assert_false(hygiene_store_has_tag(hygiene, &tag));
        tag.identity.ordinal--;
        assert_true(standing_is_kept());
        close_life();
    }
    sim_world_close();
}

/* Tables that are too small for the journals: no start, no compaction, nothing is lost. */
static void test_smaller_tables_are_refused(void **state)
{
    static const uint32_t sizes[] = {1, 10, 24};
    struct hygiene_store_options small = options;
    struct hygiene_counts counts;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 5);
    steps_count = durable_steps = 0;
    sim_world_open(5, NULL);
    assert_false(open_compacting(MIB));
    for (uint32_t i = 0; i < 900; i++)
        ask(&prng);
    change_one(HYGIENE_HOLD, BOUNCE_NO_USER, NOW);
    hygiene_counts(hygiene_store_tables(hygiene), &counts);
    assert_true(counts.known_count == KEYS + 1 && counts.held_count == 1);
    close_life();
    small.compact_bytes = 1;
    for (uint32_t i = 0; i < ARRAY_LEN(sizes); i++) {
        small.addresses_max = sizes[i];
        assert_int_equal(open_with(&small), -ENOSPC);
        assert_non_null(strstr(open_error, "raise hygiene.addresses to at least "));
        assert_false(hygiene_store_recovery(hygiene)->compacted);
        close_life();
    }
    small.addresses_max = KEYS + 1;
    assert_int_equal(open_with(&small), 0);
    assert_true(hygiene_store_recovery(hygiene)->compacted && is_after(steps_count));
    hygiene_counts(hygiene_store_tables(hygiene), &counts);
    assert_true(counts.held_count == 1 && counts.refused_count == 0);
    close_life();
    sim_world_close();
}

static void use_tags(uint32_t count)
{
    struct seen_tag tag = {.identity = {7, 0}, .day = 20000};
    uint64_t ticket;

    for (; tag.identity.ordinal < count; tag.identity.ordinal++)
        assert_int_equal(hygiene_store_use_tag(hygiene, &tag, &ticket), 0);
}

static void report_lists(uint32_t count)
{
    struct confirmation said = {
        .list = SPAN("team@lists.example"), .class = BOUNCE_NO_USER, .day = 20000};
    char key[32];
    uint64_t ticket;

    for (said.message = 1; said.message <= count; said.message++) {
        (void)snprintf(key, sizeof(key), "u%u@example.com", said.message);
        said.key = span_cstr(key);
        assert_int_equal(hygiene_store_confirm(hygiene, &said, &ticket), 0);
    }
}

/* Who remembers less than was written compacts nothing: it would be forgotten for good. */
static void test_who_forgot_does_not_compact(void **state)
{
    static const struct {
        uint32_t tags, reports; /* written */
    } cases[] = {{20, 0}, {0, 20}};

    (void)state;
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hygiene_store_options large = options, small;

        large.tags_max = large.reports_max = 20;
        small = large;
        small.tags_max = small.reports_max = 8;
        sim_world_open(6, NULL);
        assert_int_equal(open_with(&large), 0);
        use_tags(cases[i].tags);
        report_lists(cases[i].reports);
        close_life();
        small.compact_bytes = large.compact_bytes = 1;
        assert_int_equal(open_with(&small), 0);
        assert_false(hygiene_store_recovery(hygiene)->compacted);
        close_life();
        for (uint32_t life = 0; life < 2; life++) {
            assert_int_equal(open_with(&large), 0);
            assert_true(hygiene_store_recovery(hygiene)->compacted);
            for (struct seen_tag tag = {.identity = {7, 0}, .day = 20000};
                 tag.identity.ordinal < cases[i].tags; tag.identity.ordinal++)
                assert_true(hygiene_store_has_tag(hygiene, &tag));
            assert_int_equal(confirmations_count(hygiene_store_confirmations(hygiene)),
                             cases[i].reports);
            close_life();
        }
        sim_world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closing_keeps_everything),
        cmocka_unit_test(test_compaction_keeps_everything),
        cmocka_unit_test(test_smaller_tables_are_refused),
        cmocka_unit_test(test_who_forgot_does_not_compact),
        cmocka_unit_test(test_crashes),
    };

    (void)atexit(print_failure);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
