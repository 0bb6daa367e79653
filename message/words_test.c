#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "message/words.h"
#include "message/words_decode.h"

struct form_case {
    const char *in;
    enum words_form text;
    enum words_form phrase;
};

static const struct form_case form_cases[] = {
    {"", WORDS_EMPTY, WORDS_EMPTY},
    {"Anna", WORDS_PLAIN, WORDS_ATOM},
    {"Anna Maria", WORDS_PLAIN, WORDS_ATOM},
    {"a, b", WORDS_PLAIN, WORDS_QUOTED},
    {"J. Smith", WORDS_PLAIN, WORDS_QUOTED},
    {"say \"hi\" \\", WORDS_PLAIN, WORDS_QUOTED},
    {"<x@evil.example>", WORDS_PLAIN, WORDS_QUOTED},
    {" a", WORDS_Q, WORDS_QUOTED},
    {"a ", WORDS_Q, WORDS_QUOTED},
    {"a  b", WORDS_Q, WORDS_QUOTED},
    {"a\tb", WORDS_B, WORDS_B},
    {"a\r\nBcc: x", WORDS_B, WORDS_B},
    {"a=?b", WORDS_Q, WORDS_Q},
    {"=?utf-8?q?x?=", WORDS_B, WORDS_B},
    {"J\xc3\xbcrgen M", WORDS_B, WORDS_B},
    {"J\xc3\xbcrgen Maria", WORDS_Q, WORDS_Q},
    {"\xe6\x97\xa5\xe6\x9c\xac", WORDS_B, WORDS_B},
    {"1234567890123456789012345678901234567890123456789012345678901234567890", WORDS_PLAIN,
     WORDS_Q},
    {"12345678901234567890123456789012345678901234567890123456789012345678", WORDS_PLAIN,
     WORDS_ATOM},
    {"1234567890123456789012345678901234567890123456789012345678901234567,", WORDS_PLAIN,
     WORDS_QUOTED},
    {"12345678901234567890123456789012345678901234567890123456789012345\"\"", WORDS_PLAIN, WORDS_Q},
};

static void test_forms(void **state)
{
    uint8_t run[WORDS_RUN_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(form_cases); i++) {
        const struct form_case *c = &form_cases[i];
        assert_int_equal(words_form_text(span_cstr(c->in)), c->text);
        assert_int_equal(words_form_phrase(span_cstr(c->in)), c->phrase);
    }
    memset(run, 'x', sizeof(run));
    assert_int_equal(words_form_text(span_make(run, WORDS_RUN_MAX)), WORDS_PLAIN);
    assert_int_equal(words_form_text(span_make(run, WORDS_RUN_MAX + 1)), WORDS_Q);
}

static void put(struct words_line *line, enum words_form form, const char *in, struct text *out)
{
    size_t offset = 0;

    assert_true(words_put(line, form, span_cstr(in), &offset, out));
}

struct put_case {
    enum words_form form;
    uint32_t column;
    const char *in;
    const char *out;
};

static const struct put_case put_cases[] = {
    {WORDS_PLAIN, 70, "abcde", " abcde"},
    {WORDS_PLAIN, 70, "abcdef", "\r\n abcdef"},
    {WORDS_PLAIN, 66, "abc defgh ij", " abc defgh\r\n ij"},
    {WORDS_ATOM, 70, "<a@b", " <a@b"},
    {WORDS_ATOM, 70, "<a@b>", "\r\n <a@b>"}, /* a comma may follow */
    {WORDS_QUOTED, 10, "a\"b\\c", " \"a\\\"b\\\\c\""},
    {WORDS_Q, 10, "J\xc3\xbcrgen", " =?utf-8?q?J=C3=BCrgen?="},
    {WORDS_Q, 10, "a b_c?", " =?utf-8?q?a_b=5Fc=3F?="},
    {WORDS_Q, 43, "abc", " =?utf-8?q?abc?="},
    {WORDS_Q, 44, "abc", "\r\n =?utf-8?q?abc?="},
    {WORDS_B, 10, "\xe6\x97\xa5", " =?utf-8?b?5pel?="},
};

static void test_put(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(put_cases); i++) {
        const struct put_case *c = &put_cases[i];
        uint8_t data[2048];
        struct text out;
        struct words_line line = {.column = c->column};
        text_init(&out, data, sizeof(data));
        put(&line, c->form, c->in, &out);
        if (!span_equal(text_span(&out), span_cstr(c->out)))
            fail_msg("%s: %.*s", c->in, (int)out.size, (const char *)data);
    }
}

/* Readers drop the blank between two encoded words: it must be in one of them. */
static void test_neighbours(void **state)
{
    uint8_t data[2048];
    struct text out;
    struct words_line line = {.column = 8, .first = true};

    (void)state;
    text_init(&out, data, sizeof(data));
    put(&line, WORDS_Q, "\xc3\xbc", &out);
    put(&line, WORDS_Q, "\xc3\xb6", &out);
    put(&line, WORDS_PLAIN, "x", &out);
    put(&line, WORDS_Q, "\xc3\xa4", &out);
    assert_true(span_equal(text_span(&out), SPAN(" =?utf-8?q?=C3=BC?= =?utf-8?q?_=C3=B6?= x\r\n"
                                                 " =?utf-8?q?=C3=A4?=")));
}

/* Every text comes back from its encoded words, in lines of at most 76. */
static void test_random_round_trip(void **state)
{
    static const char *const pieces[] = {"a",  " ",  "\xc3\xbc", "\xe6\x97\xa5", "\xf0\x9f\x98\x80",
                                         "=?", "?=", "\"",       "\\",           ",",
                                         "_",  "\t"};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 2);
    for (uint32_t round = 0; round < 2000; round++) {
        uint8_t in[1000];
        uint8_t data[8192];
        uint8_t back_data[16384];
        uint32_t places[16384];
        struct text text;
        struct text out;
        struct text back;
        struct words_line line = {.column = 9, .first = true};
        size_t offset = 0;
        text_init(&text, in, sizeof(in));
        for (uint64_t i = prng_below(&prng, 200) + 1; i > 0; i--)
            text_add_cstr(&text, pieces[prng_below(&prng, ARRAY_LEN(pieces))]);
        text_init(&out, data, sizeof(data));
        enum words_form form = prng_below(&prng, 2) == 0 ? WORDS_Q : WORDS_B;
        assert_true(words_put(&line, form, text_span(&text), &offset, &out));
        for (struct span rest = text_span(&out); rest.size > 0;) {
            struct span folded = span_split(&rest, '\n');
            assert_true(folded.size <= (rest.data == NULL || rest.size == 0 ? 76 : 77));
            assert_true(span_is_ascii(folded));
        }
        /* Unfolded: encoded words with one blank between them. */
        for (size_t i = 0; i < out.size; i++)
            data[i] = data[i] == '\r' || data[i] == '\n' ? ' ' : data[i];
        text_init(&back, back_data, sizeof(back_data));
        assert_true(words_decode(text_span(&out), &back, places));
        assert_true(span_equal(text_span(&back), text_span(&text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_neighbours),

        cmocka_unit_test(test_random_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
