#include "smtp/verdict.h"

#include "base/check.h"

#define WORDS_MAX REPLY_TEXT_MAX

/* The stage of a session that idles is that of its next command. */
static enum outcome_stage stage_of(enum command command)
{
    enum outcome_stage stage = command_stage(command);

    return stage == STAGE_NONE ? STAGE_MAIL : stage;
}

struct verdict verdict_reply(enum command command)
{
    return (struct verdict){.stage = stage_of(command), .cause = CAUSE_REPLY};
}

struct verdict verdict_refused(enum command command)
{
    struct verdict verdict = verdict_reply(command);

    verdict.kind = OUTCOME_DEFERRED;
    return verdict;
}

struct verdict verdict_fault(enum command command, const char *text)
{
    return (struct verdict){.kind = command == COMMAND_DOT ? OUTCOME_UNSURE : OUTCOME_DEFERRED,
                            .stage = stage_of(command),
                            .cause = CAUSE_PROTOCOL,
                            .awaited = command,
                            .text = text};
}

struct verdict verdict_cause(enum command command, enum outcome_cause cause, int error_number)
{
    return (struct verdict){.kind = OUTCOME_DEFERRED,
                            .stage = stage_of(command),
                            .cause = cause,
                            .error_number = error_number,
                            .awaited = command};
}

struct verdict verdict_failing(enum outcome_stage stage, enum outcome_cause cause, const char *text)
{
    return (struct verdict){.kind = OUTCOME_DEFERRED, .stage = stage, .cause = cause, .text = text};
}

struct verdict verdict_peace(void)
{
    return (struct verdict){.kind = OUTCOME_NONE, .stage = STAGE_NONE};
}

struct verdict verdict_unfit(enum command_fault fault)
{
    return (struct verdict){.kind = OUTCOME_FAILED,
                            .stage = STAGE_MAIL,
                            .cause =
                                fault == COMMAND_FAULT_REQUIRETLS ? CAUSE_TLS : CAUSE_LOCAL_CONTENT,
                            .text = command_fault_text(fault)};
}

static const char *words_of(enum outcome_cause cause)
{
    switch (cause) {
    case CAUSE_LOST:
        return "the connection was lost";
    case CAUSE_TIMEOUT:
        return "no answer came in time";
    case CAUSE_PROTOCOL:
        return "the server broke the protocol";
    case CAUSE_LOCAL_CONTENT:
        return "the content could not be read";
    case CAUSE_LOCAL_SIGNATURE:
        return "a signature could not be made";
    case CAUSE_LOCAL_STOP:
        return "ringpost is stopping";
    case CAUSE_TLS:
        return "the TLS handshake failed";
    case CAUSE_REPLY:
    case CAUSE_NO_DOMAIN:
    case CAUSE_NULL_MX:
    case CAUSE_NO_ADDRESS:
    case CAUSE_DNS_FAILURE:
    case CAUSE_BAD_ROUTE:
    case CAUSE_CONNECT:
    case CAUSE_LOCAL_LIFETIME:
    case CAUSE_LOCAL_SUPPRESSED:
    case CAUSE_COUNT:
        break;
    }
    return "the session ended";
}

static void write_words(const struct verdict *verdict, const struct reply_reader *reader,
                        struct text *words)
{
    struct reply reply;

    text_add_cstr(words, verdict->text != NULL ? verdict->text : words_of(verdict->cause));
    if (verdict->awaited != COMMAND_NONE) {
        text_add_cstr(words, ", awaiting the answer to ");
        text_add_cstr(words, command_name(verdict->awaited));
    }
    if (verdict->cause != CAUSE_PROTOCOL || reply_reader_is_inside(reader))
        return;
    reply_reader_reply(reader, &reply);
    text_add_cstr(words, ": ");
    reply_write(&reply, words); /* what does not fit is left out as a whole */
}

void verdict_outcome(const struct verdict *verdict, const struct reply_reader *reader,
                     struct outcome *ret_outcome)
{
    char buffer[WORDS_MAX];
    struct text words;
    struct reply reply;

    if (verdict->cause == CAUSE_REPLY && verdict->stage != STAGE_NONE) {
        reply_reader_reply(reader, &reply);
        *ret_outcome = outcome_from_reply(verdict->stage, &reply);
        if (verdict->kind != OUTCOME_NONE)
            ret_outcome->kind = verdict->kind;
        return;
    }
    text_init(&words, buffer, sizeof(buffer));
    if (verdict->stage != STAGE_NONE)
        write_words(verdict, reader, &words);
    *ret_outcome = outcome_from_cause(verdict->kind, verdict->stage, verdict->cause,
                                      verdict->error_number, text_span(&words));
}
