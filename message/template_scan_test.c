#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "message/template.h"
#include "message/template_scan.h"

struct scan_case {
    const char *in;
    int result;
    size_t start;
    size_t end;
    const char *name;
    bool raw;
};

static const struct scan_case cases[] = {
    {"", 0, 0, 0, "", false},
    {"no { braces }", 0, 0, 0, "", false},
    {"a {{name}} b", 1, 2, 10, "name", false},
    {"{{{name}}}", 1, 0, 10, "name", true},
    {"{{ a.b-c_9 }}", 1, 0, 13, "a.b-c_9", false},
    {"{{\r\n\tx\n}}", 1, 0, 9, "x", false},
    {"{{a}}}", 1, 0, 5, "a", false},
    {"x{ {{a}}", 1, 3, 8, "a", false},
    {"{{a}", -EINVAL, 0, 0, "", false},
    {"{{a", -EINVAL, 0, 0, "", false},
    {"{{", -EINVAL, 0, 0, "", false},
    {"ab{{}}", -EINVAL, 2, 0, "", false},
    {"{{ }}", -EINVAL, 0, 0, "", false},
    {"{{#section}}", -EINVAL, 0, 0, "", false},
    {"{{/section}}", -EINVAL, 0, 0, "", false},
    {"{{! comment }}", -EINVAL, 0, 0, "", false},
    {"{{a b}}", -EINVAL, 0, 0, "", false},
    {"{{{a}}", -EINVAL, 0, 0, "", false},
    {"{{{{a}}}}", -EINVAL, 0, 0, "", false},
    {"{{\xc3\xbc}}", -EINVAL, 0, 0, "", false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct scan_case *c = &cases[i];
        struct template_scan_tag tag = {0};
        assert_int_equal(template_scan_next(span_cstr(c->in), 0, &tag), c->result);
        if (c->result != 0)
            assert_int_equal(tag.start, c->start);
        if (c->result != 1)
            continue;
        assert_int_equal(tag.end, c->end);
        assert_int_equal(tag.raw, c->raw);
        assert_true(span_equal(tag.name, span_cstr(c->name)));
    }
}

static void test_name_length(void **state)
{
    char in[80];
    struct template_scan_tag tag;

    (void)state;
    memset(in, 'n', sizeof(in));
    memcpy(in, "{{", 2);
    memcpy(in + 2 + TEMPLATE_NAME_MAX, "}}", 2);
    assert_int_equal(template_scan_next(span_make(in, 70), 0, &tag), 1);
    memcpy(in + 2 + TEMPLATE_NAME_MAX, "n}}", 3);
    assert_int_equal(template_scan_next(span_make(in, 70), 0, &tag), -EINVAL);
    assert_int_equal(template_scan_next(SPAN("{{a}}"), 6, &tag), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_name_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
