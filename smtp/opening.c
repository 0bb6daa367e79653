#include "smtp/opening.h"

#include "base/check.h"
#include "smtp/dialogue.h"

static bool wants_tls(const struct smtp *smtp)
{
    return !smtp->secured && smtp->options.tls != SMTP_TLS_NEVER;
}

static enum smtp_state begin_auth(struct smtp *smtp)
{
    if (!smtp->secured)
        return dialogue_close(
            smtp, verdict_failing(STAGE_TLS, CAUSE_TLS,
                                  "the route has a password, which is never said without TLS"));
    if (!ehlo_offers(&smtp->ehlo, EHLO_AUTH_PLAIN) && !ehlo_offers(&smtp->ehlo, EHLO_AUTH_LOGIN))
        return dialogue_close(
            smtp, verdict_failing(STAGE_EHLO, CAUSE_PROTOCOL,
                                  "the route has a password, and the server takes neither AUTH "
                                  "PLAIN nor AUTH LOGIN"));
    smtp->auth = ehlo_offers(&smtp->ehlo, EHLO_AUTH_PLAIN) ? SMTP_AUTH_PLAIN : SMTP_AUTH_LOGIN;
    return SMTP_AUTH;
}

/* EHLO or HELO was answered: what comes next. */
static enum smtp_state after_hello(struct smtp *smtp)
{
    if (wants_tls(smtp) && smtp->clear != SMTP_CLEAR_REFUSED) {
        if (ehlo_offers(&smtp->ehlo, EHLO_STARTTLS))
            return SMTP_STARTTLS;
        smtp->clear = SMTP_CLEAR_NOT_OFFERED;
    }
    if (wants_tls(smtp) && smtp->options.tls != SMTP_TLS_OFFERED)
        return dialogue_close(smtp, verdict_failing(STAGE_TLS, CAUSE_TLS,
                                                    "TLS is demanded and the server offers none"));
    return smtp->options.user.size > 0 ? begin_auth(smtp) : SMTP_READY;
}

static enum smtp_state on_starttls(struct smtp *smtp)
{
    if (smtp->reader.code == 220)
        return SMTP_SECURING;
    smtp->clear = SMTP_CLEAR_REFUSED;
    if (smtp->options.tls != SMTP_TLS_OFFERED)
        return dialogue_close(smtp, verdict_refused(COMMAND_STARTTLS));
    return after_hello(smtp);
}

static enum smtp_state on_auth(struct smtp *smtp)
{
    if (smtp->reader.code / 100 == 2)
        return SMTP_READY;
    if (smtp->reader.code / 100 != 3)
        return dialogue_close(smtp, verdict_refused(COMMAND_AUTH));
    switch (smtp->auth) {
    case SMTP_AUTH_LOGIN:
        smtp->auth = SMTP_AUTH_USER;
        return SMTP_AUTH;
    case SMTP_AUTH_USER:
        smtp->auth = SMTP_AUTH_PASSWORD;
        return SMTP_AUTH;
    case SMTP_AUTH_NONE:
    case SMTP_AUTH_PLAIN:
    case SMTP_AUTH_PASSWORD:
        break;
    }
    return dialogue_close(smtp, verdict_fault(COMMAND_AUTH, "a question after the last answer"));
}

void opening_write(struct smtp *smtp, struct text *out)
{
    if (window_awaited(&smtp->window) != COMMAND_NONE)
        return;
    switch (smtp->state) {
    case SMTP_EHLO:
        command_ehlo(out, smtp->options.hostname);
        dialogue_await(smtp, COMMAND_EHLO, WINDOW_NONE);
        smtp->reader.by_line = true;
        return;
    case SMTP_HELO:
        command_helo(out, smtp->options.hostname);
        dialogue_await(smtp, COMMAND_HELO, WINDOW_NONE);
        return;
    case SMTP_STARTTLS:
        command_starttls(out);
        dialogue_await(smtp, COMMAND_STARTTLS, WINDOW_NONE);
        return;
    case SMTP_AUTH:
        CHECK(smtp->secured);
        if (smtp->auth == SMTP_AUTH_PLAIN)
            command_auth_plain(out, smtp->options.user, smtp->options.password);
        else if (smtp->auth == SMTP_AUTH_LOGIN)
            command_auth_login(out);
        else
            command_auth_answer(out, smtp->auth == SMTP_AUTH_USER ? smtp->options.user
                                                                  : smtp->options.password);
        dialogue_await(smtp, COMMAND_AUTH, WINDOW_NONE);
        return;
    case SMTP_GREETING:
    case SMTP_SECURING:
    case SMTP_READY:
    case SMTP_QUIT:
    case SMTP_CLOSED:
    case SMTP_STATE_COUNT:
        break;
    }
}

enum smtp_state opening_hear(struct smtp *smtp, enum command command)
{
    uint32_t class = smtp->reader.code / 100U;

    if (command == COMMAND_STARTTLS)
        return on_starttls(smtp);
    if (command == COMMAND_AUTH)
        return on_auth(smtp);
    if (command == COMMAND_EHLO && class != 2) {
        ehlo_init(&smtp->ehlo);
        /* A server that knew EHLO in clear and not behind TLS is no server to go on with. */
        return class == 5 && !smtp->secured ? SMTP_HELO
                                            : dialogue_close(smtp, verdict_refused(command));
    }
    if (class != 2)
        return dialogue_close(smtp, verdict_refused(command));
    if (command == COMMAND_GREETING) {
        smtp->greeted = true;
        return SMTP_EHLO;
    }
    return after_hello(smtp);
}

enum smtp_state opening_secured(struct smtp *smtp)
{
    CHECK(smtp->state == SMTP_SECURING);
    smtp->secured = true;
    smtp->clear = SMTP_CLEAR_NONE;
    ehlo_init(&smtp->ehlo);
    reply_reader_init(&smtp->reader);
    if (smtp->greeted)
        return SMTP_EHLO;
    dialogue_await(smtp, COMMAND_GREETING, WINDOW_NONE);
    return SMTP_GREETING;
}
