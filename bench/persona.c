#include "bench/persona.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static const char *const step_names[PERSONA_STEP_COUNT] = {
    "greeting", "ehlo", "helo", "mail", "rcpt", "data", "body", "dot", "rset", "quit", "starttls"};

static bool take_number(struct span *line, uint64_t max, uint64_t *ret_number)
{
    return span_number(span_word(line), max, ret_number);
}

static int hex_value(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What stands behind a backslash in a raw text. */
static bool take_escape(struct span *rest, uint8_t *ret_byte)
{
    int high;
    int low;

    if (rest->size < 1)
        return false;
    *ret_byte = rest->data[0];
    *rest = span_skip(*rest, 1);
    switch (*ret_byte) {
    case 'r':
        *ret_byte = '\r';
        return true;
    case 'n':
        *ret_byte = '\n';
        return true;
    case '0':
        *ret_byte = 0;
        return true;
    case '\\':
        return true;
    case 'x':
        high = rest->size >= 2 ? hex_value(rest->data[0]) : -1;
        low = rest->size >= 2 ? hex_value(rest->data[1]) : -1;
        *rest = span_skip(*rest, 2);
        if (high < 0 || low < 0)
            return false;
        *ret_byte = (uint8_t)(high << 4 | low);
        return true;
    default:
        return false;
    }
}

static const char *read_raw(struct persona_rule *rule, struct span rest)
{
    struct text text;

    text_init(&text, rule->text, sizeof(rule->text));
    rest = span_trim(rest);
    if (rest.size == 0)
        return "octets are expected: raw 250 ok\\r\\n";
    while (rest.size > 0) {
        uint8_t byte = rest.data[0];

        rest = span_skip(rest, 1);
        if (byte == '\\' && !take_escape(&rest, &byte))
            return "an unknown escape; known are \\r \\n \\0 \\\\ \\xHH";
        text_add_byte(&text, byte);
    }
    rule->text_size = (uint16_t)text.size;
    return text.overflow ? "the text is too long" : NULL;
}

/* "CODE text", as sent. */
static const char *read_reply(struct persona_rule *rule, struct span rest, bool whole_line)
{
    struct text text;
    uint64_t code;

    if (!take_number(&rest, 999, &code) || code < 200 || code > 599)
        return "a reply code from 200 to 599 is expected";
    rule->code = (uint16_t)code;
    text_init(&text, rule->text, sizeof(rule->text));
    if (whole_line) {
        text_add_u64(&text, code);
        text_add_byte(&text, ' ');
    }
    text_add(&text, span_trim(rest));
    text_add_cstr(&text, "\r\n");
    rule->text_size = (uint16_t)text.size;
    return text.overflow ? "the reply is too long" : NULL;
}

static const char *read_lines(struct persona_rule *rule, struct span rest)
{
    struct span word = span_word(&rest);

    if (span_equal(word, SPAN("endless")))
        rule->lines = PERSONA_LINES_ENDLESS;
    else if (!span_number(word, 1000000000, &rule->lines) || rule->lines == 0)
        return "a number of lines, or `endless`, is expected";
    return read_reply(rule, rest, false);
}

/* "accepted", or nothing. */
static const char *read_accepted(struct persona_rule *rule, struct span rest, bool at_dot)
{
    struct span word = span_word(&rest);

    rule->accepted = span_equal(word, SPAN("accepted"));
    if (word.size > 0 && !rule->accepted)
        return "only `accepted` may stand here";
    if (rule->accepted && !at_dot)
        return "`accepted` has a meaning at the dot only";
    return NULL;
}

static const char *read_action(struct persona_rule *rule, struct span word, struct span rest,
                               bool at_dot)
{
    static const struct {
        const char *name;
        enum persona_action action;
    } names[] = {
        {"reply", PERSONA_REPLY}, {"close", PERSONA_CLOSE},     {"raw", PERSONA_RAW},
        {"lines", PERSONA_LINES}, {"twice", PERSONA_TWICE},     {"skip", PERSONA_SKIP},
        {"drop", PERSONA_DROP},   {"silence", PERSONA_SILENCE},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_equal(word, span_cstr(names[i].name)))
            rule->action = names[i].action;
    switch (rule->action) {
    case PERSONA_REPLY:
    case PERSONA_CLOSE:
        return read_reply(rule, rest, true);
    case PERSONA_RAW:
        return read_raw(rule, rest);
    case PERSONA_LINES:
        return read_lines(rule, rest);
    case PERSONA_SILENCE:
    case PERSONA_DROP:
        return read_accepted(rule, rest, at_dot);
    case PERSONA_TWICE:
    case PERSONA_SKIP:
        return span_trim(rest).size == 0 ? NULL : "nothing more may stand here";
    case PERSONA_NORMAL:
        break;
    }
    return "an action is expected: reply, close, raw, lines, twice, skip, silence or drop";
}

/* "STEP [after N] ACTION ..." */
static const char *read_rule(struct persona *persona, enum persona_step step, struct span rest)
{
    struct persona_rule *rule = &persona->rules[step];
    struct span word = span_word(&rest);

    if (rule->action != PERSONA_NORMAL)
        return "this step has a rule already";
    if (span_equal(word, SPAN("after"))) {
        if (!take_number(&rest, UINT32_MAX, &rule->after))
            return "a number is expected behind `after`";
        word = span_word(&rest);
    }
    return read_action(rule, word, rest, step == PERSONA_DOT);
}

static const char *read_pattern(struct persona *persona, struct span word)
{
    struct text text;

    text_init(&text, persona->pattern, sizeof(persona->pattern) - 1);
    text_add_lower(&text, word);
    persona->for_recipients = true;
    return word.size == 0 || text.overflow ? "a pattern of local parts is expected" : NULL;
}

static const char *read_setting(struct persona *persona, struct span name, struct span rest)
{
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {
        {"refuse", offsetof(struct persona, refuse)},
        {"no-pipelining", offsetof(struct persona, no_pipelining)},
        {"no-chunking", offsetof(struct persona, no_chunking)},
        {"no-starttls", offsetof(struct persona, no_starttls)},
        {"no-handshake", offsetof(struct persona, no_handshake)},
        {"no-extensions", offsetof(struct persona, no_extensions)},
    };
    uint64_t number = 0;

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!span_equal(name, span_cstr(flags[i].name)))
            continue;
        *((bool *)(void *)((char *)persona + flags[i].offset)) = true;
        return span_trim(rest).size == 0 ? NULL : "nothing more may stand here";
    }
    if (span_equal(name, SPAN("recipient")))
        return read_pattern(persona, span_word(&rest));
    if (!take_number(&rest, UINT32_MAX, &number))
        number = UINT64_MAX;
    if (span_equal(name, SPAN("port")) && number <= UINT16_MAX)
        persona->port = (uint16_t)number;
    else if (span_equal(name, SPAN("listener")) && number <= 1000)
        persona->listener = (uint16_t)number;
    else if (span_equal(name, SPAN("percent")) && number <= 100)
        persona->percent = (uint8_t)number;
    else if (span_equal(name, SPAN("split")) && number <= UINT16_MAX)
        persona->split = (uint32_t)number;
    else if (span_equal(name, SPAN("delay")) && number <= 3600000)
        persona->delay_ms = (uint32_t)number;
    else
        return "an unknown setting or step, or its number is out of range";
    return NULL;
}

static const char *begin_persona(struct persona_set *set, struct span name)
{
    struct persona *persona = &set->personas[set->count];

    if (set->count == PERSONAS_MAX)
        return "more than 64 personas";
    if (name.size == 0 || name.size >= PERSONA_NAME_MAX)
        return "a name of at most 31 characters is expected";
    memset(persona, 0, sizeof(*persona));
    memcpy(persona->name, name.data, name.size);
    persona->percent = 100;
    set->count++;
    return NULL;
}

static const char *read_line(struct persona_set *set, struct span line)
{
    struct span word = span_word(&line);
    struct persona *persona;

    if (word.size == 0 || word.data[0] == '#')
        return NULL;
    if (span_equal(word, SPAN("persona")))
        return begin_persona(set, span_word(&line));
    if (set->count == 0)
        return "a file begins with a line `persona NAME`";
    persona = &set->personas[set->count - 1];
    for (uint32_t i = 0; i < PERSONA_STEP_COUNT; i++)
        if (span_equal(word, span_cstr(step_names[i])))
            return read_rule(persona, (enum persona_step)i, line);
    return read_setting(persona, word, line);
}

int persona_read(struct persona_set *set, struct span text, struct text *error)
{
    uint32_t line = 0;

    set->count = 0;
    while (text.size > 0) {
        const char *problem = read_line(set, span_trim(span_split(&text, '\n')));

        line++;
        if (problem == NULL)
            continue;
        text_add_format(error, "line %u: %s", line, problem);
        return -EINVAL;
    }
    return 0;
}

const struct persona *persona_for_connection(const struct persona_set *set, uint32_t listener,
                                             uint16_t port, uint64_t draw)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct persona *persona = &set->personas[i];

        if (persona->for_recipients || (persona->port != 0 && persona->port != port) ||
            (persona->listener != 0 && persona->listener != listener))
            continue;
        if (draw % 100 < persona->percent)
            return persona;
    }
    return NULL;
}

/* '*' stands for any run of octets; one pass back is enough for each star. */
static bool matches(struct span pattern, struct span local)
{
    size_t p = 0;
    size_t l = 0;
    size_t star = SIZE_MAX;
    size_t resume = 0;

    while (l < local.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            resume = l;
        } else if (p < pattern.size && pattern.data[p] == span_lower_byte(local.data[l])) {
            p++;
            l++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            l = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

const struct persona *persona_for_recipient(const struct persona_set *set, struct span recipient,
                                            uint64_t draw)
{
    struct span local =
        span_first(recipient, min_size(span_find_byte(recipient, '@'), recipient.size));

    for (uint32_t i = 0; i < set->count; i++) {
        const struct persona *persona = &set->personas[i];

        if (persona->for_recipients && draw % 100 < persona->percent &&
            matches(span_cstr(persona->pattern), local))
            return persona;
    }
    return NULL;
}
