#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/merge_testing.h"

static const char sample[] = "From: News <news@a.example>\n"
                             "To: {{name}} <{{email}}>\n"
                             "Subject: {{name}}\n"
                             "List-Help: <https://a.example/{{code}}>\n"
                             "Bcc: x@y.example\n"
                             "\n"
                             "{{text}} {{code}}\n";

static void test_fields(void **state)
{
    struct merge_testing testing;

    (void)state;
    merge_testing_open(&testing, SPAN(sample));
    assert_int_equal(testing.result, 0);
    assert_int_equal(testing.template.fields_count, 4);
    assert_int_equal(template_find_field(&testing.template, SPAN("code")), 2);
    assert_int_equal(template_find_field(&testing.template, SPAN("Code")), -ENOENT);
    assert_int_equal(template_find_field(&testing.template, SPAN("")), -ENOENT);
    assert_true(testing.template.memory_used <= testing.memory.size);
    merge_testing_close(&testing);
}

/* merge_testing_open packs: what is left is small, and packing once more changes nothing. */
static void test_pack(void **state)
{
    static uint8_t again[4096] __attribute__((aligned(16)));
    struct merge_testing testing;
    size_t used;

    (void)state;
    merge_testing_open(&testing, SPAN(sample));
    used = testing.template.memory_used;
    assert_true(used < 2048);
    assert_true(used > sizeof(sample) / 2);
    template_pack(&testing.template, (struct span_mut){again, sizeof(again)});
    assert_int_equal(testing.template.memory_used, used);
    memset(testing.memory.data, 0x5a, testing.memory.size);
    assert_int_equal(template_find_field(&testing.template, SPAN("text")), 3);
    assert_ptr_equal(testing.template.pieces, again);
    assert_true(testing.template.data > again);
    assert_true(testing.template.data < again + sizeof(again));
    merge_testing_close(&testing);
}

struct check_case {
    const char *field;
    struct span value;
    const char *why; /* NULL: good */
};

static const struct check_case checks[] = {
    {"name", SPAN_INIT("Anna"), NULL},
    {"name", SPAN_INIT(""), NULL},
    {"name", SPAN_INIT("a\nb"),
     "has a line break, and line 2 of the template puts it into a header"},
    {"name", SPAN_INIT("a\0b"),
     "has a NUL octet, and line 2 of the template puts it into a header"},
    {"name", SPAN_INIT("\xff"),
     "is not valid UTF-8, and line 2 of the template puts it into a header"},
    {"email", SPAN_INIT("a@b"), NULL},
    {"email", SPAN_INIT("a@b, c@d"),
     "is not exactly one ASCII mailbox, and line 2 of the template puts it into a header"},
    {"email", SPAN_INIT(""),
     "is not exactly one ASCII mailbox, and line 2 of the template puts it into a header"},
    {"text", SPAN_INIT("a\r\nb\t"), NULL},
    {"text", SPAN_INIT("a\0b"), "has a NUL octet"},
    {"text", SPAN_INIT("a\x08"), "has a control character"},
    {"text", SPAN_INIT("\xc3"), "is not valid UTF-8"},
};

static void test_check_value(void **state)
{
    struct merge_testing testing;
    char why_data[200];
    struct text why;

    (void)state;
    merge_testing_open(&testing, SPAN(sample));
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        const struct check_case *c = &checks[i];
        int field = template_find_field(&testing.template, span_cstr(c->field));
        text_init(&why, why_data, sizeof(why_data));
        assert_int_equal(template_check_value(&testing.template, (uint32_t)field, c->value, &why),
                         c->why ? -EINVAL : 0);
        assert_string_equal(text_cstr_end(&why), c->why ? c->why : "");
    }
    merge_testing_close(&testing);
}

/* The limits of docs/merge.md, and what merge_begin thinks of them. */
static void test_value_sizes(void **state)
{
    static const struct {
        const char *field;
        size_t size_max;
        uint8_t octet;
    } sizes[] = {{"name", 998, 'x'}, {"text", 65536, 'x'}, {"code", 880, 'x'}, {"code", 293, ' '}};
    static uint8_t value[TEMPLATE_VALUE_MAX + 1];
    struct merge_testing testing;
    char why_data[200];
    struct text why;

    (void)state;
    merge_testing_open(&testing, SPAN(sample));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int field = template_find_field(&testing.template, span_cstr(sizes[i].field));
        struct span values[4] = {SPAN("a"), SPAN("a@b"), SPAN("a"), SPAN("a")};
        memset(value, sizes[i].octet, sizeof(value));
        for (size_t extra = 0; extra < 2; extra++) {
            values[field] = span_make(value, sizes[i].size_max + extra);
            text_init(&why, why_data, sizeof(why_data));
            int r = template_check_value(&testing.template, (uint32_t)field, values[field], &why);
            assert_int_equal(r, extra == 0 ? 0 : -EINVAL);
            assert_int_equal(merge_testing_merge(&testing, values, true, MERGE_STEP_MAX), r);
        }
    }
    merge_testing_close(&testing);
}

static void test_describe(void **state)
{
    struct merge_testing testing;
    char data[600];
    struct text text;

    (void)state;
    text_init(&text, data, sizeof(data));
    merge_testing_open(&testing, SPAN(sample));
    template_describe(&testing.template, &text);
    assert_string_equal(text_cstr_end(&text),
                        "1 part, 1 written in another transfer encoding, 1 header field left out\n"
                        "added for each recipient: Date Message-ID\n"
                        "field name: line 2, column 5, in a header\n"
                        "field email: line 2, column 15, in a header\n"
                        "field code: line 4, column 31, in a header\n"
                        "field text: line 7, column 1\n");
    merge_testing_close(&testing);
}

/* The memory is whatever it was, the source gone: the same pieces each time. */
static void test_deterministic(void **state)
{
    struct merge_testing one;
    struct merge_testing two;
    struct span source = SPAN(sample);

    (void)state;
    merge_testing_open(&one, source);
    merge_testing_open(&two, source);
    free(two.memory.data); /* the packed one */
    two.memory.size = template_memory_size(source.size);
    two.memory.data = malloc(two.memory.size);
    assert_non_null(two.memory.data);
    memset(two.memory.data, 0x5a, two.memory.size);
    assert_int_equal(template_compile(&two.template, source, two.memory, &two.error), 0);
    assert_int_equal(one.template.pieces_count, two.template.pieces_count);
    assert_memory_equal(one.template.pieces, two.template.pieces,
                        one.template.pieces_count * sizeof(struct template_piece));
    merge_testing_close(&one);
    merge_testing_close(&two);
}

static void test_too_large(void **state)
{
    struct template template;
    struct template_error error;
    uint8_t octet = 'x';

    (void)state;
    assert_int_equal(template_compile(&template, span_make(&octet, TEMPLATE_SOURCE_MAX + 1),
                                      (struct span_mut){0}, &error),
                     -EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),      cmocka_unit_test(test_pack),
        cmocka_unit_test(test_check_value), cmocka_unit_test(test_value_sizes),
        cmocka_unit_test(test_describe),    cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
