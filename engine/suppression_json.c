#include "engine/suppression_json.h"

#include "base/json_put.h"
#include "base/utc.h"

static void put_time(struct text *out, const char *key, uint64_t seconds)
{
    char buffer[UTC_SIZE];
    struct text text;

    json_put_key(out, key);
    if (seconds == HYGIENE_CHANGE_FOREVER) {
        json_put_null(out);
        return;
    }
    text_init(&text, buffer, sizeof(buffer));
    utc_write(&text, seconds);
    json_put_string(out, text_span(&text));
}

/* What forbids mail comes first. */
static const char *state_of(const struct hygiene_entry *entry, uint64_t now_s)
{
    if (entry->until_s > now_s)
        return "suppressed";
    if (entry->held_until_s != 0)
        return "held";
    return entry->until_s == 0 ? "withdrawn" : "expired";
}

static void explain(struct text *words, const struct hygiene_entry *entry, uint64_t now_s)
{
    bool everywhere = entry->tenant.size == 0 && entry->stream.size == 0;

    if (entry->until_s > now_s)
        text_add_cstr(words,
                      everywhere ? "no mail goes there: " : "no mail of this scope goes there: ");
    else if (entry->held_until_s != 0)
        text_add_cstr(words,
                      "not suppressed yet: its provider suddenly refuses so many that an operator "
                      "has to release or confirm it; ");
    else if (entry->until_s == 0)
        text_add_cstr(words, "free again: somebody lifted the suppression; ");
    else
        text_add_cstr(words, "free again: the suppression ran out; ");
    text_add_cstr(words, bounce_class_meaning(entry->class));
    text_add_cstr(words, ", says the ");
    text_add_cstr(words, hygiene_change_source_name(entry->source));
}

void suppression_json_begin(struct text *out, const struct hygiene_entry *entry, uint64_t now_s)
{
    char buffer[512];
    struct text words;

    text_init(&words, buffer, sizeof(buffer));
    explain(&words, entry, now_s);
    json_put_open(out, '{');
    json_put_key_string(out, "address", entry->key);
    json_put_key_cstr(out, "state", state_of(entry, now_s));
    json_put_key_cstr(out, "class", bounce_class_name(entry->class));
    json_put_key_cstr(out, "source", hygiene_change_source_name(entry->source));
    put_time(out, "time", entry->time_s);
    put_time(out, "until",
             entry->until_s == 0 && entry->held_until_s == 0      ? entry->time_s
             : entry->until_s > now_s || entry->held_until_s == 0 ? entry->until_s
                                                                  : entry->held_until_s);
    json_put_key_string(out, "tenant", entry->tenant);
    json_put_key_string(out, "stream", entry->stream);
    json_put_key_string(out, "note", entry->note);
    if (entry->provider.size > 0)
        json_put_key_string(out, "provider", entry->provider);
    json_put_key_string(out, "explanation", text_span(&words));
}

void suppression_json_entry(struct text *out, const struct hygiene_entry *entry, uint64_t now_s)
{
    suppression_json_begin(out, entry, now_s);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

void suppression_json_counts(struct text *out, const struct hygiene_score *score)
{
    json_put_key(out, "counts");
    json_put_open(out, '[');
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        const struct hygiene_score_count *count =
            hygiene_score_count_of(score, (enum bounce_class)i);

        if (count == NULL || count->days == 0 || i == BOUNCE_NETWORK) /* counted with expired */
            continue;
        json_put_open(out, '{');
        json_put_key_cstr(out, "class", bounce_class_name((enum bounce_class)i));
        json_put_key_double(out, "count", count->halves / 2.0, 1);
        json_put_key_u64(out, "days", count->days);
        put_time(out, "first", count->first_day * UINT64_C(86400));
        put_time(out, "last", count->last_day * UINT64_C(86400));
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
    json_put_key(out, "history");
    json_put_open(out, '[');
    for (uint32_t i = 0; i < score->history_count; i++) {
        json_put_open(out, '{');
        json_put_key_cstr(out, "class",
                          bounce_class_name((enum bounce_class)score->history[i].class));
        put_time(out, "day", score->history[i].day * UINT64_C(86400));
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

void suppression_json_score(struct text *out, struct span key, const struct hygiene_score *score)
{
    json_put_open(out, '{');
    json_put_key_string(out, "address", key);
    json_put_key_cstr(out, "state", score != NULL ? "counted" : "free");
    if (score != NULL)
        suppression_json_counts(out, score);
    json_put_key_cstr(out, "explanation",
                      score != NULL
                          ? "bounces of this address are counted; enough of them, on enough "
                            "days, suppress it, and a delivery forgets them"
                          : "nothing is known against this address");
}

static void put_csv(struct text *out, struct span field, bool last)
{
    bool quotes = false;

    for (size_t i = 0; i < field.size; i++)
        quotes = quotes || field.data[i] == ',' || field.data[i] == '"' || field.data[i] < ' ';
    if (!quotes) {
        text_add(out, field);
    } else {
        text_add_byte(out, '"');
        for (size_t i = 0; i < field.size; i++) {
            if (field.data[i] == '"')
                text_add_byte(out, '"');
            text_add_byte(out, field.data[i] < ' ' ? ' ' : field.data[i]);
        }
        text_add_byte(out, '"');
    }
    text_add_byte(out, last ? '\n' : ',');
}

void suppression_json_row(struct text *out, const struct hygiene_entry *entry)
{
    put_csv(out, entry->key, false);
    put_csv(out, span_cstr(bounce_class_name(entry->class)), false);
    put_csv(out, span_cstr(hygiene_change_source_name(entry->source)), false);
    utc_write(out, entry->time_s);
    text_add_byte(out, ',');
    if (entry->until_s != HYGIENE_CHANGE_FOREVER)
        utc_write(out, entry->until_s);
    text_add_byte(out, ',');
    put_csv(out, entry->tenant, false);
    put_csv(out, entry->stream, false);
    put_csv(out, entry->note, true);
}

void suppression_json_list(struct text *out, const struct confirmations *known, uint32_t number)
{
    struct confirmation report;

    for (uint32_t part = 0; confirmations_at(known, number, part, &report); part++) {
        if (part == 0) {
            json_put_open(out, '{');
            json_put_key_string(out, "address", report.key);
            json_put_key_cstr(out, "state", "counted");
            json_put_key_string(out, "stream", report.list);
            json_put_key(out, "history");
            json_put_open(out, '[');
        }
        json_put_open(out, '{');
        json_put_key_cstr(out, "class", bounce_class_name(report.class));
        put_time(out, "day", report.day * UINT64_C(86400));
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
    json_put_key_cstr(out, "explanation",
                      "reports without proof about this subscriber of another software's list; "
                      "when enough of different days agree, that list is told");
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}
