#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/reply.h"

static const struct {
    const char *label;
    uint16_t code;
    const char *text;
    const char *enhanced; /* NULL: none is taken */
    const char *rest;
} enhanced_cases[] = {
    {"plain", 550, "5.1.1 user unknown", "5.1.1", "user unknown"},
    {"success", 250, "2.0.0 ok", "2.0.0", "ok"},
    {"temporary", 451, "4.7.1 later", "4.7.1", "later"},
    {"alone", 550, "5.1.1", "5.1.1", ""},
    {"three digits", 550, "5.123.999 x", "5.123.999", "x"},
    {"several blanks", 550, "5.1.1 \t  x", "5.1.1", "x"},
    {"colon", 550, "5.7.1: refused", "5.7.1", "refused"},
    {"class differs from code", 450, "5.1.1 x", NULL, NULL},
    {"class 3", 354, "3.0.0 x", NULL, NULL},
    {"class of two digits", 550, "55.1.1 x", NULL, NULL},
    {"four digits", 550, "5.1.1234 x", NULL, NULL},
    {"an address", 550, "5.1.1.7 is blocked", NULL, NULL},
    {"two parts", 550, "5.1 x", NULL, NULL},
    {"no detail", 550, "5.1. x", NULL, NULL},
    {"no subject", 550, "5..1 x", NULL, NULL},
    {"letter follows", 550, "5.1.1x", NULL, NULL},
    {"blank before", 550, " 5.1.1 x", NULL, NULL},
    {"negative", 550, "-5.1.1 x", NULL, NULL},
    {"empty", 550, "", NULL, NULL},
    {"a digit", 550, "5", NULL, NULL},
    {"two bytes", 550, "5.", NULL, NULL},
};

static void test_enhanced(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(enhanced_cases); i++) {
        struct span text = span_cstr(enhanced_cases[i].text);
        struct reply reply = {.code = 0};
        bool taken = reply_take_enhanced(enhanced_cases[i].code, &text, reply.enhanced);
        uint8_t buffer[64];
        struct text out;

        print_message("%s\n", enhanced_cases[i].label);
        assert_int_equal(taken, enhanced_cases[i].enhanced != NULL);
        if (!taken) {
            assert_true(span_equal(text, span_cstr(enhanced_cases[i].text)));
            assert_int_equal(reply.enhanced[0], 0);
            continue;
        }
        assert_true(span_equal(text, span_cstr(enhanced_cases[i].rest)));
        text_init(&out, buffer, sizeof(buffer));
        reply_write(&reply, &out);
        assert_true(span_equal(text_span(&out), span_cstr(enhanced_cases[i].enhanced)));
    }
}

static const struct {
    const char *label;
    struct span in;
    struct span out;
} text_cases[] = {
    {"plain", SPAN_INIT("user unknown"), SPAN_INIT("user unknown")},
    {"trimmed", SPAN_INIT("  x y \r\n"), SPAN_INIT("x y")},
    {"tab", SPAN_INIT("a\tb"), SPAN_INIT("a b")},
    {"escape and NUL", SPAN_INIT("a\033[31mb\0c"), SPAN_INIT("a?[31mb?c")},
    {"line breaks inside", SPAN_INIT("a\r\nb"), SPAN_INIT("a??b")},
    {"UTF-8 stays", SPAN_INIT("gr\xc3\xbc\xc3\x9f"), SPAN_INIT("gr\xc3\xbc\xc3\x9f")},
    {"Latin-1", SPAN_INIT("gr\xfc\xdf"), SPAN_INIT("gr??")},
    {"C1 control",
     SPAN_INIT("a\xc2\x9b"
               "b"),
     SPAN_INIT("a??b")},
    {"overlong", SPAN_INIT("\xc0\xaf"), SPAN_INIT("??")},
    {"surrogate", SPAN_INIT("\xed\xa0\x80"), SPAN_INIT("???")},
    {"right-to-left override",
     SPAN_INIT("a\xe2\x80\xae"
               "b"),
     SPAN_INIT("a???b")},
    {"cut character", SPAN_INIT("a\xe2\x82"), SPAN_INIT("a??")},
    {"empty", SPAN_INIT(""), SPAN_INIT("")},
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(text_cases); i++) {
        struct reply reply = {.text_size = 7};

        print_message("%s\n", text_cases[i].label);
        reply_set_text(&reply, text_cases[i].in);
        assert_true(span_equal(span_make(reply.text, reply.text_size), text_cases[i].out));
    }
}

static void test_text_is_cut_at_a_character(void **state)
{
    uint8_t long_text[REPLY_TEXT_MAX + 100];
    struct reply reply = {.code = 0};

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    reply_set_text(&reply, span_make(long_text, sizeof(long_text)));
    assert_int_equal(reply.text_size, REPLY_TEXT_MAX);
    long_text[REPLY_TEXT_MAX - 2] = 0xe2; /* the euro sign over the border */
    long_text[REPLY_TEXT_MAX - 1] = 0x82;
    long_text[REPLY_TEXT_MAX] = 0xac;
    reply_set_text(&reply, span_make(long_text, sizeof(long_text)));
    assert_int_equal(reply.text_size, REPLY_TEXT_MAX - 2);
    assert_true(span_is_utf8(span_make(reply.text, reply.text_size)));
}

static void test_write(void **state)
{
    static const struct {
        uint16_t code;
        uint16_t enhanced[3];
        const char *text;
        const char *out;
    } cases[] = {
        {550, {5, 1, 1}, "user unknown", "550 5.1.1 user unknown"},
        {250, {0, 0, 0}, "ok", "250 ok"},
        {421, {4, 3, 2}, "", "421 4.3.2"},
        {250, {0, 0, 0}, "", "250"},
        {0, {0, 0, 0}, "no route to host", "no route to host"},
        {0, {0, 0, 0}, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reply reply = {.code = cases[i].code};
        uint8_t buffer[64];
        struct text out;

        memcpy(reply.enhanced, cases[i].enhanced, sizeof(reply.enhanced));
        reply_set_text(&reply, span_cstr(cases[i].text));
        text_init(&out, buffer, sizeof(buffer));
        reply_write(&reply, &out);
        assert_true(span_equal(text_span(&out), span_cstr(cases[i].out)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enhanced),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_is_cut_at_a_character),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
