#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/merge_template_case.h"

#define FROM "From: a@b.example\n"

static const struct template_case cases[] = {
    {"kept", FROM "To: \"A, B\" <a@b> (note),\n c@d\n\nx\n", NULL,
     "\r\nTo: \"A, B\" <a@b> (note),\r\n c@d\r\n"},
    {"a group is kept", FROM "To: undisclosed-recipients:;\n\nx\n", NULL,
     "\r\nTo: undisclosed-recipients:;\r\n"},
    {"an 8-bit name", FROM "To: \"M\xc3\xbcller, A\" <a@b>\n\nx\n", NULL,
     "\r\nTo: =?utf-8?q?M=C3=BCller=2C_A?= <a@b>\r\n"},
    {"a name", FROM "To: {{a}} <a@b>\n\nx\n", "Anna Maria", "\r\nTo: Anna Maria <a@b>\r\n"},
    {"a name to be quoted", FROM "To: {{a}} <a@b>\n\nx\n", "x@evil, ",
     "\r\nTo: \"x@evil,\" <a@b>\r\n"},
    {"a name with quotes", FROM "To: \"{{a}}\" <a@b>\n\nx\n", "\"\\",
     "\r\nTo: \"\\\"\\\\\" <a@b>\r\n"},
    {"a name to be encoded", FROM "To: Dr. {{a}} <a@b>\n\nx\n", "\xc3\x9c",
     "\r\nTo: =?utf-8?b?RHIuIMOc?= <a@b>\r\n"},
    {"an empty name", FROM "To: {{a}} <a@b>\n\nx\n", "", "\r\nTo: <a@b>\r\n"},
    {"a name like an encoded word", FROM "To: {{a}} <a@b>\n\nx\n",
     "=?utf-8?q?x?=", "\r\nTo: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b>\r\n"},
    {"a name from an encoded word", FROM "To: =?utf-8?q?=7B=7Ba=7D=7D?= <a@b>\n\nx\n", "b",
     "\r\nTo: b <a@b>\r\n"},
    {"names of several pieces", FROM "To: \"{{a}}\" van =?utf-8?q?=C3=BC?= <a@b>\n\nx\n", "A",
     "\r\nTo: =?utf-8?q?A_van_=C3=BC?= <a@b>\r\n"},
    {"a whole address", FROM "To: <{{a}}>\n\nx\n", "c@d", "\r\nTo: <c@d>\r\n"},
    {"a bare address", FROM "To: {{a}}\n\nx\n", "c@d", "\r\nTo: c@d\r\n"},
    {"blanks around it", FROM "To: < {{ a }} >\n\nx\n", "c@d", "\r\nTo: <c@d>\r\n"},
    {"a part of a mailbox name", FROM "To: r+{{a}}@b.example\n\nx\n", "1",
     "\r\nTo: r+1@b.example\r\n"},
    {"a part of a domain", FROM "To: <r@{{a}}.example>\n\nx\n", "b", "\r\nTo: <r@b.example>\r\n"},
    {"several", FROM "Reply-To: {{a}}@b, \"{{a}}\" <{{a}}@c>,, d@e\n\nx\n", "x",
     "\r\nReply-To: x@b, x <x@c>, d@e\r\n"},
    {"comments go", FROM "To: (a) {{a}} (b) <c@d> (e)\n\nx\n", "n", "\r\nTo: n <c@d>\r\n"},
    {"a list is folded", FROM "To: {{a}}@example.net, {{a}}@example.net\n\nx\n",
     "1234567890123456789012345678901234567890", "1234567890@example.net,\r\n 1234567890"},

    {"From twice", FROM "From: c@d\n\nx\n", NULL,
     "2:1 this header field may stand only once: From"},
    {"From missing", "To: c@d\n\nx\n", NULL, "0:0 the header field From is missing"},
    {"From without a mailbox", "From: me\n\nx\n", NULL, "1:6 no mailbox in the header field: From"},
    {"From is empty", "From:\n\nx\n", NULL, "1:6 no mailbox in the header field: From"},
    {"an open quote", "From: \"me <a@b>\n\nx\n", NULL, "1:7 this is no list of addresses"},
    {"a field in a comment", FROM "To: a@b ({{a}})\n\nx\n", NULL,
     "2:5 this is no list of addresses"},
    {"a field in a comment of a name", FROM "To: ({{a}}) A <a@b>\n\nx\n", NULL,
     "2:5 no field may stand in a comment"},
    {"a field in a group", FROM "To: team: {{a}};\n\nx\n", NULL, "2:5 this is no mailbox"},
    {"a field in a group with names", FROM "To: team: {{a}} <a@b>;\n\nx\n", NULL,
     "2:9 a group or a special character"},
    {"two fields make no address", FROM "To: {{a}}{{b}}\n\nx\n", NULL, "2:5 this is no mailbox"},
    {"a field in a quoted mailbox", FROM "To: \"x {{a}}\"@b\n\nx\n", NULL,
     "2:5 this is no mailbox"},
    {"text behind", FROM "To: <{{a}}> x\n\nx\n", NULL, "2:5 this is no list of addresses"},
    {"two brackets", FROM "To: <{{a}}> <b@c>\n\nx\n", NULL, "2:5 this is no list of addresses"},
    {"a section", FROM "To: {{#a}} <b@c>\n\nx\n", NULL,
     "2:5 two opening braces that begin no field"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        template_case_check(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
