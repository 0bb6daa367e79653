#include "bounce/classify.h"

#include <string.h>

#include "base/check.h"

struct classifier {
    const struct rules *rules;
};

size_t classify_memory(const struct rules *rules)
{
    (void)rules;
    return arena_cost(1, sizeof(struct classifier));
}

struct classifier *classify_open(struct arena *arena, const struct rules *rules)
{
    struct classifier *classifier = arena_alloc(arena, 1, sizeof(*classifier));

    classifier->rules = rules;
    return classifier;
}

static bool enhanced_holds(const struct rules_rule *rule, const uint16_t enhanced[3])
{
    for (size_t part = 0; part < 3; part++) {
        if (rule->enhanced[part] != RULES_ANY && rule->enhanced[part] != enhanced[part])
            return false;
    }
    return true;
}

static bool host_holds(const struct rules *rules, const struct rules_rule *rule, struct span host)
{
    for (uint32_t i = 0; i < rule->hosts.count; i++) {
        struct span suffix = span_cstr(rules->hosts[rule->hosts.first + i]);

        if (span_ends_nocase(host, suffix) &&
            (host.size == suffix.size || host.data[host.size - suffix.size - 1] == '.'))
            return true;
    }
    return rule->hosts.count == 0;
}

static bool text_holds(const struct rules *rules, struct rules_range range, struct span text)
{
    for (uint32_t i = 0; i < range.count; i++) {
        struct span phrase = span_cstr(rules->phrases[range.first + i]);

        for (size_t at = 0; at + phrase.size <= text.size; at++) {
            if (span_equal_nocase(span_slice(text, at, phrase.size), phrase))
                return true;
        }
    }
    return false;
}

static bool rule_holds(const struct rules *rules, const struct rules_rule *rule,
                       const struct classify_question *question)
{
    return question->code >= rule->code_min && question->code <= rule->code_max &&
           enhanced_holds(rule, question->enhanced) &&
           (rule->stages == 0 || (rule->stages & 1U << question->stage) != 0) &&
           host_holds(rules, rule, question->host) &&
           (rule->text.count == 0 || text_holds(rules, rule->text, question->text)) &&
           (rule->with.count == 0 || text_holds(rules, rule->with, question->text)) &&
           !text_holds(rules, rule->without, question->text);
}

struct classify_answer classify_reply(const struct classifier *classifier,
                                      const struct classify_question *question)
{
    const struct rules *rules = classifier->rules;

    for (uint32_t i = 0; i < rules->count; i++) {
        const struct rules_rule *rule = &rules->list[i];

        if (rule_holds(rules, rule, question)) {
            return (struct classify_answer){
                rule->class, (enum classify_step)(rule->step + CLASSIFY_PROVIDER), rule->id};
        }
    }
    return (struct classify_answer){BOUNCE_UNKNOWN, CLASSIFY_NOTHING, ""};
}

static enum bounce_class class_of_cause(enum outcome_cause cause)
{
    switch (cause) {
    case CAUSE_NO_DOMAIN:
    case CAUSE_NO_ADDRESS:
        return BOUNCE_NO_DOMAIN;
    case CAUSE_NULL_MX:
        return BOUNCE_NULL_MX;
    case CAUSE_DNS_FAILURE:
    case CAUSE_BAD_ROUTE:
    case CAUSE_CONNECT:
    case CAUSE_LOST:
    case CAUSE_TIMEOUT:
        return BOUNCE_NETWORK;
    case CAUSE_PROTOCOL:
        return BOUNCE_PROTOCOL;
    case CAUSE_TLS:
        return BOUNCE_TLS;
    case CAUSE_LOCAL_CONTENT:
        return BOUNCE_CONTENT;
    case CAUSE_LOCAL_LIFETIME:
        return BOUNCE_EXPIRED;
    case CAUSE_REPLY:
    case CAUSE_LOCAL_STOP:
    case CAUSE_COUNT:
        break;
    }
    return BOUNCE_UNKNOWN;
}

struct classify_answer classify_outcome(const struct classifier *classifier,
                                        const struct outcome *outcome, struct span host)
{
    if (outcome->kind == OUTCOME_DELIVERED)
        return (struct classify_answer){BOUNCE_SUCCESS, CLASSIFY_CAUSE, ""};
    if (outcome->cause != CAUSE_REPLY || outcome->reply.code == 0) {
        return (struct classify_answer){class_of_cause(outcome->cause), CLASSIFY_CAUSE, ""};
    }

    struct classify_question question = {
        .host = host,
        .text = span_make(outcome->reply.text, outcome->reply.text_size),
        .code = outcome->reply.code,
        .stage = outcome->stage,
    };

    memcpy(question.enhanced, outcome->reply.enhanced, sizeof(question.enhanced));
    return classify_reply(classifier, &question);
}

const char *classify_step_name(enum classify_step step)
{
    static const char *const names[CLASSIFY_STEP_COUNT] = {
        "nothing", "provider", "status", "phrase", "weak-status", "stage", "code", "cause"};

    CHECK(step < CLASSIFY_STEP_COUNT);
    return names[step];
}
