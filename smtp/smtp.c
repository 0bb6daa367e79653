#include "smtp/smtp.h"

#include <string.h>

#include "base/check.h"
#include "smtp/dialogue.h"
#include "smtp/ending.h"
#include "smtp/opening.h"
#include "smtp/speech.h"

static struct window_transaction *newest(struct smtp *smtp)
{
    uint8_t place = window_newest(&smtp->window);

    return place == WINDOW_NONE ? NULL : &smtp->window.transactions[place];
}

/* ---- replies ---- */

static void on_line(struct smtp *smtp)
{
    if (window_awaited(&smtp->window) == COMMAND_EHLO && smtp->reader.code / 100 == 2 &&
        smtp->reader.lines_count > 1)
        ehlo_read_line(&smtp->ehlo, reply_reader_line(&smtp->reader));
}

/* Reads one line. False: the input is used up. */
static bool read_reply(struct smtp *smtp, struct span *input)
{
    enum command command = window_awaited(&smtp->window);

    switch (reply_reader_next(&smtp->reader, input)) {
    case REPLY_READER_MORE:
        return false;
    case REPLY_READER_LINE:
        on_line(smtp);
        return true;
    case REPLY_READER_REPLY:
        on_line(smtp);
        if (command != COMMAND_NONE)
            smtp->state = dialogue_hear(smtp);
        else if (smtp->reader.code == 421)
            smtp->state = dialogue_close(smtp, verdict_refused(COMMAND_NONE));
        else
            smtp->state =
                dialogue_close(smtp, verdict_fault(COMMAND_NONE, "a reply to no command"));
        return true;
    case REPLY_READER_BROKEN:
        smtp->state =
            dialogue_close(smtp, verdict_fault(command, reply_reader_fault(&smtp->reader)));
        return true;
    }
    UNREACHABLE("no such result");
}

/* ---- the interface ---- */

void smtp_init(struct smtp *smtp, const struct smtp_options *options)
{
    memset(smtp, 0, sizeof(*smtp));
    CHECK(options->transactions_max > 0);
    smtp->options = *options;
    smtp->settle_place = WINDOW_NONE;
    window_init(&smtp->window);
    ehlo_init(&smtp->ehlo);
    reply_reader_init(&smtp->reader);
    CHECK(options->user.size <= COMMAND_CREDENTIAL_MAX);
    CHECK(options->password.size <= COMMAND_CREDENTIAL_MAX);
    if (options->tls == SMTP_TLS_FIRST)
        smtp->state = SMTP_SECURING;
    else
        dialogue_await(smtp, COMMAND_GREETING, WINDOW_NONE);
}

/* A reply has begun, or its octets wait. */
static bool is_reading(const struct smtp *smtp, struct span input)
{
    return input.size > 0 || reply_reader_is_inside(&smtp->reader);
}

/* Octets to no command come before a new command: they cannot be its answer. */
static bool may_speak(const struct smtp *smtp, bool reading)
{
    return !reading || window_awaited(&smtp->window) != COMMAND_NONE;
}

/* An outcome waits to be fetched. */
static bool has_settled(struct smtp *smtp)
{
    return smtp->settle_place != WINDOW_NONE || (smtp->state == SMTP_CLOSED && ending_settle(smtp));
}

static bool takes_body(struct smtp *smtp)
{
    const struct window_transaction *transaction = newest(smtp);

    return transaction != NULL && transaction->state == WINDOW_BODY;
}

enum smtp_want smtp_step(struct smtp *smtp, struct span *input, struct text *out)
{
    CHECK(text_room(out) >= SMTP_BURST_MAX);
    for (;;) {
        bool reading = is_reading(smtp, *input);

        window_release(&smtp->window);
        if (has_settled(smtp))
            return SMTP_WANT_SETTLE;
        if (smtp->state == SMTP_CLOSED)
            return SMTP_WANT_CLOSE;
        if (smtp->state == SMTP_SECURING) {
            if (input->size == 0)
                return SMTP_WANT_TLS;
            /* Sent in clear, by anybody: never to be taken for what TLS protects. */
            smtp->state = dialogue_close(
                smtp, verdict_fault(COMMAND_STARTTLS, "octets in clear before the handshake"));
            continue;
        }
        if (may_speak(smtp, reading))
            smtp->state = speech_write(smtp, out);
        if (!reading && takes_body(smtp))
            return SMTP_WANT_BODY;
        if (input->size == 0 && may_speak(smtp, reading) && speech_takes_envelope(smtp))
            return SMTP_WANT_ENVELOPE;
        if (!read_reply(smtp, input))
            return SMTP_WANT_REPLY;
    }
}

void smtp_envelope(struct smtp *smtp, const struct envelope *envelope, uint32_t tag,
                   struct text *out)
{
    enum command_fault fault = command_judge(envelope, &smtp->ehlo);
    struct window_transaction *transaction;
    uint8_t place;

    CHECK(speech_takes_envelope(smtp));
    CHECK(text_room(out) >= SMTP_BURST_MAX);
    place = window_open(&smtp->window);
    transaction = &smtp->window.transactions[place];
    transaction->tag = tag;
    if (fault != COMMAND_FAULT_NONE) {
        transaction->next = COMMAND_NONE;
        dialogue_settle(smtp, place, verdict_unfit(fault));
        return;
    }
    smtp->transactions_taken++;
    transaction->envelope = *envelope;
    speech_begin(smtp, out);
}

void smtp_pass(struct smtp *smtp)
{
    smtp->passed = true;
}

void smtp_wake(struct smtp *smtp)
{
    smtp->passed = false;
}

void smtp_quit(struct smtp *smtp)
{
    smtp->quitting = true;
    switch (smtp->state) {
    case SMTP_GREETING:
    case SMTP_EHLO:
    case SMTP_HELO:
    case SMTP_STARTTLS:
    case SMTP_SECURING:
    case SMTP_AUTH:
        smtp->state = dialogue_close(smtp, verdict_peace());
        return;
    case SMTP_READY:
    case SMTP_QUIT:
    case SMTP_CLOSED:
        return;
    case SMTP_STATE_COUNT:
        break;
    }
    UNREACHABLE("no such state");
}

uint32_t smtp_body_tag(const struct smtp *smtp)
{
    uint8_t place = window_newest(&smtp->window);

    CHECK(place != WINDOW_NONE);
    CHECK(smtp->window.transactions[place].state == WINDOW_BODY);
    return smtp->window.transactions[place].tag;
}

void smtp_body_done(struct smtp *smtp)
{
    struct window_transaction *transaction = newest(smtp);

    if (smtp->state == SMTP_CLOSED)
        return;
    CHECK(transaction != NULL);
    CHECK(transaction->state == WINDOW_BODY);
    transaction->state = WINDOW_DOT;
    smtp->passed = false;
    if (reply_reader_is_inside(&smtp->reader)) {
        smtp->state = dialogue_close(smtp, verdict_fault(COMMAND_NONE, "a reply before the dot"));
        return;
    }
    dialogue_await(smtp, COMMAND_DOT, window_newest(&smtp->window));
}

void smtp_body_failed(struct smtp *smtp, int error_number)
{
    smtp_lost(smtp, CAUSE_LOCAL_CONTENT, error_number);
}

void smtp_body_unsigned(struct smtp *smtp)
{
    smtp_lost(smtp, CAUSE_LOCAL_SIGNATURE, 0);
}

void smtp_settled(struct smtp *smtp, uint32_t *ret_tag, struct outcome *ret_outcome)
{
    struct window_transaction *transaction;

    CHECK(smtp->settle_place != WINDOW_NONE);
    transaction = &smtp->window.transactions[smtp->settle_place];
    verdict_outcome(&smtp->settle, &smtp->reader, ret_outcome);
    *ret_tag = transaction->tag;
    transaction->state = WINDOW_REFUSED; /* freed as soon as no reply is due to it */
    smtp->settle_place = WINDOW_NONE;
}

void smtp_secured(struct smtp *smtp)
{
    smtp->state = opening_secured(smtp);
}

void smtp_lost(struct smtp *smtp, enum outcome_cause cause, int error_number)
{
    enum command awaited =
        smtp->state == SMTP_SECURING ? COMMAND_HANDSHAKE : window_awaited(&smtp->window);
    bool peaceful =
        smtp->state == SMTP_QUIT || (smtp_is_idle(smtp) && smtp->transactions_taken > 0);

    if (smtp->state == SMTP_CLOSED)
        return;
    smtp->state = dialogue_close(smtp, verdict_cause(awaited, cause, error_number));
    if (peaceful && smtp_open_count(smtp) == 0)
        smtp->state = dialogue_close(smtp, verdict_peace());
}

void smtp_timeout(struct smtp *smtp)
{
    smtp_lost(smtp, CAUSE_TIMEOUT, 0);
}

uint64_t smtp_timeout_ns(const struct smtp *smtp)
{
    const struct command_timeouts *timeouts = &smtp->options.timeouts;
    uint64_t block_ns = command_block_timeout_ns(timeouts);
    uint64_t answer_ns = command_timeout_ns(timeouts, window_awaited(&smtp->window));
    uint8_t place = window_newest(&smtp->window);

    if (place != WINDOW_NONE && smtp->window.transactions[place].state == WINDOW_BODY)
        return block_ns;
    if (smtp->state == SMTP_SECURING)
        return command_timeout_ns(timeouts, COMMAND_HANDSHAKE);
    return reply_reader_is_inside(&smtp->reader) ? min_u64(block_ns, answer_ns) : answer_ns;
}

bool smtp_is_idle(const struct smtp *smtp)
{
    return smtp->state == SMTP_READY && smtp->window.replies_count == 0 &&
           smtp->window.transactions_count == 0;
}

uint32_t smtp_open_count(const struct smtp *smtp)
{
    return window_open_count(&smtp->window);
}

void smtp_end(const struct smtp *smtp, struct outcome *ret_outcome)
{
    CHECK(smtp->state == SMTP_CLOSED);
    verdict_outcome(&smtp->end, &smtp->reader, ret_outcome);
}

const char *smtp_state_name(enum smtp_state state)
{
    static const char *const names[] = {"greeting", "ehlo",  "helo", "starttls", "securing",
                                        "auth",     "ready", "quit", "closed"};
    static_assert(ARRAY_LEN(names) == SMTP_STATE_COUNT, "a name for each state");

    return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}
