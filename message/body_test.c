#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "message/body.h"

struct body_case {
    const char *in;
    const char *out; /* stuffed */
    uint64_t bare_cr;
    uint64_t bare_lf;
    uint64_t dots;
};

static const struct body_case cases[] = {
    {"", ".\r\n", 0, 0, 0},
    {"a", "a\r\n.\r\n", 0, 0, 0},
    {"a\r\n", "a\r\n.\r\n", 0, 0, 0},
    {"a\nb", "a\r\nb\r\n.\r\n", 0, 1, 0},
    {"a\rb\r", "a\r\nb\r\n.\r\n", 2, 0, 0},
    {".", "..\r\n.\r\n", 0, 0, 1},
    {".\r\n", "..\r\n.\r\n", 0, 0, 1},
    {"\n.\n", "\r\n..\r\n.\r\n", 0, 2, 1},
    {"\r.\r", "\r\n..\r\n.\r\n", 2, 0, 1},
    {"\r\n.\r\n", "\r\n..\r\n.\r\n", 0, 0, 1},
    {"..\na.\n", "...\r\na.\r\n.\r\n", 0, 2, 1},
    {"\r\r\n\n", "\r\n\r\n\r\n.\r\n", 1, 1, 0},
    {"\n\r", "\r\n\r\n.\r\n", 1, 1, 0},
};

static void pass(struct span in, bool stuffed, size_t step, size_t room, struct text *out)
{
    struct body body;

    text_reset(out);
    body_init(&body, stuffed);
    while (in.size > 0) {
        struct span part = span_first(in, step);
        in = span_skip(in, step);
        uint8_t data[64];
        struct text piece;
        text_init(&piece, data, room);
        while (!body_put(&body, &part, &piece)) {
            text_add(out, text_span(&piece));
            text_reset(&piece);
        }
        text_add(out, text_span(&piece));
    }
    assert_true(body_end(&body, out));
    assert_false(out->overflow);
}

/* The same, whatever the borders between spans and buffers are. */
static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct body_case *c = &cases[i];
        struct body_scan scan = {0};
        uint8_t data[128];
        struct text out;
        text_init(&out, data, sizeof(data));
        for (size_t step = 1; step < 5; step++) {
            for (size_t room = BODY_STEP_MAX; room < BODY_STEP_MAX + 4; room++) {
                pass(span_cstr(c->in), true, step, room, &out);
                assert_true(span_equal(text_span(&out), span_cstr(c->out)));
            }
        }
        for (const char *at = c->in; *at; at++)
            body_scan_add(&scan, span_make(at, 1));
        body_scan_end(&scan);
        pass(span_cstr(c->in), false, 3, 9, &out);
        assert_int_equal(body_scan_size(&scan), out.size);
        assert_int_equal(scan.bare_cr, c->bare_cr);
        assert_int_equal(scan.bare_lf, c->bare_lf);
        assert_int_equal(scan.dots, c->dots);
        assert_int_equal(strlen(c->out), out.size + 3 + scan.dots);
    }
}

/* All mixes of CR, LF, dot and a letter, seven long: lines as a receiver sees them. */
static void test_all_mixes(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 1U << 14; number++) {
        uint8_t in[7];
        uint8_t data[64];
        uint8_t plain_data[64];
        struct text out;
        struct text plain;
        text_init(&out, data, sizeof(data));
        text_init(&plain, plain_data, sizeof(plain_data));
        for (uint32_t i = 0; i < sizeof(in); i++)
            in[i] = (uint8_t) "\r\n.x"[number >> 2 * i & 3];
        pass(span_make(in, sizeof(in)), true, 1 + number % 7, 8 + number % 5, &out);
        pass(span_make(in, sizeof(in)), false, 7, 64, &plain);
        struct span rest = text_span(&out);
        struct span expected = text_span(&plain);
        while (!span_equal(rest, SPAN(".\r\n"))) {
            size_t end = span_find(rest, SPAN("\r\n"));
            struct span line = span_first(rest, end + 2);
            assert_true(end != SPAN_NOT_FOUND);
            assert_false(span_starts(line, SPAN(".\r\n")));
            rest = span_skip(rest, end + 2);
            line = span_skip(line, span_starts(line, SPAN(".")));
            assert_true(span_starts(expected, line));
            expected = span_skip(expected, line.size);
        }
        assert_int_equal(expected.size, 0);
    }
}

static void test_long_lines(void **state)
{
    uint8_t in[3000];
    static uint8_t data[4096];
    struct text out;
    struct body_scan scan = {0};

    (void)state;
    memset(in, 'x', sizeof(in));
    in[998] = '.';
    text_init(&out, data, sizeof(data));
    body_scan_add(&scan, span_make(in, 998));
    body_scan_end(&scan);
    assert_int_equal(scan.breaks, 0);
    assert_int_equal(scan.line_longest, 998);

    scan = (struct body_scan){0};
    body_scan_add(&scan, span_make(in, sizeof(in)));
    body_scan_end(&scan);
    assert_int_equal(scan.breaks, 3);
    assert_int_equal(scan.dots, 1);
    assert_int_equal(scan.line_longest, 3000);
    pass(span_make(in, sizeof(in)), false, 100, 17, &out);
    assert_int_equal(out.size, body_scan_size(&scan));
    pass(span_make(in, sizeof(in)), true, 100, 17, &out);
    assert_int_equal(out.size, body_scan_size(&scan) + 1 + 3);
    assert_memory_equal(data + 998, "\r\n..x", 5);
}

static void test_scan_octets(void **state)
{
    struct body_scan scan = {0};

    (void)state;
    body_scan_add(&scan, SPAN("a\0b\xc3\xbc"));
    body_scan_end(&scan);
    assert_int_equal(scan.nul, 1);
    assert_true(scan.eight_bit);
    assert_int_equal(scan.lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_all_mixes),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_scan_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
