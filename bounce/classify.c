#include "bounce/classify.h"

#include <string.h>

#include "base/check.h"
#include "bounce/phrases.h"
#include "bounce/reply_fold.h"

struct classifier {
    const struct rules *rules;
    struct phrases *phrases;
    uint16_t *rule_of; /* of each phrase that is in a rule's `text`: that rule; else RULES_MAX */
    uint16_t *plain;   /* the rules without `text`, in order */
    uint32_t plain_count;
};

/* What is asked, prepared. */
struct view {
    const struct rules *rules;
    const struct classify_question *question;
    uint16_t code;
    uint16_t enhanced[3];
    struct phrases_found found;
};

size_t classify_memory(const struct rules *rules)
{
    return arena_cost(1, sizeof(struct classifier)) +
           phrases_memory(rules->phrases, rules->phrases_count) +
           arena_cost(rules->phrases_count + 1, sizeof(uint16_t)) +
           arena_cost(rules->count + 1, sizeof(uint16_t));
}

struct classifier *classify_open(struct arena *arena, const struct rules *rules)
{
    struct classifier *classifier = arena_alloc(arena, 1, sizeof(*classifier));

    CHECK(rules->count <= RULES_MAX);
    classifier->rules = rules;
    classifier->phrases = phrases_open(arena, rules->phrases, rules->phrases_count);
    classifier->rule_of = arena_alloc(arena, rules->phrases_count + 1, sizeof(uint16_t));
    classifier->plain = arena_alloc(arena, rules->count + 1, sizeof(uint16_t));
    for (uint32_t i = 0; i < rules->phrases_count; i++)
        classifier->rule_of[i] = RULES_MAX;
    for (uint32_t i = 0; i < rules->count; i++) {
        struct rules_range text = rules->list[i].text;

        for (uint32_t p = 0; p < text.count; p++)
            classifier->rule_of[text.first + p] = (uint16_t)i;
        if (text.count == 0)
            classifier->plain[classifier->plain_count++] = (uint16_t)i;
    }
    return classifier;
}

static bool status_holds(const struct view *view, struct rules_range range)
{
    for (uint32_t i = 0; i < range.count; i++) {
        const uint16_t *parts = view->rules->statuses[range.first + i].parts;
        bool holds = view->enhanced[0] != 0;

        for (size_t part = 0; part < 3; part++)
            holds = holds && (parts[part] == RULES_ANY || parts[part] == view->enhanced[part]);
        if (holds)
            return true;
    }
    return range.count == 0;
}

static bool host_holds(const struct view *view, struct rules_range range)
{
    struct span host = view->question->host;

    for (uint32_t i = 0; i < range.count; i++) {
        struct span suffix = span_cstr(view->rules->hosts[range.first + i]);

        if (span_ends_nocase(host, suffix) &&
            (host.size == suffix.size || host.data[host.size - suffix.size - 1] == '.'))
            return true;
    }
    return range.count == 0;
}

static bool any_found(const struct view *view, struct rules_range range)
{
    for (uint32_t i = 0; i < range.count; i++)
        if (phrases_has(&view->found, range.first + i))
            return true;
    return false;
}

/* Before RCPT the server has not heard the recipient's name, so that nothing it says is about the
 * recipient (RFC 5321 3.3): "no such user" behind MAIL speaks of the sender. That the host takes
 * no mail at all may be its greeting (RFC 7504). A rule that names its stages means it. */
static bool stage_allows(const struct rules_rule *rule, enum outcome_stage stage)
{
    enum bounce_scope scope = bounce_class_scope(rule->class);

    if (stage < STAGE_GREETING || stage > STAGE_MAIL || rule->stages != 0)
        return true;
    if (rule->class == BOUNCE_NULL_MX)
        return stage != STAGE_MAIL;
    return scope != BOUNCE_SCOPE_ADDRESS && scope != BOUNCE_SCOPE_DOMAIN;
}

/* All but the rule's `text`. */
static bool rest_holds(const struct view *view, const struct rules_rule *rule)
{
    const struct classify_question *question = view->question;

    return view->code >= rule->code_min && view->code <= rule->code_max &&
           (rule->stages == 0 || (rule->stages >> question->stage & 1) != 0) &&
           stage_allows(rule, question->stage) && status_holds(view, rule->statuses) &&
           host_holds(view, rule->hosts) &&
           (rule->with.count == 0 || any_found(view, rule->with)) &&
           !any_found(view, rule->without);
}

/* The first rule that holds, or rules->count. */
static uint32_t find_rule(const struct classifier *classifier, const struct view *view)
{
    const struct rules *rules = classifier->rules;
    uint32_t best = rules->count;

    for (uint32_t word = 0; word < (rules->phrases_count + 63) / 64; word++) {
        for (uint64_t bits = view->found.bits[word]; bits != 0; bits &= bits - 1) {
            uint32_t rule = classifier->rule_of[word * 64 + (uint32_t)__builtin_ctzll(bits)];

            if (rule < best && rest_holds(view, &rules->list[rule]))
                best = rule;
        }
    }
    for (uint32_t i = 0; i < classifier->plain_count && classifier->plain[i] < best; i++)
        if (rest_holds(view, &rules->list[classifier->plain[i]]))
            return classifier->plain[i];
    return best;
}

static enum classify_step step_of(enum rules_step step)
{
    switch (step) {
    case RULES_PROVIDER:
        return CLASSIFY_PROVIDER;
    case RULES_STATUS:
        return CLASSIFY_STATUS;
    case RULES_PHRASE:
        return CLASSIFY_PHRASE;
    case RULES_WEAK_STATUS:
        return CLASSIFY_WEAK_STATUS;
    case RULES_STAGE:
        return CLASSIFY_STAGE;
    case RULES_CODE:
        return CLASSIFY_CODE;
    case RULES_STEP_COUNT:
        break;
    }
    UNREACHABLE("step of a rule");
}

/* A reply that was quoted whole begins with its code. */
static uint16_t code_in(struct span text)
{
    uint64_t code;

    if (text.size >= 3 && (text.size == 3 || text.data[3] == ' ' || text.data[3] == '-') &&
        span_number(span_first(text, 3), 599, &code) && code >= 200)
        return (uint16_t)code;
    return 0;
}

/* What the text says counts where the status says nothing or only its class. */
static void find_status(struct view *view, struct span text)
{
    const uint16_t *given = view->question->enhanced;
    uint16_t class = given[0] != 0 ? given[0] : view->code / 100;

    memcpy(view->enhanced, given, sizeof(view->enhanced));
    if ((given[0] == 0 || (given[1] == 0 && given[2] == 0)) &&
        !reply_fold_find_status(text, class, view->enhanced))
        memcpy(view->enhanced, given, sizeof(view->enhanced));
}

struct classify_answer classify_reply(const struct classifier *classifier,
                                      const struct classify_question *question)
{
    struct view view;
    uint8_t folded[CLASSIFY_TEXT_MAX];
    struct span text = span_first(question->text, CLASSIFY_TEXT_MAX);
    const struct rules_rule *rule;
    uint32_t index;

    CHECK(question->stage < STAGE_COUNT);
    view.rules = classifier->rules;
    view.question = question;
    view.code = question->code != 0 ? question->code : code_in(text);
    if (question->code == 0 && view.code != 0)
        text = span_skip(text, 4);
    find_status(&view, text);
    phrases_scan(classifier->phrases, span_make(folded, reply_fold(text, folded, sizeof(folded))),
                 &view.found);
    index = find_rule(classifier, &view);
    if (index == classifier->rules->count)
        return (struct classify_answer){BOUNCE_UNKNOWN, CLASSIFY_NOTHING, ""};
    rule = &classifier->rules->list[index];
    return (struct classify_answer){rule->class, step_of(rule->step), rule->id};
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
    case CAUSE_LOCAL_SUPPRESSED:
    case CAUSE_LOCAL_SIGNATURE:
    case CAUSE_COUNT:
        break;
    }
    return BOUNCE_UNKNOWN;
}

struct classify_answer classify_outcome(const struct classifier *classifier,
                                        const struct outcome *outcome, struct span host)
{
    if (outcome->cause == CAUSE_LOCAL_SUPPRESSED)
        return (struct classify_answer){BOUNCE_SUPPRESSED, CLASSIFY_CAUSE, ""};
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
