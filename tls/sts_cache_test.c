#include "tls/sts_cache.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/prng.h"

#define NOW UINT64_C(1700000000)
#define DOMAINS 8
#define POLICIES 4

struct world {
    struct arena arena;
    struct sts_cache cache;
};

static void ignore(bool answer)
{
    (void)answer; /* other calls show what matters */
}

static void world_open(struct world *world)
{
    struct sts_cache_options options = {
        .domains_max = DOMAINS, .policies_max = POLICIES, .seed = {{1, 2}}};

    assert_int_equal(arena_open(&world->arena, sts_cache_cost(&options)), 0);
    sts_cache_init(&world->cache, &world->arena, &options);
    arena_seal(&world->arena);
}

static struct sts_policy policy_make(enum sts_mode mode, uint32_t max_age_s)
{
    struct sts_policy policy = {.mode = mode, .max_age_s = max_age_s, .patterns_size = 4};

    memcpy(policy.patterns, "a.b\n", 4);
    return policy;
}

/* Asked, announced, fetched. */
static void learn(struct world *world, const char *domain, const char *id, uint32_t max_age_s,
                  uint64_t now_s)
{
    struct sts_policy policy = policy_make(STS_ENFORCE, max_age_s);

    assert_true(sts_cache_want(&world->cache, span_cstr(domain), now_s));
    assert_true(sts_cache_announced(&world->cache, span_cstr(domain), span_cstr(id), now_s));
    sts_cache_fetched(&world->cache, span_cstr(domain), span_cstr(id), &policy, now_s);
}

static enum sts_knowledge known(struct world *world, const char *domain, uint64_t now_s)
{
    return sts_cache_look(&world->cache, span_cstr(domain), now_s).knowledge;
}

static void test_asked_once(void **state)
{
    struct world world;

    (void)state;
    world_open(&world);
    assert_int_equal(known(&world, "a", NOW), STS_UNKNOWN);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW));
    assert_false(sts_cache_want(&world.cache, SPAN("a"), NOW));
    assert_int_equal(known(&world, "a", NOW), STS_UNKNOWN);
    assert_false(sts_cache_announced(&world.cache, SPAN("a"), SPAN(""), NOW + 1));
    assert_int_equal(known(&world, "a", NOW + 1), STS_WITHOUT);
    assert_false(sts_cache_want(&world.cache, SPAN("a"), NOW + STS_CACHE_ASK_S));
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW + 1 + STS_CACHE_ASK_S));
    /* While it is asked again, what was known holds. */
    assert_int_equal(known(&world, "a", NOW + 1 + STS_CACHE_ASK_S), STS_WITHOUT);
    arena_close(&world.arena);
}

static void test_a_lost_question_is_asked_again(void **state)
{
    struct world world;

    (void)state;
    world_open(&world);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW));
    assert_false(sts_cache_want(&world.cache, SPAN("a"), NOW + STS_CACHE_BUSY_S - 1));
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW + STS_CACHE_BUSY_S));
    arena_close(&world.arena);
}

static void test_policy_until_it_expires(void **state)
{
    struct world world;
    struct sts_view view;

    (void)state;
    world_open(&world);
    learn(&world, "a", "1", 1000, NOW);
    view = sts_cache_look(&world.cache, SPAN("a"), NOW + 999);
    assert_int_equal(view.knowledge, STS_POLICY);
    assert_int_equal(view.policy->mode, STS_ENFORCE);
    assert_true(span_equal(view.id, SPAN("1")));
    assert_true(view.expires_s == NOW + 1000);
    assert_int_equal(known(&world, "a", NOW + 1000), STS_WITHOUT);
    arena_close(&world.arena);
}

/* max_age 0 would never apply, and be asked for without end. */
static void test_age_zero_applies_a_while(void **state)
{
    struct world world;

    (void)state;
    world_open(&world);
    learn(&world, "a", "1", 0, NOW);
    assert_int_equal(known(&world, "a", NOW + STS_CACHE_LIFE_MIN_S - 1), STS_POLICY);
    assert_int_equal(known(&world, "a", NOW + STS_CACHE_LIFE_MIN_S), STS_WITHOUT);
    assert_false(sts_cache_want(&world.cache, SPAN("a"), NOW + STS_CACHE_LIFE_MIN_S));
    arena_close(&world.arena);
}

static void test_failures_keep_the_policy(void **state)
{
    uint64_t later = NOW + STS_CACHE_ASK_S;
    struct world world;

    (void)state;
    world_open(&world);
    learn(&world, "a", "1", 10000, NOW);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), later));
    assert_true(sts_cache_announced(&world.cache, SPAN("a"), SPAN("2"), later));
    sts_cache_failed(&world.cache, SPAN("a"), TLS_FAULT_STS_FETCH, later + 9);
    assert_int_equal(known(&world, "a", later + 9), STS_POLICY);
    assert_int_equal(sts_cache_look(&world.cache, SPAN("a"), later + 9).fault, TLS_FAULT_STS_FETCH);
    assert_false(sts_cache_want(&world.cache, SPAN("a"), later + 8 + STS_CACHE_RETRY_S));
    later += 9 + STS_CACHE_RETRY_S;
    assert_true(sts_cache_want(&world.cache, SPAN("a"), later));
    /* Nor does a record that is gone end it. */
    assert_false(sts_cache_announced(&world.cache, SPAN("a"), SPAN(""), later));
    assert_int_equal(known(&world, "a", later), STS_POLICY);
    assert_int_equal(known(&world, "a", NOW + 10000), STS_WITHOUT);
    arena_close(&world.arena);
}

static void test_failure_without_a_policy(void **state)
{
    struct world world;

    (void)state;
    world_open(&world);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW));
    assert_true(sts_cache_announced(&world.cache, SPAN("a"), SPAN("1"), NOW));
    assert_int_equal(known(&world, "a", NOW), STS_UNKNOWN);
    sts_cache_failed(&world.cache, SPAN("a"), TLS_FAULT_STS_WEBPKI, NOW + 1);
    assert_int_equal(known(&world, "a", NOW + 1), STS_WITHOUT);
    assert_int_equal(sts_cache_look(&world.cache, SPAN("a"), NOW + 1).fault, TLS_FAULT_STS_WEBPKI);
    /* Its siblings know nothing of it. */
    assert_int_equal(known(&world, "b", NOW + 1), STS_UNKNOWN);
    arena_close(&world.arena);
}

/* What could not be asked is not known not to be: REQUIRETLS mail fails only by what is. */
static void test_what_is_sure(void **state)
{
    uint64_t later = NOW + STS_CACHE_RETRY_S;
    struct world world;

    (void)state;
    world_open(&world);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), NOW));
    assert_false(sts_cache_look(&world.cache, SPAN("a"), NOW).sure);
    sts_cache_failed(&world.cache, SPAN("a"), TLS_FAULT_NONE, NOW); /* the names did not answer */
    assert_int_equal(known(&world, "a", NOW), STS_WITHOUT);
    assert_false(sts_cache_look(&world.cache, SPAN("a"), NOW).sure);
    assert_true(sts_cache_want(&world.cache, SPAN("a"), later));
    assert_false(sts_cache_announced(&world.cache, SPAN("a"), SPAN(""), later));
    assert_true(sts_cache_look(&world.cache, SPAN("a"), later).sure);
    learn(&world, "b", "1", 10000, NOW);
    assert_true(sts_cache_look(&world.cache, SPAN("b"), NOW).sure);
    assert_true(sts_cache_want(&world.cache, SPAN("b"), NOW + STS_CACHE_ASK_S));
    assert_true(sts_cache_announced(&world.cache, SPAN("b"), SPAN("2"), NOW + STS_CACHE_ASK_S));
    assert_false(sts_cache_look(&world.cache, SPAN("b"), NOW + STS_CACHE_ASK_S).sure);
    sts_cache_failed(&world.cache, SPAN("b"), TLS_FAULT_STS_FETCH, NOW + STS_CACHE_ASK_S);
    assert_false(sts_cache_look(&world.cache, SPAN("b"), NOW + STS_CACHE_ASK_S).sure);
    /* What was heard long ago, and a policy that has ended. */
    later += STS_CACHE_ASK_S + STS_CACHE_SURE_S;
    assert_true(sts_cache_look(&world.cache, SPAN("a"), later - 1).sure);
    assert_false(sts_cache_look(&world.cache, SPAN("a"), later).sure);
    learn(&world, "c", "1", 1000, NOW);
    assert_true(sts_cache_look(&world.cache, SPAN("c"), NOW + 999).sure);
    assert_false(sts_cache_look(&world.cache, SPAN("c"), NOW + 1000).sure);
    arena_close(&world.arena);
}

static void test_when_it_is_fetched_again(void **state)
{
    static const struct {
        const char *label, *id;
        uint32_t max_age_s;
        uint64_t after_s;
        bool fetch;
    } cases[] = {
        {"same id, young", "1", 604800, STS_CACHE_ASK_S, false},
        {"another id", "2", 604800, STS_CACHE_ASK_S, true},
        {"same id, a day old", "1", 604800, STS_CACHE_REFRESH_S, true},
        {"same id, half of its life", "1", 3600, 1800, true},
        {"same id, before that", "1", 3600, 1799, false},
        {"same id, expired", "1", 700, 700, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        uint64_t later = NOW + cases[i].after_s;

        world_open(&world);
        learn(&world, "a", "1", cases[i].max_age_s, NOW);
        ignore(sts_cache_want(&world.cache, SPAN("a"), later));
        if (sts_cache_announced(&world.cache, SPAN("a"), span_cstr(cases[i].id), later) !=
            cases[i].fetch)
            fail_msg("%s", cases[i].label);
        arena_close(&world.arena);
    }
}

static void test_flapping_ids_are_bounded(void **state)
{
    struct sts_policy policy = policy_make(STS_ENFORCE, 604800);
    struct world world;
    uint32_t fetches = 0;

    (void)state;
    world_open(&world);
    for (uint64_t now_s = NOW; now_s < NOW + 3600; now_s++) {
        struct span id = now_s % 2 == 0 ? SPAN("0") : SPAN("1");

        ignore(sts_cache_want(&world.cache, SPAN("a"), now_s));
        if (!sts_cache_announced(&world.cache, SPAN("a"), id, now_s))
            continue;
        sts_cache_fetched(&world.cache, SPAN("a"), id, &policy, now_s);
        fetches++;
    }
    assert_in_range(fetches, 3600 / STS_CACHE_RETRY_S - 1, 3600 / STS_CACHE_RETRY_S + 1);
    arena_close(&world.arena);
}

static void test_due_in_the_background(void **state)
{
    struct world world;
    struct span domain;
    uint64_t later = NOW + STS_CACHE_REFRESH_S;

    (void)state;
    world_open(&world);
    learn(&world, "a", "1", 604800, NOW);
    assert_false(sts_cache_due(&world.cache, DOMAINS, later - 1, &domain));
    assert_true(sts_cache_due(&world.cache, DOMAINS, later, &domain));
    assert_true(span_equal(domain, SPAN("a")));
    assert_false(sts_cache_due(&world.cache, DOMAINS, later, &domain)); /* it is under way */
    sts_cache_failed(&world.cache, SPAN("a"), TLS_FAULT_STS_FETCH, later);
    assert_false(sts_cache_due(&world.cache, DOMAINS, later + STS_CACHE_RETRY_S - 1, &domain));
    assert_true(sts_cache_due(&world.cache, DOMAINS, later + STS_CACHE_RETRY_S, &domain));
    arena_close(&world.arena);
}

static void test_unused_policies_are_let_go(void **state)
{
    struct world world;
    struct span domain;

    (void)state;
    world_open(&world);
    learn(&world, "a", "1", STS_POLICY_AGE_MAX_S, NOW);
    assert_false(sts_cache_due(&world.cache, DOMAINS, NOW + STS_CACHE_IDLE_S, &domain));
    assert_true(sts_cache_due(&world.cache, DOMAINS, NOW + STS_CACHE_IDLE_S - 1, &domain));
    arena_close(&world.arena);
}

static void test_full_tables(void **state)
{
    struct world world;
    char name[2] = "a";

    (void)state;
    world_open(&world);
    learn(&world, "kept", "1", 604800, NOW);
    for (char letter = 'a'; letter < 'a' + 20; letter++) {
        name[0] = letter;
        assert_true(sts_cache_want(&world.cache, span_cstr(name), NOW));
    }
    assert_int_equal(known(&world, "kept", NOW), STS_POLICY);
    for (char letter = 'a'; letter < 'a' + POLICIES; letter++) {
        name[0] = letter;
        ignore(sts_cache_want(&world.cache, span_cstr(name), NOW + 1000));
        learn(&world, name, "1", 604800, NOW + 10000);
    }
    assert_int_equal(known(&world, "kept", NOW + 10000), STS_UNKNOWN);
    assert_int_equal(known(&world, "d", NOW + 10000), STS_POLICY);
    arena_close(&world.arena);
}

static void test_no_names(void **state)
{
    uint8_t name[256];
    struct world world;

    (void)state;
    world_open(&world);
    memset(name, 'a', sizeof(name));
    assert_false(sts_cache_want(&world.cache, SPAN(""), NOW));
    assert_false(sts_cache_want(&world.cache, span_make(name, 254), NOW));
    assert_true(sts_cache_want(&world.cache, span_make(name, 253), NOW));
    assert_false(sts_cache_announced(&world.cache, span_make(name, 254), SPAN("1"), NOW));
    sts_cache_failed(&world.cache, span_make(name, 254), TLS_FAULT_STS_FETCH, NOW);
    assert_int_equal(world.cache.entries.claimed_count, 1);
    arena_close(&world.arena);
}

/* The file in pieces of the smallest size. */
static struct span write_file(struct world *world, uint8_t *buffer, size_t capacity)
{
    static uint8_t piece[STS_CACHE_RECORD_MAX + 64];
    struct text whole, part;
    uint32_t cursor = 0;
    bool done = false;

    text_init(&whole, buffer, capacity);
    while (!done) {
        text_init(&part, piece, sizeof(piece));
        done = sts_cache_write(&world->cache, &cursor, NOW + 1, &part);
        assert_false(part.overflow);
        assert_true(done || part.size > 0);
        text_add(&whole, text_span(&part));
    }
    assert_false(whole.overflow);
    return text_span(&whole);
}

static void test_file(void **state)
{
    static uint8_t buffer[64 * 1024];
    struct world world, again;
    struct sts_policy large = policy_make(STS_TESTING, 604800);
    struct sts_view view;
    struct span file;

    (void)state;
    world_open(&world);
    for (uint32_t i = 0; i < STS_POLICY_PATTERNS_SIZE; i += 2)
        memcpy(large.patterns + i, "a\n", 2);
    large.patterns_size = STS_POLICY_PATTERNS_SIZE;
    sts_cache_fetched(&world.cache, SPAN("large.example"), SPAN("9"), &large, NOW);
    learn(&world, "a.example", "77", 1000, NOW);
    learn(&world, "gone.example", "1", 0, NOW - STS_CACHE_LIFE_MIN_S);
    assert_true(sts_cache_want(&world.cache, SPAN("plain.example"), NOW));
    file = write_file(&world, buffer, sizeof(buffer));

    world_open(&again);
    assert_int_equal(sts_cache_read(&again.cache, file, NOW + 5, NULL, NULL), 0);
    assert_int_equal(again.cache.entries.claimed_count, 2);
    view = sts_cache_look(&again.cache, SPAN("a.example"), NOW + 5);
    assert_int_equal(view.knowledge, STS_POLICY);
    assert_true(span_equal(view.id, SPAN("77")));
    assert_true(view.fetched_s == NOW && view.expires_s == NOW + 1000);
    view = sts_cache_look(&again.cache, SPAN("large.example"), NOW + 5);
    assert_int_equal(view.policy->mode, STS_TESTING);
    assert_true(span_equal(sts_policy_patterns(view.policy), sts_policy_patterns(&large)));
    arena_close(&again.arena);

    world_open(&again); /* all have expired */
    assert_int_equal(sts_cache_read(&again.cache, file, NOW + STS_POLICY_AGE_MAX_S, NULL, NULL), 0);
    assert_int_equal(again.cache.entries.claimed_count, 0);
    arena_close(&again.arena);
    arena_close(&world.arena);
}

/* Each byte of the file in turn, and the file cut at each place: an error, or nothing is lost;
 * never another policy. */
static void test_damaged_file(void **state)
{
    static uint8_t buffer[4096];
    struct world world;
    struct span file;

    (void)state;
    world_open(&world);
    learn(&world, "a.example", "77", 1000, NOW);
    learn(&world, "b.example", "78", 1000, NOW);
    file = write_file(&world, buffer, sizeof(buffer));
    for (size_t i = 0; i < 2 * file.size; i++) {
        struct span bytes = i < file.size ? file : span_first(file, i - file.size);
        struct world again;
        int status;

        if (i < file.size)
            buffer[i] ^= 0x01;
        world_open(&again);
        status = sts_cache_read(&again.cache, bytes, NOW + 5, NULL, NULL);
        if (status == 0 && i >= file.size)
            assert_true(again.cache.entries.claimed_count < 2);
        else
            assert_int_equal(status, -EBADMSG);
        if (known(&again, "a.example", NOW + 5) == STS_POLICY)
            assert_true(span_equal(sts_cache_look(&again.cache, SPAN("a.example"), NOW + 5).id,
                                   SPAN("77")));
        arena_close(&again.arena);
        if (i < file.size)
            buffer[i] ^= 0x01;
    }
    arena_close(&world.arena);
}

static bool begins_with_b(const void *context, struct span domain)
{
    (void)context;
    return domain.data[0] == 'b';
}

/* Files of shards of another life: each takes what is its own, and the newer one counts. */
static void test_several_files(void **state)
{
    static uint8_t old_bytes[4096], new_bytes[4096];
    struct world world, again;
    struct span old_file, new_file;

    (void)state;
    world_open(&world);
    learn(&world, "a.example", "1", 604800, NOW);
    learn(&world, "b.example", "1", 604800, NOW);
    old_file = write_file(&world, old_bytes, sizeof(old_bytes));
    assert_true(sts_cache_want(&world.cache, SPAN("b.example"), NOW + 1000));
    assert_true(sts_cache_announced(&world.cache, SPAN("b.example"), SPAN("2"), NOW + 1000));
    sts_cache_fetched(&world.cache, SPAN("b.example"), SPAN("2"),
                      sts_cache_look(&world.cache, SPAN("a.example"), NOW).policy, NOW + 1000);
    new_file = write_file(&world, new_bytes, sizeof(new_bytes));
    for (uint32_t i = 0; i < 2; i++) {
        struct span first = i == 0 ? old_file : new_file, second = i == 0 ? new_file : old_file;
        const uint64_t now_s = NOW + 2000;

        world_open(&again);
        assert_int_equal(sts_cache_read(&again.cache, first, now_s, begins_with_b, NULL), 0);
        assert_int_equal(sts_cache_read(&again.cache, second, now_s, begins_with_b, NULL), 0);
        assert_int_equal(again.cache.entries.claimed_count, 1);
        assert_true(
            span_equal(sts_cache_look(&again.cache, SPAN("b.example"), now_s).id, SPAN("2")));
        arena_close(&again.arena);
    }
    arena_close(&world.arena);
}

static void test_clock_that_was_wrong(void **state)
{
    static uint8_t buffer[4096];
    struct world world, again;
    struct span file;

    (void)state;
    world_open(&world);
    learn(&world, "a.example", "77", 1000, NOW);
    file = write_file(&world, buffer, sizeof(buffer));
    world_open(&again);
    assert_int_equal(sts_cache_read(&again.cache, file, 1000, NULL, NULL), 0);
    assert_true(sts_cache_look(&again.cache, SPAN("a.example"), 1000).expires_s ==
                1000 + STS_POLICY_AGE_MAX_S);
    arena_close(&again.arena);
    arena_close(&world.arena);
}

/* Random calls: a policy that was fetched is there until it expires, unless four others came since;
 * the tables stay within their bounds. */
static void test_random(void **state)
{
    uint64_t expires_s[26] = {0};
    struct prng prng;
    struct world world;

    (void)state;
    prng_seed(&prng, 7);
    world_open(&world);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t now_s = NOW + i * 7;
        uint32_t letter = (uint32_t)prng_below(&prng, 26);
        char name[2] = {(char)('a' + letter), 0};
        struct sts_policy policy = policy_make(STS_ENFORCE, (uint32_t)prng_below(&prng, 5000));

        switch (prng_below(&prng, 4)) {
        case 0:
            ignore(sts_cache_want(&world.cache, span_cstr(name), now_s));
            break;
        case 1:
            ignore(sts_cache_announced(&world.cache, span_cstr(name), SPAN("5"), now_s));
            break;
        case 2:
            sts_cache_failed(&world.cache, span_cstr(name), TLS_FAULT_STS_FETCH, now_s);
            break;
        default:
            sts_cache_fetched(&world.cache, span_cstr(name), SPAN("5"), &policy, now_s);
            expires_s[letter] = now_s + max_u64(policy.max_age_s, STS_CACHE_LIFE_MIN_S);
            assert_int_equal(known(&world, name, now_s), STS_POLICY);
        }
        assert_true(world.cache.policies.claimed_count <= POLICIES);
        assert_true(world.cache.entries.claimed_count <= DOMAINS);
        letter = (uint32_t)prng_below(&prng, 26);
        name[0] = (char)('a' + letter);
        if (known(&world, name, now_s) == STS_POLICY)
            assert_true(sts_cache_look(&world.cache, span_cstr(name), now_s).expires_s ==
                            expires_s[letter] &&
                        now_s < expires_s[letter]);
    }
    arena_close(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_a_lost_question_is_asked_again),
        cmocka_unit_test(test_policy_until_it_expires),
        cmocka_unit_test(test_age_zero_applies_a_while),
        cmocka_unit_test(test_failures_keep_the_policy),
        cmocka_unit_test(test_failure_without_a_policy),
        cmocka_unit_test(test_what_is_sure),
        cmocka_unit_test(test_when_it_is_fetched_again),
        cmocka_unit_test(test_flapping_ids_are_bounded),
        cmocka_unit_test(test_due_in_the_background),
        cmocka_unit_test(test_unused_policies_are_let_go),
        cmocka_unit_test(test_full_tables),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_damaged_file),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_clock_that_was_wrong),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
