#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "message/mime_parameter.h"

static struct arena arena;
static struct charset *charset;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, charset_cost()), 0);
    charset = charset_open(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    charset_close(charset);
    arena_close(&arena);
    return 0;
}

static void test_parameters(void **state)
{
    static const struct {
        const char *body, *name, *expected; /* NULL: there is none */
    } cases[] = {
        {"text/plain; charset=utf-8", "charset", "utf-8"},
        {"text/plain; CHARSET = utf-8 ; x=y", "charset", "utf-8"},
        {"text/plain; charset=\"utf-8\"; x=y", "Charset", "utf-8"},
        {"text/plain; x=\"charset=no\"; charset=yes", "charset", "yes"},
        {"text/plain;\r\n\tcharset=a (a comment)", "charset", "a"},
        {"multipart/mixed; boundary=\"a;b=c\"", "boundary", "a;b=c"},
        {"multipart/mixed; boundary=\"a\\\"b\\\\c\"", "boundary", "a\"b\\c"},
        {"multipart/mixed; boundary=\"a\r\n b\"", "boundary", "a b"},
        {"multipart/mixed; boundary=a b c", "boundary", "a b c"},
        {"multipart/mixed; boundary=\"open", "boundary", "open"},
        {"multipart/mixed; boundary=\"open\\", "boundary", "open"},
        {"text/plain", "charset", NULL},
        {"text/plain; charset", "charset", ""},
        {"text/plain; charset=", "charset", ""},
        {"charset=utf-8", "charset", NULL}, /* before the first semicolon */
        {"text/plain; charsets=a", "charset", NULL},
        /* RFC 2231 */
        {"a; name*=us-ascii'en-us'This%20is", "name", "This is"},
        {"a; name*=iso-8859-1''%FCber", "name",
         "\xc3\xbc"
         "ber"},
        {"a; name*0=\"one \"; name*1=\"two\"", "name", "one two"},
        {"a; name*1=two; name*0=one", "name", "onetwo"},
        {"a; name*0*=utf-8''%C3; name*1*=%BC; name*2=%20", "name", "\xc3\xbc%20"},
        {"a; name*0=one; name*2=three", "name", "one"},
        {"a; name*1=two", "name", NULL},
        {"a; name*99999999999999999999=x; name*-1=y", "name", NULL},
        {"a; name*0=a; name=plain", "name", "a"},
        {"a; name=plain; name*0=a", "name", "plain"},
        {"a; name*=%zz%4", "name", "%zz%4"},
        {"a; name*=../../x''%FC", "name", "\xc3\xbc"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t buffer[256];
        struct text out;
        struct span value;
        bool found;

        text_init(&out, buffer, sizeof(buffer));
        found = mime_parameter_find(span_cstr(cases[i].body), span_cstr(cases[i].name), charset,
                                    &out, &value);
        if (found != (cases[i].expected != NULL) ||
            (found && !span_equal(value, span_cstr(cases[i].expected))))
            fail_msg("%s: %d \"%.*s\"", cases[i].body, found, found ? (int)value.size : 0,
                     found ? (const char *)value.data : "");
    }
}

static void test_no_room_no_overflow(void **state)
{
    uint8_t buffer[3];
    struct text out;
    struct span value;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    assert_true(mime_parameter_find(SPAN("a; n*=utf-8''abcdef"), SPAN("n"), charset, &out, &value));
    assert_true(span_equal(value, SPAN("abc")));
    text_init(&out, buffer, sizeof(buffer));
    assert_true(mime_parameter_find(SPAN("a; n=\"a\\bcdef\""), SPAN("n"), NULL, &out, &value));
    assert_true(span_equal(value, SPAN("abc")));
    assert_false(out.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_no_room_no_overflow),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
