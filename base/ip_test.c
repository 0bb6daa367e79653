#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/ip.h"

static const char *written(const struct ip_port *address, bool with_port)
{
    static char buffer[128];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    if (with_port)
        ip_write_port(&text, address);
    else
        ip_write(&text, &address->ip);
    return text_cstr_end(&text);
}

static void test_parse(void **state)
{
    static const char *const good[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    static const char *const bad[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.-4",
        "0x7f.1.1.1",
        "1.2.3.4:25",
        ":",
        ":::",
        "1::2::3",
        "2001:db8",
        "[::1]",
        "fe80::1%eth0",
        "::ffff:256.1.1.1",
        "12345::",
        "localhost",
        "1:2:3:4:5:6:7:8:9",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    struct ip_port address = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(ip_parse(span_cstr(good[i][0]), &address.ip));
        assert_string_equal(written(&address, false), good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (ip_parse(span_cstr(bad[i]), &address.ip))
            fail_msg("taken: %s", bad[i]);
    }
    assert_false(ip_parse(SPAN("1.2.3.4\0"), &address.ip));
    assert_string_equal(written(&(struct ip_port){0}, false), "none");
}

static void test_parse_port(void **state)
{
    static const char *const good[][2] = {
        {"192.0.2.1:2525", "192.0.2.1:2525"},
        {"192.0.2.1", "192.0.2.1:25"},
        {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
        {"[2001:db8::1]", "[2001:db8::1]:25"},
        {"2001:db8::1", "[2001:db8::1]:25"},
        {"::", "[::]:25"},
    };
    static const char *const bad[] = {
        "",
        ":25",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:x",
        "[192.0.2.1]:25",
        "[::1",
        "[::1]25",
        "[::1]:",
        "[]:25",
        "[::1]:-1",
        "192.0.2.1:25 ",
        "192.0.2.1: 25",
        "[::1]:25:26",
        "host:25",
    };
    struct ip_port address;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(ip_parse_port(span_cstr(good[i][0]), 25, &address));
        assert_string_equal(written(&address, true), good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (ip_parse_port(span_cstr(bad[i]), 25, &address))
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_special(void **state)
{
    static const char *const special[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::192.0.2.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "3fff:fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "4000::1",
    };
    static const char *const public[] = {
        "1.1.1.1",         "9.255.255.255",
        "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",     "126.255.255.255",
        "128.0.0.1",       "169.253.255.255",
        "172.15.255.255",  "172.32.0.0",
        "192.0.1.1",       "192.0.3.1",
        "192.167.255.255", "192.169.0.0",
        "198.17.255.255",  "198.20.0.0",
        "223.255.255.255", "8.8.8.8",
        "2a00:1450::1",    "2607:f8b0::1",
        "2001:200::1",     "2001:4860:4860::8888",
        "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",
        "2002:808:808::1", "3ffe::1",
        "2001:db7::1",
    };
    struct ip ip;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        assert_true(ip_parse(span_cstr(special[i]), &ip));
        if (!ip_is_special(&ip))
            fail_msg("not special: %s", special[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(public); i++) {
        assert_true(ip_parse(span_cstr(public[i]), &ip));
        if (ip_is_special(&ip))
            fail_msg("special: %s", public[i]);
    }
    assert_true(ip_is_special(&(struct ip){0}));
}

static void test_equal(void **state)
{
    struct ip a, b;

    (void)state;
    assert_true(ip_parse(SPAN("192.0.2.1"), &a));
    b = a;
    b.bytes[15] = 9; /* beyond an IPv4 address */
    assert_true(ip_equal(&a, &b));
    b.bytes[3] = 9;
    assert_false(ip_equal(&a, &b));
    assert_true(ip_parse(SPAN("2001:db8::1"), &a));
    assert_true(ip_parse(SPAN("2001:db8::2"), &b));
    assert_false(ip_equal(&a, &b));
    b = a;
    assert_true(ip_equal(&a, &b));
    b.family = IP_V4;
    assert_false(ip_equal(&a, &b));
    assert_true(ip_equal(&(struct ip){0}, &(struct ip){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_port),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
