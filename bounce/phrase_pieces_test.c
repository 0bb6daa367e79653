#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "bounce/phrase_pieces.h"

static void test_pieces(void **state)
{
    static const struct {
        const char *phrase;
        uint32_t count;
        const char *first, *last;
        bool before, after; /* borders, of the first and of the last */
    } cases[] = {
        {"Mailbox Full", 1, "mailbox full", "mailbox full", true, true},
        {"*full", 1, "full", "full", false, true},
        {"full*", 1, "full", "full", true, false},
        {"user * unknown", 2, "user", "unknown", true, true},
        {"a * b * c * *d", 4, "a", "d", true, true},
        {"doesn't exist", 1, "doesnt exist", "doesnt exist", true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct phrase_pieces pieces;
        const struct phrase_piece *first = &pieces.list[0], *last;

        assert_true(phrase_pieces_cut(cases[i].phrase, &pieces));
        assert_int_equal(pieces.count, cases[i].count);
        last = &pieces.list[pieces.count - 1];
        assert_true(span_equal(span_make(first->bytes, first->size), span_cstr(cases[i].first)));
        assert_true(span_equal(span_make(last->bytes, last->size), span_cstr(cases[i].last)));
        assert_int_equal(first->border_before, cases[i].before);
        assert_int_equal(last->border_after, cases[i].after);
    }
}

static void test_no_phrases(void **state)
{
    static const char *const cases[] = {"", "*", "**", "'", "a * ", " * a", "a * b * c * d * e"};
    char longest[RULES_PHRASE_SIZE_MAX + 2];
    struct phrase_pieces pieces;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_false(phrase_pieces_cut(cases[i], &pieces));
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(phrase_pieces_cut(longest, &pieces));
    longest[sizeof(longest) - 2] = '\0';
    assert_true(phrase_pieces_cut(longest, &pieces));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_no_phrases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
