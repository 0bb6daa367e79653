#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/reply_fold.h"

static void test_folding(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } table[] = {
        {"", ""},
        {"  User\t\r\n  Unknown ", "user unknown "},
        {"doesn't \"exist\" `x`", "doesnt exist x"},
        {"doesn\xe2\x80\x99t", "doesnt"},
        {"Bo\xc3\xaete pleine, Empf\xc3\xa4nger \xc5\xa1", "boite pleine, empfanger s"},
        {"no\xc2\xa0user", "no user"},
        {"\xef\xbb\xbfUs\xc2\xad"
         "er\xe2\x80\x89un\xe2\x80\x8bknown\xe2\x80\xac",
         "user unknown"},
        {"\xef\xbc\xb5\xef\xbd\x93\xef\xbd\x85\xef\xbd\x92 \xef\xbc\x95\xef\xbc\x9a", "user 5 "},
        {"\xff\xfe x", "\x7f\x7f x"},
        {"\xe6\x97\xa5x\xe2\x86\x92", "\x06\x09x\x7f"}, /* U+65E5 is 26085 */
        {"\xd0\x9f\xd0\xbf\xce\xa9\xcf\x89", "\x08\x09\x08\x09\x0a\x07\x0a\x07"},
        {"a\xcc\x81\xef\xbc\x9a\xe3\x80\x80 x\xef\xbc\x9a", "a x "},
        {"<user.unknown+a@example.com>: no", "<@>: no"},
        {"a@example.com... No such user", "@... no such user"},
        {"@", "@"},
        {"RCPT TO:<a@b.c> x", "rcpt to:<@> x"},
        {"Please 552-5.2.2 direct 552-it 552 ok", "please direct it 552 ok"},
        {"550-5.1.1.7 x", "5.1.1.7 x"},
        {"1550-x 999-y", "1550-x 999-y"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        uint8_t into[200];
        struct span text = span_cstr(table[i].text);
        size_t size = reply_fold(text, into, sizeof(into));

        assert_true(size <= text.size);
        if (!span_equal(span_make(into, size), span_cstr(table[i].want)))
            fail_msg("\"%s\" became \"%.*s\"", table[i].text, (int)size, into);
    }
}

static void test_folding_stops_at_the_capacity(void **state)
{
    static const char text[] = "some words that are longer than that, a@b.example \xc3\xa4";

    (void)state;
    for (size_t capacity = 0; capacity < sizeof(text); capacity++) {
        uint8_t *into = malloc(capacity + 1);

        into[capacity] = 0x55;
        assert_true(reply_fold(SPAN(text), into, capacity) <= capacity);
        assert_int_equal(into[capacity], 0x55);
        free(into);
    }
}

static void test_status_in_a_text(void **state)
{
    static const struct {
        const char *text;
        uint16_t class;
        uint16_t want[3];
    } table[] = {
        {"sorry (#5.1.1)", 0, {5, 1, 1}},    {"sorry, 5.7.1: no", 5, {5, 7, 1}},
        {"550-5.7.1 x", 5, {0, 0, 0}},       {"5.7.1", 4, {0, 0, 0}},
        {"host 5.1.2.3 said", 0, {0, 0, 0}}, {"v3.5.1.1", 0, {0, 0, 0}},
        {"5.1.1000", 0, {0, 0, 0}},          {"15.1.1", 0, {0, 0, 0}},
        {"5.1.1x 4.2.2", 0, {4, 2, 2}},      {"ends 5.1.", 0, {0, 0, 0}},
        {"mail 5.2.121.", 5, {5, 2, 121}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        uint16_t got[3] = {0, 0, 0};

        if (!reply_fold_find_status(span_cstr(table[i].text), table[i].class, got))
            memset(got, 0, sizeof(got));
        assert_memory_equal(got, table[i].want, sizeof(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_folding_stops_at_the_capacity),
        cmocka_unit_test(test_status_in_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
