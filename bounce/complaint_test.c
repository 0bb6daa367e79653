#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "bounce/complaint.h"

static void test_types(void **state)
{
    static const struct {
        const char *type;
        enum report_kind kind;
    } cases[] = {
        {"abuse", REPORT_COMPLAINT},          {"Fraud", REPORT_COMPLAINT},
        {"virus", REPORT_COMPLAINT},          {"other", REPORT_COMPLAINT},
        {"never heard of", REPORT_COMPLAINT}, {"opt-out", REPORT_UNSUBSCRIBE},
        {"opt-out-list", REPORT_UNSUBSCRIBE}, {"not-spam", REPORT_MACHINE},
        {"auth-failure", REPORT_MACHINE},     {"abuse; x", REPORT_COMPLAINT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[128];
        struct text text;
        struct complaint complaint;

        text_init(&text, buffer, sizeof(buffer));
        text_add_format(&text, "Version: 1\r\nFeedback-Type: %s\r\n", cases[i].type);
        complaint_read(text_span(&text), &complaint);
        assert_int_equal(complaint.kind, cases[i].kind);
    }
}

static void test_fields(void **state)
{
    struct complaint complaint;

    (void)state;
    complaint_read(SPAN("Feedback-Type: abuse\nno field\n\nOriginal-Rcpt-To: <a@example.org>\n"
                        "Original-Mail-From: rfc822; t@example.com\nSource-IP: 192.0.2.1\n"
                        "User-Agent: x/1\nRemoval-Recipient: b@example.org\n"),
                   &complaint);
    assert_true(span_equal(complaint.recipient, SPAN("a@example.org")));
    assert_true(span_equal(complaint.mail_from, SPAN("t@example.com")));
    assert_true(span_equal(complaint.source_ip, SPAN("192.0.2.1")));
    assert_true(span_equal(complaint.reporter, SPAN("x/1")));
    assert_true(span_equal(complaint.removal, SPAN("b@example.org")));
    complaint_read(SPAN(""), &complaint);
    assert_int_equal(complaint.kind, REPORT_COMPLAINT); /* the part was there */
    assert_int_equal(complaint.recipient.size, 0);
}

static void test_other_forms(void **state)
{
    static const struct {
        const char *header, *subject;
        bool is;
    } cases[] = {
        {"From: staff@p.example\n", "complaint about message from 192.0.2.1", true},
        {"From: staff@p.example\n", "Abuse Report", true},
        {"X-HmXmrOriginalRecipient: a@example.org\n", "anything", true},
        {"From: scomp@aol.net\n", "anything", true},
        {"From: a@example.org\n", "I complain about your mail", false},
        {"From: a@example.org\n", "Re: abuse report", false},
        {"", "", false},
    };
    struct header_list header;
    struct complaint complaint;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span rest = span_cstr(cases[i].header);

        header_list_read(&header, &rest);
        assert_int_equal(complaint_recognise(&header, span_cstr(cases[i].subject), &complaint),
                         cases[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_other_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
