#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bounce/report.h"
#include "bounce/report_verdict.h"

/* There in a build with AddressSanitizer, which is many times slower. */
extern void __asan_init(void) __attribute__((weak));

static struct arena arena;
static struct report_reader *reader;
static struct report report;
static const char *folder; /* the first argument: tests/corpus */

static int setup(void **state)
{
    const struct rules *rules = rules_builtin();

    (void)state;
    assert_int_equal(arena_open(&arena, report_cost() + classify_memory(rules)), 0);
    reader = report_open(&arena, classify_open(&arena, rules));
    arena_seal(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    report_close(reader);
    arena_close(&arena);
    return 0;
}

static struct span load(const char *name)
{
    char path[512];
    FILE *file;
    uint8_t *data = malloc(64 * KIB);
    size_t size;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL || data == NULL)
        fail_msg("cannot read %s", path);
    size = fread(data, 1, 64 * KIB, file);
    (void)fclose(file); /* only read from */
    return span_make(data, size);
}

static void unload(struct span message)
{
    free((void *)(uintptr_t)message.data);
}

/* "bounce\ta@b\tfailed\t5.1.1\tno-user", as in expected.tsv. */
static void describe(struct text *out)
{
    text_add_cstr(out, report_kind_name(report.kind));
    for (uint32_t i = 0; i < report.recipients_count; i++) {
        const struct report_recipient *recipient = &report.recipients[i];
        const char *action = report_action_name(recipient->action);

        text_add_byte(out, '\t');
        text_add(out, recipient->address);
        text_add_format(out, "\t%s\t", action != NULL ? action : "-");
        if (recipient->status[0] == 0)
            text_add_byte(out, '-');
        else
            text_add_format(out, "%u.%u.%u", recipient->status[0], recipient->status[1],
                            recipient->status[2]);
        text_add_format(out, "\t%s", bounce_class_name(recipient->class));
    }
}

/* Field by field; one that may be this or that is "this|that". */
static bool is_expected(struct span found, struct span expected)
{
    while (found.size > 0 || expected.size > 0) {
        struct span field = span_split(&found, '\t'), choices = span_split(&expected, '\t');
        bool is_one = false;

        while (choices.size > 0)
            is_one = span_equal(field, span_split(&choices, '|')) || is_one;
        if (!is_one)
            return false;
    }
    return true;
}

static uint32_t check_line(char *line)
{
    char *expected = strchr(line, '\t');
    char buffer[1024];
    struct text found;
    struct span message;

    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#' || expected == NULL)
        return 0;
    *expected++ = '\0';
    message = load(line);
    report_read(reader, message, &report);
    text_init(&found, buffer, sizeof(buffer));
    describe(&found);
    if (!is_expected(text_span(&found), span_cstr(expected)))
        fail_msg("%s: %s, should be %s", line, text_cstr_end(&found), expected);
    unload(message);
    return 1;
}

static void test_samples(void **state)
{
    struct span table = load("expected.tsv");
    char *rest = (char *)(uintptr_t)table.data, *line;
    uint32_t count = 0;

    (void)state;
    rest[table.size] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL)
        count += check_line(line);
    assert_true(count >= 220);
    unload(table);
}

/* However a message is cut off, nothing is read behind its end, and no ordinary one becomes a
 * bounce. */
static void test_cut_off_anywhere(void **state)
{
    static const char *const names[] = {"postfix.eml",        "exim.eml",       "arf-abuse.eml",
                                        "person.eml",         "newsletter.eml", "cloud.eml",
                                        "exchange-online.eml"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span whole = load(names[i]);

        for (size_t size = 0; size < whole.size; size += __asan_init != NULL ? 29 : 7) {
            uint8_t *copy = malloc(size + 1); /* so that a sanitizer sees its end */

            assert_non_null(copy);
            memcpy(copy, whole.data, size);
            report_read(reader, span_make(copy, size), &report);
            if (i == 3 || i == 4)
                assert_int_equal(report.kind, REPORT_NORMAL);
            free(copy);
        }
        unload(whole);
    }
}

static void assert_span(struct span span, const char *expected)
{
    assert_true(span_equal(span, span_cstr(expected)));
}

/* RFC 9477 6: a receiver that hides everything else returns the id alone. */
static void test_feedback_id_returned(void **state)
{
    const struct span message =
        SPAN("From: <fbl@receiver.example>\r\nTo: fbl@example.com\r\nSubject: complaint\r\n"
             "MIME-Version: 1.0\r\n"
             "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
             "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
             "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
             "User-Agent: x/1\r\nOriginal-Mail-From: <tag@bounces.example.com>\r\n\r\n"
             "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
             "CFBL-Feedback-ID: 3789e1ae\r\n 1938aa2f\r\n--b--\r\n");

    (void)state;
    report_read(reader, message, &report);
    assert_int_equal(report.kind, REPORT_COMPLAINT);
    assert_int_equal(report.returned.cfbl_feedback_ids_count, 1);
    assert_span(report.returned.cfbl_feedback_ids[0], "3789e1ae\r\n 1938aa2f");
    assert_span(report.returned.return_path, "tag@bounces.example.com");
    assert_span(report.returned.mail_from, "tag@bounces.example.com");
}

/* Several are kept, in their order, and no more than there is room for. */
static void test_feedback_ids_returned(void **state)
{
    static const uint32_t counts[] = {0, 2, 8, 9, 40};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        uint32_t kept = counts[i] < REPORT_FEEDBACK_IDS_MAX ? counts[i] : REPORT_FEEDBACK_IDS_MAX;
        char buffer[2048], id[8];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_cstr(&message,
                      "From: <fbl@receiver.example>\nTo: fbl@example.com\nMIME-Version: 1.0\n"
                      "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
                      "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n"
                      "--b\nContent-Type: text/rfc822-headers\n\nFrom: <a@b.example>\n");
        for (uint32_t n = 0; n < counts[i]; n++)
            text_add_format(&message, "%s: id%u\n",
                            n % 2 == 0 ? "CFBL-Feedback-ID" : "cfbl-feedback-id", n);
        text_add_cstr(&message, "--b--\n");
        assert_false(message.overflow);
        report_read(reader, text_span(&message), &report);
        assert_int_equal(report.kind, REPORT_COMPLAINT);
        assert_int_equal(report.returned.cfbl_feedback_ids_count, kept);
        for (uint32_t n = 0; n < kept; n++) {
            (void)snprintf(id, sizeof(id), "id%u", n);
            assert_span(report.returned.cfbl_feedback_ids[n], id);
        }
    }
}

static void test_what_else_is_known(void **state)
{
    struct span message = load("postfix.eml");
    const struct report_recipient *recipient = &report.recipients[0];

    (void)state;
    report_read(reader, message, &report);
    assert_span(report.reporter, "mx.example.net");
    assert_span(report.to, "tag@bounces.example.com");
    assert_span(report.returned.message_id, "<20240603.1@example.com>");
    assert_span(report.returned.list_id, "News <news.example.com>");
    assert_span(report.returned.feedback_id, "12:news:ringpost");
    assert_span(report.returned.to, "anna@example.org");
    assert_span(recipient->host, "mail.example.org");
    assert_span(recipient->final, "anna@example.org");
    assert_span(recipient->original, "anna@example.org");
    assert_span(recipient->diagnostic, "550 5.1.1 <anna@example.org>: Recipient address rejected: "
                                       "User unknown in virtual mailbox table");
    assert_int_equal(recipient->code, 550);
    assert_int_equal(recipient->class, BOUNCE_NO_USER);
    unload(message);
    message = load("exim.eml");
    report_read(reader, message, &report);
    assert_span(report.returned.message_id, "<20240603.1@example.com>");
    assert_int_equal(report.recipients[0].code, 550);
    assert_int_equal(report.recipients[0].class, BOUNCE_NO_USER);
    unload(message);
}

/* D5 of the faults: what only looks like a failure, or says two things. */
static void test_nothing_is_taken_for_a_failure(void **state)
{
    static const struct {
        const char *label, *action, *status, *diagnostic;
        enum report_kind kind;
        enum report_action found;
    } cases[] = {
        {"delayed with a 5.1.1", "delayed", "4.0.0", "smtp; 550 5.1.1 no", REPORT_DELAYED,
         REPORT_RETRIED},
        {"delivered", "delivered", "2.0.0", "smtp; 250 ok", REPORT_SUCCESS, REPORT_DELIVERED},
        {"relayed", "relayed", "2.0.0", "", REPORT_SUCCESS, REPORT_RELAYED},
        {"expanded", "expanded", "2.0.0", "", REPORT_SUCCESS, REPORT_EXPANDED},
        {"failed", "failed", "4.4.7", "smtp; 550 5.1.1 no", REPORT_BOUNCE, REPORT_FAILED},
        {"no action, 2.x", "", "2.1.5", "", REPORT_SUCCESS, REPORT_DELIVERED},
        {"no action, 5.x", "", "5.1.1", "", REPORT_BOUNCE, REPORT_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[512];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(
            &message,
            "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
            "Final-Recipient: rfc822; a@x.example\nAction: %s\nStatus: %s\n"
            "Diagnostic-Code: %s\n--b--\n",
            cases[i].action, cases[i].status, cases[i].diagnostic);
        report_read(reader, text_span(&message), &report);
        if (report.kind != cases[i].kind || report.recipients[0].action != cases[i].found)
            fail_msg("%s: %s", cases[i].label, report_kind_name(report.kind));
        assert_int_equal(report.recipients_count, 1);
        assert_int_equal(report.recipients[0].class == BOUNCE_SUCCESS,
                         report.recipients[0].action >= REPORT_DELIVERED);
    }
}

/* D13: "no such user" as the answer to the content says less than as the answer to the name. */
static void test_which_command_was_answered(void **state)
{
    static const struct {
        const char *label, *text;
        enum bounce_class class;
    } cases[] = {
        {"to the name",
         "<a@x.example>: host mx said: 550 Unknown user (in reply to RCPT TO command)\n",
         BOUNCE_NO_USER},
        {"to the content",
         "<a@x.example>: host mx said: 550 Unknown user (in reply to end of DATA command)\n",
         BOUNCE_RECIPIENT_REFUSED},
        {"in a session",
         "   ----- The following addresses had permanent fatal errors -----\n<a@x.example>\n\n"
         "   ----- Transcript of session follows -----\n>>> DATA\n<<< 550 Unknown user\n",
         BOUNCE_RECIPIENT_REFUSED},
        {"in a pipelined session",
         "   ----- The following addresses had permanent fatal errors -----\n<a@x.example>\n\n"
         "   ----- Transcript of session follows -----\n>>> DATA\n<<< 550 Unknown user\n"
         "<<< 503 Need RCPT (recipient)\n",
         BOUNCE_NO_USER},
        {"with the status of names", "<a@x.example>: 550 5.1.1 Unknown user (end of DATA)\n",
         BOUNCE_NO_USER},
        {"to the sender's name",
         "<a@x.example>: host mx said: 550 5.1.1 Unknown user (in reply to MAIL FROM command)\n",
         BOUNCE_SENDER_REJECTED},
        {"after the sender's name", "<a@x.example>: 550 Unknown user, after MAIL FROM:<s@y>\n",
         BOUNCE_SENDER_REJECTED},
        {"after it, with others",
         "<a@x.example>: error from host mx after pipelined MAIL FROM:<s@y>: 550 Unknown user\n",
         BOUNCE_SENDER_REJECTED},
        {"while it was given", "<a@x.example>: 550 Unknown user during MAIL FROM\n",
         BOUNCE_SENDER_REJECTED},
        {"in reply to it", "<a@x.example>: 550 Unknown user (in reply to MAIL FROM)\n",
         BOUNCE_SENDER_REJECTED},
        {"in reply to ours", "<a@x.example>: 550 Unknown user (in reply to our MAIL FROM)\n",
         BOUNCE_SENDER_REJECTED},
        {"in response to it", "<a@x.example>: 550 Unknown user in response to MAIL FROM\n",
         BOUNCE_SENDER_REJECTED},
        {"in response to ours", "<a@x.example>: 550 Unknown user in response to our MAIL FROM\n",
         BOUNCE_SENDER_REJECTED},
        {"not liked", "<a@x.example>: mx did not like our MAIL FROM: 550 Unknown user\n",
         BOUNCE_SENDER_REJECTED},
        {"mail from somebody is no command",
         "<a@x.example>: host mx said: 550 Unknown user; we take no mail from strangers\n",
         BOUNCE_NO_USER},
        {"nor is one's own mail from a month ago",
         "<a@x.example>: host mx said: 550 Unknown user; we lost your mail from May, reply to "
         "this mail from us\n",
         BOUNCE_NO_USER},
        {"qmail, the sender",
         "<a@x.example>:\nConnected to 192.0.2.5 but sender was rejected.\n"
         "Remote host said: 550 5.1.1 unknown user\n",
         BOUNCE_SENDER_REJECTED},
        {"qmail, the name",
         "<a@x.example>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 unknown user\n",
         BOUNCE_NO_USER},
        {"qmail, the content",
         "<a@x.example>:\n192.0.2.5 failed after I sent the message.\n"
         "Remote host said: 550 unknown user\n",
         BOUNCE_RECIPIENT_REFUSED},
        {"the words around a reply count less than it",
         "<a@x.example>: it was rejected by the recipient domain. The other server returned: "
         "550 550 No Such User Here\n",
         BOUNCE_NO_USER},
        {"but where it says nothing, they do",
         "<a@x.example>: rejected by the recipient. The other server returned: 550 qwertz\n",
         BOUNCE_RECIPIENT_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[1024];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(&message,
                        "From: MAILER-DAEMON@x.example\nReturn-Path: <>\n"
                        "Subject: Undeliverable mail\n\n%s",
                        cases[i].text);
        report_read(reader, text_span(&message), &report);
        assert_int_equal(report.recipients_count, 1);
        if (report.recipients[0].class != cases[i].class)
            fail_msg("%s: %s", cases[i].label, bounce_class_name(report.recipients[0].class));
    }
}

/* Of several exchanges that ended with the same code, the recipient's own one is meant. */
static void test_which_exchange_is_meant(void **state)
{
    static const struct {
        const char *label, *session;
        enum bounce_class class;
    } cases[] = {
        {"the sender first, at another host",
         ">>> MAIL From:<s@y.example>\n<<< 550 Access denied\n... while talking to mx2:\n"
         ">>> RCPT To:<a@x.example>\n<<< 550 Unknown user\n",
         BOUNCE_NO_USER},
        {"somebody's content first",
         ">>> DATA\n<<< 550 Unknown user\n>>> RCPT To:<A@x.example>\n<<< 550 Unknown user\n",
         BOUNCE_NO_USER},
        {"he was taken: the sender it is",
         ">>> MAIL From:<s@y.example>\n<<< 550 Unknown user\n>>> RCPT To:<a@x.example>\n"
         "<<< 250 Ok\n",
         BOUNCE_SENDER_REJECTED},
        {"somebody else's name: the first",
         ">>> DATA\n<<< 550 Unknown user\n>>> RCPT To:<b@x.example>\n<<< 550 Unknown user\n",
         BOUNCE_RECIPIENT_REFUSED},
        {"he has another name there",
         ">>> RCPT To:<a@forwarded.example>\n<<< 550 Unknown user\n>>> DATA\n"
         "<<< 550 Unknown user\n",
         BOUNCE_NO_USER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[1024];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(
            &message,
            "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n"
            "--b\n\n   ----- Transcript of session follows -----\n%s"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
            "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.0.0\n"
            "Diagnostic-Code: smtp; 550 Unknown user\n--b--\n",
            cases[i].session);
        report_read(reader, text_span(&message), &report);
        assert_int_equal(report.recipients_count, 1);
        if (report.recipients[0].class != cases[i].class)
            fail_msg("%s: %s", cases[i].label, bounce_class_name(report.recipients[0].class));
    }
}

/* A comment behind the status stands for the diagnostic that is not there, if it says anything. */
static void test_comment_of_the_status(void **state)
{
    static const struct {
        const char *comment, *diagnostic;
    } cases[] = {
        {" (mailbox is full)", "mailbox is full"},
        {" (user failed to exist)", "user failed to exist"},
        {"", "The account was closed"},
        {" ()", "The account was closed"},
        {" (failed)", "The account was closed"},
        {" (Permanent Failure)", "The account was closed"},
        {" (permanent\n failure)", "The account was closed"},
        {" (undefined status)", "The account was closed"},
        {" (other or unknown temporary error)", "The account was closed"},
        {" (failed", "The account was closed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[1024];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(
            &message,
            "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n"
            "--b\n\nThe following addresses failed:\n<a@x.example>\n  The account was closed\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
            "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1%s\n--b--\n",
            cases[i].comment);
        report_read(reader, text_span(&message), &report);
        assert_int_equal(report.recipients_count, 1);
        if (!span_equal(report.recipients[0].diagnostic, span_cstr(cases[i].diagnostic)))
            fail_msg("%s: %.*s", cases[i].comment, (int)report.recipients[0].diagnostic.size,
                     (const char *)report.recipients[0].diagnostic.data);
    }
}

/* The address that failed, and the one that it was made from: whose mail it was (bounce/proof.h).
 */
static void test_made_from_another(void **state)
{
    static const struct {
        const char *label, *text, *address, *original;
        enum bounce_class class;
    } cases[] = {
        {"Exim",
         "could not be delivered. The following address(es) failed:\n\n  b@y.example\n"
         "    (generated from a@x.example)\n    550 5.1.1 unknown user\n",
         "b@y.example", "a@x.example", BOUNCE_NO_USER},
        {"sendmail",
         "   ----- The following addresses had permanent fatal errors -----\n<b@y.example>\n"
         "    (reason: 552 5.2.2 mailbox full)\n    (expanded from: <a@x.example>)\n\n",
         "b@y.example", "a@x.example", BOUNCE_MAILBOX_FULL},
        {"Postfix", "<b@y.example> (expanded from <a@x.example>): host mx said: 550 unknown user\n",
         "b@y.example", "a@x.example", BOUNCE_NO_USER},
        {"not told",
         "could not be delivered. The following address(es) failed:\n\n  an undisclosed address\n"
         "    (generated from a@x.example)\n    550 5.1.1 unknown user\n",
         "a@x.example", "", BOUNCE_NO_USER},
        {"the other server names somebody",
         "The following addresses failed:\n\n  b@y.example\n    550 5.1.1 unknown user\n"
         "    (generated from a@x.example)\n",
         "b@y.example", "", BOUNCE_NO_USER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct report_recipient *recipient = &report.recipients[0];
        char buffer[1024];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(&message,
                        "From: MAILER-DAEMON@x.example\nReturn-Path: <>\n"
                        "Subject: Undeliverable mail\n\n%s",
                        cases[i].text);
        report_read(reader, text_span(&message), &report);
        if (report.recipients_count != 1 || recipient->class != cases[i].class ||
            !span_equal(recipient->address, span_cstr(cases[i].address)) ||
            !span_equal(recipient->original, span_cstr(cases[i].original)))
            fail_msg("%s: %u, %.*s, %s", cases[i].label, report.recipients_count,
                     (int)recipient->address.size, (const char *)recipient->address.data,
                     bounce_class_name(recipient->class));
    }
}

/* Exim hides the addresses that failed and says of each whom it was made from. */
static void test_several_not_told(void **state)
{
    static const struct {
        const char *label, *fields, *text, *addresses;
    } cases[] = {
        {"the text alone", "",
         "  an undisclosed address\n    (generated from a@x.example)\n    550 unknown user\n\n"
         "  an undisclosed address\n    (generated from b@x.example)\n    550 unknown user\n\n"
         "  an undisclosed address\n    (generated from A@x.example)\n    550 unknown user\n",
         "a@x.example b@x.example"},
        {"a field names them", "X-Failed-Recipients: b@x.example,\n  c@x.example\n",
         "  an undisclosed address\n    (generated from b@x.example)\n    550 unknown user\n\n"
         "  an undisclosed address\n    550 unknown user\n",
         "b@x.example c@x.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[1024], found[128];
        struct text message, addresses;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(&message,
                        "From: MAILER-DAEMON@x.example\nReturn-Path: <>\n%s"
                        "Subject: Mail delivery failed: returning message to sender\n\n"
                        "could not be delivered. The following address(es) failed:\n\n%s",
                        cases[i].fields, cases[i].text);
        report_read(reader, text_span(&message), &report);
        text_init(&addresses, found, sizeof(found));
        for (uint32_t j = 0; j < report.recipients_count; j++) {
            text_add_cstr(&addresses, j > 0 ? " " : "");
            text_add(&addresses, report.recipients[j].address);
        }
        if (!span_equal(text_span(&addresses), span_cstr(cases[i].addresses)))
            fail_msg("%s: %s", cases[i].label, text_cstr_end(&addresses));
    }
}

/* RFC 6533 3: addresses beyond ASCII, in ASCII. */
static void test_escaped_addresses(void **state)
{
    static const struct {
        const char *field, *address;
    } cases[] = {
        {"utf-8; j\\x{F6}rg@b\\x{FC}ro.example", "j\xc3\xb6rg@b\xc3\xbcro.example"},
        {"UTF-8;\\x{1F600}@x.example", "\xf0\x9f\x98\x80@x.example"},
        {"utf-8; a\\x{2B}b@x.example", "a+b@x.example"},
        /* Nothing that the form need not escape: this is nobody's address. */
        {"utf-8; victim\\x{40}x.example", "victim\\x{40}x.example"},
        {"utf-8; a\\x{D800}\\x{}\\x{110000}\\x{0}\\x{0A}\\x{1",
         "a\\x{D800}\\x{}\\x{110000}\\x{0}\\x{0A}\\x{1"},
        {"rfc822; \\x{FC}x@x.example", "x{FC}x@x.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[1024];
        struct text message;

        text_init(&message, buffer, sizeof(buffer));
        text_add_format(&message,
                        "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; "
                        "report-type=delivery-status; boundary=b\n\n--b\n"
                        "Content-Type: message/global-delivery-status\n\nReporting-MTA: dns; x\n\n"
                        "Final-Recipient: %s\nAction: failed\nStatus: 5.1.1\n\n--b--\n",
                        cases[i].field);
        report_read(reader, text_span(&message), &report);
        assert_int_equal(report.recipients_count, 1);
        if (!span_equal(report.recipients[0].address, span_cstr(cases[i].address)))
            fail_msg("%s: %.*s", cases[i].field, (int)report.recipients[0].address.size,
                     (const char *)report.recipients[0].address.data);
    }
}

static void test_many_recipients(void **state)
{
    size_t size = 512 * KIB, used;
    char *message = calloc(1, size);

    (void)state;
    assert_non_null(message);
    used = (size_t)snprintf(message, size,
                            "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; "
                            "boundary=b\n\n--b\nContent-Type: message/delivery-status\n");
    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(message + used, size - used,
                                 "\nFinal-Recipient: rfc822; a%d@x.example\nAction: failed\n"
                                 "Status: 5.1.1\n",
                                 i);
    report_read(reader, span_make(message, used), &report);
    assert_int_equal(report.recipients_count, REPORT_RECIPIENTS_MAX);
    assert_int_equal(report.recipients_count + report.recipients_more, 1000);
    assert_span(report.recipients[255].address, "a255@x.example");
    free(message);
}

/* Seconds of this thread. */
static double used_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* `size` octets: a head, and units one behind the other. */
static void fill(char *message, size_t size, const char *head, const char *unit)
{
    size_t used = strlen(head), piece = strlen(unit);

    memcpy(message, head, used);
    for (; used + piece <= size; used += piece)
        memcpy(message + used, unit, piece);
    memset(message + used, '\n', size - used);
}

/* D7: a bomb costs at most 50 ms; the memory is the reader's. */
static void test_bombs(void **state)
{
#define REPORT_HEAD                                                                                \
    "From: MAILER-DAEMON@x.example\nReturn-Path: <>\nSubject: Undeliverable\n"                     \
    "Content-Type: multipart/report; boundary=b\n\n--b\n"
    static const struct {
        const char *label, *head, *unit;
    } bombs[] = {
        {"parts", REPORT_HEAD, "Content-Type: multipart/mixed; boundary=b\n\n--b\n"},
        {"base64", REPORT_HEAD "Content-Transfer-Encoding: base64\n\n", "QUFBQUBBQUEu\n"},
        {"quoted", REPORT_HEAD "Content-Transfer-Encoding: quoted-printable\n\n", "=41@=\n"},
        {"html", REPORT_HEAD "Content-Type: text/html\n\n", "<p>&#64;<a@b>"},
        {"style", REPORT_HEAD "Content-Type: text/html\n\n", "<style>"},
        {"japanese", REPORT_HEAD "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1b$B\xff"},
        {"recipients", REPORT_HEAD "Content-Type: message/delivery-status\n\n",
         "Final-Recipient: rfc822; a@b.example\nAction: failed\n\n"},
        {"fields", REPORT_HEAD "Content-Type: message/delivery-status\n\n", "a:b\n"},
        {"listed", REPORT_HEAD "\nThe following addresses failed:\n", " <a@b.example>: 550 no\n"},
        {"one line", REPORT_HEAD "\nThe following addresses failed:\n", "550 5.1.1 a@b.example "},
        {"header", "From: MAILER-DAEMON@x.example\n", "X-A: =?utf-8?q?x?=\n"},
        {"subject", "From: MAILER-DAEMON@x.example\nSubject: ", "=?utf-8?q?undeliverable?= "},
        {"failed recipients",
         "From: MAILER-DAEMON@x.example\nX-Failed-Recipients: ", "a@b.example, "},
        {"json", "From: a@x.example\n\n{\"notificationType\":\"Bounce\",",
         "\"emailAddress\":\"a@b.example\","},
        {"boundaries", REPORT_HEAD "\n", "--\n"},
    };
    size_t size = REPORT_MESSAGE_MAX + 4096;
    char *message = calloc(1, size);

    (void)state;
    assert_non_null(message);
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        double best = 1e9;

        fill(message, size, bombs[i].head, bombs[i].unit);
        for (int round = 0; round < 3 && best > 0.05; round++) {
            double started = used_s();

            report_read(reader, span_make(message, size), &report);
            best = used_s() - started < best ? used_s() - started : best;
        }
        if (best > (__asan_init != NULL ? 2 : 0.05))
            fail_msg("%s: %.1f ms", bombs[i].label, best * 1e3);
    }
    free(message);
    assert_true(report_cost() < 2 * MIB);
}

static void test_unfolding_replies(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {" 550 no\r\n\tsuch user ", "550 no such user"},
        {"550-5.1.1 The account\n550-5.1.1 does not\n550 5.1.1 exist",
         "550-5.1.1 The account does not exist"},
        {"host x said:\n 452-a\n 452 b", "host x said: 452-a b"},
        {"550 a\n450 b", "550 a 450 b"},
        {"550 a\n550", "550 a 550"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t buffer[256];
        struct text out;

        text_init(&out, buffer, sizeof(buffer));
        assert_span(report_verdict_unfold(span_cstr(cases[i].text), &out), cases[i].expected);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_what_else_is_known),
        cmocka_unit_test(test_feedback_id_returned),
        cmocka_unit_test(test_feedback_ids_returned),
        cmocka_unit_test(test_nothing_is_taken_for_a_failure),
        cmocka_unit_test(test_which_command_was_answered),
        cmocka_unit_test(test_which_exchange_is_meant),
        cmocka_unit_test(test_comment_of_the_status),
        cmocka_unit_test(test_made_from_another),
        cmocka_unit_test(test_several_not_told),
        cmocka_unit_test(test_escaped_addresses),
        cmocka_unit_test(test_many_recipients),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_unfolding_replies),
    };

    folder = argc > 1 ? argv[1] : "tests/corpus";
    return cmocka_run_group_tests(tests, setup, teardown);
}
