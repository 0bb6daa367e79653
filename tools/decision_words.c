#include "tools/decision_words.h"

#include <string.h>

#include "base/json_put.h"
#include "base/utc.h"

static const char *const kinds[HYGIENE_CHANGE_KIND_COUNT] = {
    [HYGIENE_SUPPRESS] = "suppressed", [HYGIENE_WITHDRAW] = "withdrawn", [HYGIENE_HOLD] = "held",
    [HYGIENE_RELEASE] = "released",    [HYGIENE_CONFIRM] = "confirmed",
};

static const char *add_word(struct text *text, struct span word)
{
    const char *begin = (const char *)text->data + text->size;

    for (size_t i = 0; i < word.size; i++)
        text_add_byte(text, word.data[i] < ' ' || word.data[i] == 0x7f ? ' ' : word.data[i]);
    text_add_byte(text, '\0');
    return text->overflow ? "" : begin;
}

static const char *add_time(struct text *text, uint64_t seconds)
{
    char buffer[UTC_SIZE];
    struct text moment;

    if (seconds == 0 || seconds == HYGIENE_CHANGE_FOREVER)
        return "";
    text_init(&moment, buffer, sizeof(buffer));
    utc_write(&moment, seconds);
    return add_word(text, text_span(&moment));
}

bool decision_words_of_list(const struct hygiene_change *change)
{
    return span_find_byte(change->stream, '@') != SPAN_NOT_FOUND;
}

bool decision_words_make(const struct hygiene_change *change, struct decision_words *ret)
{
    bool suppresses = change->kind == HYGIENE_SUPPRESS || change->kind == HYGIENE_HOLD;
    struct span name = change->stream;
    struct text text;

    if (kinds[change->kind] == NULL)
        return false;
    name = span_first(name, min_size(span_find_byte(name, '@'), name.size));
    text_init(&text, ret->buffer, sizeof(ret->buffer));
    ret->words[DECISION_WHAT] = kinds[change->kind];
    ret->words[DECISION_ADDRESS] = add_word(&text, change->key);
    ret->words[DECISION_LIST] = add_word(&text, change->stream);
    ret->words[DECISION_LIST_NAME] = add_word(&text, name);
    ret->words[DECISION_CLASS] = suppresses ? bounce_class_name(change->class) : "";
    ret->words[DECISION_SOURCE] = hygiene_change_source_name(change->source);
    ret->words[DECISION_TIME] = add_time(&text, change->time_s);
    ret->words[DECISION_UNTIL] = suppresses ? add_time(&text, change->until_s) : "";
    ret->words[DECISION_TENANT] = add_word(&text, change->tenant);
    ret->words[DECISION_PROVIDER] = add_word(&text, change->provider);
    ret->words[DECISION_NOTE] = add_word(&text, change->note);
    return true;
}

const char *decision_words_name(enum decision_word word)
{
    static const char *const names[] = {"decision", "address",  "list", "list_name",
                                        "class",    "source",   "time", "until",
                                        "tenant",   "provider", "note"};
    static_assert(ARRAY_LEN(names) == DECISION_WORD_COUNT, "a name for each word");

    return names[word];
}

static void put_csv(struct text *out, struct span field)
{
    bool quotes = span_find_byte(field, ',') != SPAN_NOT_FOUND ||
                  span_find_byte(field, '"') != SPAN_NOT_FOUND;

    if (quotes)
        text_add_byte(out, '"');
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] == '"')
            text_add_byte(out, '"');
        text_add_byte(out, field.data[i]);
    }
    if (quotes)
        text_add_byte(out, '"');
}

void decision_words_csv(const struct decision_words *decision, struct text *out)
{
    for (unsigned i = 0; i < DECISION_WORD_COUNT; i++) {
        if (i == DECISION_LIST_NAME)
            continue;
        if (i > 0)
            text_add_byte(out, ',');
        put_csv(out, span_cstr(decision->words[i]));
    }
    text_add_byte(out, '\n');
}

void decision_words_json(const struct decision_words *decision, struct text *out)
{
    json_put_open(out, '{');
    for (unsigned i = 0; i < DECISION_WORD_COUNT; i++) {
        if (i == DECISION_LIST_NAME)
            continue;
        if (i == DECISION_UNTIL && decision->words[i][0] == '\0')
            json_put_key_cstr(out, "until", NULL);
        else
            json_put_key_string(out, decision_words_name((enum decision_word)i),
                                span_cstr(decision->words[i]));
    }
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}
