#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"
#include "base/text.h"
#include "bounce/mailbox.h"

static void test_found_in_text(void **state)
{
    static const struct {
        const char *text, *expected; /* NULL: there is none */
    } cases[] = {
        {"a@example.org", "a@example.org"},
        {"<a.b+c=d@example.org>: no", "a.b+c=d@example.org"},
        {"to \"anna\" <anna@example.org>.", "anna@example.org"},
        {"sent to anna@example.org.", "anna@example.org"},
        {"'anna@example.org'", "anna@example.org"},
        {"\"john doe\"@example.org x", "\"john doe\"@example.org"},
        {"\"victim@example.org\"@example.net", NULL},
        {"\"a b\\\"c@d\"@example.net, anna@example.org", "anna@example.org"},
        {"\"x@y\" <anna@example.org>", "x@y"},
        /* Blanks, brackets, quoted pairs: all of it one name (RFC 5321 4.1.2). */
        {"\"victim@example.org x\"@example.net", NULL},
        {"\"my victim@example.org \"@example.net, anna@example.org", "anna@example.org"},
        {"<\"a <victim@example.org> b\"@example.net>", NULL},
        {"rfc822;\"<victim@example.org>\"@example.net", NULL},
        {"\"a \\\" victim@example.org b\"@example.net", NULL},
        {"\"victim@example.org\\\"b\"@example.net", NULL},
        /* But of two names each is one. */
        {"anna@example.org is not \"@home\"", "anna@example.org"},
        {"anna@example.org\n x \"@home\"", "anna@example.org"},
        {"\"a \\\"b\\\" c\"@example.net", "\"a \\\"b\\\" c\"@example.net"},
        {"\"Anna\" anna@example.org is not \"@home\"", "anna@example.org"},
        {"\"Anna\" <anna@example.org>, \"Bob\" <bob@example.org>", "anna@example.org"},
        {"\"anna@example.org by post\" <x@example.net>", "anna@example.org"},
        {"a@[192.0.2.1] x", "a@[192.0.2.1]"},
        {"SMTP:anna@example.org", "anna@example.org"},
        {"dda:SMTP=anna@example.org; on", "anna@example.org"},
        {"mailto:anna@example.org", "anna@example.org"},
        {"J\xc3\xb6rg: j\xc3\xb6rg@example.org", "j\xc3\xb6rg@example.org"},
        {"\xe6\x94\xb6\xef\xbc\x9a"
         "jule@example.org\xe3\x80\x82",
         "jule@example.org"},
        {"\xe5\xae\x9b\xe3\x81\xaf"
         "jule@example.jp\xe3\x81\xa7\xe3\x81\x99",
         "jule@example.jp"},
        {"\xe7\x94\xa8@\xe4\xbe\x8b.example", "\xe7\x94\xa8@\xe4\xbe\x8b.example"},
        {"\xef\xbc\x9a@example.org", NULL},
        {"a@\xef\xbc\x9a", NULL},
        {"a@b", "a@b"},
        {"...anna@example.org...", "anna@example.org"},
        {"@example.org", NULL},
        {"anna@", NULL},
        {"anna@ example.org", NULL},
        {"anna @example.org", NULL},
        {"a@@b", NULL},
        {"@@@@ x@y", "x@y"},
        {"***@example.org", NULL},
        {"\"@example.org", NULL},
        {"a@[", NULL},
        {"a@-", NULL},
        {"", NULL},
        {"no at sign", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span found;
        bool there = mailbox_find(span_cstr(cases[i].text), 0, &found);

        if (there != (cases[i].expected != NULL) ||
            (there && !span_equal(found, span_cstr(cases[i].expected))))
            fail_msg("%s: \"%.*s\"", cases[i].text, there ? (int)found.size : 0,
                     there ? (const char *)found.data : "");
    }
}

/* What stands further off than a local part is long is not looked at. */
static void test_quoted_no_further(void **state)
{
    static const size_t sizes[] = {40, 110, 126, 127, 128, 500};
    char buffer[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct span found;
        struct text text;

        text_init(&text, buffer, sizeof(buffer));
        text_add_cstr(&text, "\"anna@example.org");
        for (size_t n = 0; n < sizes[i]; n++)
            text_add_byte(&text, ' ');
        text_add_cstr(&text, "\"@example.net");
        /* the mark and the '@' are within 128 octets */
        assert_int_equal(mailbox_find(text_span(&text), 0, &found), sizes[i] > 126);
    }
}

static void test_one_behind_the_other(void **state)
{
    struct span text = SPAN("a@x.example,b@x.example; <c@x.example>"), found;
    size_t from = 0;
    uint32_t count = 0;

    (void)state;
    while (mailbox_find(text, from, &found)) {
        assert_int_equal(found.data[0], 'a' + count++);
        from = (size_t)(found.data - text.data) + found.size;
    }
    assert_int_equal(count, 3);
}

static void test_of_fields(void **state)
{
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"rfc822; anna@example.org", "anna@example.org"},
        {"RFC822;<anna@example.org>", "anna@example.org"},
        {"utf-8; j\xc3\xb6rg@example.org", "j\xc3\xb6rg@example.org"},
        {"rfc822; anna@example.org (a comment)", "anna@example.org"},
        {"rfc822; \"victim@example.org\"@example.net", "\"victim@example.org\"@example.net"},
        {"X-LOCAL;anna", "anna"},
        {"rfc822; <anna>", "anna"},
        {"rfc822;", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(
            span_equal(mailbox_of_field(span_cstr(cases[i].value)), span_cstr(cases[i].expected)));
}

static void test_of_long_fields(void **state)
{
    char buffer[4096];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "rfc822; <");
    text_add_fill(&text, 1, 3000);
    text_add_byte(&text, '>');
    assert_int_equal(mailbox_of_field(text_span(&text)).size, MAILBOX_VALUE_MAX);
    text_reset(&text);
    text_add_fill(&text, '@', 3000);
    assert_int_equal(mailbox_of_field(text_span(&text)).size, MAILBOX_VALUE_MAX);
    text_add_cstr(&text, " anna@example.org");
    assert_true(span_equal(mailbox_of_field(text_span(&text)), SPAN("anna@example.org")));
}

static void test_parts_and_daemons(void **state)
{
    (void)state;
    assert_true(span_equal(mailbox_local(SPAN("a@b@c.example")), SPAN("a@b")));
    assert_true(span_equal(mailbox_domain(SPAN("a@c.example")), SPAN("c.example")));
    assert_true(span_equal(mailbox_local(SPAN("a")), SPAN("a")));
    assert_int_equal(mailbox_domain(SPAN("a")).size, 0);
    assert_true(mailbox_same(SPAN("A@B.example"), SPAN("a@b.EXAMPLE")));
    assert_false(mailbox_same(SPAN("a@b.example"), SPAN("a@b.exampl")));
    assert_true(mailbox_is_daemon(SPAN("MAILER-DAEMON@example.org")));
    assert_true(mailbox_is_daemon(SPAN("postmaster@example.org")));
    assert_false(mailbox_is_daemon(SPAN("anna@postmaster.example")));
    assert_false(mailbox_is_daemon(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_in_text),        cmocka_unit_test(test_quoted_no_further),
        cmocka_unit_test(test_one_behind_the_other), cmocka_unit_test(test_of_fields),
        cmocka_unit_test(test_of_long_fields),       cmocka_unit_test(test_parts_and_daemons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
