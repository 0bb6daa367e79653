#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/lookup.h"
#include "dns/route_build.h"

#define LIVE UINT64_C(1000)

static struct arena arena;
static struct dns_cache cache;
static struct prng prng;
static struct route_build build;
static struct route route;
static struct inquiry inquiry;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, dns_cache_cost(1000)), 0);
    dns_cache_init(&cache, &arena, 1000, (struct table_key){{1, 2}});
    prng_seed(&prng, 5);
    build = (struct route_build){.cache = &cache, .prng = &prng, .now_ns = 1};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name = {.size = 1};

    if (*text != '\0')
        assert_true(dns_name_parse(span_cstr(text), &name));
    return name;
}

static void put(const char *text, uint16_t type, enum dns_cache_status status, struct span payload,
                uint8_t count)
{
    struct dns_name name = name_of(text);
    struct dns_cache_value value = {.status = status,
                                    .count = count,
                                    .detail = LOOKUP_SERVFAIL,
                                    .expires_ns = LIVE,
                                    .payload = payload};

    if (status == DNS_CACHE_FAILED)
        value.expires_ns = LIVE / 2;
    dns_cache_store(&cache, 1, (struct dns_cache_key){&name, type}, &value);
}

static void none(const char *name, uint16_t type, enum dns_cache_status status)
{
    put(name, type, status, SPAN(""), 0);
}

/* "10 mx1.example 20 mx2.example"; "." is the root, "!" an address as a name. */
static void put_mx(const char *domain, const char *list)
{
    uint8_t bytes[30000];
    struct text text;
    struct span rest = span_cstr(list), word;
    uint8_t count = 0;

    text_init(&text, bytes, sizeof(bytes));
    while ((word = span_word(&rest)).size > 0) {
        uint64_t preference;
        struct dns_name name;

        assert_true(span_number(word, 65535, &preference));
        word = span_word(&rest);
        text_add_byte(&text, (uint8_t)(preference >> 8));
        text_add_byte(&text, (uint8_t)preference);
        if (span_equal(word, SPAN("!"))) {
            text_add(&text, SPAN("\x0b\003192\0010\0012\0011\0"));
        } else if (span_equal(word, SPAN("."))) {
            text_add(&text, SPAN("\1\0"));
        } else {
            assert_true(dns_name_parse(word, &name));
            text_add_byte(&text, name.size);
            text_add(&text, dns_name_span(&name));
        }
        count++;
    }
    assert_false(text.overflow);
    put(domain, WIRE_MX, DNS_CACHE_RECORDS, text_span(&text), count);
}

/* `count` public addresses that end in first, first + 1 .. */
static void put_a(const char *host, uint8_t first, uint8_t count)
{
    uint8_t bytes[400];

    for (size_t i = 0; i < count; i++)
        memcpy(&bytes[4 * i], (uint8_t[]){11, 22, 33, (uint8_t)(first + i)}, 4);
    put(host, WIRE_A, DNS_CACHE_RECORDS, span_make(bytes, (size_t)4 * count), count);
}

static void put_aaaa(const char *host, uint8_t first, uint8_t count)
{
    uint8_t bytes[1600] = {0};

    for (size_t i = 0; i < count; i++) {
        bytes[16 * i] = 0x26;
        bytes[16 * i + 15] = (uint8_t)(first + i);
    }
    put(host, WIRE_AAAA, DNS_CACHE_RECORDS, span_make(bytes, (size_t)16 * count), count);
}

static void only_a(const char *host, uint8_t last)
{
    put_a(host, last, 1);
    none(host, WIRE_AAAA, DNS_CACHE_NO_DATA);
}

static enum route_status domain(const char *text)
{
    struct dns_name name = name_of(text);

    route_build_domain(&build, &name, &route, &inquiry);
    assert_int_equal(inquiry.missing_count > 0, route.status == ROUTE_PENDING);
    if (route.status == ROUTE_OK)
        assert_string_equal(route.problem, "");
    else
        assert_int_equal(route.hosts_count, 0);
    if (route.status > ROUTE_OK)
        assert_true(strlen(route.problem) > 10);
    return route.status;
}

static bool is_missing(const char *text, uint16_t type)
{
    struct dns_name name = name_of(text);

    for (uint32_t i = 0; i < inquiry.missing_count; i++) {
        if (inquiry.missing[i].type == type && dns_name_equal(&inquiry.missing[i].name, &name))
            return true;
    }
    return false;
}

static void asks_for_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 1);
    assert_true(is_missing("example.com", WIRE_MX));
    put_mx("example.com", "10 mx1.example 20 mx2.example");
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 4);
    assert_true(is_missing("mx1.example", WIRE_A));
    assert_true(is_missing("mx2.example", WIRE_AAAA));
    put_a("mx1.example", 1, 1);
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 3);
    none("mx1.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
    only_a("mx2.example", 2);
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts_count, 2);
    assert_string_equal(route.hosts[0].name, "mx1.example");
    assert_int_equal(route.hosts[0].preference, 10);
    assert_int_equal(route.hosts[0].addresses_count, 1);
    assert_int_equal(route.hosts[0].addresses[0].family, IP_V4);
    assert_memory_equal(route.hosts[0].addresses[0].bytes, "\x0b\x16\x21\x01", 4);
    assert_string_equal(route.hosts[1].name, "mx2.example");
    assert_false(route.implicit);
    assert_int_equal(route.expires_ns, LIVE);
    build.now_ns = LIVE;
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
}

static void says_why_there_is_no_route(void **state)
{
    (void)state;
    none("gone.example", WIRE_MX, DNS_CACHE_NO_DOMAIN);
    assert_int_equal(domain("gone.example"), ROUTE_NO_DOMAIN);
    assert_int_equal(route.expires_ns, LIVE);
    none("fail.example", WIRE_MX, DNS_CACHE_FAILED);
    assert_int_equal(domain("fail.example"), ROUTE_DNS_FAILURE);
    assert_string_equal(route.problem,
                        "the name server says SERVFAIL, asked for MX of fail.example");
    assert_int_equal(route.expires_ns, LIVE / 2);
    put_mx("null.example", "0 .");
    assert_int_equal(domain("null.example"), ROUTE_NULL_MX);
    put_mx("null2.example", "7 .");
    assert_int_equal(domain("null2.example"), ROUTE_NULL_MX);
}

/* B6: an exchange that is no host is left out; the root is "no mail" only when alone. */
static void leaves_out_what_is_no_host(void **state)
{
    (void)state;
    put_mx("odd.example", "0 . 10 ! 20 mx_1.example");
    only_a("mx_1.example", 1);
    assert_int_equal(domain("odd.example"), ROUTE_OK);
    assert_int_equal(route.hosts_count, 1);
    assert_string_equal(route.hosts[0].name, "mx_1.example");
    assert_string_equal(route.site, "mx_1.example");
    put_mx("bad.example", "0 . 0 .");
    assert_int_equal(domain("bad.example"), ROUTE_NO_ADDRESS);
    put_mx("bad.example", "10 !");
    assert_int_equal(domain("bad.example"), ROUTE_NO_ADDRESS);
}

static void without_mx_the_domain_is_the_host(void **state)
{
    (void)state;
    none("example.com", WIRE_MX, DNS_CACHE_NO_DATA);
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_true(is_missing("example.com", WIRE_A));
    assert_true(is_missing("example.com", WIRE_AAAA));
    put_a("example.com", 1, 1);
    put_aaaa("example.com", 1, 1);
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_true(route.implicit);
    assert_string_equal(route.hosts[0].name, "example.com");
    assert_int_equal(route.hosts[0].addresses_count, 2);
    assert_string_equal(route.site, "example.com");
    none("empty.example", WIRE_MX, DNS_CACHE_NO_DATA);
    none("empty.example", WIRE_A, DNS_CACHE_NO_DATA);
    none("empty.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
    assert_int_equal(domain("empty.example"), ROUTE_NO_ADDRESS);
}

/* B7: a failure anywhere never turns into "no address", but a host that is known is used. */
static void a_failure_is_temporary(void **state)
{
    static const struct {
        enum dns_cache_status a1, aaaa1, a2, aaaa2;
        enum route_status expected;
    } cases[] = {
        {DNS_CACHE_NO_DATA, DNS_CACHE_NO_DATA, DNS_CACHE_NO_DOMAIN, DNS_CACHE_NO_DOMAIN,
         ROUTE_NO_ADDRESS},
        {DNS_CACHE_FAILED, DNS_CACHE_NO_DATA, DNS_CACHE_NO_DATA, DNS_CACHE_NO_DATA,
         ROUTE_DNS_FAILURE},
        {DNS_CACHE_NO_DATA, DNS_CACHE_NO_DATA, DNS_CACHE_NO_DOMAIN, DNS_CACHE_FAILED,
         ROUTE_DNS_FAILURE},
        {DNS_CACHE_FAILED, DNS_CACHE_FAILED, DNS_CACHE_RECORDS, DNS_CACHE_FAILED, ROUTE_OK},
        {DNS_CACHE_RECORDS, DNS_CACHE_NO_DATA, DNS_CACHE_FAILED, DNS_CACHE_FAILED, ROUTE_OK},
    };

    (void)state;
    put_mx("example.com", "10 mx1.example 20 mx2.example");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        none("mx1.example", WIRE_A, cases[i].a1);
        none("mx1.example", WIRE_AAAA, cases[i].aaaa1);
        none("mx2.example", WIRE_A, cases[i].a2);
        none("mx2.example", WIRE_AAAA, cases[i].aaaa2);
        if (cases[i].a1 == DNS_CACHE_RECORDS)
            put_a("mx1.example", 1, 1);
        if (cases[i].a2 == DNS_CACHE_RECORDS)
            put_a("mx2.example", 1, 1);
        assert_int_equal(domain("example.com"), cases[i].expected);
        if (route.status == ROUTE_OK)
            assert_int_equal(route.hosts_count, 1);
        if (route.status == ROUTE_OK)
            assert_true(route.partial);
        assert_int_equal(route.expires_ns, i == 0 ? LIVE : LIVE / 2);
    }
}

/* B4 */
static void special_addresses_are_refused(void **state)
{
    static const struct {
        uint16_t type;
        struct span address;
    } cases[] = {
        {WIRE_A, SPAN_INIT("\x7f\0\0\1")},
        {WIRE_A, SPAN_INIT("\0\0\0\0")},
        {WIRE_A, SPAN_INIT("\x0a\1\2\3")},
        {WIRE_A, SPAN_INIT("\xac\x10\0\1")},
        {WIRE_A, SPAN_INIT("\xc0\xa8\1\1")},
        {WIRE_A, SPAN_INIT("\xa9\xfe\1\1")},
        {WIRE_A, SPAN_INIT("\xe0\0\0\1")},
        {WIRE_A, SPAN_INIT("\xff\xff\xff\xff")},
        {WIRE_AAAA, SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
        {WIRE_AAAA, SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1")},
        {WIRE_AAAA, SPAN_INIT("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
        {WIRE_AAAA, SPAN_INIT("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
    };

    (void)state;
    put_mx("example.com", "10 mx1.example 20 mx2.example");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        build.allow_special = false;
        none("mx1.example", WIRE_A, DNS_CACHE_NO_DATA);
        none("mx1.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
        none("mx2.example", WIRE_A, DNS_CACHE_NO_DATA);
        none("mx2.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
        put("mx1.example", cases[i].type, DNS_CACHE_RECORDS, cases[i].address, 1);
        assert_int_equal(domain("example.com"), ROUTE_SPECIAL_ONLY);
        none("mx2.example", WIRE_A, DNS_CACHE_FAILED);
        assert_int_equal(domain("example.com"), ROUTE_DNS_FAILURE);
        put_a("mx2.example", 1, 1);
        assert_int_equal(domain("example.com"), ROUTE_OK);
        assert_string_equal(route.hosts[0].name, "mx2.example");
        build.allow_special = true;
        assert_int_equal(domain("example.com"), ROUTE_OK);
        assert_int_equal(route.hosts_count, 2);
    }
    /* A special one among others is taken out alone. */
    build.allow_special = false;
    put("mx1.example", WIRE_A, DNS_CACHE_RECORDS, SPAN("\x7f\0\0\1\x0b\x16\x21\x05\x0a\0\0\1"), 3);
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts[0].addresses_count, 1);
    assert_memory_equal(route.hosts[0].addresses[0].bytes, "\x0b\x16\x21\x05", 4);
}

static void equals_are_shuffled_and_nothing_else(void **state)
{
    uint32_t first[3] = {0};

    (void)state;
    put_mx("example.com", "20 b1.example 10 a1.example 20 b2.example 10 a2.example 10 a3.example");
    only_a("a1.example", 1);
    only_a("a2.example", 2);
    only_a("a3.example", 3);
    only_a("b1.example", 4);
    only_a("b2.example", 5);
    for (int i = 0; i < 3000; i++) {
        bool seen[6] = {0};

        assert_int_equal(domain("example.com"), ROUTE_OK);
        assert_int_equal(route.hosts_count, 5);
        for (uint32_t k = 0; k < 5; k++) {
            assert_int_equal(route.hosts[k].name[0], k < 3 ? 'a' : 'b');
            assert_int_equal(route.hosts[k].preference, k < 3 ? 10 : 20);
            seen[route.hosts[k].addresses[0].bytes[3]] = true;
        }
        for (uint32_t k = 1; k <= 5; k++)
            assert_true(seen[k]);
        first[route.hosts[0].name[1] - '1']++;
        assert_string_equal(route.site, "a1.example,a2.example,a3.example;b1.example,b2.example");
    }
    for (uint32_t k = 0; k < 3; k++)
        assert_in_range(first[k], 850, 1150);
}

/* Twenty equal hosts: the same five are asked for each time, so that asking ends. */
static void the_same_five_of_many(void **state)
{
    char list[1000], host[32];
    struct text text;

    (void)state;
    text_init(&text, list, sizeof(list));
    for (int i = 0; i < 20; i++)
        text_add_format(&text, "10 mx%d.example ", i);
    put_mx("example.com", text_cstr_end(&text));
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    struct inquiry before = inquiry;
    assert_int_equal(inquiry.missing_count, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(domain("example.com"), ROUTE_PENDING);
        for (int k = 0; k < 10; k++)
            assert_true(dns_name_equal(&inquiry.missing[k].name, &before.missing[k].name));
    }
    for (int i = 0; i < 20; i++) {
        text_init(&text, host, sizeof(host));
        text_add_format(&text, "mx%d.example", i);
        only_a(text_cstr_end(&text), (uint8_t)i);
    }
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts_count, ROUTE_HOSTS_MAX);
}

/* Hosts without an address make room for later ones. */
static void empty_hosts_are_passed_over(void **state)
{
    char host[32];
    struct text text;

    (void)state;
    put_mx("example.com", "1 mx1.example 2 mx2.example 3 mx3.example 4 mx4.example 5 mx5.example "
                          "6 mx6.example 7 mx7.example");
    for (int i = 1; i <= 6; i++) {
        text_init(&text, host, sizeof(host));
        text_add_format(&text, "mx%d.example", i);
        none(text_cstr_end(&text), WIRE_A, DNS_CACHE_NO_DOMAIN);
        none(text_cstr_end(&text), WIRE_AAAA, DNS_CACHE_NO_DOMAIN);
    }
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 2);
    assert_true(is_missing("mx7.example", WIRE_A));
    only_a("mx7.example", 7);
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts_count, 1);
    assert_int_equal(route.hosts[0].preference, 7);
}

/* B2: ten addresses in all, dealt fairly. */
static void addresses_are_dealt(void **state)
{
    (void)state;
    put_mx("example.com", "1 mx1.example 2 mx2.example 3 mx3.example");
    put_a("mx1.example", 0, 100);
    put_aaaa("mx1.example", 0, 100);
    put_a("mx2.example", 0, 1);
    put_aaaa("mx2.example", 0, 1);
    put_a("mx3.example", 0, 8);
    none("mx3.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts_count, 3);
    assert_int_equal(route.hosts[0].addresses_count, 4);
    assert_int_equal(route.hosts[1].addresses_count, 2);
    assert_int_equal(route.hosts[2].addresses_count, 4);

    put_mx("one.example", "1 mx1.example");
    assert_int_equal(domain("one.example"), ROUTE_OK);
    assert_int_equal(route.hosts[0].addresses_count, ROUTE_ADDRESSES_MAX);
    for (uint32_t i = 0; i < ROUTE_ADDRESSES_MAX; i++) {
        for (uint32_t k = 0; k < i; k++)
            assert_false(ip_equal(&route.hosts[0].addresses[i], &route.hosts[0].addresses[k]));
    }
}

/* Any of a host's addresses may come first, each as often as another. */
static void addresses_are_drawn_fairly(void **state)
{
    uint32_t first[20] = {0}, there[20] = {0};

    (void)state;
    put_mx("example.com", "1 mx1.example");
    put_a("mx1.example", 0, 20);
    build.families = DNS_IPV4_ONLY;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(domain("example.com"), ROUTE_OK);
        first[route.hosts[0].addresses[0].bytes[3]]++;
        for (uint32_t k = 0; k < ROUTE_ADDRESSES_MAX; k++)
            there[route.hosts[0].addresses[k].bytes[3]]++;
    }
    for (uint32_t i = 0; i < 20; i++) {
        assert_in_range(first[i], 400, 600);
        assert_in_range(there[i], 4700, 5300);
    }
}

static void families_alternate(void **state)
{
    static const struct {
        enum dns_families families;
        uint8_t expected[6];
        uint8_t missing;
    } cases[] = {
        {DNS_IPV4_FIRST, {4, 6, 4, 6, 4, 4}, 2},
        {DNS_IPV6_FIRST, {6, 4, 6, 4, 4, 4}, 2},
        {DNS_IPV4_ONLY, {4, 4, 4, 4}, 1},
        {DNS_IPV6_ONLY, {6, 6}, 1},
    };

    (void)state;
    put_mx("example.com", "1 mx1.example");
    put_mx("other.example", "1 mx2.example");
    put_a("mx1.example", 0, 4);
    put_aaaa("mx1.example", 0, 2);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        build.families = cases[i].families;
        assert_int_equal(domain("example.com"), ROUTE_OK);
        for (uint32_t k = 0; k < 6 && cases[i].expected[k] != 0; k++)
            assert_int_equal(route.hosts[0].addresses[k].family, cases[i].expected[k]);
        assert_int_equal(domain("other.example"), ROUTE_PENDING);
        assert_int_equal(inquiry.missing_count, cases[i].missing);
    }
    build.families = DNS_IPV4_ONLY;
    none("mx1.example", WIRE_A, DNS_CACHE_NO_DATA);
    assert_int_equal(domain("example.com"), ROUTE_NO_ADDRESS);
    assert_non_null(strstr(route.problem, "IPv6 is switched off"));
}

static void the_worst_list_fits(void **state)
{
    static char list[30000];
    char long_name[254];
    struct text text;

    (void)state;
    memset(long_name, 'x', sizeof(long_name));
    for (size_t i = 63; i < sizeof(long_name); i += 64)
        long_name[i] = '.';
    long_name[253] = '\0';
    text_init(&text, list, sizeof(list));
    for (uint32_t i = 0; i < 100; i++) {
        long_name[0] = (char)('a' + i / 10);
        long_name[1] = (char)('a' + i % 10);
        text_add_u64(&text, i % 7);
        text_add_byte(&text, ' ');
        text_add_cstr(&text, long_name);
        text_add_byte(&text, ' ');
    }
    assert_false(text.overflow);
    put_mx("example.com", text_cstr_end(&text));
    assert_int_equal(domain("example.com"), ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 10);
    for (size_t i = 0; i < 5; i++) {
        char host[300];

        text_init(&text, host, sizeof(host));
        dns_name_write(&inquiry.missing[2 * i].name, &text);
        put_a(text_cstr_end(&text), 1, 100);
        put_aaaa(text_cstr_end(&text), 1, 100);
    }
    assert_int_equal(domain("example.com"), ROUTE_OK);
    assert_int_equal(route.hosts_count, 5);
    assert_int_equal(strlen(route.hosts[0].name), 253);
    assert_int_equal(strlen(route.site), ROUTE_SITE_SIZE - 1);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(route.hosts[i].addresses_count, 2);

    long_name[0] = 'z';
    none(long_name, WIRE_MX, DNS_CACHE_FAILED);
    assert_int_equal(domain(long_name), ROUTE_DNS_FAILURE);
    assert_in_range(strlen(route.problem), 100, ROUTE_PROBLEM_SIZE - 1);
}

static void smart_hosts_need_no_mx(void **state)
{
    struct dns_name name = name_of("relay.example");
    struct ip ip;

    (void)state;
    route_build_host(&build, &name, &route, &inquiry);
    assert_int_equal(route.status, ROUTE_PENDING);
    assert_int_equal(inquiry.missing_count, 2);
    assert_true(is_missing("relay.example", WIRE_A));
    put("relay.example", WIRE_A, DNS_CACHE_RECORDS, SPAN("\x7f\0\0\1"), 1);
    none("relay.example", WIRE_AAAA, DNS_CACHE_NO_DATA);
    route_build_host(&build, &name, &route, &inquiry);
    assert_int_equal(route.status, ROUTE_OK);
    assert_string_equal(route.hosts[0].name, "relay.example");
    assert_string_equal(route.site, "relay.example");
    none("relay.example", WIRE_A, DNS_CACHE_NO_DOMAIN);
    route_build_host(&build, &name, &route, &inquiry);
    assert_int_equal(route.status, ROUTE_NO_ADDRESS);

    assert_true(ip_parse(SPAN("2001:db8::1"), &ip));
    route_build_literal(&ip, &route);
    assert_int_equal(route.status, ROUTE_OK);
    assert_string_equal(route.hosts[0].name, "[2001:db8::1]");
    assert_string_equal(route.site, "[2001:db8::1]");
    assert_true(ip_equal(&route.hosts[0].addresses[0], &ip));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(asks_for_what_is_missing),
        CASE(says_why_there_is_no_route),
        CASE(leaves_out_what_is_no_host),
        CASE(without_mx_the_domain_is_the_host),
        CASE(a_failure_is_temporary),
        CASE(special_addresses_are_refused),
        CASE(equals_are_shuffled_and_nothing_else),
        CASE(the_same_five_of_many),
        CASE(empty_hosts_are_passed_over),
        CASE(addresses_are_dealt),
        CASE(addresses_are_drawn_fairly),
        CASE(families_alternate),
        CASE(the_worst_list_fits),
        CASE(smart_hosts_need_no_mx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
