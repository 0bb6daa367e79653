#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/merge_testing.h"

/* Lines end with LF, CR or CRLF; columns are octets; names come in the order of first use. */
static void test_places(void **state)
{
    struct merge_testing testing;
    const struct template_field *fields;

    (void)state;
    merge_testing_open(&testing,
                       SPAN("From: a@b\rSubject: \xc3\xbc {{s}}\r\n\n{{b}}x{{s}}\n\r{{last}}"));
    assert_int_equal(testing.result, 0);
    assert_int_equal(testing.template.fields_count, 3);
    fields = testing.template.fields;
    assert_true(span_equal(fields[0].name, SPAN("s")));
    assert_int_equal(fields[0].line, 2);
    assert_int_equal(fields[0].column, 13);
    assert_int_equal(fields[0].header_line, 2);
    assert_int_equal(fields[0].contexts, 1U << TEMPLATE_WORD | 1U << TEMPLATE_BODY_TEXT);
    assert_int_equal(fields[0].size_max, TEMPLATE_HEADER_VALUE_MAX);
    assert_true(span_equal(fields[1].name, SPAN("b")));
    assert_int_equal(fields[1].line, 4);
    assert_int_equal(fields[1].column, 1);
    assert_int_equal(fields[1].header_line, 0);
    assert_int_equal(fields[1].size_max, TEMPLATE_VALUE_MAX);
    assert_int_equal(fields[2].line, 6);
    merge_testing_close(&testing);
}

static void test_too_many_names(void **state)
{
    static char source[8192];
    struct merge_testing testing;
    struct text text;

    (void)state;
    for (uint32_t count = TEMPLATE_FIELDS_MAX; count <= TEMPLATE_FIELDS_MAX + 1; count++) {
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b\n\n");
        for (uint32_t i = 0; i < count; i++)
            text_add_format(&text, "{{f%u}}\n", i);
        merge_testing_open(&testing, text_span(&text));
        assert_int_equal(testing.result<0, count> TEMPLATE_FIELDS_MAX);
        if (testing.result < 0)
            assert_int_equal(testing.error.line, 3 + TEMPLATE_FIELDS_MAX);
        merge_testing_close(&testing);
    }
}

static void test_too_many_uses(void **state)
{
    static char source[200000];
    struct merge_testing testing;
    struct text text;

    (void)state;
    text_init(&text, source, sizeof(source));
    text_add_cstr(&text, "From: a@b\n\n");
    for (uint32_t i = 0; i < 2 * TEMPLATE_PIECES_MAX; i++)
        text_add_cstr(&text, "{{f}}");
    merge_testing_open(&testing, text_span(&text));
    assert_int_equal(testing.result, -EINVAL);
    assert_string_equal(testing.error.what, "fields are used too often: f");
    assert_int_equal(testing.error.line, 3);
    assert_int_equal(testing.error.column, 5 * (TEMPLATE_PIECES_MAX - 5) + 1);
    merge_testing_close(&testing);
}

/* Octets that are shown in an error are cut and printable. */
static void test_error_detail(void **state)
{
    struct merge_testing testing;

    (void)state;
    merge_testing_open(&testing, SPAN("From: a@b\n\n{{\x1b[2J and a lot of text behind it\n"));
    assert_int_equal(testing.result, -EINVAL);
    assert_string_equal(testing.error.what,
                        "two opening braces that begin no field: {{\\x1b[2J and a lo...");
    merge_testing_close(&testing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_too_many_uses),
        cmocka_unit_test(test_error_detail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
