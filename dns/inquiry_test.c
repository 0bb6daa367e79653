#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dns/inquiry.h"

#define SECOND NS_PER_S

static struct arena arena;
static struct dns_cache cache;
static struct inquiry inquiry;
static struct dns_cache_value value;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, dns_cache_cost(100)), 0);
    dns_cache_init(&cache, &arena, 100, (struct table_key){{1, 2}});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void put(const char *text, enum dns_cache_status status, uint8_t server, uint64_t ttl_s)
{
    struct dns_name name;
    struct dns_cache_value entry = {.status = status,
                                    .detail = LOOKUP_SERVFAIL,
                                    .server = server,
                                    .expires_ns = (1 + ttl_s) * SECOND};

    assert_true(dns_name_parse(span_cstr(text), &name));
    dns_cache_store(&cache, SECOND, (struct dns_cache_key){&name, WIRE_MX}, &entry);
}

static bool find(const char *text)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(text), &name));
    return inquiry_find(&inquiry, &name, WIRE_MX, &value);
}

static void notes_what_it_relies_on(void **state)
{
    (void)state;
    put("a.example", DNS_CACHE_RECORDS, 1, 300);
    put("b.example", DNS_CACHE_NO_DATA, 3, 100);
    inquiry_begin(&inquiry, &cache, 2 * SECOND);
    assert_true(inquiry.expires_ns == UINT64_MAX);
    assert_true(find("a.example"));
    assert_true(find("b.example"));
    assert_false(find("c.example"));
    assert_true(inquiry.expires_ns == 101 * SECOND);
    assert_int_equal(inquiry.servers, 1 << 1 | 1 << 3);
    assert_int_equal(inquiry.missing_count, 1);
    assert_int_equal(inquiry.missing[0].type, WIRE_MX);
    assert_false(inquiry.failed);
    assert_int_equal(inquiry.fading_count, 0);
}

static void the_first_failure_is_told(void **state)
{
    char words[256];
    struct text text;

    (void)state;
    put("bad.example", DNS_CACHE_FAILED, 0, 30);
    put("worse.example", DNS_CACHE_FAILED, 0, 30);
    inquiry_begin(&inquiry, &cache, 2 * SECOND);
    assert_true(find("bad.example"));
    assert_true(find("worse.example"));
    assert_true(inquiry.failed);
    text_init(&text, words, sizeof(words));
    inquiry_write_failure(&inquiry, &text);
    assert_string_equal(text_cstr_end(&text),
                        "the name server says SERVFAIL, asked for MX of bad.example");
}

/* A name that was used before is asked for anew in the last tenth of its time. */
static void what_fades_is_noted(void **state)
{
    (void)state;
    put("hot.example", DNS_CACHE_RECORDS, 0, 300);
    put("cold.example", DNS_CACHE_RECORDS, 0, 300);
    inquiry_begin(&inquiry, &cache, 2 * SECOND);
    assert_true(find("hot.example"));
    inquiry_begin(&inquiry, &cache, 270 * SECOND);
    assert_true(find("hot.example"));
    assert_int_equal(inquiry.fading_count, 0);
    inquiry_begin(&inquiry, &cache, 280 * SECOND);
    assert_true(find("cold.example")); /* for the first time */
    assert_int_equal(inquiry.fading_count, 0);
    assert_true(find("hot.example"));
    assert_int_equal(inquiry.fading_count, 1);
    assert_int_equal(inquiry.missing_count, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(notes_what_it_relies_on),
        CASE(the_first_failure_is_told),
        CASE(what_fades_is_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
