#include "bounce/rules_draft.h"

#include <errno.h>

#include "base/check.h"
#include "base/nearest.h"
#include "bounce/phrases.h"

static const char *const key_names[KEY_COUNT] = {"id",     "class",   "host",   "code",
                                                 "status", "weak",    "stage",  "text",
                                                 "with",   "without", "source", "tests"};

static int fail(struct rules_draft *draft, const char *what)
{
    text_add_cstr(&draft->why, what);
    return -EINVAL;
}

static int fail_value(struct rules_draft *draft, struct span value, const char *what)
{
    text_add_byte(&draft->why, '"');
    text_add_printable(&draft->why, value, 64);
    text_add_cstr(&draft->why, "\" ");
    return fail(draft, what);
}

/* NULL when there is no more room. */
static const char *keep(struct rules_draft *draft, struct span value)
{
    char *kept = (char *)draft->strings.data + draft->strings.size;

    text_add(&draft->strings, value);
    text_add_byte(&draft->strings, '\0');
    return draft->strings.overflow ? NULL : kept;
}

/* --- values --- */

static int on_class(struct rules_draft *draft, struct span value)
{
    struct nearest nearest;

    if (bounce_class_from_name(value, &draft->rule.class))
        return 0;
    nearest_init(&nearest, value);
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++)
        nearest_offer(&nearest, span_cstr(bounce_class_name((enum bounce_class)i)));
    if (nearest_found(&nearest).size == 0)
        return fail_value(draft, value, "is not a class");
    text_add_cstr(&draft->why, "did you mean ");
    text_add(&draft->why, nearest_found(&nearest));
    text_add_cstr(&draft->why, "? ");
    return fail_value(draft, value, "is not a class");
}

/* A code of three octets, of which the last ones may be "x": the first or the last that it means.
 */
static bool read_end(struct span value, uint8_t any, uint64_t *ret_code)
{
    uint8_t digits[3];

    if (value.size != 3 || (value.data[1] == 'x' && value.data[2] != 'x'))
        return false;
    for (size_t i = 0; i < 3; i++)
        digits[i] = i > 0 && value.data[i] == 'x' ? any : value.data[i];
    return span_number(span_make(digits, 3), 599, ret_code);
}

/* "550", "55x", "5xx", "550-554". */
static bool read_code(struct span value, uint16_t *ret_first, uint16_t *ret_last)
{
    bool range = value.size == 7 && value.data[3] == '-';
    uint64_t first, last;

    if (range && (!span_number(span_first(value, 3), 599, &first) ||
                  !span_number(span_skip(value, 4), 599, &last)))
        return false;
    if (!range && (!read_end(value, '0', &first) || !read_end(value, '9', &last)))
        return false;
    *ret_first = (uint16_t)first;
    *ret_last = (uint16_t)last;
    return first >= 200 && first <= last;
}

static int on_status(struct rules_draft *draft, struct span value)
{
    struct rules_status *status = &draft->statuses[draft->rules.statuses_count];
    struct span rest = value;

    if (draft->rules.statuses_count == RULES_STATUSES_MAX)
        return fail(draft, "too many status codes");
    for (uint32_t part = 0; part < 3; part++) {
        struct span word = span_split(&rest, '.');
        uint64_t number;

        if (span_equal_nocase(word, SPAN("x")))
            number = RULES_ANY;
        else if (!span_number(word, 999, &number))
            return fail_value(draft, value, "is not a status such as 5.1.1 or x.7.1");
        status->parts[part] = (uint16_t)number;
    }
    if (rest.size > 0)
        return fail_value(draft, value, "is not a status such as 5.1.1 or x.7.1");
    draft->rules.statuses_count++;
    draft->rule.statuses.count++;
    return 0;
}

static int on_stage(struct rules_draft *draft, struct span value)
{
    for (unsigned stage = STAGE_RESOLVE; stage < STAGE_COUNT; stage++) {
        if (span_equal(value, span_cstr(outcome_stage_name((enum outcome_stage)stage)))) {
            draft->rule.stages |= 1U << stage;
            return 0;
        }
    }
    return fail_value(draft, value, "is not a stage such as rcpt or dot");
}

static int on_host(struct rules_draft *draft, struct span value)
{
    if (value.size == 0 || value.size > 253)
        return fail_value(draft, value, "is not the end of a host name");
    if (draft->rules.hosts_count == RULES_HOSTS_MAX)
        return fail(draft, "too many hosts");
    draft->hosts[draft->rules.hosts_count] = keep(draft, value);
    if (draft->hosts[draft->rules.hosts_count] == NULL)
        return fail(draft, "the strings of the file take too much room");
    draft->rules.hosts_count++;
    draft->rule.hosts.count++;
    return 0;
}

static int on_phrase(struct rules_draft *draft, struct span value, struct rules_range *range)
{
    const char **place = &draft->phrases[draft->rules.phrases_count];
    uint32_t bad;

    if (draft->rules.phrases_count == RULES_PHRASES_MAX)
        return fail(draft, "too many phrases");
    *place = keep(draft, value);
    if (*place == NULL)
        return fail(draft, "the strings of the file take too much room");
    if (span_has_control(value) || !phrases_check(place, 1, &bad))
        return fail_value(draft, value,
                          "is not a phrase: 1 to 120 bytes, at most 3 gaps, words on both sides");
    draft->rules.phrases_count++;
    range->count++;
    return 0;
}

static int on_id(struct rules_draft *draft, struct span value)
{
    if (value.size == 0 || value.size > RULES_ID_MAX || span_has_control(value))
        return fail_value(draft, value, "is not an id of 1 to 48 bytes");
    for (uint32_t i = 0; i < draft->rules.count; i++)
        if (span_equal(value, span_cstr(draft->unsorted[i].id)))
            return fail_value(draft, value, "is the id of an earlier rule");
    draft->rule.id = keep(draft, value);
    return draft->rule.id != NULL ? 0 : fail(draft, "the strings of the file take too much room");
}

int rules_draft_value(struct rules_draft *draft, struct span value)
{
    struct rules_rule *rule = &draft->rule;

    switch (draft->key) {
    case KEY_ID:
        return on_id(draft, value);
    case KEY_CLASS:
        return on_class(draft, value);
    case KEY_HOST:
        return on_host(draft, value);
    case KEY_CODE:
        if (read_code(value, &rule->code_min, &rule->code_max))
            return 0;
        return fail_value(draft, value, "is not a code such as 550, 55x or 550-554");
    case KEY_STATUS:
        return on_status(draft, value);
    case KEY_WEAK:
        draft->weak = span_equal(value, SPAN("true"));
        if (draft->weak || span_equal(value, SPAN("false")))
            return 0;
        return fail_value(draft, value, "is not true or false");
    case KEY_STAGE:
        return on_stage(draft, value);
    case KEY_TEXT:
        return on_phrase(draft, value, &rule->text);
    case KEY_WITH:
        return on_phrase(draft, value, &rule->with);
    case KEY_WITHOUT:
        return on_phrase(draft, value, &rule->without);
    case KEY_SOURCE:
    case KEY_TESTS:
    case KEY_COUNT:
        break;
    }
    return 0;
}

/* --- rules --- */

void rules_draft_begin(struct rules_draft *draft)
{
    draft->rule = (struct rules_rule){.code_max = 599};
    draft->weak = false;
    draft->seen = 0;
}

static bool has(const struct rules_draft *draft, enum rules_draft_key key)
{
    return (draft->seen >> key & 1) != 0;
}

static enum rules_step step_of(const struct rules_draft *draft)
{
    if (has(draft, KEY_HOST))
        return RULES_PROVIDER;
    if (has(draft, KEY_STATUS) && !draft->weak)
        return RULES_STATUS;
    if (has(draft, KEY_TEXT))
        return RULES_PHRASE;
    if (has(draft, KEY_STATUS))
        return RULES_WEAK_STATUS;
    return has(draft, KEY_STAGE) ? RULES_STAGE : RULES_CODE;
}

int rules_draft_end(struct rules_draft *draft)
{
    if (!has(draft, KEY_ID) || !has(draft, KEY_CLASS))
        return fail(draft, "a rule needs id and class");
    draft->rule.step = step_of(draft);
    if (draft->rule.step == RULES_CODE && !has(draft, KEY_CODE))
        return fail(draft, "a rule that asks for nothing");
    if (draft->rules.count == RULES_MAX)
        return fail(draft, "too many rules");
    draft->unsorted[draft->rules.count++] = draft->rule;
    return 0;
}

int rules_draft_key(struct rules_draft *draft, struct span value)
{
    struct rules_rule *rule = &draft->rule;

    for (draft->key = KEY_ID; draft->key < KEY_COUNT; draft->key++)
        if (span_equal(value, span_cstr(key_names[draft->key])))
            break;
    if (draft->key == KEY_COUNT)
        return fail_value(draft, value, "is not a key of a rule");
    if (has(draft, draft->key))
        return fail_value(draft, value, "stands here a second time");
    draft->seen |= 1U << draft->key;
    if (draft->key == KEY_HOST)
        rule->hosts.first = (uint16_t)draft->rules.hosts_count;
    else if (draft->key == KEY_STATUS)
        rule->statuses.first = (uint16_t)draft->rules.statuses_count;
    else if (draft->key == KEY_TEXT)
        rule->text.first = (uint16_t)draft->rules.phrases_count;
    else if (draft->key == KEY_WITH)
        rule->with.first = (uint16_t)draft->rules.phrases_count;
    else if (draft->key == KEY_WITHOUT)
        rule->without.first = (uint16_t)draft->rules.phrases_count;
    return 0;
}

bool rules_draft_takes_list(const struct rules_draft *draft)
{
    return draft->key != KEY_ID && draft->key != KEY_CLASS && draft->key != KEY_CODE &&
           draft->key != KEY_WEAK && draft->key != KEY_SOURCE;
}

size_t rules_draft_memory(size_t strings_size)
{
    return 2 * arena_cost(RULES_MAX, sizeof(struct rules_rule)) +
           arena_cost(RULES_PHRASES_MAX, sizeof(char *)) +
           arena_cost(RULES_HOSTS_MAX, sizeof(char *)) +
           arena_cost(RULES_STATUSES_MAX, sizeof(struct rules_status)) +
           arena_cost(strings_size, 1);
}

void rules_draft_open(struct rules_draft *draft, struct arena *arena, size_t strings_size)
{
    *draft = (struct rules_draft){.key = KEY_COUNT};
    text_init(&draft->why, draft->why_buffer, sizeof(draft->why_buffer));
    draft->unsorted = arena_alloc(arena, RULES_MAX, sizeof(struct rules_rule));
    draft->list = arena_alloc(arena, RULES_MAX, sizeof(struct rules_rule));
    draft->phrases = arena_alloc(arena, RULES_PHRASES_MAX, sizeof(char *));
    draft->hosts = arena_alloc(arena, RULES_HOSTS_MAX, sizeof(char *));
    draft->statuses = arena_alloc(arena, RULES_STATUSES_MAX, sizeof(struct rules_status));
    text_init(&draft->strings, arena_alloc(arena, strings_size, 1), strings_size);
}

int rules_draft_finish(struct rules_draft *draft, const struct rules **ret_rules)
{
    uint32_t count = 0, bad;

    if (!phrases_check(draft->phrases, draft->rules.phrases_count, &bad))
        return fail(draft, "all phrases together are too long");
    for (unsigned step = 0; step < RULES_STEP_COUNT; step++)
        for (uint32_t i = 0; i < draft->rules.count; i++)
            if (draft->unsorted[i].step == step)
                draft->list[count++] = draft->unsorted[i];
    CHECK(count == draft->rules.count);
    draft->rules.list = draft->list;
    draft->rules.phrases = draft->phrases;
    draft->rules.hosts = draft->hosts;
    draft->rules.statuses = draft->statuses;
    *ret_rules = &draft->rules;
    return 0;
}
