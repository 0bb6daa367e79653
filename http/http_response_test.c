#include "http/http_response.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define BODY_MAX 64

static const struct {
    const char *label;
    const char *bytes;
    uint32_t status;
    const char *body;
    const char *type;
} good[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", 200,
     "hello", "text/plain"},
    {"any case, blanks",
     "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: \t5 \r\ncontent-type:text/plain ; a=b\r\n"
     "\r\nhello",
     200, "hello", "text/plain"},
    {"no reason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "", ""},
    {"empty reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", 404, "", ""},
    {"until close", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", ""},
    {"1.0", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", ""},
    {"no content", "HTTP/1.1 204 No\r\nContent-Length: 7\r\n\r\n", 204, "", ""},
    {"not modified", "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n", 304, "", ""},
    {"redirect is an answer",
     "HTTP/1.1 301 Gone\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n", 301, "", ""},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\n\r\n",
     200, "hello", ""},
    {"chunked, trailers",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "00000005 \r\nhello\r\n000\r\nA: b\r\nContent-Length: 9\r\n\r\n",
     200, "hello", ""},
    {"chunks in hex",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n"
     "b\r\n0123456789a\r\n0\r\n\r\n",
     200, "01234567890123456789a", ""},
    {"1xx",
     "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nHTTP/1.1 103 Early\r\nContent-Type: "
     "x/y\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     200, "ok", ""},
    {"two types are none",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n"
     "Content-Length: 0\r\n\r\n",
     200, "", ""},
    {"full buffer",
     "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n"
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     200, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""},
};

static const struct {
    const char *label;
    const char *bytes;
    enum http_response_problem problem;
} bad[] = {
    {"nothing", "", HTTP_PROBLEM_LOST},
    {"not http", "220 mail.example.org ESMTP\r\n", HTTP_PROBLEM_STATUS},
    {"http/2", "HTTP/2 200 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"1.2", "HTTP/1.2 200 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"no code", "HTTP/1.1 \r\n\r\n", HTTP_PROBLEM_STATUS},
    {"short code", "HTTP/1.1 20\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"long code", "HTTP/1.1 2000 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"signed code", "HTTP/1.1 +20 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"code 099", "HTTP/1.1 099 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"code 600", "HTTP/1.1 600 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"switching", "HTTP/1.1 101 Switching\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"bare line feed", "HTTP/1.1 200 OK\n\n", HTTP_PROBLEM_STATUS},
    {"blank before", " HTTP/1.1 200 OK\r\n\r\n", HTTP_PROBLEM_STATUS},
    {"bare line feed in fields", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n",
     HTTP_PROBLEM_FIELD},
    {"bare carriage return", "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"two carriage returns", "HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"blank before colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"no colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"no name", "HTTP/1.1 200 OK\r\n: 0\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"control", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", HTTP_PROBLEM_FIELD},
    {"length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
     HTTP_PROBLEM_FRAMING},
    {"length list", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", HTTP_PROBLEM_FRAMING},
    {"length signed", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", HTTP_PROBLEM_FRAMING},
    {"length negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", HTTP_PROBLEM_FRAMING},
    {"length hex", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nx", HTTP_PROBLEM_FRAMING},
    {"length empty", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx", HTTP_PROBLEM_FRAMING},
    {"length 2^64", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nx",
     HTTP_PROBLEM_FRAMING},
    {"length and chunked",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"chunked and length",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"chunked twice",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"xchunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
     HTTP_PROBLEM_FRAMING},
    {"chunk without size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;x\r\n\r\n",
     HTTP_PROBLEM_CHUNK},
    {"chunk of text", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n",
     HTTP_PROBLEM_CHUNK},
    {"chunk too long",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
     HTTP_PROBLEM_CHUNK},
    {"chunk, bare line feed",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
     HTTP_PROBLEM_CHUNK},
    {"chunk over the limit", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n",
     HTTP_PROBLEM_BODY_LARGE},
    {"chunks over the limit",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3e\r\n",
     HTTP_PROBLEM_BODY_LARGE},
    {"huge chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
     HTTP_PROBLEM_BODY_LARGE},
    {"length over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n",
     HTTP_PROBLEM_BODY_LARGE},
    {"close over the limit",
     "HTTP/1.1 200 OK\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef"
     "0123456789abcdef0",
     HTTP_PROBLEM_BODY_LARGE},
    {"cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", HTTP_PROBLEM_LOST},
    {"cut in the fields", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", HTTP_PROBLEM_LOST},
    {"cut before the last chunk",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", HTTP_PROBLEM_LOST},
    {"cut in the trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
     HTTP_PROBLEM_LOST},
    {"only 1xx", "HTTP/1.1 100 Continue\r\n\r\n", HTTP_PROBLEM_LOST},
};

struct run {
    struct http_response response;
    uint8_t body[BODY_MAX];
    size_t used;
};

/* Two cuts: [0, first), [first, second), the rest. */
static void run(struct run *run, struct span bytes, size_t first, size_t second)
{
    http_response_init(&run->response, (struct span_mut){run->body, sizeof(run->body)}, 100);
    run->used = http_response_feed(&run->response, span_first(bytes, first));
    run->used += http_response_feed(&run->response, span_slice(bytes, first, second - first));
    run->used += http_response_feed(&run->response, span_skip(bytes, second));
    http_response_end(&run->response, true);
}

static void expect_good(size_t i, const struct run *run)
{
    if (run->response.state != HTTP_RESPONSE_DONE)
        fail_msg("%s: %s", good[i].label, http_response_problem_text(run->response.problem));
    assert_true(http_response_has_head(&run->response));
    assert_int_equal(run->response.status, good[i].status);
    assert_int_equal(run->used, strlen(good[i].bytes));
    assert_true(span_equal(http_response_body(&run->response), span_cstr(good[i].body)));
    assert_true(span_equal(http_response_type(&run->response), span_cstr(good[i].type)));
}

static void test_good_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct span bytes = span_cstr(good[i].bytes);

        for (size_t first = 0; first <= bytes.size; first++)
            for (size_t second = first; second <= bytes.size; second += 1 + (second - first) / 4) {
                struct run result;

                run(&result, bytes, first, second);
                expect_good(i, &result);
            }
    }
}

static void test_bad_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct span bytes = span_cstr(bad[i].bytes);

        for (size_t first = 0; first <= bytes.size; first++) {
            struct run result;

            run(&result, bytes, first, bytes.size);
            assert_int_equal(result.response.state, HTTP_RESPONSE_FAILED);
            if (result.response.problem != bad[i].problem)
                fail_msg("%s: %s", bad[i].label,
                         http_response_problem_text(result.response.problem));
        }
    }
}

static void test_nothing_is_read_behind_the_end(void **state)
{
    struct run result;
    struct span bytes =
        SPAN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n");

    (void)state;
    run(&result, bytes, bytes.size, bytes.size);
    assert_int_equal(result.response.state, HTTP_RESPONSE_DONE);
    assert_int_equal(result.response.status, 200);
    assert_int_equal(result.used, bytes.size - strlen("HTTP/1.1 500 No\r\n\r\n"));
}

static void test_cut_off_body_is_no_body(void **state)
{
    struct run result;
    struct span bytes = SPAN("HTTP/1.1 200 OK\r\n\r\nversion: STSv1");

    (void)state;
    http_response_init(&result.response, (struct span_mut){result.body, sizeof(result.body)}, 100);
    assert_int_equal(http_response_feed(&result.response, bytes), bytes.size);
    http_response_end(&result.response, false);
    assert_int_equal(result.response.state, HTTP_RESPONSE_FAILED);
    assert_int_equal(result.response.problem, HTTP_PROBLEM_LOST);
}

static void test_deadline(void **state)
{
    struct run result;

    (void)state;
    http_response_init(&result.response, (struct span_mut){result.body, sizeof(result.body)}, 100);
    (void)http_response_feed(&result.response, SPAN("HTTP/1.1 200 OK\r\n"));
    http_response_expire(&result.response, 99);
    assert_false(http_response_ended(&result.response));
    http_response_expire(&result.response, 100);
    assert_int_equal(result.response.problem, HTTP_PROBLEM_TIMEOUT);
    assert_false(http_response_has_head(&result.response));

    run(&result, SPAN("HTTP/1.1 204 OK\r\n\r\n"), 0, 0);
    http_response_expire(&result.response, 1000);
    assert_int_equal(result.response.state, HTTP_RESPONSE_DONE);
}

/* Fields without end, in long and in short lines, in trailers, and 1xx without end. */
static void test_head_is_bounded(void **state)
{
    static const struct {
        const char *start, *repeated;
    } floods[] = {
        {"HTTP/1.1 200 OK\r\n", "A: bcdefgh\r\n"},
        {"HTTP/1.1 200 OK\r\nA: ", "bcdefgh"},
        {"", "HTTP/1.1 100 Continue\r\n\r\n"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: bcdefgh\r\n"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "abcdefgh"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct run result;
        size_t fed = 0;

        http_response_init(&result.response, (struct span_mut){result.body, sizeof(result.body)},
                           100);
        fed += http_response_feed(&result.response, span_cstr(floods[i].start));
        while (!http_response_ended(&result.response))
            fed += http_response_feed(&result.response, span_cstr(floods[i].repeated));
        assert_int_equal(result.response.problem, HTTP_PROBLEM_HEAD_LARGE);
        assert_true(fed <= HTTP_RESPONSE_HEAD_MAX + 1);
    }
}

/* A long field is passed over; one that counts and is too long to be kept is refused. */
static void test_long_fields(void **state)
{
    static const struct {
        const char *name;
        enum http_response_state ends;
    } cases[] = {
        {"Content-Security-Policy", HTTP_RESPONSE_DONE},
        {"Content-Type", HTTP_RESPONSE_DONE},
        {"Content-Length", HTTP_RESPONSE_FAILED},
        {"Transfer-Encoding", HTTP_RESPONSE_FAILED},
    };
    char filler[1000];

    (void)state;
    memset(filler, '0', sizeof(filler));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run result;

        http_response_init(&result.response, (struct span_mut){result.body, sizeof(result.body)},
                           100);
        (void)http_response_feed(&result.response, SPAN("HTTP/1.1 200 OK\r\n"));
        (void)http_response_feed(&result.response, span_cstr(cases[i].name));
        (void)http_response_feed(&result.response, SPAN(": "));
        (void)http_response_feed(&result.response, span_make(filler, sizeof(filler)));
        (void)http_response_feed(&result.response, SPAN("\r\n\r\n"));
        http_response_end(&result.response, true);
        assert_int_equal(result.response.state, cases[i].ends);
        assert_int_equal(http_response_type(&result.response).size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_at_every_cut),
        cmocka_unit_test(test_bad_at_every_cut),
        cmocka_unit_test(test_nothing_is_read_behind_the_end),
        cmocka_unit_test(test_cut_off_body_is_no_body),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_head_is_bounded),
        cmocka_unit_test(test_long_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
