#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "bounce/notice_phrases.h"

static const struct notice_phrases_entry entries[] = {
    {SPAN_INIT("not delivered"), 1},
    {SPAN_INIT("not delivered to"), 2},
    {SPAN_INIT("undeliver"), 3},
    {SPAN_INIT("delivered"), 4},
    {SPAN_INIT("\xd0\xbd\xd0\xb5"), 5},
    {SPAN_INIT("auto: "), 6},
    {SPAN_INIT("no mail"), 7},
    {SPAN_INIT("\xc3\xa9"
               "chec de"),
     8},
    {SPAN_INIT("\xd0\xbd\xd1\x8b"), 9},
};

static struct arena arena;
static struct notice_phrases *phrases;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, notice_phrases_cost(ARRAY_LEN(entries))), 0);
    phrases = notice_phrases_open(&arena, entries, ARRAY_LEN(entries));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_found(void **state)
{
    static const struct {
        const char *text, *expected; /* meanings as digits */
    } cases[] = {
        {"", ""},
        {"no", ""},
        {"not delivered", "14"},
        {"NOT\r\n\tDelivered", "14"},
        {"not  delivered   to you", "24"},
        {"not delivere", ""},
        {"cannot delivered", "4"},
        {"Undeliverable: x", "3"},
        {"mundeliver", ""},
        {"(undeliver)", "3"},
        {"auto:x", ""},
        {"Auto: x", "6"},
        {"\xd0\xbd\xd0\xb5 \xd0\xbd\xd0\xb5", "55"},
        {"\xd0\x9f\xd0\xbd\xd0\xb5", "5"},           /* other scripts: at any character */
        {"\xd0\x9d\xd0\xb5 \xd0\x9d\xd1\x8b", "59"}, /* a first letter in upper case */
        {"\xc3\x89"
         "CHEC  de x",
         "8"},
        {"no\nmail \xc3\xa8"
         "chec de",
         "7"},
        {"this text is longer than sixty-four bytes, and so it is not\tdelivered to", "24"},
        {"undeliver undeliver undeliver", "333"},
        {"not                                                                            "
         "delivered to",
         "24"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct notice_phrases_hit hits[8];
        char found[9] = "";
        struct span text = span_cstr(cases[i].text);
        size_t count = notice_phrases_find(phrases, text, hits, 8);

        for (size_t j = 0; j < count; j++) {
            found[j] = (char)('0' + hits[j].meaning);
            assert_true(hits[j].at + hits[j].size <= text.size);
        }
        assert_string_equal(found, cases[i].expected);
    }
}

static void test_stops_at_the_most(void **state)
{
    struct notice_phrases_hit hits[2];

    (void)state;
    assert_int_equal(notice_phrases_find(phrases, SPAN("undeliver undeliver undeliver"), hits, 2),
                     2);
    assert_int_equal(hits[1].at, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_stops_at_the_most),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
