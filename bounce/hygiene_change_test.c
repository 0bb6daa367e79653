#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "bounce/hygiene_change.h"

static const struct hygiene_change sample = {
    .kind = HYGIENE_SUPPRESS,
    .source = HYGIENE_FROM_OPERATOR,
    .class = BOUNCE_NO_USER,
    .time_s = 1800000000,
    .until_s = HYGIENE_CHANGE_FOREVER,
    .key = SPAN_INIT("user@example.com"),
    .tenant = SPAN_INIT("ringel"),
    .stream = SPAN_INIT("bulk"),
    .note = SPAN_INIT("said so"),
    .provider = SPAN_INIT("google.com"),
};

static void test_round_trip(void **state)
{
    uint8_t bytes[HYGIENE_CHANGE_SIZE_MAX];
    struct hygiene_change change;
    size_t size = hygiene_change_write(&sample, bytes);

    (void)state;
    assert_int_equal(hygiene_change_read(span_make(bytes, size), &change), 0);
    assert_int_equal(change.kind, sample.kind);
    assert_int_equal(change.source, sample.source);
    assert_int_equal(change.class, sample.class);
    assert_true(change.time_s == sample.time_s && change.until_s == sample.until_s);
    assert_true(span_equal(change.key, sample.key) && span_equal(change.tenant, sample.tenant) &&
                span_equal(change.stream, sample.stream) && span_equal(change.note, sample.note) &&
                span_equal(change.provider, sample.provider));
}

static void test_long_strings_are_cut(void **state)
{
    static uint8_t bytes[HYGIENE_CHANGE_SIZE_MAX], longest[2000];
    struct hygiene_change change = sample;

    (void)state;
    memset(longest, 'x', sizeof(longest));
    change.key = span_make(longest, HYGIENE_CHANGE_KEY_MAX);
    change.tenant = change.stream = change.note = change.provider =
        span_make(longest, sizeof(longest));
    assert_int_equal(hygiene_change_write(&change, bytes), HYGIENE_CHANGE_SIZE_MAX);
    assert_int_equal(hygiene_change_read(span_make(bytes, sizeof(bytes)), &change), 0);
    assert_int_equal(change.note.size, HYGIENE_CHANGE_NOTE_MAX);
}

/* Any wrong byte of the head, any other size: refused, or read as another sound change. */
static void test_damage(void **state)
{
    uint8_t bytes[HYGIENE_CHANGE_SIZE_MAX];
    size_t size = hygiene_change_write(&sample, bytes), refused = 0;
    struct hygiene_change change;

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(hygiene_change_read(span_make(bytes, cut), &change), -EBADMSG);
    for (size_t at = 0; at < 32; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = bytes[at];

            bytes[at] = (uint8_t)value;
            if (hygiene_change_read(span_make(bytes, size), &change) == 0)
                assert_true(change.class < BOUNCE_CLASS_COUNT &&
                            change.source < HYGIENE_SOURCE_COUNT && change.key.size > 0);
            else
                refused++;
            bytes[at] = kept;
        }
    }
    assert_true(refused > 1000);
}

static void test_source_names(void **state)
{
    enum hygiene_source source;

    (void)state;
    for (unsigned i = 1; i < HYGIENE_SOURCE_COUNT; i++) {
        assert_true(hygiene_change_source_from_name(
            span_cstr(hygiene_change_source_name((enum hygiene_source)i)), &source));
        assert_int_equal(source, i);
    }
    assert_false(hygiene_change_source_from_name(SPAN("none"), &source));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_long_strings_are_cut),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_source_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
