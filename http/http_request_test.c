#include "http/http_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_get(void **state)
{
    struct http_request request = {.host = SPAN("mta-sts.example.org"),
                                   .target = SPAN("/.well-known/mta-sts.txt"),
                                   .agent = SPAN("ringpost")};
    uint8_t buffer[512];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    assert_int_equal(http_request_write(&request, &out), 0);
    assert_true(span_equal(text_span(&out), SPAN("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
                                                 "Host: mta-sts.example.org\r\n"
                                                 "User-Agent: ringpost\r\n"
                                                 "Accept: */*\r\n"
                                                 "Connection: close\r\n\r\n")));
}

static void test_post(void **state)
{
    struct http_request request = {.host = SPAN("example.org:8443"),
                                   .target = SPAN("/v1/report?x=1"),
                                   .agent = SPAN("ringpost 1"),
                                   .content_type = SPAN("application/tlsrpt+gzip"),
                                   .body_size = 4711};
    uint8_t buffer[512];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    assert_int_equal(http_request_write(&request, &out), 0);
    assert_true(span_equal(text_span(&out), SPAN("POST /v1/report?x=1 HTTP/1.1\r\n"
                                                 "Host: example.org:8443\r\n"
                                                 "User-Agent: ringpost 1\r\n"
                                                 "Accept: */*\r\n"
                                                 "Connection: close\r\n"
                                                 "Content-Type: application/tlsrpt+gzip\r\n"
                                                 "Content-Length: 4711\r\n\r\n")));
}

static void test_no_line_can_be_added(void **state)
{
    static const struct {
        const char *host, *target, *agent, *type;
    } cases[] = {
        {"a\r\nX: y", "/", "r", ""},  {"a b", "/", "r", ""},     {"", "/", "r", ""},
        {"\xc3\xa9", "/", "r", ""},   {"a", "", "r", ""},        {"a", "x", "r", ""},
        {"a", "/ HTTP/1.1", "r", ""}, {"a", "/\r\n", "r", ""},   {"a", "/", "", ""},
        {"a", "/", "r\n", ""},        {"a", "/", "r", "x\r\ny"}, {"a", "/", "r", "\x7f"},
    };
    uint8_t buffer[512];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_request request = {.host = span_cstr(cases[i].host),
                                       .target = span_cstr(cases[i].target),
                                       .agent = span_cstr(cases[i].agent),
                                       .content_type = span_cstr(cases[i].type)};

        assert_int_equal(http_request_write(&request, &out), -EINVAL);
        assert_int_equal(out.size, 0);
    }
}

static void test_small_buffer(void **state)
{
    struct http_request request = {
        .host = SPAN("example.org"), .target = SPAN("/"), .agent = SPAN("ringpost")};
    uint8_t buffer[512];

    (void)state;
    for (size_t size = 0; size < 90; size++) {
        struct text out;

        text_init(&out, buffer, size);
        assert_int_equal(http_request_write(&request, &out), -ENOSPC);
        assert_int_equal(out.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_no_line_can_be_added),
        cmocka_unit_test(test_small_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
