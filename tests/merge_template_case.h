/* merge_template_case.h - a table-driven test of one template: what it becomes, or why it is
 * refused.
 *
 * For unit tests only. */
#ifndef TESTS_MERGE_TEMPLATE_CASE_H
#define TESTS_MERGE_TEMPLATE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/header.h"
#include "tests/merge_testing.h"

#define LONG_100                                                                                   \
    "012345678 012345678 012345678 012345678 012345678 012345678 012345678 012345678 012345678 "   \
    "012345678 "

struct template_case {
    const char *label;
    const char *in;
    const char *value; /* in every field; NULL: there is none */
    const char *out;   /* stands in the message; or "line:column what" of the error begins so */
};

static inline void template_case_check(const struct template_case *c)
{
    struct merge_testing testing;
    struct span values[TEMPLATE_FIELDS_MAX];
    char data[256];
    struct text text;

    merge_testing_open(&testing, span_cstr(c->in));
    if (testing.result < 0) {
        text_init(&text, data, sizeof(data));
        text_add_format(&text, "%u:%u %s", testing.error.line, testing.error.column,
                        testing.error.what);
        if (!span_starts(text_span(&text), span_cstr(c->out)))
            fail_msg("%s: %s", c->label, text_cstr_end(&text));
        merge_testing_close(&testing);
        return;
    }
    for (uint32_t i = 0; i < testing.template.fields_count; i++)
        values[i] = span_cstr(c->value);
    assert_int_equal(merge_testing_merge(&testing, values, false, MERGE_STEP_MAX), 0);
    assert_int_equal(merge_testing_size(&testing, values), testing.out.size);
    if (span_find(text_span(&testing.out), span_cstr(c->out)) == SPAN_NOT_FOUND)
        fail_msg("%s:\n%.*s", c->label, (int)testing.out.size, (const char *)testing.out.data);
    merge_testing_close(&testing);
}

#endif
