#include "smtp/dialogue.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

/* What each class of reply makes of a session that awaits one command; whole sessions are in
 * smtp_test.c. */
static const struct {
    enum command command;
    struct span reply;
    enum smtp_state state;
    bool settles;
} rows[] = {
    {COMMAND_GREETING, SPAN_INIT("220 x\r\n"), SMTP_EHLO, false},
    {COMMAND_GREETING, SPAN_INIT("354 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_GREETING, SPAN_INIT("421 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_GREETING, SPAN_INIT("554 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_EHLO, SPAN_INIT("250 x\r\n"), SMTP_READY, false},
    {COMMAND_EHLO, SPAN_INIT("220 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_EHLO, SPAN_INIT("450 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_EHLO, SPAN_INIT("421 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_EHLO, SPAN_INIT("500 x\r\n"), SMTP_HELO, false},
    {COMMAND_HELO, SPAN_INIT("250 x\r\n"), SMTP_READY, false},
    {COMMAND_HELO, SPAN_INIT("500 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_STARTTLS, SPAN_INIT("220 x\r\n"), SMTP_SECURING, false},
    {COMMAND_STARTTLS, SPAN_INIT("250 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_STARTTLS, SPAN_INIT("354 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_STARTTLS, SPAN_INIT("454 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_STARTTLS, SPAN_INIT("421 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_AUTH, SPAN_INIT("235 x\r\n"), SMTP_READY, false},
    {COMMAND_AUTH, SPAN_INIT("250 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_AUTH, SPAN_INIT("535 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_RSET, SPAN_INIT("250 x\r\n"), SMTP_READY, false},
    {COMMAND_RSET, SPAN_INIT("450 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_MAIL, SPAN_INIT("250 x\r\n"), SMTP_READY, false},
    {COMMAND_MAIL, SPAN_INIT("450 x\r\n"), SMTP_READY, true},
    {COMMAND_MAIL, SPAN_INIT("550 x\r\n"), SMTP_READY, true},
    {COMMAND_MAIL, SPAN_INIT("421 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_MAIL, SPAN_INIT("354 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_RCPT, SPAN_INIT("251 x\r\n"), SMTP_READY, false},
    {COMMAND_RCPT, SPAN_INIT("550 x\r\n"), SMTP_READY, true},
    {COMMAND_RCPT, SPAN_INIT("221 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_DATA, SPAN_INIT("354 x\r\n"), SMTP_READY, false},
    {COMMAND_DATA, SPAN_INIT("250 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_DATA, SPAN_INIT("451 x\r\n"), SMTP_READY, true},
    {COMMAND_DOT, SPAN_INIT("250 x\r\n"), SMTP_READY, true},
    {COMMAND_DOT, SPAN_INIT("554 x\r\n"), SMTP_READY, true},
    {COMMAND_DOT, SPAN_INIT("221 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_DOT, SPAN_INIT("354 x\r\n"), SMTP_CLOSED, true},
    {COMMAND_LONE_DOT, SPAN_INIT("250 x\r\n"), SMTP_READY, false},
    {COMMAND_LONE_DOT, SPAN_INIT("554 x\r\n"), SMTP_READY, false},
    {COMMAND_LONE_DOT, SPAN_INIT("421 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_QUIT, SPAN_INIT("221 x\r\n"), SMTP_CLOSED, false},
    {COMMAND_QUIT, SPAN_INIT("500 x\r\n"), SMTP_CLOSED, false},
};

static uint8_t open_for(struct smtp *smtp, enum command command)
{
    uint8_t place;

    if (command < COMMAND_MAIL || command == COMMAND_QUIT)
        return WINDOW_NONE;
    place = window_open(&smtp->window);
    smtp->window.transactions[place].next = COMMAND_NONE;
    if (command == COMMAND_DOT)
        smtp->window.transactions[place].state = WINDOW_DOT;
    if (command == COMMAND_LONE_DOT)
        smtp->window.transactions[place].state = WINDOW_REFUSED;
    return place;
}

static void test_replies(void **state)
{
    struct smtp_options options = {
        .hostname = SPAN("me.test"), .pipelining = true, .transactions_max = 10};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct smtp smtp;
        struct span reply = rows[i].reply;

        smtp_init(&smtp, &options);
        (void)window_take(&smtp.window);
        window_await(&smtp.window, rows[i].command, open_for(&smtp, rows[i].command));
        assert_int_equal(reply_reader_next(&smtp.reader, &reply), REPLY_READER_REPLY);
        if (dialogue_hear(&smtp) != rows[i].state)
            fail_msg("row %zu: another state", i);
        if ((smtp.settle_place != WINDOW_NONE) != rows[i].settles)
            fail_msg("row %zu: settled or not", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_replies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
