#include "smtp/speech.h"

#include "base/check.h"
#include "smtp/dialogue.h"
#include "smtp/opening.h"

static bool is_pipelined(const struct smtp *smtp)
{
    return smtp->options.pipelining && ehlo_offers(&smtp->ehlo, EHLO_PIPELINING);
}

static bool is_ending(const struct smtp *smtp)
{
    return smtp->quitting || smtp->transactions_taken >= smtp->options.transactions_max;
}

static bool may_write(const struct smtp *smtp)
{
    return window_awaited(&smtp->window) == COMMAND_NONE || is_pipelined(smtp);
}

static void write_rset(struct smtp *smtp, struct text *out)
{
    command_rset(out);
    dialogue_await(smtp, COMMAND_RSET, WINDOW_NONE);
    smtp->rset_owed = false;
}

/* Writes the next command of a transaction; what comes after it. */
static enum command write_next(const struct smtp *smtp,
                               const struct window_transaction *transaction, struct text *out)
{
    if (transaction->next == COMMAND_MAIL) {
        command_mail(out, &transaction->envelope, &smtp->ehlo);
        return COMMAND_RCPT;
    }
    if (transaction->next == COMMAND_RCPT) {
        command_rcpt(out, transaction->envelope.recipient);
        return COMMAND_DATA;
    }
    if (transaction->next == COMMAND_DATA) {
        command_data(out);
        return COMMAND_NONE;
    }
    CHECK(transaction->next == COMMAND_LONE_DOT);
    command_dot(out);
    return COMMAND_NONE;
}

/* What is left of the newest transaction's commands, one at a time without PIPELINING. */
static void write_transaction(struct smtp *smtp, struct text *out)
{
    uint8_t place = window_newest(&smtp->window);
    struct window_transaction *transaction;

    if (place == WINDOW_NONE)
        return;
    transaction = &smtp->window.transactions[place];
    while (transaction->next != COMMAND_NONE && may_write(smtp)) {
        enum command command = transaction->next;

        transaction->next = write_next(smtp, transaction, out);
        dialogue_await(smtp, command, place);
    }
}

static enum smtp_state write_ready(struct smtp *smtp, struct text *out)
{
    write_transaction(smtp, out);
    if (!window_may_follow(&smtp->window) || !may_write(smtp))
        return SMTP_READY;
    if (is_ending(smtp)) {
        command_quit(out);
        dialogue_await(smtp, COMMAND_QUIT, WINDOW_NONE);
        return SMTP_QUIT;
    }
    return SMTP_READY;
}

enum smtp_state speech_write(struct smtp *smtp, struct text *out)
{
    switch (smtp->state) {
    case SMTP_EHLO:
    case SMTP_HELO:
    case SMTP_STARTTLS:
    case SMTP_AUTH:
        opening_write(smtp, out);
        return smtp->state;
    case SMTP_READY:
        return write_ready(smtp, out);
    case SMTP_GREETING:
    case SMTP_SECURING:
    case SMTP_QUIT:
    case SMTP_CLOSED:
        return smtp->state;
    case SMTP_STATE_COUNT:
        break;
    }
    UNREACHABLE("no such state");
}

bool speech_takes_envelope(const struct smtp *smtp)
{
    return smtp->state == SMTP_READY && !smtp->passed && !is_ending(smtp) &&
           !window_full(&smtp->window) && window_may_follow(&smtp->window) && may_write(smtp);
}

void speech_begin(struct smtp *smtp, struct text *out)
{
    /* Never alone: with PIPELINING in one flight with MAIL, else just before it. */
    if (smtp->rset_owed)
        write_rset(smtp, out);
    write_transaction(smtp, out);
}
