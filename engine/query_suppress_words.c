/* query_suppress_words.c - the words of a request about suppressions (query_suppress.h),
 * understood.
 *
 * Knows nothing of what is suppressed: an address is well formed or not. Owns nothing; what the
 * request keeps of the words lies in the request. */
#include <string.h>

#include "base/utc.h"
#include "engine/hygiene_feed.h"
#include "engine/query_suppress.h"

static const char *parse_add(struct query_suppress *query, struct span words)
{
    struct hygiene_change *change = &query->change;
    struct span class = span_split(&words, '\t'), source = span_split(&words, '\t');
    struct span until = span_split(&words, '\t');

    change->kind = HYGIENE_SUPPRESS;
    change->until_s = HYGIENE_CHANGE_FOREVER;
    if (!bounce_class_from_name(class, &change->class))
        return "that class is not in the vocabulary (no-user, complaint, unsubscribe, ...)";
    if (!hygiene_change_source_from_name(source, &change->source))
        return "the source is session, report, complaint, unsubscribe, operator or import";
    if (until.size > 0 && (!utc_read(until, &change->until_s) || change->until_s == 0))
        return "the end is a moment such as 2026-12-24T18:00:00Z";
    change->tenant = span_split(&words, '\t');
    change->stream = span_split(&words, '\t');
    change->note = words;
    return NULL;
}

static void parse_remove(struct query_suppress *query, struct span words)
{
    query->change.kind = HYGIENE_WITHDRAW;
    query->change.tenant = span_split(&words, '\t');
    query->change.stream = span_split(&words, '\t');
    query->change.note = words;
}

static const char *parse_address(struct query_suppress *query, struct span address)
{
    query->change.key = hygiene_feed_key(address, query->key);
    return query->change.key.size > 0 ? NULL : "that is no mail address";
}

/* "@example.com": its key is that of an address there. */
static const char *parse_domain(struct query_suppress *query, struct span domain)
{
    uint8_t bytes[HYGIENE_CHANGE_KEY_MAX];
    struct span key;
    struct text text;

    query->verb = QUERY_SUPPRESS_SHOW_DOMAIN;
    text_init(&text, bytes, sizeof(bytes));
    text_add_byte(&text, 'x');
    text_add(&text, domain);
    key = text.overflow ? (struct span){NULL, 0} : hygiene_feed_key(text_span(&text), query->key);
    query->change.key = span_skip(key, 1);
    return key.size > 2 ? NULL : "that is no domain";
}

static const char *parse_provider(struct query_suppress *query, enum hygiene_change_kind kind,
                                  struct span words)
{
    query->change.kind = kind;
    query->change.provider = span_equal(words, SPAN("*")) ? SPAN("") : words;
    return words.size > 0 ? NULL : "which provider? \"*\" is all of them";
}

static const char *parse_import(struct query_suppress *query, struct span words)
{
    query->verb = QUERY_SUPPRESS_IMPORT;
    if (words.size == 0 || words.size >= sizeof(query->path))
        return "import takes a file";
    memcpy(query->path, words.data, words.size);
    query->path[words.size] = '\0';
    return NULL;
}

const char *query_suppress_parse(struct query_suppress *query, struct span words)
{
    const char *problem;
    struct span verb;

    memset(query, 0, sizeof(*query));
    if (words.size > sizeof(query->line))
        return "the request is too long";
    memcpy(query->line, words.data, words.size);
    words = span_make(query->line, words.size);
    verb = span_split(&words, '\t');
    query->change.source = HYGIENE_FROM_OPERATOR;
    if (span_equal(verb, SPAN("list")) || span_equal(verb, SPAN("export"))) {
        query->verb = verb.data[0] == 'l' ? QUERY_SUPPRESS_LIST : QUERY_SUPPRESS_EXPORT;
        query->held = span_equal(words, SPAN("held"));
        return NULL;
    }
    if (span_equal(verb, SPAN("release")))
        return parse_provider(query, HYGIENE_RELEASE, words);
    if (span_equal(verb, SPAN("confirm")))
        return parse_provider(query, HYGIENE_CONFIRM, words);
    if (span_equal(verb, SPAN("import")))
        return parse_import(query, words);
    if (span_equal(verb, SPAN("show")) && span_starts(words, SPAN("@")))
        return parse_domain(query, words);
    problem = parse_address(query, span_split(&words, '\t'));
    if (problem != NULL)
        return problem;
    if (span_equal(verb, SPAN("show"))) {
        query->verb = QUERY_SUPPRESS_SHOW;
        return NULL;
    }
    if (span_equal(verb, SPAN("add")))
        return parse_add(query, words);
    if (!span_equal(verb, SPAN("remove")))
        return "suppress knows add, remove, show, list, export, import, release and confirm";
    parse_remove(query, words);
    return NULL;
}
