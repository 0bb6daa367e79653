#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bounce/hygiene.h"

#define NOW UINT64_C(1800000000)

static struct arena arena;
static struct hygiene *hygiene;

static int open_with(uint32_t addresses_max)
{
    struct hygiene_options options = {.addresses_max = addresses_max, .seed = {{7, 9}}};

    if (arena_open(&arena, hygiene_cost(&options)) != 0)
        return -1;
    hygiene = hygiene_open(&arena, &options);
    arena_seal(&arena);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return open_with(1000);
}

static int end(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static int change(enum hygiene_change_kind kind, const char *key, const char *tenant,
                  const char *stream, uint64_t until_s)
{
    struct hygiene_change change = {.kind = kind,
                                    .source = HYGIENE_FROM_OPERATOR,
                                    .class = BOUNCE_NO_USER,
                                    .time_s = NOW,
                                    .until_s = until_s,
                                    .key = span_cstr(key),
                                    .tenant = span_cstr(tenant),
                                    .stream = span_cstr(stream),
                                    .provider = span_cstr(kind >= HYGIENE_HOLD ? "p.example" : "")};

    return hygiene_apply(hygiene, &change);
}

static bool blocks(const char *key, const char *tenant, const char *stream, uint64_t now_s)
{
    struct hygiene_target target = {span_cstr(key), span_cstr(tenant), span_cstr(stream)};

    return hygiene_blocks(hygiene, &target, now_s);
}

static void test_scopes(void **state)
{
    (void)state;
    assert_false(blocks("a@x", "", "", NOW));
    assert_int_equal(change(HYGIENE_SUPPRESS, "all@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "t@x", "t1", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "s@x", "", "s1", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "ts@x", "t1", "s1", HYGIENE_CHANGE_FOREVER), 0);
    assert_true(blocks("all@x", "", "", NOW) && blocks("all@x", "t1", "s1", NOW));
    assert_true(blocks("t@x", "t1", "", NOW) && blocks("t@x", "t1", "s9", NOW));
    assert_false(blocks("t@x", "t2", "s1", NOW) || blocks("t@x", "", "", NOW));
    assert_true(blocks("s@x", "", "s1", NOW) && blocks("s@x", "t9", "s1", NOW));
    assert_false(blocks("s@x", "t1", "s2", NOW) || blocks("s@x", "t1", "", NOW));
    assert_true(blocks("ts@x", "t1", "s1", NOW));
    assert_false(blocks("ts@x", "t1", "s2", NOW) || blocks("ts@x", "t2", "s1", NOW));
    assert_false(blocks("ALL@x", "", "", NOW)); /* keys come canonical */
}

static void test_expiry_and_withdrawal(void **state)
{
    struct hygiene_entry entry;
    struct hygiene_counts counts;
    uint32_t next = HYGIENE_FIND_FIRST;

    (void)state;
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "", "", NOW + 10), 0);
    assert_true(blocks("a@x", "", "", NOW + 9));
    assert_false(blocks("a@x", "", "", NOW + 10));
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_true(blocks("a@x", "", "", NOW + 10));
    assert_int_equal(change(HYGIENE_WITHDRAW, "a@x", "t1", "", 0), 0); /* another scope */
    assert_true(blocks("a@x", "", "", NOW));
    assert_int_equal(change(HYGIENE_WITHDRAW, "a@x", "", "", 0), 0);
    assert_false(blocks("a@x", "", "", NOW));
    assert_int_equal(hygiene_find(hygiene, SPAN("a@x"), &next, &entry), 0);
    assert_true(entry.told && entry.until_s == 0 && entry.held_until_s == 0);
    assert_int_equal(hygiene_find(hygiene, SPAN("a@x"), &next, &entry), -ENOENT);
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.suppressed_count, 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_true(blocks("a@x", "", "", NOW));
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.suppressed_count, 1);
}

static void test_held_ones(void **state)
{
    struct hygiene_counts counts;
    struct hygiene_change decision = {.kind = HYGIENE_RELEASE,
                                      .source = HYGIENE_FROM_OPERATOR,
                                      .provider = SPAN("other.example")};

    (void)state;
    assert_int_equal(change(HYGIENE_HOLD, "a@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(change(HYGIENE_HOLD, "b@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_false(blocks("a@x", "", "", NOW));
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.held_count, 2);
    assert_int_equal(hygiene_apply(hygiene, &decision), 0);
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.held_count, 2);
    decision.provider = SPAN("p.example");
    decision.kind = HYGIENE_CONFIRM;
    assert_int_equal(hygiene_apply(hygiene, &decision), 0);
    assert_true(blocks("a@x", "", "", NOW) && blocks("b@x", "", "", NOW));
    assert_int_equal(change(HYGIENE_HOLD, "c@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    decision.kind = HYGIENE_RELEASE;
    decision.provider = SPAN("");
    assert_int_equal(hygiene_apply(hygiene, &decision), 0);
    assert_false(blocks("c@x", "", "", NOW));
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.held_count, 0);
    assert_int_equal(counts.suppressed_count, 2);
}

static int change_from(enum hygiene_source source, enum hygiene_change_kind kind,
                       enum bounce_class class, uint64_t until_s)
{
    struct hygiene_change change = {.kind = kind,
                                    .source = source,
                                    .class = class,
                                    .time_s = NOW,
                                    .until_s = until_s,
                                    .key = SPAN("a@x"),
                                    .provider = span_cstr(kind >= HYGIENE_HOLD ? "p.example" : "")};

    return hygiene_apply(hygiene, &change);
}

static void check_stands(uint64_t until_s, uint64_t held_until_s, enum bounce_class class)
{
    uint32_t next = HYGIENE_FIND_FIRST;
    struct hygiene_entry entry;

    assert_int_equal(hygiene_find(hygiene, SPAN("a@x"), &next, &entry), 0);
    assert_int_equal(entry.until_s, until_s);
    assert_int_equal(entry.held_until_s, held_until_s);
    assert_int_equal(entry.class, class);
}

/* Nothing that comes by itself shortens what stands; people may. */
static void test_the_longer_one_stays(void **state)
{
    static const enum hygiene_source automatic[] = {HYGIENE_FROM_SESSION, HYGIENE_FROM_REPORT,
                                                    HYGIENE_FROM_COMPLAINT,
                                                    HYGIENE_FROM_UNSUBSCRIBE};
    uint64_t forever = HYGIENE_CHANGE_FOREVER;

    (void)state;
    assert_int_equal(change_from(HYGIENE_FROM_SESSION, HYGIENE_SUPPRESS, BOUNCE_NO_USER, NOW + 10),
                     0);
    assert_int_equal(
        change_from(HYGIENE_FROM_COMPLAINT, HYGIENE_SUPPRESS, BOUNCE_COMPLAINT, forever), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(change_from(automatic[i], HYGIENE_SUPPRESS, BOUNCE_NULL_MX, NOW + 30), 1);
        assert_int_equal(change_from(automatic[i], HYGIENE_HOLD, BOUNCE_NULL_MX, NOW + 30), 1);
        check_stands(forever, 0, BOUNCE_COMPLAINT);
    }
    assert_int_equal(
        change_from(HYGIENE_FROM_OPERATOR, HYGIENE_SUPPRESS, BOUNCE_COMPLAINT, NOW + 20), 0);
    assert_int_equal(change_from(HYGIENE_FROM_IMPORT, HYGIENE_SUPPRESS, BOUNCE_COMPLAINT, NOW + 15),
                     0);
    check_stands(NOW + 15, 0, BOUNCE_COMPLAINT);
    /* Held: the longest one, and what it becomes is no shorter than what stands by then. */
    assert_int_equal(change_from(HYGIENE_FROM_SESSION, HYGIENE_HOLD, BOUNCE_NO_USER, forever), 0);
    assert_int_equal(change_from(HYGIENE_FROM_SESSION, HYGIENE_HOLD, BOUNCE_NULL_MX, NOW + 30), 1);
    check_stands(NOW + 15, forever, BOUNCE_NO_USER);
    assert_int_equal(change_from(HYGIENE_FROM_OPERATOR, HYGIENE_CONFIRM, 0, 0), 0);
    check_stands(forever, 0, BOUNCE_NO_USER);
    assert_int_equal(change_from(HYGIENE_FROM_OPERATOR, HYGIENE_HOLD, BOUNCE_NO_USER, NOW + 5), 0);
    assert_int_equal(change_from(HYGIENE_FROM_OPERATOR, HYGIENE_CONFIRM, 0, 0), 0);
    check_stands(forever, 0, BOUNCE_NO_USER);
    assert_int_equal(change_from(HYGIENE_FROM_OPERATOR, HYGIENE_WITHDRAW, 0, 0), 0);
    assert_int_equal(change_from(HYGIENE_FROM_REPORT, HYGIENE_SUPPRESS, BOUNCE_NULL_MX, NOW + 30),
                     0);
    check_stands(NOW + 30, 0, BOUNCE_NULL_MX);
}

static int count(const char *key, enum bounce_class class)
{
    struct hygiene_change counted = {.kind = HYGIENE_COUNT,
                                     .source = HYGIENE_FROM_SESSION,
                                     .class = class,
                                     .time_s = NOW,
                                     .key = span_cstr(key)};

    return hygiene_apply(hygiene, &counted);
}

static void test_full_tables_refuse(void **state)
{
    struct hygiene_counts counts;
    char key[32];

    (void)state;
    assert_int_equal(open_with(10), 0);
    for (uint32_t i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof(key), "%u@x", i);
        assert_int_equal(change(HYGIENE_SUPPRESS, key, "", "", HYGIENE_CHANGE_FOREVER), 0);
    }
    assert_int_equal(change(HYGIENE_SUPPRESS, "more@x", "", "", HYGIENE_CHANGE_FOREVER), -ENOSPC);
    assert_int_equal(change(HYGIENE_SUPPRESS, "3@x", "", "", NOW + 1), 0); /* it is there */
    for (uint32_t i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof(key), "%u@x", i);
        assert_true(blocks(key, "", "", NOW));
    }
    assert_false(blocks("more@x", "", "", NOW));
    assert_int_equal(count("more@x", BOUNCE_INACTIVE), -ENOSPC);
    assert_int_equal(count("3@x", BOUNCE_INACTIVE), 0);
    assert_int_equal(change(HYGIENE_HOLD, "more@x", "", "", NOW + 1), -ENOSPC);
    assert_int_equal(change(HYGIENE_SUPPRESS, "3@x", "t", "", NOW + 1), -ENOSPC);
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.known_count, 10);
    assert_int_equal(counts.refused_count, 4);
    arena_close(&arena);
}

/* What is held already needs no room. */
static void test_held_again_when_full(void **state)
{
    (void)state;
    assert_int_equal(open_with(2), 0);
    assert_int_equal(change(HYGIENE_HOLD, "a@x", "", "", NOW + 1), 0);
    assert_int_equal(change(HYGIENE_HOLD, "b@x", "", "", NOW + 1), 0);
    assert_int_equal(change(HYGIENE_HOLD, "a@x", "", "", NOW + 2), 0);
    assert_int_equal(change(HYGIENE_HOLD, "c@x", "", "", NOW + 2), -ENOSPC);
    arena_close(&arena);
}

static void lift_late(const char *stream)
{
    struct hygiene_change lift = {.kind = HYGIENE_WITHDRAW,
                                  .source = HYGIENE_FROM_OPERATOR,
                                  .time_s = NOW,
                                  .key = SPAN("a@x"),
                                  .stream = span_cstr(stream)};

    hygiene_shelve(hygiene, false);
    assert_int_equal(hygiene_apply(hygiene, &lift), 0);
    hygiene_shelve(hygiene, true);
    hygiene_shelve_late(hygiene, &lift);
}

/* What a list of others lifts leaves our counts, also when the shelf hears of it late. */
static void test_a_list_clears_no_counts_late(void **state)
{
    struct hygiene_score score;

    (void)state;
    assert_int_equal(count("a@x", BOUNCE_INACTIVE), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "", "team@lists.example", NOW + 1), 0);
    lift_late("team@lists.example");
    assert_int_equal(hygiene_score_of(hygiene, SPAN("a@x"), &score), 0);
    assert_int_equal(score.history_count, 1);
    lift_late("bulk");
    assert_int_equal(hygiene_score_of(hygiene, SPAN("a@x"), &score), -ENOENT);
    assert_int_equal(hygiene_score_at(hygiene, 0, &score), -ENOENT);
}

/* The same marks with and without a shelf; what the shelf holds is told in every scope. */
static void test_a_lost_shelf_forbids_all_the_same(void **state)
{
    uint32_t next = HYGIENE_FIND_FIRST, found = 0;
    struct hygiene_entry entry;
    struct hygiene_score score;

    (void)state;
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "t1", "s1", NOW + 10), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "a@x", "t2", "", NOW + 20), 0);
    assert_int_equal(count("a@x", BOUNCE_INACTIVE), 0);
    assert_int_equal(change(HYGIENE_SUPPRESS, "b@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(change(HYGIENE_HOLD, "b@x", "", "", HYGIENE_CHANGE_FOREVER), 0);
    for (; hygiene_find(hygiene, SPAN("a@x"), &next, &entry) == 0; found++)
        assert_int_equal(entry.until_s, span_equal(entry.tenant, SPAN("t1")) ? NOW + 10 : NOW + 20);
    assert_int_equal(found, 2);
    assert_int_equal(hygiene_score_of(hygiene, SPAN("a@x"), &score), 0);
    assert_int_equal(score.history_count, 1);
    next = HYGIENE_FIND_FIRST;
    assert_int_equal(hygiene_find(hygiene, SPAN("b@x"), &next, &entry), 0);
    assert_true(entry.until_s == HYGIENE_CHANGE_FOREVER && entry.held_until_s != 0);
    assert_int_equal(hygiene_held_at(hygiene, 0, &entry), 0);
    assert_true(span_equal(entry.key, SPAN("b@x")) && entry.held_until_s != 0);
    assert_int_equal(hygiene_held_at(hygiene, 1, &entry), -ENOENT);
    hygiene_lose_shelf(hygiene, -EIO);
    assert_int_equal(change(HYGIENE_SUPPRESS, "c@x", "t1", "", HYGIENE_CHANGE_FOREVER), 0);
    assert_int_equal(count("d@x", BOUNCE_INACTIVE), 0);
    next = HYGIENE_FIND_FIRST;
    assert_int_equal(hygiene_find(hygiene, SPAN("b@x"), &next, &entry), -EIO);
    assert_int_equal(hygiene_score_of(hygiene, SPAN("d@x"), &score), -EIO);
    assert_int_equal(hygiene_score_of(hygiene, SPAN("c@x"), &score), -ENOENT);
    assert_true(blocks("a@x", "t1", "s1", NOW) && blocks("b@x", "", "", NOW));
    assert_true(blocks("c@x", "t1", "", NOW) && !blocks("c@x", "t2", "", NOW));
    hygiene_reset(hygiene);
    assert_false(blocks("a@x", "t1", "s1", NOW) || hygiene_has_any(hygiene));
    assert_int_equal(hygiene_shelf_error(hygiene), 0);
}

/* Random changes against a plain array. */
static void test_against_a_plain_model(void **state)
{
    static const char *const keys[] = {"a@x", "b@x", "c@y", "d@y", "e@z", "f@z"};
    static const char *const tenants[] = {"", "t1", "t2"}, *const streams[] = {"", "s1"};
    uint64_t until[6][3][2] = {0}, seed = 12345;

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t k = (uint32_t)(seed >> 33) % 6, t = (uint32_t)(seed >> 40) % 3;
        uint32_t s = (uint32_t)(seed >> 50) % 2;
        uint64_t end_s = (seed >> 60) % 2 == 0 ? 0 : NOW + (seed >> 55) % 30;
        bool expected = until[k][0][0] > NOW + 10 || until[k][t][0] > NOW + 10 ||
                        until[k][t][s] > NOW + 10 || (s > 0 && until[k][0][s] > NOW + 10);

        assert_int_equal(blocks(keys[k], tenants[t], streams[s], NOW + 10), expected);
        assert_int_equal(change(end_s == 0 ? HYGIENE_WITHDRAW : HYGIENE_SUPPRESS, keys[k],
                                tenants[t], streams[s], end_s),
                         0);
        until[k][t][s] = end_s;
    }
}

/* A reader that was told of a suppression sees it. */
static _Atomic uint32_t told;
static _Atomic bool missed;

static void *read_along(void *context)
{
    char key[32];

    (void)context;
    for (uint32_t last = 0; last < 900;) {
        last = atomic_load_explicit(&told, memory_order_acquire);
        for (uint32_t i = 1; i <= last; i += 7) {
            (void)snprintf(key, sizeof(key), "%u@x", i);
            if (!blocks(key, "t", "s", NOW))
                atomic_store(&missed, true);
        }
    }
    return NULL;
}

static void test_readers_beside_the_writer(void **state)
{
    pthread_t thread;
    char key[32];

    (void)state;
    atomic_store(&told, 0);
    assert_int_equal(pthread_create(&thread, NULL, read_along, NULL), 0);
    for (uint32_t i = 1; i <= 900; i++) {
        (void)snprintf(key, sizeof(key), "%u@x", i);
        assert_int_equal(change(HYGIENE_SUPPRESS, key, "", "", HYGIENE_CHANGE_FOREVER), 0);
        atomic_store_explicit(&told, i, memory_order_release);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(atomic_load(&missed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scopes, begin, end),
        cmocka_unit_test_setup_teardown(test_expiry_and_withdrawal, begin, end),
        cmocka_unit_test_setup_teardown(test_held_ones, begin, end),
        cmocka_unit_test_setup_teardown(test_the_longer_one_stays, begin, end),
        cmocka_unit_test(test_full_tables_refuse),
        cmocka_unit_test(test_held_again_when_full),
        cmocka_unit_test_setup_teardown(test_a_list_clears_no_counts_late, begin, end),
        cmocka_unit_test_setup_teardown(test_a_lost_shelf_forbids_all_the_same, begin, end),
        cmocka_unit_test_setup_teardown(test_against_a_plain_model, begin, end),
        cmocka_unit_test_setup_teardown(test_readers_beside_the_writer, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
