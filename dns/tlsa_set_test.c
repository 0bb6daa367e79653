#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/inquiry.h"
#include "dns/tlsa_set.h"

#define EXPIRES UINT64_C(500)

static struct arena arena;
static struct dns_cache cache;
static struct inquiry inquiry;
static struct tlsa_set set;

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

/* What the cache is to know of one question. '-': not asked; 'r' records, 'R' secure ones; 'a' 'A'
 * records at the end of an alias; 'n' no data, 'x' no domain; 'f' a failure. */
static void put(const char *text, uint16_t type, char what, struct span payload)
{
    struct dns_name name, target;
    struct dns_cache_value value = {.status = DNS_CACHE_RECORDS,
                                    .detail = LOOKUP_SERVFAIL,
                                    .secure = what == 'R' || what == 'A',
                                    .count = 1,
                                    .expires_ns = EXPIRES,
                                    .payload = payload};

    if (what == '-')
        return;
    assert_true(dns_name_parse(span_cstr(text), &name));
    assert_true(dns_name_parse(SPAN("real.example"), &target));
    if (what == 'a' || what == 'A')
        value.target = dns_name_span(&target);
    if (what == 'n' || what == 'x' || what == 'f') {
        value.status = what == 'n'   ? DNS_CACHE_NO_DATA
                       : what == 'x' ? DNS_CACHE_NO_DOMAIN
                                     : DNS_CACHE_FAILED;
        value.payload = SPAN("");
        value.count = 0;
    }
    dns_cache_store(&cache, 1, (struct dns_cache_key){&name, type}, &value);
}

static enum tlsa_set_status build(enum dns_families families)
{
    struct tlsa_set_question question = {.port = 25, .families = families};

    assert_true(dns_name_parse(SPAN("mx.example"), &question.host));
    inquiry_begin(&inquiry, &cache, 2);
    tlsa_set_build(&inquiry, &question, &set);
    assert_int_equal(set.status == TLSA_SET_PENDING, inquiry.missing_count > 0);
    return set.status;
}

#define DIGEST "0123456789abcdef0123456789abcdef"
#define RECORD SPAN("\0\x23\3\1\1" DIGEST)

/* RFC 7672 2.2.2 and 2.2.3, case by case. */
static void whether_and_where(void **state)
{
    static const struct {
        const char *label;
        const char *hosts; /* A, AAAA, CNAME of mx.example */
        const char *tlsa;  /* at real.example, at mx.example */
        enum tlsa_set_status status;
        const char *base;
    } cases[] = {
        {"secure host, secure records", "RR-", "-R", TLSA_SET_RECORDS, "mx.example"},
        {"IPv4 alone", "Rn-", "-R", TLSA_SET_RECORDS, "mx.example"},
        {"IPv6 alone", "nR-", "-R", TLSA_SET_RECORDS, "mx.example"},
        {"one family cannot be asked", "Rf-", "-R", TLSA_SET_RECORDS, "mx.example"},
        {"no TLSA record", "RR-", "-n", TLSA_SET_NONE, ""},
        {"no such name", "RR-", "-x", TLSA_SET_NONE, ""},
        {"TLSA of an insecure alias", "RR-", "-r", TLSA_SET_NONE, ""},
        {"TLSA bogus", "RR-", "-f", TLSA_SET_FAILED, ""},
        {"insecure host", "rr-", "-R", TLSA_SET_NONE, ""},
        {"one family insecure", "Rr-", "-R", TLSA_SET_NONE, ""},
        {"the other one", "rR-", "-R", TLSA_SET_NONE, ""},
        {"addresses bogus", "ff-", "-R", TLSA_SET_FAILED, ""},
        {"one bogus, the other none", "fn-", "-R", TLSA_SET_FAILED, ""},
        {"no addresses", "nn-", "-R", TLSA_SET_NONE, ""},
        {"alias: its end first", "AA-", "RR", TLSA_SET_RECORDS, "real.example"},
        {"alias: the end decides alone", "AA-", "R-", TLSA_SET_RECORDS, "real.example"},
        {"alias: then the own name", "AA-", "nR", TLSA_SET_RECORDS, "mx.example"},
        {"alias: insecure at its end", "AA-", "rR", TLSA_SET_RECORDS, "mx.example"},
        {"alias: nowhere", "AA-", "xn", TLSA_SET_NONE, ""},
        {"alias: bogus at its end", "AA-", "fR", TLSA_SET_FAILED, ""},
        {"alias: bogus at the own name", "AA-", "nf", TLSA_SET_FAILED, ""},
        {"secure alias to insecure", "aaR", "RR", TLSA_SET_RECORDS, "mx.example"},
        {"secure alias to insecure, no TLSA", "aaR", "Rn", TLSA_SET_NONE, ""},
        {"secure alias to insecure, bogus TLSA", "aaR", "Rf", TLSA_SET_FAILED, ""},
        {"insecure alias", "aar", "RR", TLSA_SET_NONE, ""},
        {"the alias is bogus", "aaf", "RR", TLSA_SET_FAILED, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)teardown(NULL);
        (void)setup(NULL);
        put("mx.example", WIRE_A, cases[i].hosts[0], SPAN("\1\2\3\4"));
        put("mx.example", WIRE_AAAA, cases[i].hosts[1], SPAN("0123456789abcdef"));
        put("mx.example", WIRE_CNAME, cases[i].hosts[2], SPAN("\1b\0"));
        put("_25._tcp.real.example", WIRE_TLSA, cases[i].tlsa[0], RECORD);
        put("_25._tcp.mx.example", WIRE_TLSA, cases[i].tlsa[1], RECORD);
        print_message("%s\n", cases[i].label);
        assert_int_equal(build(DNS_IPV4_FIRST), cases[i].status);
        assert_string_equal(set.base, cases[i].base);
        assert_int_equal(set.count, cases[i].status == TLSA_SET_RECORDS);
        assert_int_equal(set.problem[0] != '\0', cases[i].status != TLSA_SET_RECORDS);
        assert_int_equal(set.expires_ns, EXPIRES);
    }
}

static void asks_step_by_step(void **state)
{
    (void)state;
    assert_int_equal(build(DNS_IPV4_FIRST), TLSA_SET_PENDING);
    assert_int_equal(inquiry.missing_count, 2);
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_PENDING);
    assert_int_equal(inquiry.missing_count, 1);
    assert_int_equal(inquiry.missing[0].type, WIRE_A);
    put("mx.example", WIRE_A, 'a', SPAN("\1\2\3\4"));
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_PENDING);
    assert_int_equal(inquiry.missing[0].type, WIRE_CNAME);
    put("mx.example", WIRE_A, 'A', SPAN("\1\2\3\4"));
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_PENDING);
    assert_int_equal(inquiry.missing_count, 1);
    assert_int_equal(inquiry.missing[0].type, WIRE_TLSA);
    assert_true(span_equal(dns_name_span(&inquiry.missing[0].name),
                           SPAN("\003_25\4_tcp\4real\7example\0")));
    put("_25._tcp.real.example", WIRE_TLSA, 'n', SPAN(""));
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_PENDING);
    put("_25._tcp.mx.example", WIRE_TLSA, 'R', RECORD);
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_RECORDS);
    assert_int_equal(set.expires_ns, EXPIRES);
}

static void usable_by_the_numbers(void **state)
{
    static const struct {
        uint8_t usage, selector, matching, size;
        bool usable;
    } cases[] = {
        {3, 1, 1, 32, true},  {2, 0, 2, 64, true},  {3, 0, 0, 1, true},    {0, 1, 1, 32, false},
        {1, 1, 1, 32, false}, {4, 1, 1, 32, false}, {255, 0, 0, 9, false}, {3, 2, 1, 32, false},
        {3, 1, 3, 32, false}, {3, 1, 1, 31, false}, {3, 1, 1, 33, false},  {3, 1, 2, 32, false},
        {3, 1, 0, 0, false},  {2, 1, 1, 0, false},
    };
    uint8_t data[64] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tlsa_record record = {.usage = cases[i].usage,
                                     .selector = cases[i].selector,
                                     .matching = cases[i].matching,
                                     .data = span_make(data, cases[i].size)};

        assert_int_equal(tlsa_set_usable(&record), cases[i].usable);
    }
}

/* A hundred records that are of no use do not push the one out that is. */
static void usable_records_come_first(void **state)
{
    uint8_t bytes[5000] = {0};
    size_t size = 0;
    static struct tlsa_set copy;

    (void)state;
    for (size_t i = 0; i < 99; i++, size += 6)
        memcpy(&bytes[size], "\0\4\0\1\1x", 6);
    memcpy(&bytes[size], RECORD.data, RECORD.size);
    put("mx.example", WIRE_A, 'R', SPAN("\1\2\3\4"));
    put("_25._tcp.mx.example", WIRE_TLSA, 'R', span_make(bytes, size + RECORD.size));
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_RECORDS);
    assert_int_equal(set.count, TLSA_SET_RECORDS_MAX);
    assert_int_equal(set.left_out, 100 - TLSA_SET_RECORDS_MAX);
    assert_int_equal(set.records[0].usage, TLSA_DANE_EE);
    assert_true(span_equal(set.records[0].data, SPAN(DIGEST)));
    tlsa_set_copy(&set, &copy);
    memset(&set, 0xee, sizeof(set));
    assert_true(span_equal(copy.records[0].data, SPAN(DIGEST)));
    assert_true(span_equal(copy.records[1].data, SPAN("x")));
}

/* Records there are, and none fits: that is not "none". */
static void too_large_is_a_failure(void **state)
{
    static uint8_t bytes[TLSA_SET_BYTES_MAX + 6] = {(TLSA_SET_BYTES_MAX + 4) >> 8,
                                                    (TLSA_SET_BYTES_MAX + 4) & 255, 3, 0, 0};

    (void)state;
    put("mx.example", WIRE_A, 'R', SPAN("\1\2\3\4"));
    put("_25._tcp.mx.example", WIRE_TLSA, 'R', span_make(bytes, sizeof(bytes)));
    assert_int_equal(build(DNS_IPV4_ONLY), TLSA_SET_FAILED);
    assert_int_equal(set.count, 0);
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < TLSA_SET_STATUS_COUNT; i++)
        assert_true(tlsa_set_status_name((enum tlsa_set_status)i)[0] != '\0');
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whether_and_where),
        CASE(asks_step_by_step),
        cmocka_unit_test(usable_by_the_numbers),
        CASE(usable_records_come_first),
        CASE(too_large_is_a_failure),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
