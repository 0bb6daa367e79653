#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "bounce/phrases.h"
#include "bounce/reply_fold.h"

static bool holds(const char *phrase, const char *text)
{
    struct arena arena;
    struct phrases_found found;
    uint32_t bad;
    bool has;

    assert_true(phrases_check(&phrase, 1, &bad));
    assert_int_equal(arena_open(&arena, phrases_memory(&phrase, 1)), 0);
    phrases_scan(phrases_open(&arena, &phrase, 1), span_cstr(text), &found);
    has = phrases_has(&found, 0);
    arena_close(&arena);
    return has;
}

static void test_borders_and_gaps(void **state)
{
    static const struct {
        const char *phrase;
        const char *text;
        bool want;
    } table[] = {
        {"full", "mailbox full", true},
        {"full", "fully booked", false},
        {"full", "successful", false},
        {"full*", "fully booked", true},
        {"*full", "mailboxfull", true},
        {"*full", "mailboxfully", false},
        {"full", "(full)", true},
        {"(full", "x(full", true},
        {"doesn't exist", "it doesnt exist.", true},
        {"user * unknown", "user x unknown", true},
        {"user * unknown", "user unknown", true},
        {"user * unknown", "unknown user", false},
        {"user * unknown", "unknown user unknown", true},
        {"a * b * c", "a a b b c", true},
        {"a * b * c", "a b a c", true},
        {"a * b * c", "a c b", false},
        {"a * a", "a", false},
        {"a * a", "a a", true},
        {"a * b",
         "a 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 b",
         false},
        {"a * b",
         "a 123456789 123456789 123456789 123456789 123456789 123456789 123456789 12345678 b",
         true},
        {"a * b",
         "a a 3456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 b",
         true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (holds(table[i].phrase, table[i].text) != table[i].want)
            fail_msg("\"%s\" in \"%s\"", table[i].phrase, table[i].text);
    }
}

static void test_bad_phrases_are_refused(void **state)
{
    static const char *const list[] = {"", "*", "**", "a * ", " * a", "a * b * c * d * e", "'"};
    char longest[RULES_PHRASE_SIZE_MAX + 2];
    const char *one = longest;
    uint32_t bad;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        const char *const pair[] = {"good", list[i]};

        assert_false(phrases_check(pair, 2, &bad));
        assert_int_equal(bad, 1);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(phrases_check(&one, 1, &bad));
    longest[sizeof(longest) - 2] = '\0';
    assert_true(phrases_check(&one, 1, &bad));
}

/* The plain way to the same answer, for phrases of one part without a star at the end. */
static bool stands_in(const char *phrase, struct span text)
{
    bool star = phrase[0] == '*';
    struct span wanted = span_skip(span_cstr(phrase), star);

    for (size_t at = 0; at + wanted.size <= text.size; at++) {
        size_t end = at + wanted.size;

        if (span_equal(span_slice(text, at, wanted.size), wanted) &&
            (star || at == 0 || !reply_fold_is_word(text.data[at - 1]) ||
             !reply_fold_is_word(text.data[at])) &&
            (end == text.size || !reply_fold_is_word(text.data[end]) ||
             !reply_fold_is_word(text.data[end - 1])))
            return true;
    }
    return false;
}

#define RANDOM_PHRASES 200

static void test_agrees_with_the_plain_search(void **state)
{
    static char words[RANDOM_PHRASES][9];
    const char *list[RANDOM_PHRASES];
    struct prng prng;
    struct arena arena;
    struct phrases *phrases;
    struct phrases_found found;
    uint32_t bad, hits = 0;

    (void)state;
    prng_seed(&prng, 4711);
    for (uint32_t i = 0; i < RANDOM_PHRASES; i++) {
        uint32_t star = i % 3 == 0, size = star + 1 + (uint32_t)prng_below(&prng, 6);

        words[i][0] = '*';
        for (uint32_t b = star; b < size; b++)
            words[i][b] = "ab-"[prng_below(&prng, 3)];
        list[i] = words[i];
    }
    assert_true(phrases_check(list, RANDOM_PHRASES, &bad));
    assert_int_equal(arena_open(&arena, phrases_memory(list, RANDOM_PHRASES)), 0);
    phrases = phrases_open(&arena, list, RANDOM_PHRASES);
    arena_seal(&arena);
    for (uint32_t round = 0; round < 500; round++) {
        uint8_t text[24];
        struct span span = span_make(text, prng_below(&prng, sizeof(text)));

        for (size_t b = 0; b < span.size; b++)
            text[b] = (uint8_t) "ab- "[prng_below(&prng, 4)];
        phrases_scan(phrases, span, &found);
        for (uint32_t i = 0; i < RANDOM_PHRASES; i++) {
            assert_int_equal(phrases_has(&found, i), stands_in(list[i], span));
            hits += phrases_has(&found, i);
        }
    }
    assert_true(hits > 1000);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_borders_and_gaps),
        cmocka_unit_test(test_bad_phrases_are_refused),
        cmocka_unit_test(test_agrees_with_the_plain_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
