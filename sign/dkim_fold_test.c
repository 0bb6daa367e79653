#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sign/dkim_fold.h"

static void assert_text(const struct text *text, const char *expected)
{
    assert_false(text->overflow);
    assert_int_equal(text->size, span_cstr(expected).size);
    assert_memory_equal(text->data, expected, text->size);
}

#define DIGITS_70 "0123456789012345678901234567890123456789012345678901234567890123456789"

static void test_words(void **state)
{
    uint8_t buffer[400];
    struct text out;
    struct dkim_fold fold = {.out = &out};

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    dkim_fold_joined(&fold, SPAN(DIGITS_70));
    dkim_fold_word(&fold, SPAN("1234567")); /* to column 78 */
    dkim_fold_joined(&fold, SPAN("a"));
    dkim_fold_word(&fold, SPAN("b"));
    assert_int_equal(fold.column, 4);
    dkim_fold_word(&fold, SPAN(DIGITS_70 DIGITS_70)); /* longer than a line: alone */
    dkim_fold_word(&fold, SPAN("c"));
    assert_text(&out, DIGITS_70 " 1234567\r\n\ta b\r\n\t" DIGITS_70 DIGITS_70 "\r\n\tc");
}

static void test_word_that_does_not_fit_by_one(void **state)
{
    uint8_t buffer[400];
    struct text out;
    struct dkim_fold fold = {.out = &out};

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    dkim_fold_joined(&fold, SPAN(DIGITS_70));
    dkim_fold_word(&fold, SPAN("12345678"));
    assert_text(&out, DIGITS_70 "\r\n\t12345678");
}

/* Every start, every length: no line over 78, the size as foretold, nothing lost. */
static void test_runs(void **state)
{
    uint8_t run[400], buffer[800], back[400];

    (void)state;
    for (size_t i = 0; i < sizeof(run); i++)
        run[i] = (uint8_t)('a' + i % 26);
    for (size_t column = 0; column <= DKIM_FOLD_COLUMNS + 5; column++)
        for (size_t size = 0; size < sizeof(run); size += 1 + size / 20) {
            struct text out;
            struct dkim_fold fold = {.out = &out, .column = column};
            size_t line = column, kept = 0;

            text_init(&out, buffer, sizeof(buffer));
            dkim_fold_run(&fold, span_make(run, size));
            assert_int_equal(out.size, dkim_fold_run_size(column, size));
            for (size_t i = 0; i < out.size; i++) {
                if (out.data[i] == '\r') {
                    assert_memory_equal(out.data + i, "\r\n\t", 3);
                    assert_true(line == DKIM_FOLD_COLUMNS || line == column);
                    line = 1;
                    i += 2;
                    continue;
                }
                back[kept++] = out.data[i];
                assert_true(++line <= DKIM_FOLD_COLUMNS);
            }
            assert_int_equal(kept, size);
            assert_memory_equal(back, run, size);
            assert_int_equal(fold.column, line);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_word_that_does_not_fit_by_one),
        cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
