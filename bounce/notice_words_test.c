#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"
#include "bounce/notice_words.h"

/* What notice_phrases.h asks of a phrase. */
static void test_form(void **state)
{
    (void)state;
    assert_true(notice_words_count > 400);
    for (size_t i = 0; i < notice_words_count; i++) {
        struct span text = notice_words_table[i].text;

        assert_true(text.size >= NOTICE_PHRASES_SIZE_MIN);
        assert_true(span_is_utf8(text));
        assert_false(span_has_control(text));
        for (size_t j = 0; j < text.size; j++)
            if (text.data[j] != span_lower_byte(text.data[j]) ||
                (j > 0 && text.data[j] == ' ' && text.data[j - 1] == ' '))
                fail_msg("\"%.*s\"", (int)text.size, (const char *)text.data);
        assert_int_not_equal(notice_words_table[i].meaning, 0);
    }
}

static void test_none_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < notice_words_count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_equal(notice_words_table[i].text, notice_words_table[j].text))
                fail_msg("\"%.*s\"", (int)notice_words_table[i].text.size,
                         (const char *)notice_words_table[i].text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_none_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
