#include "smtp/dialogue.h"

#include "base/check.h"
#include "smtp/opening.h"

void dialogue_await(struct smtp *smtp, enum command command, uint8_t place)
{
    window_await(&smtp->window, command, place);
    reply_reader_turn(&smtp->reader);
}

void dialogue_settle(struct smtp *smtp, uint8_t place, struct verdict verdict)
{
    CHECK(smtp->settle_place == WINDOW_NONE);
    CHECK(window_is_open(&smtp->window.transactions[place]));
    smtp->settle_place = place;
    smtp->settle = verdict;
}

enum smtp_state dialogue_close(struct smtp *smtp, struct verdict why)
{
    smtp->end = why;
    if (why.kind == OUTCOME_UNSURE)
        smtp->end.kind = OUTCOME_DEFERRED; /* only a transaction can be unsure */
    return SMTP_CLOSED;
}

static enum smtp_state on_mail_or_rcpt(struct smtp *smtp, struct window_reply front)
{
    struct window_transaction *transaction = &smtp->window.transactions[front.place];

    if (smtp->reader.code / 100 == 2) {
        transaction->opened = true;
        return SMTP_READY;
    }
    if (!window_is_open(transaction))
        return SMTP_READY;
    dialogue_settle(smtp, front.place, verdict_reply((enum command)front.command));
    if (transaction->next != COMMAND_NONE)
        smtp->rset_owed = transaction->opened; /* plain gear: DATA will not be written */
    transaction->next = COMMAND_NONE;
    return SMTP_READY;
}

static enum smtp_state on_data(struct smtp *smtp, struct window_reply front)
{
    struct window_transaction *transaction = &smtp->window.transactions[front.place];

    if (smtp->reader.code / 100 == 3) {
        if (window_is_open(transaction))
            transaction->state = WINDOW_BODY;
        else
            transaction->next = COMMAND_LONE_DOT;
        return SMTP_READY;
    }
    smtp->rset_owed = transaction->opened;
    if (window_is_open(transaction))
        dialogue_settle(smtp, front.place, verdict_reply(COMMAND_DATA));
    return SMTP_READY;
}

static enum smtp_state on_dot(struct smtp *smtp, struct window_reply front)
{
    dialogue_settle(smtp, front.place, verdict_reply(COMMAND_DOT));
    if (smtp->reader.code / 100 == 2)
        smtp->delivered_count++;
    return SMTP_READY;
}

static enum smtp_state on_answer(struct smtp *smtp, struct window_reply front)
{
    enum command command = (enum command)front.command;

    switch (command) {
    case COMMAND_GREETING:
    case COMMAND_EHLO:
    case COMMAND_HELO:
    case COMMAND_STARTTLS:
    case COMMAND_AUTH:
        return opening_hear(smtp, command);
    case COMMAND_RSET:
        return smtp->reader.code / 100 == 2 ? SMTP_READY
                                            : dialogue_close(smtp, verdict_refused(command));
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        return on_mail_or_rcpt(smtp, front);
    case COMMAND_DATA:
        return on_data(smtp, front);
    case COMMAND_DOT:
        return on_dot(smtp, front);
    case COMMAND_LONE_DOT:
        return SMTP_READY; /* no verdict for anybody */
    case COMMAND_QUIT:
        return dialogue_close(smtp, verdict_peace());
    case COMMAND_NONE:
    case COMMAND_HANDSHAKE:
    case COMMAND_COUNT:
        break;
    }
    UNREACHABLE("no such command");
}

/* The reply ends the session; the transaction that it answers has a verdict of its own. */
static enum smtp_state on_last_reply(struct smtp *smtp, struct window_reply front,
                                     struct verdict verdict)
{
    if (front.place != WINDOW_NONE && window_is_open(&smtp->window.transactions[front.place]))
        dialogue_settle(smtp, front.place, verdict);
    return dialogue_close(smtp, verdict);
}

enum smtp_state dialogue_hear(struct smtp *smtp)
{
    struct window_reply front = window_take(&smtp->window);
    enum command command = (enum command)front.command;
    bool quitting = smtp->state == SMTP_QUIT;
    enum smtp_state state;

    smtp->passed = false;
    smtp->reader.by_line = false;
    if (front.place != WINDOW_NONE)
        smtp->window.transactions[front.place].answered = true;
    if (!command_is_answer(command, smtp->reader.code))
        return on_last_reply(smtp, front, verdict_fault(command, "a reply that is no answer"));
    if (smtp->reader.code == 421 && command != COMMAND_QUIT)
        return on_last_reply(smtp, front, verdict_refused(command));
    state = on_answer(smtp, front);
    return quitting && state == SMTP_READY ? SMTP_QUIT : state;
}
