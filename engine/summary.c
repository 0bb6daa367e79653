#include "engine/summary.h"

#include <string.h>

#include "base/check.h"

void summary_reset(struct summary *summary)
{
    memset(summary, 0, sizeof(*summary));
}

static bool is_variable(struct span word)
{
    uint32_t digits = 0;

    if (span_find_byte(word, '@') != SPAN_NOT_FOUND || word.size > 24)
        return true;
    for (size_t i = 0; i < word.size; i++)
        digits += word.data[i] >= '0' && word.data[i] <= '9';
    return digits >= 3;
}

static void write_reason(struct text *out, const struct outcome *outcome)
{
    struct span rest = span_make(outcome->reply.text, outcome->reply.text_size);

    if (outcome->reply.code != 0) {
        text_add_u64(out, outcome->reply.code);
        text_add_byte(out, ' ');
    }
    if (outcome->reply.enhanced[0] != 0) {
        for (uint32_t i = 0; i < 3; i++) {
            text_add_u64(out, outcome->reply.enhanced[i]);
            text_add_byte(out, i < 2 ? '.' : ' ');
        }
    }
    for (uint32_t words = 0; words < 12; words++) {
        struct span word = span_word(&rest);

        if (word.size == 0)
            break;
        if (words > 0)
            text_add_byte(out, ' ');
        if (is_variable(word))
            text_add_byte(out, '*');
        else
            text_add_printable(out, word, 24);
    }
    text_add_cstr(out, " (");
    text_add_cstr(out, outcome_stage_name(outcome->stage));
    text_add_byte(out, ')');
}

void summary_add(struct summary *summary, const struct outcome *outcome, const char *class)
{
    enum outcome_kind kind = outcome->kind == OUTCOME_UNSURE ? OUTCOME_DEFERRED : outcome->kind;
    char buffer[SUMMARY_TEXT_MAX];
    struct text text;

    if (kind == OUTCOME_DELIVERED)
        return;
    text_init(&text, buffer, sizeof(buffer));
    write_reason(&text, outcome);
    for (uint32_t i = 0; i < summary->reasons_count; i++) {
        struct summary_reason *reason = &summary->reasons[i];

        if (reason->kind == kind &&
            span_equal(span_make(reason->text, reason->text_size), text_span(&text))) {
            reason->count++;
            return;
        }
    }
    if (summary->reasons_count == SUMMARY_REASONS_MAX) {
        summary->other_count++;
        return;
    }
    struct summary_reason *reason = &summary->reasons[summary->reasons_count++];

    reason->kind = kind;
    reason->count = 1;
    reason->class = class;
    reason->text_size = (uint16_t)text.size;
    memcpy(reason->text, text.data, text.size);
}

void summary_sort(struct summary *summary)
{
    for (uint32_t i = 1; i < summary->reasons_count; i++) {
        struct summary_reason moved = summary->reasons[i];
        uint32_t place = i;

        while (place > 0 && summary->reasons[place - 1].count < moved.count) {
            summary->reasons[place] = summary->reasons[place - 1];
            place--;
        }
        summary->reasons[place] = moved;
    }
}

const struct summary_reason *summary_top(const struct summary *summary, enum outcome_kind kind)
{
    const struct summary_reason *top = NULL;

    for (uint32_t i = 0; i < summary->reasons_count; i++)
        if (summary->reasons[i].kind == kind &&
            (top == NULL || summary->reasons[i].count > top->count))
            top = &summary->reasons[i];
    return top;
}
