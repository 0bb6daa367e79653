#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "dns/dns_cache.h"

static struct arena arena;
static struct dns_cache cache;

static void open_cache(uint32_t entries_max)
{
    assert_int_equal(arena_open(&arena, dns_cache_cost(entries_max)), 0);
    dns_cache_init(&cache, &arena, entries_max, (struct table_key){{1, 2}});
    assert_int_equal(arena.used, arena.size);
}

static struct dns_name numbered(uint64_t number)
{
    char buffer[64];
    struct text text;
    struct dns_name name;

    text_init(&text, buffer, sizeof(buffer));
    text_add_byte(&text, 'n');
    text_add_u64(&text, number);
    text_add_cstr(&text, ".example");
    assert_true(dns_name_parse(text_span(&text), &name));
    return name;
}

static void store(uint64_t number, struct span payload, uint64_t now_ns, uint64_t expires_ns)
{
    struct dns_name name = numbered(number);
    struct dns_cache_value value = {
        .status = DNS_CACHE_RECORDS, .count = 1, .expires_ns = expires_ns, .payload = payload};

    dns_cache_store(&cache, now_ns, (struct dns_cache_key){&name, 1}, &value);
}

static bool find(uint64_t number, uint64_t now_ns, struct dns_cache_value *ret)
{
    struct dns_name name = numbered(number);

    return dns_cache_find(&cache, now_ns, (struct dns_cache_key){&name, 1}, ret);
}

static void finds_what_was_stored(void **state)
{
    struct dns_name name = numbered(1);
    struct dns_cache_value value = {.status = DNS_CACHE_FAILED, .detail = 3, .expires_ns = 50};

    (void)state;
    open_cache(100);
    assert_false(find(1, 0, &value));
    store(1, SPAN("abcd"), 0, 100);
    value.expires_ns = 50;
    value.status = DNS_CACHE_FAILED;
    value.detail = 3;
    dns_cache_store(&cache, 0, (struct dns_cache_key){&name, 28}, &value);
    assert_int_equal(dns_cache_count(&cache), 2);
    assert_true(find(1, 99, &value));
    assert_int_equal(value.status, DNS_CACHE_RECORDS);
    assert_int_equal(value.count, 1);
    assert_int_equal(value.expires_ns, 100);
    assert_true(span_equal(value.payload, SPAN("abcd")));
    assert_false(find(1, 100, &value));
    assert_true(dns_cache_find(&cache, 49, (struct dns_cache_key){&name, 28}, &value));
    assert_int_equal(value.status, DNS_CACHE_FAILED);
    assert_int_equal(value.detail, 3);
    assert_int_equal(value.payload.size, 0);
    assert_false(dns_cache_find(&cache, 49, (struct dns_cache_key){&name, 15}, &value));
    store(1, SPAN("efghijkl"), 100, 200);
    assert_int_equal(dns_cache_count(&cache), 2);
    assert_true(find(1, 150, &value));
    assert_true(span_equal(value.payload, SPAN("efghijkl")));
    assert_int_equal(cache.hits, 3);
    assert_int_equal(cache.misses, 3);
    arena_close(&arena);
}

/* Everything beside the records comes back, and the parts do not touch. */
static void keeps_what_was_said_about_it(void **state)
{
    struct dns_name name = numbered(7);
    struct dns_cache_value value = {.status = DNS_CACHE_RECORDS,
                                    .count = 100,
                                    .server = 7,
                                    .secure = true,
                                    .expires_ns = 100 * NS_PER_S,
                                    .target = SPAN("\4real\7example\0"),
                                    .payload = SPAN("records")};

    (void)state;
    open_cache(100);
    dns_cache_store(&cache, 0, (struct dns_cache_key){&name, 1}, &value);
    store(8, SPAN("neighbour"), 0, 100 * NS_PER_S);
    value = (struct dns_cache_value){0};
    assert_true(find(7, 1, &value));
    assert_int_equal(value.count, 100);
    assert_int_equal(value.server, 7);
    assert_true(value.secure);
    assert_false(value.stale);
    assert_true(span_equal(value.target, SPAN("\4real\7example\0")));
    assert_true(span_equal(value.payload, SPAN("records")));
    assert_true(value.ended_ns == value.expires_ns);
    assert_true(find(8, 1, &value));
    assert_false(value.secure);
    assert_int_equal(value.target.size, 0);
    assert_true(span_equal(value.payload, SPAN("neighbour")));
    arena_close(&arena);
}

/* Only records serve on, as long as they may, and what they were stays with them. */
static void revives_what_has_expired(void **state)
{
    struct dns_name name = numbered(1), none = numbered(2);
    struct dns_cache_key key = {&name, 1}, none_key = {&none, 1};
    struct dns_cache_value value = {
        .status = DNS_CACHE_NO_DATA, .secure = true, .expires_ns = 60 * NS_PER_S};
    uint64_t hour_ns = 3600 * NS_PER_S;

    (void)state;
    open_cache(100);
    dns_cache_store(&cache, 0, none_key, &value);
    value.status = DNS_CACHE_RECORDS;
    dns_cache_store(&cache, 0, key, &value);
    assert_false(dns_cache_revive(&cache, 61 * NS_PER_S, none_key, hour_ns, NS_PER_S));
    assert_false(dns_cache_revive(&cache, 61 * NS_PER_S, (struct dns_cache_key){&name, 28}, hour_ns,
                                  NS_PER_S));
    assert_true(dns_cache_revive(&cache, 59 * NS_PER_S, key, hour_ns, NS_PER_S));
    assert_true(find(1, 59 * NS_PER_S, &value));
    assert_false(value.stale); /* it had not expired */
    assert_false(dns_cache_has(&cache, 60 * NS_PER_S, key));
    assert_true(dns_cache_revive(&cache, 60 * NS_PER_S, key, hour_ns, 30 * NS_PER_S));
    assert_true(dns_cache_has(&cache, 60 * NS_PER_S, key));
    assert_true(find(1, 89 * NS_PER_S, &value));
    assert_true(value.stale);
    assert_true(value.secure);
    assert_false(value.fading);
    assert_int_equal(value.ended_ns, 60 * NS_PER_S);
    assert_false(dns_cache_revive(&cache, 60 * NS_PER_S + hour_ns, key, hour_ns, 30 * NS_PER_S));
    assert_true(dns_cache_revive(&cache, 30 * NS_PER_S + hour_ns, key, hour_ns, 30 * NS_PER_S));
    arena_close(&arena);
}

static void the_oldest_gives_way(void **state)
{
    struct dns_cache_value value;

    (void)state;
    open_cache(64);
    for (uint64_t i = 0; i < 100; i++)
        store(i, SPAN("abcd"), 0, 1000);
    assert_int_equal(dns_cache_count(&cache), 64);
    assert_int_equal(cache.evictions, 36);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(find(i, 0, &value), i >= 36);
    arena_close(&arena);
}

/* What is asked for again and again stays, whatever comes in. */
static void the_used_get_a_second_round(void **state)
{
    struct dns_cache_value value;

    (void)state;
    open_cache(64);
    store(0, SPAN("abcd"), 0, 1000);
    for (uint64_t i = 1; i < 1000; i++) {
        store(i, SPAN("efgh"), 0, 1000);
        assert_true(find(0, 0, &value));
        assert_true(span_equal(value.payload, SPAN("abcd")));
    }
    for (uint64_t i = 2000; i < 2064; i++)
        store(i, SPAN("efgh"), 0, 1000);
    assert_true(find(0, 0, &value));
    for (uint64_t i = 3000; i < 3200; i++)
        store(i, SPAN("efgh"), 0, 1000);
    assert_false(find(0, 0, &value));
    arena_close(&arena);
}

/* All are used: the clock still ends, and the newest is in. */
static void everything_used_still_ends(void **state)
{
    struct dns_cache_value value;

    (void)state;
    open_cache(64);
    for (uint64_t i = 0; i < 1000; i++) {
        store(i, SPAN("abcd"), 0, 1000);
        for (uint64_t k = i < 64 ? 0 : i - 64; k <= i; k++)
            (void)find(k, 0, &value);
        assert_true(find(i, 0, &value));
        assert_true(dns_cache_count(&cache) <= 64);
    }
    arena_close(&arena);
}

static void the_expired_go_first(void **state)
{
    struct dns_cache_value value;

    (void)state;
    open_cache(64);
    for (uint64_t i = 0; i < 64; i++) {
        store(i, SPAN("abcd"), 0, 10);
        assert_true(find(i, 0, &value));
    }
    for (uint64_t i = 100; i < 164; i++)
        store(i, SPAN("abcd"), 20, 1000);
    assert_int_equal(cache.evictions, 0);
    for (uint64_t i = 100; i < 164; i++)
        assert_true(find(i, 20, &value));
    arena_close(&arena);
}

/* Against a model: random sizes up to the largest, so that the ring wraps at every possible place.
 * What is found is what was stored last, and the newest is always found. */
static void agrees_with_a_model(void **state)
{
    static uint8_t bytes[26 * 1024];
    static uint32_t sizes[200];
    static uint8_t marks[200];
    struct dns_cache_value value;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    open_cache(100);
    memset(sizes, 0, sizeof(sizes));
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t number = prng_below(&prng, ARRAY_LEN(sizes));
        bool large = prng_percent(&prng, 10);

        sizes[number] = 1 + (uint32_t)prng_below(&prng, large ? sizeof(bytes) - 1 : 300);
        marks[number] = (uint8_t)prng_next(&prng);
        memset(bytes, marks[number], sizes[number]);
        store(number, span_make(bytes, sizes[number]), i, i + 1 + prng_below(&prng, 400));
        assert_true(find(number, i, &value));
        for (uint32_t k = 0; k < 5; k++) {
            uint64_t other = prng_below(&prng, ARRAY_LEN(sizes));

            if (!find(other, i, &value))
                continue;
            assert_int_equal(value.payload.size, sizes[other]);
            assert_true(value.expires_ns > i);
            assert_int_equal(value.payload.data[0], marks[other]);
            assert_int_equal(value.payload.data[value.payload.size - 1], marks[other]);
        }
        assert_true(dns_cache_count(&cache) <= 100);
    }
    assert_true(cache.hits > 1000);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_said_about_it),
        cmocka_unit_test(revives_what_has_expired),
        cmocka_unit_test(finds_what_was_stored),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(the_used_get_a_second_round),
        cmocka_unit_test(everything_used_still_ends),
        cmocka_unit_test(the_expired_go_first),
        cmocka_unit_test(agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
