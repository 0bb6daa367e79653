#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/template_value.h"

#define BIT(context) (1U << (context))
#define BODIES (BIT(TEMPLATE_BODY_TEXT) | BIT(TEMPLATE_BODY_HTML))
#define TEXTS (BIT(TEMPLATE_WORD) | BIT(TEMPLATE_PHRASE) | BIT(TEMPLATE_TOKEN))
#define DOT_ATOMS (BIT(TEMPLATE_LOCAL) | BIT(TEMPLATE_ID_PART))

struct value_case {
    struct span value;
    uint32_t good; /* contexts where it may stand */
};

#define CASE(value, good)                                                                          \
    {                                                                                              \
        SPAN_INIT(value), good                                                                     \
    }

static const struct value_case cases[] = {
    CASE("", BODIES | TEXTS),
    CASE("plain text, <with> \"all\"", BODIES | TEXTS),
    CASE("J\xc3\xbcrgen", BODIES | TEXTS),
    CASE("tab\t", BODIES | TEXTS),
    CASE("\xe2\x80\xa8", BODIES | TEXTS), /* U+2028 */
    CASE("\x7f", BODIES | TEXTS),
    CASE("a\r\nb", BODIES),
    CASE("a\rb", BODIES),
    CASE("a\nb", BODIES),
    CASE("a\0b", 0),
    CASE("\x01", 0),
    CASE("\x1b[2J", 0),
    CASE("\x80", 0),
    CASE("\xc0\xaf", 0),
    CASE("\xed\xa0\x80", 0),
    CASE("abc", BODIES | TEXTS | DOT_ATOMS | BIT(TEMPLATE_DOMAIN)),
    CASE("a.b-c", BODIES | TEXTS | DOT_ATOMS | BIT(TEMPLATE_DOMAIN)),
    CASE("a+b", BODIES | TEXTS | DOT_ATOMS),
    CASE("a..b", BODIES | TEXTS),
    CASE("a@b", BODIES | TEXTS | BIT(TEMPLATE_MAILBOX) | BIT(TEMPLATE_ID_CONTENT)),
    CASE("\"a b\"@c", BODIES | TEXTS | BIT(TEMPLATE_MAILBOX)),
    CASE("<a@b>", BODIES | TEXTS | BIT(TEMPLATE_ID_WHOLE)),
    CASE("<>", BODIES | TEXTS),
    CASE("<", BODIES | TEXTS),
    CASE("a@b, c@d", BODIES | TEXTS),
    CASE("a@b\n", BODIES),
};

static void test_contexts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (uint32_t context = 0; context < TEMPLATE_CONTEXT_COUNT; context++) {
            const char *problem =
                template_value_problem((enum template_context)context, cases[i].value);
            if ((problem == NULL) != ((cases[i].good & BIT(context)) != 0))
                fail_msg("case %zu in context %u: %s", i, context, problem ? problem : "good");
        }
    }
}

static void test_token(void **state)
{
    struct span value = SPAN("https://x.example/?a=b&c=%20 <,>()\"\xc3\xbc\x01{}|\\^`");
    uint8_t data[200];
    struct text out;

    (void)state;
    text_init(&out, data, sizeof(data));
    template_value_put_token(value, &out);
    assert_true(span_equal(text_span(&out),
                           SPAN("https://x.example/?a=b&c=%20%20%3C%2C%3E%28%29%22%C3%BC%01"
                                "%7B%7D%7C%5C%5E%60")));
    assert_int_equal(template_value_token_size(value), out.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
