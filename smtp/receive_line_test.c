#include "smtp/receive_line.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    struct span input;
    enum receive_line_state state;
    struct span line;
    size_t left;
} cases[] = {
    {SPAN_INIT("NOOP\r\nQ"), RECEIVE_LINE_WHOLE, SPAN_INIT("NOOP"), 1},
    {SPAN_INIT("\r\n"), RECEIVE_LINE_WHOLE, SPAN_INIT(""), 0},
    {SPAN_INIT("NOOP\r"), RECEIVE_LINE_PART, SPAN_INIT(""), 0},
    {SPAN_INIT("NOOP"), RECEIVE_LINE_PART, SPAN_INIT(""), 0},
    {SPAN_INIT("NOOP\nx"), RECEIVE_LINE_BROKEN, SPAN_INIT(""), 1},
    {SPAN_INIT("NO\rOP\r\nx"), RECEIVE_LINE_BROKEN, SPAN_INIT(""), 1},
    {SPAN_INIT("NOOP\r\r\n"), RECEIVE_LINE_BROKEN, SPAN_INIT(""), 0},
    {SPAN_INIT("\n\r\n"), RECEIVE_LINE_BROKEN, SPAN_INIT(""), 2},
    {SPAN_INIT("NO\0P\r\n"), RECEIVE_LINE_BROKEN, SPAN_INIT(""), 0},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t at = 0; at <= cases[i].input.size; at++) {
            static struct receive_line line;
            struct span input = span_first(cases[i].input, at);
            struct span taken = {NULL, 0};
            enum receive_line_state got;

            receive_line_init(&line);
            got = receive_line_take(&line, &input, &taken);
            if (got == RECEIVE_LINE_PART) {
                assert_int_equal(input.size, 0);
                input = span_skip(cases[i].input, at);
                got = receive_line_take(&line, &input, &taken);
                assert_int_equal(input.size, cases[i].left);
            }
            assert_int_equal(got, cases[i].state);
            assert_true(span_equal(taken, cases[i].line));
        }
    }
}

static void test_limit(void **state)
{
    static struct receive_line line;
    static uint8_t octets[RECEIVE_LINE_MAX + 3];
    struct span input, taken;

    (void)state;
    receive_line_init(&line);
    memset(octets, 'x', sizeof(octets));
    memcpy(octets + RECEIVE_LINE_MAX, "\r\n", 2);
    input = span_make(octets, RECEIVE_LINE_MAX + 2);
    assert_int_equal(receive_line_take(&line, &input, &taken), RECEIVE_LINE_WHOLE);
    assert_int_equal(taken.size, RECEIVE_LINE_MAX);
    memcpy(octets + RECEIVE_LINE_MAX, "x\r\n", 3);
    input = span_make(octets, sizeof(octets));
    assert_int_equal(receive_line_take(&line, &input, &taken), RECEIVE_LINE_LONG);
    input = SPAN("NOOP\r\n");
    assert_int_equal(receive_line_take(&line, &input, &taken), RECEIVE_LINE_WHOLE);
    assert_true(span_equal(taken, SPAN("NOOP")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_limit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
