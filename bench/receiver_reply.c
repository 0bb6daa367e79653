#include "bench/receiver_reply.h"

#include "base/check.h"

const struct persona_rule *receiver_reply_rule(const struct receiver *receiver,
                                               enum persona_step step)
{
    const struct persona *const personas[] = {receiver->recipient_persona, receiver->persona};

    for (size_t i = 0; i < ARRAY_LEN(personas); i++)
        if (personas[i] != NULL && personas[i]->rules[step].action != PERSONA_NORMAL)
            return &personas[i]->rules[step];
    return NULL;
}

enum receiver_state receiver_reply_next(struct receiver *receiver, enum receiver_state next)
{
    enum receiver_state forced = receiver->forced;

    receiver->forced = RECEIVER_OPENING;
    if (forced == RECEIVER_OPENING)
        return next;
    receiver->next = next;
    return forced;
}

void receiver_reply_usual(const struct receiver *receiver, struct text *out, const char *usual)
{
    struct span text = span_cstr(usual);

    if (receiver->persona != NULL && receiver->persona->no_extensions) {
        text_add(out, span_first(text, 3));
        text = span_skip(text, text.size > 5 && text.data[5] == '.' ? 9 : 3);
    }
    text_add(out, text);
    text_add_cstr(out, "\r\n");
}

/* Does what a rule says. Returns the code that the client sees; 0 when it sees none. */
static uint16_t obey(struct receiver *receiver, const struct persona_rule *rule, struct text *out,
                     const char *usual)
{
    struct span text = span_make(rule->text, rule->text_size);
    uint64_t code = 0;

    if (!span_number(span_first(span_cstr(usual), 3), 599, &code))
        code = 0;
    switch (rule->action) {
    case PERSONA_CLOSE:
        receiver->forced = RECEIVER_CLOSING;
        text_add(out, text);
        return rule->code;
    case PERSONA_REPLY:
        text_add(out, text);
        if (rule->code == 421)
            receiver->forced = RECEIVER_CLOSING;
        return rule->code;
    case PERSONA_RAW:
        text_add(out, text);
        return (uint16_t)code;
    case PERSONA_LINES:
        receiver->lines_rule = rule;
        receiver->lines_left = rule->lines;
        receiver->forced = RECEIVER_LINES;
        return rule->code;
    case PERSONA_TWICE:
        receiver_reply_usual(receiver, out, usual);
        receiver_reply_usual(receiver, out, usual);
        return (uint16_t)code;
    case PERSONA_SKIP:
        return (uint16_t)code;
    case PERSONA_SILENCE:
        receiver->forced = RECEIVER_SILENT;
        return rule->accepted ? (uint16_t)code : 0;
    case PERSONA_DROP:
        receiver->forced = RECEIVER_CLOSING;
        return rule->accepted ? (uint16_t)code : 0;
    case PERSONA_NORMAL:
        break;
    }
    UNREACHABLE("a rule without an action");
}

uint16_t receiver_reply_to(struct receiver *receiver, enum persona_step step, struct text *out,
                           const char *usual)
{
    const struct persona_rule *rule = receiver_reply_rule(receiver, step);
    uint64_t code = 0;

    if (rule != NULL && receiver->steps[step]++ >= rule->after)
        return obey(receiver, rule, out, usual);
    receiver_reply_usual(receiver, out, usual);
    return span_number(span_first(span_cstr(usual), 3), 599, &code) ? (uint16_t)code : 0;
}

enum receiver_state receiver_reply_complain(struct receiver *receiver, struct text *out,
                                            const char *text)
{
    receiver->protocol_errors++;
    receiver_reply_usual(receiver, out, text);
    return RECEIVER_COMMAND;
}

enum receiver_state receiver_reply_body_rule(struct receiver *receiver,
                                             const struct persona_rule *rule, struct text *out)
{
    (void)obey(receiver, rule, out, "250 2.0.0 ok"); /* what follows is in `forced` */
    return receiver_reply_next(receiver, receiver->state);
}
