#include "tools/suppress_columns.h"

#include <errno.h>

#include "base/nearest.h"
#include "engine/hygiene_feed.h"

#define SHOWN_MAX 30
#define LONG_NAME 6 /* from this size on two slips are near */

static const struct {
    struct span name;
    enum suppress_column column;
} known[] = {
    {SPAN_INIT("address"), SUPPRESS_COLUMN_ADDRESS}, {SPAN_INIT("email"), SUPPRESS_COLUMN_ADDRESS},
    {SPAN_INIT("class"), SUPPRESS_COLUMN_CLASS},     {SPAN_INIT("reason"), SUPPRESS_COLUMN_CLASS},
    {SPAN_INIT("source"), SUPPRESS_COLUMN_SOURCE},   {SPAN_INIT("time"), SUPPRESS_COLUMN_TIME},
    {SPAN_INIT("until"), SUPPRESS_COLUMN_UNTIL},     {SPAN_INIT("expiry"), SUPPRESS_COLUMN_UNTIL},
    {SPAN_INIT("expires"), SUPPRESS_COLUMN_UNTIL},   {SPAN_INIT("tenant"), SUPPRESS_COLUMN_TENANT},
    {SPAN_INIT("stream"), SUPPRESS_COLUMN_STREAM},   {SPAN_INIT("scope"), SUPPRESS_COLUMN_SCOPE},
    {SPAN_INIT("note"), SUPPRESS_COLUMN_NOTE},
};

static bool find_known(struct span name, enum suppress_column *ret_column)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!span_equal_nocase(name, known[i].name))
            continue;
        *ret_column = known[i].column;
        return true;
    }
    return false;
}

static bool holds(struct span name, struct span word)
{
    for (size_t at = 0; at + word.size <= name.size; at++)
        if (span_starts_nocase(span_skip(name, at), word))
            return true;
    return false;
}

/* One of ours that this name may mean, or empty. */
static struct span near_known(struct span name)
{
    static const struct span limits[] = {SPAN_INIT("until"), SPAN_INIT("expir"),
                                         SPAN_INIT("tenant"), SPAN_INIT("stream"),
                                         SPAN_INIT("scope")};
    uint8_t bytes[NEAREST_SIZE_MAX];
    struct nearest nearest;
    struct text lower;
    struct span found;

    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (holds(name, limits[i]))
            return span_equal(limits[i], SPAN("expir")) ? SPAN("expiry") : limits[i];
    text_init(&lower, bytes, sizeof(bytes));
    for (size_t i = 0; i < name.size; i++)
        text_add_byte(&lower, name.data[i] >= 'A' && name.data[i] <= 'Z'
                                  ? (uint8_t)(name.data[i] - 'A' + 'a')
                                  : name.data[i]);
    name = text_span(&lower); /* cut: such a long one is like none of ours */
    nearest_init(&nearest, name);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        nearest_offer(&nearest, known[i].name);
    found = nearest_found(&nearest);
    return found.size > 0 && nearest_steps(name, found) <= (name.size < LONG_NAME ? 1U : 2U)
               ? found
               : (struct span){NULL, 0};
}

static int refuse(struct text *words, struct span name, const char *what, struct span other)
{
    text_reset(words);
    text_add_cstr(words, "column \"");
    text_add_printable(words, name, SHOWN_MAX);
    text_add_format(words, "\" %s \"", what);
    text_add_printable(words, other, SHOWN_MAX);
    text_add_byte(words, '"');
    return -EINVAL;
}

static int refuse_missing(struct text *words)
{
    text_reset(words);
    text_add_cstr(words, "the header names no column address or email; the columns are address (or "
                         "email) and, if there, class (reason), source, time, until (expiry), "
                         "tenant, stream, scope, note; or one address a line without a header");
    return -EINVAL;
}

static int take_name(struct suppress_columns *columns, const struct roster *roster, uint32_t number,
                     struct text *words)
{
    struct span name = roster->names[number], near;
    enum suppress_column column;

    if (find_known(name, &column)) {
        if (columns->at[column] != ROSTER_COLUMN_NONE)
            return refuse(words, name, "says the same as", roster->names[columns->at[column]]);
        columns->at[column] = number;
        return 0;
    }
    near = near_known(name);
    if (near.size > 0)
        return refuse(words, name, "is not known: did you mean", near);
    text_add_cstr(words, words->size == 0 ? "not used: column " : ", ");
    text_add_printable(words, name, SHOWN_MAX);
    return 0;
}

int suppress_columns_find(struct suppress_columns *columns, const struct roster *roster,
                          struct text *words, uint32_t *ret_column)
{
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    uint32_t scope, tenant, stream;

    *ret_column = 1;
    columns->headless =
        roster->names_count == 1 && hygiene_feed_key(roster->names[0], key).size > 0;
    for (uint32_t i = 0; i < SUPPRESS_COLUMN_COUNT; i++)
        columns->at[i] = ROSTER_COLUMN_NONE;
    if (columns->headless) {
        columns->at[SUPPRESS_COLUMN_ADDRESS] = 0;
        return 0;
    }
    for (uint32_t i = 0; i < roster->names_count; i++) {
        *ret_column = i + 1;
        if (take_name(columns, roster, i, words) < 0)
            return -EINVAL;
    }
    scope = columns->at[SUPPRESS_COLUMN_SCOPE];
    tenant = columns->at[SUPPRESS_COLUMN_TENANT];
    stream = columns->at[SUPPRESS_COLUMN_STREAM];
    *ret_column = scope + 1;
    if (scope != ROSTER_COLUMN_NONE && (tenant & stream) != ROSTER_COLUMN_NONE)
        return refuse(words, roster->names[scope], "says the same as",
                      roster->names[tenant != ROSTER_COLUMN_NONE ? tenant : stream]);
    *ret_column = 1;
    return columns->at[SUPPRESS_COLUMN_ADDRESS] != ROSTER_COLUMN_NONE ? 0 : refuse_missing(words);
}

bool suppress_columns_is_stream(struct span stream)
{
    return stream.size == 0 || span_equal(stream, SPAN("bulk")) ||
           span_equal(stream, SPAN("transactional")) ||
           span_find_byte(stream, '@') != SPAN_NOT_FOUND;
}

bool suppress_columns_scope(struct span scope, struct span *ret_tenant, struct span *ret_stream)
{
    static const struct span no_tenants[] = {SPAN_INIT("bulk"), SPAN_INIT("transactional"),
                                             SPAN_INIT("all"), SPAN_INIT("global")};
    size_t slash = span_find_byte(scope, '/');

    *ret_tenant = (struct span){NULL, 0};
    *ret_stream = (struct span){NULL, 0};
    if (span_equal(scope, SPAN("*")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(no_tenants); i++)
        if (span_equal_nocase(scope, no_tenants[i]))
            return false;
    *ret_tenant = span_first(scope, min_size(slash, scope.size));
    if (slash != SPAN_NOT_FOUND)
        *ret_stream = span_skip(scope, slash + 1);
    return ret_tenant->size + ret_stream->size > 0;
}
