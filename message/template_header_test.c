#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/merge_template_case.h"

#define FROM "From: a@b.example\n"

static const struct template_case cases[] = {
    {"kept as folded", FROM "Subject: one\n  two\n\nx\n", NULL, "\r\nSubject: one\r\n  two\r\n"},
    {"kept with encoded words", FROM "Subject: =?utf-8?q?=C3=BC?=\n\nx\n", NULL,
     "\r\nSubject: =?utf-8?q?=C3=BC?=\r\n"},
    {"8-bit text is encoded",
     FROM "Subject: Gr\xc3\xbc\xc3\x9f"
          "e an alle\n\nx\n",
     NULL, "\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?= an alle\r\n"},
    {"a field", FROM "Subject: Hi {{a}}, you\n\nx\n", "Anna", "\r\nSubject: Hi Anna, you\r\n"},
    {"blanks in braces", FROM "Subject: Hi {{ a }}!\n\nx\n", "Anna", "\r\nSubject: Hi Anna!\r\n"},
    {"an empty word goes", FROM "Subject: Hi {{a}} you\n\nx\n", "", "\r\nSubject: Hi you\r\n"},
    {"an empty header field", FROM "Subject: {{a}}\n\nx\n", "", "\r\nSubject:\r\n"},
    {"a value with 8-bit text", FROM "Subject: x{{a}}y z\n\nx\n", "\xc3\xbc",
     "\r\nSubject: =?utf-8?q?x=C3=BCy?= z\r\n"},
    {"two encoded words keep their blank", FROM "Subject: {{a}} {{a}}\n\nx\n", "\xc3\xbc",
     "\r\nSubject: =?utf-8?b?w7w=?= =?utf-8?b?IMO8?=\r\n"},
    {"... also after a literal one", FROM "Subject: \xc3\xa4 {{a}}\n\nx\n", "\xc3\xbc",
     "\r\nSubject: =?utf-8?b?w6Q=?= =?utf-8?b?IMO8?=\r\n"},
    {"an encoded word in a value is text", FROM "Subject: {{a}}\n\nx\n",
     "=?utf-8?q?x?=", "\r\nSubject: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n"},
    {"a field in an encoded word", FROM "Subject: =?utf-8?q?Gr=C3=BC_=7B=7Ba=7D=7D?=\n\nx\n", "b",
     "\r\nSubject: =?utf-8?q?Gr=C3=BC?= b\r\n"},
    {"half an encoded word cannot be made", FROM "Subject: ={{a}}\n\nx\n",
     "?utf-8?q?x?=", "\r\nSubject: =?utf-8?b?"},
    {"folded at a word",
     FROM "X-Note: "
          "12345678901234567890123456789012345678901234567890 {{a}} z\n\nx\n",
     "123456789012345678", "1234567890\r\n 123456789012345678 z\r\n"},
    {"a long value is folded at its spaces", FROM "X-Note: {{a}}\n\nx\n",
     "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890",
     "1234567890\r\n 1234567890\r\n"},
    {"a URL is percent-encoded",
     FROM "List-Unsubscribe: <https://x.example/{{a}}>, <mailto:u@x>\n\nx\n", "a b>,<c",
     "\r\nList-Unsubscribe: <https://x.example/a%20b%3E%2C%3Cc>, <mailto:u@x>\r\n"},
    {"a part of a Message-ID", FROM "Message-ID: <{{a}}.x@b.example>\n\nx\n", "1",
     "\r\nMessage-ID: <1.x@b.example>\r\n"},
    {"a whole Message-ID", FROM "References: {{a}} <c@d>\n\nx\n", "<1@b>",
     "\r\nReferences: <1@b> <c@d>\r\n"},
    {"what a Message-ID holds", FROM "In-Reply-To: <{{a}}>\n\nx\n", "1@b",
     "\r\nIn-Reply-To: <1@b>\r\n"},
    {"a long line without fields",
     FROM "Received: " LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100
         LONG_100 LONG_100 "\n\nx\n",
     NULL, "012345678\r\n 012345678 "},
    {"a line of blanks only", FROM "Subject: a\n \n b\n\nx\n", NULL, "\r\nSubject: a b\r\n"},
    {"Bcc is removed", FROM "Bcc: x@y.example,\n z@y.example\nX-A: b\n\nx\n", NULL,
     "From: a@b.example\r\nX-A: b\r\n"},

    {"sections", FROM "Subject: a\n {{#b}}\n\nx\n", NULL,
     "3:2 two opening braces that begin no field"},
    {"an open field", FROM "Subject: {{b\n\nx\n", NULL, "2:10 two opening braces"},
    {"a field in Date", FROM "Date: {{a}}\n\nx\n", NULL,
     "2:7 no field may stand in the header field: Date"},
    {"a field in Content-Type", FROM "Content-Type: {{a}}\n\nx\n", NULL, "2:15 no field may stand"},
    {"8-bit text in a URL", FROM "List-Help: <\xc3\xbc>\n\nx\n", NULL, "2:11 only ASCII"},
    {"latin-1", FROM "Subject: \xfc\n\nx\n", NULL, "2:9 a header field that is not UTF-8 text"},
    {"a control character", FROM "Subject: \x01\n\nx\n", NULL, "2:9 a control character"},
    {"an encoded line break beside a field", FROM "Subject: =?utf-8?q?a=0D=0AB:_c?= {{a}}\n\nx\n",
     NULL, "2:9 a header field that is not UTF-8 text"},
    {"a foreign charset beside a field", FROM "Subject: =?koi8-r?q?a?= {{a}}\n\nx\n", NULL,
     "2:9 an encoded word in a charset other than"},
    {"nine fields in a word", FROM "Subject: {{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}\n\nx\n",
     NULL, "2:10 more than 8 fields"},
    {"no Message-ID", FROM "Message-ID: x{{a}}\n\nx\n", NULL, "2:13 not the form <left@right>"},
    {"no Message-ID either", FROM "Message-ID: <{{a}}{{b}}>\n\nx\n", NULL, "2:13 not the form"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        template_case_check(&cases[i]);
}

/* A header field may have 32 KiB, a name 70 octets. */
static void test_sizes(void **state)
{
    static char source[TEMPLATE_HEADER_MAX + 200];
    struct merge_testing testing;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct text text;
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b.example\nX: ");
        while (text.size < 18 + TEMPLATE_HEADER_MAX - 10 + extra)
            text_add_cstr(&text, (text.size - 18) % 500 == 499 ? "\n" : " ");
        while (text.size < 18 + TEMPLATE_HEADER_MAX - 1 + extra)
            text_add_cstr(&text, "x");
        text_add_cstr(&text, "\n\nbody\n");
        merge_testing_open(&testing, text_span(&text));
        assert_int_equal(testing.result < 0, extra == 1);
        merge_testing_close(&testing);
    }
    for (size_t size = HEADER_NAME_MAX; size < HEADER_NAME_MAX + 2; size++) {
        struct text text;
        text_init(&text, source, sizeof(source));
        text_add_cstr(&text, "From: a@b.example\n");
        text_add_fill(&text, 'x', size);
        text_add_cstr(&text, ": x\n\nbody\n");
        merge_testing_open(&testing, text_span(&text));
        assert_int_equal(testing.result<0, size> HEADER_NAME_MAX);
        merge_testing_close(&testing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
