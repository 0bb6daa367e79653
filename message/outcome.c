#include "message/outcome.h"

#include "base/check.h"

static bool is_enhanced(const struct reply *reply, uint16_t subject, uint16_t detail)
{
    return reply->enhanced[0] != 0 && reply->enhanced[1] == subject && reply->enhanced[2] == detail;
}

/* RFC 5321 4.5.3.1.10: "too many recipients" under 552, or plainly as X.5.3. */
static bool is_about_recipients_count(const struct reply *reply)
{
    if (is_enhanced(reply, 5, 3))
        return true;
    return reply->code == 552 && reply->enhanced[0] == 0;
}

/* The 5yz does not speak of this recipient or this content, but of the state of the session. */
static bool is_about_session(enum outcome_stage stage, const struct reply *reply)
{
    switch (reply->code) {
    case 500: /* command not recognised; at the dot it is "line too long" */
        return stage < STAGE_BODY;
    case 502: /* not implemented */
    case 503: /* bad sequence */
    case 530: /* AUTH or STARTTLS first */
    case 534:
    case 535:
    case 538:
    case 555: /* parameters of MAIL or RCPT not recognised */
        return true;
    default:
        return stage == STAGE_MAIL && is_enhanced(reply, 3, 2);
    }
}

static enum outcome_kind kind_of_refusal(enum outcome_stage stage, const struct reply *reply)
{
    switch (stage) {
    case STAGE_GREETING:
    case STAGE_EHLO:
    case STAGE_TLS:
        return OUTCOME_DEFERRED;
    case STAGE_RCPT:
        if (is_about_recipients_count(reply))
            return OUTCOME_DEFERRED;
        break;
    case STAGE_MAIL:
    case STAGE_DATA:
    case STAGE_BODY:
    case STAGE_DOT:
        break;
    case STAGE_NONE:
    case STAGE_QUEUE:
    case STAGE_RESOLVE:
    case STAGE_CONNECT:
    case STAGE_COUNT:
        UNREACHABLE("a reply before the greeting");
    }
    return is_about_session(stage, reply) ? OUTCOME_DEFERRED : OUTCOME_FAILED;
}

static enum outcome_kind kind_of_protocol(enum outcome_stage stage)
{
    return stage == STAGE_DOT ? OUTCOME_UNSURE : OUTCOME_DEFERRED;
}

struct outcome outcome_from_reply(enum outcome_stage stage, const struct reply *reply)
{
    struct outcome outcome = {.stage = stage, .cause = CAUSE_REPLY, .reply = *reply};

    CHECK(stage >= STAGE_GREETING);
    CHECK(stage < STAGE_COUNT);
    switch (reply->code / 100) {
    case 2:
        outcome.kind = stage == STAGE_DOT ? OUTCOME_DELIVERED : OUTCOME_NONE;
        return outcome;
    case 3:
        if (stage == STAGE_DATA || stage == STAGE_BODY)
            return outcome;
        break;
    case 4:
        outcome.kind = OUTCOME_DEFERRED;
        return outcome;
    case 5:
        outcome.kind = kind_of_refusal(stage, reply);
        return outcome;
    default:
        break;
    }
    outcome.kind = kind_of_protocol(stage);
    outcome.cause = CAUSE_PROTOCOL;
    return outcome;
}

struct outcome outcome_from_cause(enum outcome_kind kind, enum outcome_stage stage,
                                  enum outcome_cause cause, int error_number, struct span text)
{
    struct outcome outcome = {
        .kind = kind, .stage = stage, .cause = cause, .error_number = error_number};

    CHECK(error_number >= 0);
    reply_set_text(&outcome.reply, text);
    return outcome;
}

bool outcome_is_unsure(const struct outcome *outcome)
{
    if (outcome->kind == OUTCOME_UNSURE)
        return true;
    return outcome->kind == OUTCOME_EXPIRED && outcome->stage == STAGE_DOT &&
           (outcome->cause != CAUSE_REPLY || outcome->reply.code / 100 == 3);
}

const char *outcome_kind_name(enum outcome_kind kind)
{
    static const char *const names[] = {"none",    "delivered",  "deferred",  "unsure",  "failed",
                                        "expired", "suppressed", "cancelled", "released"};
    static_assert(ARRAY_LEN(names) == OUTCOME_KIND_COUNT, "a name for each kind");

    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

const char *outcome_stage_name(enum outcome_stage stage)
{
    static const char *const names[] = {"none", "queue", "resolve", "connect", "greeting", "ehlo",
                                        "tls",  "mail",  "rcpt",    "data",    "body",     "dot"};
    static_assert(ARRAY_LEN(names) == STAGE_COUNT, "a name for each stage");

    return (size_t)stage < ARRAY_LEN(names) ? names[stage] : "unknown";
}

const char *outcome_cause_name(enum outcome_cause cause)
{
    static const char *const names[] = {"reply",       "no-domain", "null-mx",    "no-address",
                                        "dns-failure", "bad-route", "connect",    "lost",
                                        "timeout",     "protocol",  "tls",        "content",
                                        "lifetime",    "stop",      "suppressed", "signature"};
    static_assert(ARRAY_LEN(names) == CAUSE_COUNT, "a name for each cause");

    return (size_t)cause < ARRAY_LEN(names) ? names[cause] : "unknown";
}
