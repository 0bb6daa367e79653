#include "smtp/speech.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#define FLIGHT "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"

/* A session in which the next thing is said; whole ones are in smtp_test.c. */
struct session {
    struct smtp smtp;
    struct text out;
    uint8_t buffer[SMTP_BURST_MAX];
};

static void open_session(struct session *session, bool pipelined)
{
    static const struct smtp_options options = {
        .hostname = SPAN_INIT("me.test"), .pipelining = true, .transactions_max = 10};

    smtp_init(&session->smtp, &options);
    (void)window_take(&session->smtp.window); /* the greeting */
    session->smtp.state = SMTP_READY;
    session->smtp.ehlo.extensions = pipelined ? EHLO_PIPELINING : 0;
    text_init(&session->out, session->buffer, sizeof(session->buffer));
}

static struct window_transaction *open_transaction(struct session *session)
{
    uint8_t place = window_open(&session->smtp.window);
    struct window_transaction *transaction = &session->smtp.window.transactions[place];

    transaction->envelope =
        (struct envelope){.return_path = SPAN("a@b.test"), .recipient = SPAN("c@d.test")};
    return transaction;
}

static void expect(struct session *session, const char *label, const char *said)
{
    struct span out = text_span(&session->out);

    if (!span_equal(out, span_cstr(said)))
        fail_msg("%s: \"%.*s\"", label, (int)out.size, (const char *)out.data);
    text_reset(&session->out);
}

static void test_a_transaction_begins(void **state)
{
    static const struct {
        const char *label;
        bool pipelined;
        bool rset_owed;
        const char *said;
    } rows[] = {
        {"in one flight", true, false, FLIGHT},
        {"behind a RSET", true, true, "RSET\r\n" FLIGHT},
        {"one at a time", false, false, "MAIL FROM:<a@b.test>\r\n"},
        {"a RSET at a time", false, true, "RSET\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct session session;

        open_session(&session, rows[i].pipelined);
        (void)open_transaction(&session);
        session.smtp.rset_owed = rows[i].rset_owed;
        speech_begin(&session.smtp, &session.out);
        expect(&session, rows[i].label, rows[i].said);
        assert_false(session.smtp.rset_owed);
    }
}

/* Without PIPELINING the reply to each is awaited first. */
static void test_one_at_a_time(void **state)
{
    static const char *const said[] = {"RCPT TO:<c@d.test>\r\n", "DATA\r\n", ""};
    struct session session;

    (void)state;
    open_session(&session, false);
    (void)open_transaction(&session);
    speech_begin(&session.smtp, &session.out);
    expect(&session, "first", "MAIL FROM:<a@b.test>\r\n");
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        assert_int_equal(speech_write(&session.smtp, &session.out), SMTP_READY);
        expect(&session, "not yet", "");
        (void)window_take(&session.smtp.window);
        assert_int_equal(speech_write(&session.smtp, &session.out), SMTP_READY);
        expect(&session, "next", said[i]);
    }
}

/* What is said, and whether an envelope is taken, by how far the last transaction is. */
static void test_what_may_follow(void **state)
{
    static const struct {
        const char *label;
        bool pipelined;
        enum window_state state; /* FREE: there is no transaction */
        enum command awaited;    /* for it */
        bool takes;
    } rows[] = {
        {"an idle session", false, WINDOW_FREE, COMMAND_NONE, true},
        {"its commands are not answered", true, WINDOW_COMMANDS, COMMAND_RCPT, false},
        {"its content is owed", true, WINDOW_BODY, COMMAND_NONE, false},
        {"its dot is not answered", true, WINDOW_DOT, COMMAND_DOT, true},
        {"its dot is not answered, one at a time", false, WINDOW_DOT, COMMAND_DOT, false},
        {"it is refused, and the replies drain", true, WINDOW_REFUSED, COMMAND_DATA, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct session session;

        open_session(&session, rows[i].pipelined);
        if (rows[i].state != WINDOW_FREE) {
            struct window_transaction *transaction = open_transaction(&session);

            transaction->state = rows[i].state;
            transaction->next = COMMAND_NONE;
            if (rows[i].awaited != COMMAND_NONE)
                window_await(&session.smtp.window, rows[i].awaited, 0);
        }
        if (speech_takes_envelope(&session.smtp) != rows[i].takes)
            fail_msg("%s: takes an envelope or not", rows[i].label);
        assert_int_equal(speech_write(&session.smtp, &session.out), SMTP_READY);
        expect(&session, rows[i].label, "");
        session.smtp.quitting = true;
        assert_false(speech_takes_envelope(&session.smtp));
        assert_int_equal(speech_write(&session.smtp, &session.out),
                         rows[i].takes ? SMTP_QUIT : SMTP_READY);
        expect(&session, rows[i].label, rows[i].takes ? "QUIT\r\n" : "");
    }
}

static void test_the_last_of_a_connection(void **state)
{
    struct session session;

    (void)state;
    open_session(&session, true);
    session.smtp.transactions_taken = session.smtp.options.transactions_max;
    assert_false(speech_takes_envelope(&session.smtp));
    assert_int_equal(speech_write(&session.smtp, &session.out), SMTP_QUIT);
    expect(&session, "the last", "QUIT\r\n");
    open_session(&session, true);
    smtp_pass(&session.smtp);
    assert_false(speech_takes_envelope(&session.smtp));
    smtp_wake(&session.smtp);
    assert_true(speech_takes_envelope(&session.smtp));
}

static void test_silent_states(void **state)
{
    static const enum smtp_state states[] = {SMTP_GREETING, SMTP_SECURING, SMTP_QUIT, SMTP_CLOSED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct session session;

        open_session(&session, true);
        session.smtp.state = states[i];
        session.smtp.quitting = true;
        assert_int_equal(speech_write(&session.smtp, &session.out), states[i]);
        expect(&session, smtp_state_name(states[i]), "");
        assert_false(speech_takes_envelope(&session.smtp));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transaction_begins),     cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_what_may_follow),          cmocka_unit_test(test_silent_states),
        cmocka_unit_test(test_the_last_of_a_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
