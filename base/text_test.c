#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"

#define FILL 0xee

/* A buffer of `capacity` bytes inside larger ones, so that a write outside shows. */
static uint8_t guarded[64];

static struct text small(size_t capacity)
{
    struct text text;

    memset(guarded, FILL, sizeof(guarded));
    text_init(&text, guarded + 8, capacity);
    return text;
}

static void check_guards(const struct text *text)
{
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(guarded[i], FILL);
    for (size_t i = 8 + text->capacity; i < sizeof(guarded); i++)
        assert_int_equal(guarded[i], FILL);
}

enum write {
    WRITE_SPAN,
    WRITE_BYTE,
    WRITE_FILL,
    WRITE_NUMBER,
    WRITE_PADDED,
    WRITE_HEX,
    WRITE_LOWER,
    WRITE_FORMAT,
    WRITE_PRINTABLE,
    WRITES_COUNT
};

static void write_one(struct text *text, enum write write)
{
    switch (write) {
    case WRITE_SPAN:
        text_add(text, SPAN("a\0c"));
        return;
    case WRITE_BYTE:
        text_add_byte(text, 0);
        return;
    case WRITE_FILL:
        text_add_fill(text, 0x2d, 5);
        return;
    case WRITE_NUMBER:
        text_add_u64(text, UINT64_MAX);
        return;
    case WRITE_PADDED:
        text_add_padded(text, 42, 4);
        return;
    case WRITE_HEX:
        text_add_hex(text, 0xbeef, 6);
        return;
    case WRITE_LOWER:
        text_add_lower(text, SPAN("MiXed@["));
        return;
    case WRITE_FORMAT:
        text_add_format(text, "%s-%d", "x", 12);
        return;
    case WRITE_PRINTABLE:
        text_add_printable(text, SPAN("a\\\r\xff~zzzz"), 5);
        return;
    case WRITES_COUNT:
        break;
    }
    fail();
}

/* Each kind of write into every capacity: whole when it fits, else nothing but the mark. */
static void test_fits_or_not(void **state)
{
    static const struct span wanted[WRITES_COUNT] = {
        SPAN_INIT("a\0c"),
        SPAN_INIT("\0"),
        SPAN_INIT("-----"),
        SPAN_INIT("18446744073709551615"),
        SPAN_INIT("0042"),
        SPAN_INIT("00beef"),
        SPAN_INIT("mixed@["),
        SPAN_INIT("x-12"),
        SPAN_INIT("a\\x5c\\x0d\\xff~"),
    };

    (void)state;
    for (int write = 0; write < WRITES_COUNT; write++) {
        for (size_t capacity = 0; capacity <= 24; capacity++) {
            struct text text = small(capacity);
            bool fits = wanted[write].size <= capacity;

            write_one(&text, (enum write)write);
            assert_int_equal(text.overflow, !fits);
            if (fits)
                assert_true(span_equal(text_span(&text), wanted[write]));
            else if (write != WRITE_PRINTABLE)
                assert_int_equal(text.size, 0);
            check_guards(&text);
        }
    }
}

static void test_overflow_sticks(void **state)
{
    struct text text = small(4);

    (void)state;
    text_add(&text, SPAN("abc"));
    text_add(&text, SPAN("de"));
    assert_true(text.overflow);
    assert_int_equal(text_room(&text), 0);
    text_add(&text, SPAN("f"));
    assert_true(span_equal(text_span(&text), SPAN("abc")));
    text_reset(&text);
    assert_false(text.overflow);
    assert_int_equal(text_room(&text), 4);
    text_add(&text, SPAN("full"));
    assert_false(text.overflow);
    text_add(&text, (struct span){0});
    text_add_fill(&text, 0, 0);
    assert_false(text.overflow);
    check_guards(&text);
}

static void test_long_format(void **state)
{
    static char buffer[4000];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    text_add_format(&text, "%2000d|", 7);
    assert_false(text.overflow);
    assert_int_equal(text.size, 2001);
    assert_int_equal(buffer[1999], 0x37);
    text_add_format(&text, "%3000d", 7);
    assert_true(text.overflow);
    assert_int_equal(text.size, 2001);
}

static void test_cstr_end(void **state)
{
    struct text text = small(4);

    (void)state;
    text_add(&text, SPAN("abc"));
    assert_string_equal(text_cstr_end(&text), "abc");
    assert_int_equal(text.size, 3);
    assert_false(text.overflow);
    text_add_byte(&text, 0x64);
    assert_string_equal(text_cstr_end(&text), "abc");
    assert_true(text.overflow);
    check_guards(&text);
    text = small(0);
    assert_string_equal(text_cstr_end(&text), "");
    check_guards(&text);
}

static void test_zero_numbers(void **state)
{
    struct text text = small(16);

    (void)state;
    text_add_u64(&text, 0);
    text_add_padded(&text, 0, 0);
    text_add_padded(&text, 1234, 2);
    text_add_hex(&text, 0x1234, 2);
    assert_true(span_equal(text_span(&text), SPAN("0012341234")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits_or_not),  cmocka_unit_test(test_overflow_sticks),
        cmocka_unit_test(test_long_format),  cmocka_unit_test(test_cstr_end),
        cmocka_unit_test(test_zero_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
