#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/merge_template_case.h"

#define FROM "From: a@b.example\n"
#define MIXED FROM "Content-Type: multipart/mixed; boundary=b\n\n"

static const struct template_case cases[] = {
    {"preamble and epilogue go", MIXED "before\n--b\n\none\n--b \t\n\ntwo\n--b--\nafter\n", NULL,
     "\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"},
    {"an empty part", MIXED "--b\n\n--b--\n", NULL, "\r\n--b\r\n\r\n--b--\r\n"},
    {"a blank line in a part", MIXED "--b\n\n\n--b--\n", NULL, "\r\n--b\r\n\r\n\r\n--b--\r\n"},
    {"a longer boundary is none", MIXED "--b\n\n--bb\n--b-\n--b--\n", NULL,
     "\r\n\r\n--bb\r\n--b-\r\n--b--\r\n"},
    {"multiparts in one another",
     MIXED "--b\nContent-Type: multipart/alternative; boundary=\"b b\"\n\n--b b\n\n1\n--b b--\n"
           "x\n--b\n\n2\n--b--",
     NULL, "\r\n--b b\r\n\r\n1\r\n--b b--\r\n--b\r\n\r\n2\r\n--b--\r\n"},
    {"a digest holds messages",
     FROM "Content-Type: multipart/digest; boundary=b\n\n--b\n\nFrom: x\n\n.\n--b--\n", NULL,
     "\r\n--b\r\n\r\nFrom: x\r\n\r\n.\r\n--b--\r\n"},
    {"signed parts stay",
     FROM "Content-Type: multipart/signed; boundary=b\n\nx\n--b\n\n .\n--b--\ny\n", NULL,
     "\r\n\r\nx\r\n--b\r\n\r\n .\r\n--b--\r\ny\r\n"},
    {"a byte order mark", "\xef\xbb\xbf" FROM "\nx\n", NULL, "From: a@b.example\r\n"},
    {"line ends of all sorts", "From: a@b.example\rX: y\r\n\n1\r2\n3\r\n4", NULL,
     "\r\n\r\n1\r\n2\r\n3\r\n4\r\n"},

    {"empty", "", NULL, "0:0 the header field From is missing"},
    {"no header", "hello\n", NULL, "1:1 this line is no header field: hello"},
    {"no header in a part", MIXED "--b\nhello\n--b--\n", NULL,
     "5:1 this line is no header field: hello"},
    {"no boundary at all", FROM "Content-Type: multipart/mixed\n\nx\n", NULL,
     "1:1 a multipart without a boundary"},
    {"not closed", MIXED "--b\n\nx\n", NULL, "7:1 a multipart is not closed: b"},
    {"never opened", MIXED "x\n", NULL, "5:1 a multipart is not closed: b"},
    {"the inner one not closed",
     MIXED "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\n", NULL,
     "10:1 a multipart is not closed: c"},
    {"an encoded multipart",
     FROM "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n", NULL,
     "1:1 a multipart in a transfer encoding"},
    {"twice the same", MIXED "--b\nContent-Type: text/plain\nContent-type: text/html\n\nx\n--b--\n",
     NULL, "6:1 this header field may stand only once: Content-type"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        template_case_check(&cases[i]);
}

static void check_error(struct text *text, const char *what)
{
    struct merge_testing testing;

    assert_false(text->overflow);
    merge_testing_open(&testing, text_span(text));
    assert_int_equal(testing.result < 0, what != NULL);
    if (what)
        assert_string_equal(testing.error.what, what);
    merge_testing_close(&testing);
}

static void test_depth(void **state)
{
    static char source[8192];
    struct text text;

    (void)state;
    for (uint32_t depth = TEMPLATE_DEPTH_MAX; depth <= TEMPLATE_DEPTH_MAX + 1; depth++) {
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b\n");
        for (uint32_t i = 0; i < depth; i++)
            text_add_format(&text, "Content-Type: multipart/mixed; boundary=b%u.\n\n--b%u.\n", i,
                            i);
        text_add_cstr(&text, "\nx\n");
        for (uint32_t i = depth; i-- > 0;)
            text_add_format(&text, "--b%u.--\n", i);
        check_error(&text,
                    depth > TEMPLATE_DEPTH_MAX ? "more than 20 multiparts in one another" : NULL);
    }
}

static void test_counts(void **state)
{
    static char source[65536];
    struct text text;

    (void)state;
    for (uint32_t parts = TEMPLATE_PARTS_MAX; parts <= TEMPLATE_PARTS_MAX + 1; parts++) {
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n");
        for (uint32_t i = 0; i < parts; i++)
            text_add_cstr(&text, "--b\n\n{{a}}\n");
        text_add_cstr(&text, "--b--\n");
        check_error(&text, parts > TEMPLATE_PARTS_MAX ? "more than 200 parts" : NULL);
    }
    for (uint32_t fields = 1000; fields <= 1001; fields++) {
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b\n");
        for (uint32_t i = 1; i < fields; i++)
            text_add_cstr(&text, "X-A: b\n");
        check_error(&text, fields > 1000 ? "more than 1000 header fields" : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
