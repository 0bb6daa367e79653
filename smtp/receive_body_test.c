#include "smtp/receive_body.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    struct span input;
    struct span content;
    bool ended;
    size_t left;
} cases[] = {
    {SPAN_INIT(".\r\nQ"), SPAN_INIT(""), true, 1},
    {SPAN_INIT("a\r\n.\r\n"), SPAN_INIT("a\r\n"), true, 0},
    {SPAN_INIT("..\r\n.\r\n"), SPAN_INIT(".\r\n"), true, 0},
    {SPAN_INIT(".a\r\n.\r\n"), SPAN_INIT("a\r\n"), true, 0},
    {SPAN_INIT("a.\r\n.\r\n"), SPAN_INIT("a.\r\n"), true, 0},
    {SPAN_INIT("a\n.\r\nb\r\n.\r\n"), SPAN_INIT("a\n.\r\nb\r\n"), true, 0},
    {SPAN_INIT("a\r.\r\nb\r\n.\r\n"), SPAN_INIT("a\r.\r\nb\r\n"), true, 0},
    {SPAN_INIT("a\r\n.\n.\r\n"), SPAN_INIT("a\r\n\n.\r\n"), false, 0},
    {SPAN_INIT("a\r\n.\ra\r\n.\r\n"), SPAN_INIT("a\r\n\ra\r\n"), true, 0},
    {SPAN_INIT("a\r\n.\r\r\n.\r\n"), SPAN_INIT("a\r\n\r\r\n"), true, 0},
    {SPAN_INIT("a\r\r\n.\r\n"), SPAN_INIT("a\r\r\n"), true, 0},
    {SPAN_INIT("a"), SPAN_INIT("a"), false, 0},
    {SPAN_INIT("a\r\n."), SPAN_INIT("a\r\n"), false, 0},
    {SPAN_INIT(""), SPAN_INIT(""), false, 0},
};

struct result {
    uint8_t content[64];
    size_t size;
    bool ended;
    size_t left;
};

static void take(struct receive_body *body, struct span input, struct result *result)
{
    struct span piece;
    enum receive_body_take taken;

    while ((taken = receive_body_take(body, &input, &piece)) == RECEIVE_BODY_PIECE) {
        assert_true(piece.size > 0 && result->size + piece.size <= sizeof(result->content));
        memcpy(result->content + result->size, piece.data, piece.size);
        result->size += piece.size;
    }
    result->ended = taken == RECEIVE_BODY_END;
    result->left = input.size;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t at = 0; at <= cases[i].input.size; at++) {
            struct receive_body body = {RECEIVE_BODY_START};
            struct result result = {.size = 0};

            take(&body, span_first(cases[i].input, at), &result);
            if (!result.ended)
                take(&body, span_skip(cases[i].input, at), &result);
            else
                result.left += cases[i].input.size - at;
            assert_int_equal(result.ended, cases[i].ended);
            assert_int_equal(result.left, cases[i].left);
            assert_int_equal(result.size, cases[i].content.size);
            assert_memory_equal(result.content, cases[i].content.data, result.size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
