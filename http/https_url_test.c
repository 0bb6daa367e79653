#include "http/https_url.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    const char *text, *host, *authority, *target;
    uint16_t port;
} good[] = {
    {"https://example.org", "example.org", "example.org", "/", 443},
    {"https://example.org/", "example.org", "example.org", "/", 443},
    {"HTTPS://Example.org/a/b?c=d&e", "Example.org", "Example.org", "/a/b?c=d&e", 443},
    {"https://example.org:8443/x", "example.org", "example.org:8443", "/x", 8443},
    {"https://a-b.1.example:1", "a-b.1.example", "a-b.1.example:1", "/", 1},
    {"https://h", "h", "h", "/", 443},
};

static const char *const bad[] = {
    "",
    "https:",
    "https://",
    "https:///x",
    "http://example.org/",
    "mailto:x@example.org",
    "https://user@example.org/",
    "https://user:pw@example.org/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://example.org:/",
    "https://example.org:4 43/",
    "https://192.0.2.1/",
    "https://[2001:db8::1]/",
    "https://example.org/a b",
    "https://example.org/\r\nX: y",
    "https://example.org/#f",
    "https://example.org\\x",
    "https://.example.org/",
    "https://example..org/",
    "https://example.org./",
    "https://-a.org/",
    "https://a-.org/",
    "https://ex_ample.org/",
    "https://example.org?x",
    "https://\xc3\xa9.org/",
    "https://1234567890123456789012345678901234567890123456789012345678901234.org/",
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct https_url url;

        assert_true(https_url_parse(span_cstr(good[i].text), &url));
        assert_true(span_equal(url.host, span_cstr(good[i].host)));
        assert_true(span_equal(url.authority, span_cstr(good[i].authority)));
        assert_true(span_equal(url.target, span_cstr(good[i].target)));
        assert_int_equal(url.port, good[i].port);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct https_url url = {.port = 7};

        if (https_url_parse(span_cstr(bad[i]), &url))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(url.port, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
