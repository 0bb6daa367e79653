#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/finished.h"

static const struct finished_origin origin = {
    .campaign = 0xabcdef, .date_s = 1795262400, .sender = SPAN_INIT("news@shop.example")};

#define DATE "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
#define ID "Message-ID: <0000000000abcdef@shop.example>\r\n"
#define FROM "From: news@shop.example\r\n"
#define WHOLE "Date: a\nMessage-ID: <b@c>\nFrom: d@e\n"

static void check(const char *message, const char *head, const char *body)
{
    uint8_t buffer[8192];
    struct span source = span_cstr(message), rest;
    struct text out;

    assert_true(finished_head_size(source, &origin) <= sizeof(buffer));
    text_init(&out, buffer, finished_head_size(source, &origin));
    finished_write(source, &origin, &out, &rest);
    if (!span_equal(text_span(&out), span_cstr(head)) || !span_equal(rest, span_cstr(body)))
        fail_msg("%s\ngave head\n%.*s\nbody\n%.*s", message, (int)out.size, (char *)out.data,
                 (int)rest.size, (const char *)rest.data);
}

static void test_what_is_missing_is_added(void **state)
{
    (void)state;
    check(WHOLE "\nHi\n", WHOLE "\r\n", "Hi\n");
    check("Subject: s\r\n\r\nHi\r\n", DATE ID FROM "Subject: s\r\n\r\n", "Hi\r\n");
    check("FROM: d@e\nmessage-id: <b@c>\n\n", DATE "FROM: d@e\nmessage-id: <b@c>\n\r\n", "");
    check("Date: a\nFrom: d@e\n\nx", ID "Date: a\nFrom: d@e\n\r\n", "x");
    check("Date: a\nMessage-ID: <b@c>\n\nx", FROM "Date: a\nMessage-ID: <b@c>\n\r\n", "x");
    /* Not the body's, not a longer name, not a folded line. */
    check("Subject: s\n From: x\nX-Date: a\n\nDate: b\n",
          DATE ID FROM "Subject: s\n From: x\nX-Date: a\n\r\n", "Date: b\n");
}

static void test_what_must_not_be_sent_is_left_out(void **state)
{
    (void)state;
    check(WHOLE "Bcc: secret@x,\n\tother@y\nSubject: s\n\n", WHOLE "Subject: s\n\r\n", "");
    check("bcc : a@b\n" WHOLE "Resent-BCC:\nReturn-Path: <x>\n\nBcc: body\n", WHOLE "\r\n",
          "Bcc: body\n");
    check("From a@b Thu Jan  1\n" WHOLE "\nFrom me\n", WHOLE "\r\n", "From me\n");
}

static void test_messages_that_are_hardly_any(void **state)
{
    (void)state;
    check("", DATE ID FROM "\r\n", "");
    check("\n", DATE ID FROM "\r\n", "");
    check("\r\nBcc: body", DATE ID FROM "\r\n", "Bcc: body");
    check("just a text\nFrom: here\n", DATE ID FROM "\r\n", "just a text\nFrom: here\n");
    check(WHOLE "no field: it\nX: y\n", WHOLE "\r\n", "no field: it\nX: y\n");
    check("Date: a\nMessage-ID: <b@c>\nFrom: d@e", "Date: a\nMessage-ID: <b@c>\nFrom: d@e\r\n\r\n",
          "");
    check("Subject: old\rX: mac\r\rbody\r", DATE ID FROM "Subject: old\rX: mac\r\r\n", "body\r");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing_is_added),
        cmocka_unit_test(test_what_must_not_be_sent_is_left_out),
        cmocka_unit_test(test_messages_that_are_hardly_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
