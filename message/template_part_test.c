#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/merge_template_case.h"

#define FROM "From: a@b.example\nTo: c@d\nDate: x\nMessage-ID: <a@b>\n"
#define FROM_OUT "From: a@b.example\r\nTo: c@d\r\nDate: x\r\nMessage-ID: <a@b>\r\n"
#define PART(head, body)                                                                           \
    FROM "Content-Type: multipart/mixed; boundary=b\n\n--b\n" head "\n" body "\n--b--\n"

static const struct template_case cases[] = {
    {"plain", FROM "\nhello\n", NULL, FROM_OUT "\r\nhello\r\n"},
    {"no last line end", FROM "\nhello", NULL, FROM_OUT "\r\nhello\r\n"},
    {"no body", FROM "\n", NULL, FROM_OUT "\r\n"},
    {"no blank line", FROM, NULL, FROM_OUT "\r\n"},
    {"a field makes it quoted-printable", FROM "\nhi {{a}}\n", "\xc3\xbc",
     FROM_OUT "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\nhi=20=C3=BC\r\n"},
    {"8-bit text too", FROM "\n\xc3\xbc\n", NULL, "quoted-printable\r\n\r\n=C3=BC\r\n"},
    {"8-bit text in another charset", FROM "Content-Type: text/plain; charset=iso-8859-1\n\n\xfc\n",
     NULL,
     "charset=iso-8859-1\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: "
     "quoted-printable\r\n\r\n=FC\r\n"},
    {"a line with a dot too", FROM "\n.x\n", NULL,
     FROM_OUT "MIME-Version: 1.0\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\n=2Ex\r\n"},
    {"charset us-ascii is replaced",
     FROM "Content-Type: text/html;\n charset=\"us-ascii\"; x=y\n\n{{a}}\n", "<",
     "\r\nContent-Type: text/html;\r\n charset=\"utf-8\"; x=y\r\n"},
    {"a charset is added", FROM "Content-Type: text/html ;\n\n{{a}}\n", "<",
     "\r\nContent-Type: text/html; charset=utf-8\r\n"},
    {"the transfer encoding is replaced in its place",
     FROM "Content-Transfer-Encoding: 8bit\nX-A: b\n\n{{a}}\n", "<",
     "\r\nContent-Transfer-Encoding: quoted-printable\r\nX-A: b\r\nMIME-Version: 1.0\r\n"},
    {"8bit that is 7bit", FROM "Content-Transfer-Encoding: 8bit\n\nx\n", NULL,
     "\r\nContent-Transfer-Encoding: 7bit\r\n"},
    {"HTML escapes", PART("Content-Type: text/html\n", "{{a}} {{{a}}}"), "<&'\">",
     "\r\n\r\n&lt;&amp;&#39;&quot;&gt;=20<&'\">\r\n--b--\r\n"},
    {"text does not", PART("", "{{a}} {{{a}}}"), "<", "\r\n\r\n<=20<\r\n--b--\r\n"},
    {"fields in quoted-printable",
     PART("Content-Transfer-Encoding: quoted-printable\n", "=7B{n=\name}}=3D"), "v",
     "\r\n\r\nv=3D\r\n--b--\r\n"},
    {"quoted-printable is kept",
     PART("Content-Transfer-Encoding: quoted-printable\n", "a=\n=C3=BC =\nb"), NULL,
     "\r\n\r\na=\r\n=C3=BC =\r\nb\r\n--b--\r\n"},
    {"quoted-printable with a dot is not",
     PART("Content-Transfer-Encoding: quoted-printable\n", "a=\n.b"), NULL,
     "\r\n\r\na.b\r\n--b--\r\n"},
    {"base64 is kept", PART("Content-Transfer-Encoding: base64\n", "aGVs\nbG8="), NULL,
     "\r\naGVs\r\nbG8=\r\n--b--"},
    {"attachments become base64",
     PART("Content-Type: application/pdf\nContent-Transfer-Encoding: binary\n", "\xff\r\n{{\n"),
     NULL,
     "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n/w0Ke3sK\r\n--b--"},
    {"or stay", PART("Content-Type: application/json\n", "{{\"a\":1}}"), NULL,
     "\r\n\r\n{{\"a\":1}}\r\n--b--"},
    {"a column is carried on", FROM "\n1234567890123456789012345678901234567890{{a}}123456\n",
     "12345678901234567890123456789012345", "12345678901234567890123456789012345=\r\n123456\r\n"},
    {"and may just fit", FROM "\n1234567890123456789012345678901234567890{{a}}123456\n",
     "123456789012345678901234567890", "123456789012345678901234567890123456\r\n"},
    {"no boundary can be made", PART("", "-{{a}}"), "-b", "\r\n\r\n=2D-b\r\n--b--\r\n"},
    {"nor with an empty value", PART("", "{{a}}--b"), "", "\r\n\r\n=2D-b\r\n--b--\r\n"},

    {"a section", FROM "\nhi\n  {{#a}}\n", NULL,
     "7:3 two opening braces that begin no field: {{#a}}"},
    {"a section in quoted-printable",
     PART("Content-Transfer-Encoding: quoted-printable\n", "a=\nb=20=7B=7B!"), NULL,
     "11:5 two opening braces"},
    {"a field in base64", PART("Content-Transfer-Encoding: base64\n", "e3thfX0="), NULL,
     "10:1 a field in a base64 part"},
    {"a field in an attachment", PART("Content-Type: image/svg+xml\n", "{{a}}"), NULL,
     "10:1 a field in a part that is not text"},
    {"a field in an attached message", PART("Content-Type: message/rfc822\n", "From: {{a}}"), NULL,
     "10:1 a field in a part that is not text"},
    {"8-bit in an attached message", PART("Content-Type: message/rfc822\n", "\xc3\xbc"), NULL,
     "10:1 8-bit octets"},
    {"a field in another charset", PART("Content-Type: text/plain; charset=iso-8859-1\n", "{{a}}"),
     NULL, "10:1 fields need the charset"},
    {"not UTF-8", FROM "\n\xff\n", NULL, "6:1 this part is not UTF-8"},
    {"an unknown transfer encoding", PART("Content-Transfer-Encoding: x-odd\n", "{{a}}"), NULL,
     "10:1 a field in an unknown transfer encoding"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        template_case_check(&cases[i]);
}

static void test_nul(void **state)
{
    struct merge_testing testing;

    (void)state;
    merge_testing_open(&testing, SPAN("From: a@b\n\na\0b\n"));
    assert_string_equal(testing.error.what, "a NUL octet in a text part");
    merge_testing_close(&testing);
}

/* One of a long line's halves must not look like a dot line; nothing is lost. */
static void test_long_lines(void **state)
{
    static char source[5000];
    struct merge_testing testing;
    struct text text;

    (void)state;
    text_init(&text, source, sizeof(source));
    text_add_cstr(&text, "From: a@b\n\n");
    text_add_fill(&text, '.', 3000);
    merge_testing_open(&testing, text_span(&text));
    assert_int_equal(testing.result, 0);
    assert_int_equal(merge_testing_merge(&testing, NULL, false, MERGE_STEP_MAX), 0);
    for (struct span rest = text_span(&testing.out); rest.size > 0;)
        assert_true(span_split(&rest, '\n').size <= 77);
    merge_testing_close(&testing);
}

/* Lines with dots in a part that must not be changed are stuffed on the way. */
static void test_dots_in_kept_parts(void **state)
{
    struct merge_testing testing;

    (void)state;
    merge_testing_open(&testing, SPAN("From: a@b\nContent-Type: message/rfc822\n\n.a\n\n..\n"));
    assert_int_equal(testing.result, 0);
    assert_int_equal(merge_testing_merge(&testing, NULL, false, MERGE_STEP_MAX), 0);
    assert_true(span_ends_nocase(text_span(&testing.out), SPAN("\r\n\r\n.a\r\n\r\n..\r\n")));
    assert_int_equal(merge_testing_size(&testing, NULL), testing.out.size);
    assert_int_equal(merge_testing_merge(&testing, NULL, true, MERGE_STEP_MAX), 0);
    assert_true(span_ends_nocase(text_span(&testing.out), SPAN("\r\n\r\n..a\r\n\r\n...\r\n.\r\n")));
    merge_testing_close(&testing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_dots_in_kept_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
