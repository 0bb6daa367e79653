#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/inquiry.h"
#include "dns/txt_set.h"

static struct arena arena;
static struct dns_cache cache;
static struct inquiry inquiry;
static struct txt_set set;

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

static struct dns_name owner(void)
{
    struct dns_name name;

    assert_true(dns_name_parse(SPAN("_mta-sts.a.example"), &name));
    return name;
}

static void put(enum dns_cache_status status, bool secure, struct span payload, uint8_t count)
{
    struct dns_name name = owner();
    struct dns_cache_value value = {.status = status,
                                    .detail = LOOKUP_TIMEOUT,
                                    .secure = secure,
                                    .count = count,
                                    .expires_ns = 50,
                                    .payload = payload};

    dns_cache_store(&cache, 1, (struct dns_cache_key){&name, WIRE_TXT}, &value);
}

static enum txt_set_status build(void)
{
    struct dns_name name = owner();

    inquiry_begin(&inquiry, &cache, 2);
    txt_set_build(&inquiry, &name, &set);
    assert_int_equal(set.status == TXT_SET_PENDING, inquiry.missing_count == 1);
    return set.status;
}

static void records_in_order(void **state)
{
    (void)state;
    assert_int_equal(build(), TXT_SET_PENDING);
    assert_int_equal(inquiry.missing[0].type, WIRE_TXT);
    put(DNS_CACHE_RECORDS, true, SPAN("\0\3abc\0\0\0\1x"), 3);
    assert_int_equal(build(), TXT_SET_RECORDS);
    assert_int_equal(set.count, 3);
    assert_true(span_equal(txt_set_at(&set, 0), SPAN("abc")));
    assert_int_equal(txt_set_at(&set, 1).size, 0);
    assert_true(span_equal(txt_set_at(&set, 2), SPAN("x")));
    assert_true(set.secure);
    assert_int_equal(set.expires_ns, 50);
    assert_string_equal(set.problem, "");
}

static void no_records_and_no_answer_differ(void **state)
{
    (void)state;
    put(DNS_CACHE_NO_DATA, false, SPAN(""), 0);
    assert_int_equal(build(), TXT_SET_NONE);
    assert_false(set.secure);
    put(DNS_CACHE_NO_DOMAIN, true, SPAN(""), 0);
    assert_int_equal(build(), TXT_SET_NONE);
    assert_true(set.secure);
    put(DNS_CACHE_FAILED, false, SPAN(""), 0);
    assert_int_equal(build(), TXT_SET_FAILED);
    assert_non_null(strstr(set.problem, "asked for TXT of _mta-sts.a.example"));
}

static void too_many_and_too_large(void **state)
{
    static uint8_t bytes[100 * 102];

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < 100; i++)
        memcpy(&bytes[i * 102], "\0\x64", 2);
    put(DNS_CACHE_RECORDS, false, span_make(bytes, sizeof(bytes)), 100);
    assert_int_equal(build(), TXT_SET_RECORDS);
    assert_int_equal(set.count, TXT_SET_RECORDS_MAX);
    assert_int_equal(set.left_out, 100 - TXT_SET_RECORDS_MAX);
    assert_int_equal(txt_set_at(&set, TXT_SET_RECORDS_MAX - 1).size, 100);

    bytes[0] = (uint8_t)((TXT_SET_BYTES_MAX + 1) >> 8);
    bytes[1] = (uint8_t)(TXT_SET_BYTES_MAX + 1);
    put(DNS_CACHE_RECORDS, false, span_make(bytes, TXT_SET_BYTES_MAX + 3), 1);
    assert_int_equal(build(), TXT_SET_FAILED);
    assert_int_equal(set.count, 0);
    assert_int_equal(set.expires_ns, 50);
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < TXT_SET_STATUS_COUNT; i++)
        assert_true(txt_set_status_name((enum txt_set_status)i)[0] != '\0');
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(records_in_order),
        CASE(no_records_and_no_answer_differ),
        CASE(too_many_and_too_large),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
