#include "message/merge.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "message/header.h"
#include "message/quoted.h"
#include "message/template_value.h"

/* All the parts of one token: literal text and values within their limits. */
#define MERGE_TOKEN_MAX                                                                            \
    (TEMPLATE_WORD_TEXT_MAX + TEMPLATE_WORD_FIELDS_MAX * TEMPLATE_HEADER_VALUE_MAX)

static const struct template_piece *merge_piece(const struct merge *merge)
{
    return &merge->template->pieces[merge->piece];
}

static struct span merge_data(const struct merge *merge, const struct template_piece *piece)
{
    return span_make(merge->template->data + piece->at, piece->size);
}

static void merge_put_raw(struct merge *merge, struct span data, struct text *out)
{
    if (merge->measuring)
        merge->counted += data.size;
    else
        text_add(out, data);
}

/* What must come before a literal: a soft break where the line would grow too long after a value,
 * and the dot that stuffing adds. */
static void merge_open_literal(struct merge *merge, const struct template_piece *piece,
                               struct text *out)
{
    if (piece->after_field && merge->line.column + piece->head > QUOTED_COLUMN_MAX + 1) {
        text_add_cstr(out, "=\r\n");
        merge->line.column = 0;
    }
    if (piece->dot && merge->stuffed)
        text_add_byte(out, '.');
}

static bool merge_literal(struct merge *merge, const struct template_piece *piece, struct text *out)
{
    struct span data = merge_data(merge, piece);
    size_t size = merge->piece == merge->end.piece ? merge->end.offset : data.size;

    if (text_room(out) < 16)
        return false;
    if (merge->offset == 0)
        merge_open_literal(merge, piece, out);
    struct span rest = span_slice(data, merge->offset, size - merge->offset);
    if (!merge->measuring)
        rest = span_first(rest, text_room(out));
    merge_put_raw(merge, rest, out);
    merge->offset += rest.size;
    if (merge->offset < data.size)
        return false;
    merge->line.column = piece->has_break ? piece->tail : merge->line.column + piece->size;
    return true;
}

static bool merge_field(struct merge *merge, const struct template_piece *piece, struct text *out)
{
    return quoted_put(merge->values->fields[piece->at], piece->context == TEMPLATE_BODY_HTML,
                      &merge->offset, &merge->line.column, out);
}

/* The text of a token, its parts joined in `buffer` unless there is only one. */
static struct span merge_token_text(const struct merge *merge, const struct template_piece *start,
                                    struct text *buffer)
{
    const struct template_piece *part = start + 1;

    for (uint32_t i = 0; i < start->head; i++, part++) {
        bool field = part->kind == TEMPLATE_PART_FIELD;
        struct span text = field ? merge->values->fields[part->at] : merge_data(merge, part);
        bool token = field && part->context == TEMPLATE_TOKEN;
        if (start->head == 1 && !token)
            return text;
        if (token)
            template_value_put_token(text, buffer);
        else
            text_add(buffer, text);
    }
    CHECK(!buffer->overflow);
    return text_span(buffer);
}

static struct span merge_trim_spaces(struct span text)
{
    while (text.size > 0 && text.data[0] == ' ')
        text = span_skip(text, 1);
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static bool merge_token(struct merge *merge, const struct template_piece *piece, struct text *out)
{
    uint8_t buffer_data[MERGE_TOKEN_MAX];
    struct text buffer;
    enum words_form form = WORDS_ATOM;

    text_init(&buffer, buffer_data, sizeof(buffer_data));
    struct span text = merge_token_text(merge, piece, &buffer);
    if (piece->opens && merge->offset == 0) {
        merge->line.first = piece->first;
        merge->line.encoded = piece->encoded;
    }
    if (piece->context == TEMPLATE_TOKEN_WORD) {
        form = words_form_text(text);
    } else if (piece->context == TEMPLATE_TOKEN_PHRASE) {
        text = merge_trim_spaces(text);
        form = words_form_phrase(text);
    }
    if (!words_put(&merge->line, form, text, &merge->offset, out))
        return false;
    merge->piece += piece->head; /* the parts */
    return true;
}

/* Days since 1970-01-01 to a date of the Gregorian calendar. */
static void merge_civil(uint64_t days, uint64_t *ret_year, uint64_t *ret_month, uint64_t *ret_day)
{
    days += 719468; /* from 0000-03-01 */
    uint64_t era = days / 146097;
    uint64_t day_of_era = days % 146097;
    uint64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */

    *ret_day = day_of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

void merge_write_date(uint64_t date_s, struct text *out)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t year;
    uint64_t month;
    uint64_t day;

    merge_civil(date_s / 86400, &year, &month, &day);
    text_add_cstr(out, "Date: ");
    text_add(out, span_make(days + date_s / 86400 % 7 * 3, 3));
    text_add_cstr(out, ", ");
    text_add_padded(out, day, 2);
    text_add_byte(out, ' ');
    text_add(out, span_make(months + (month - 1) * 3, 3));
    text_add_byte(out, ' ');
    text_add_padded(out, year, 4);
    text_add_byte(out, ' ');
    text_add_padded(out, date_s / 3600 % 24, 2);
    text_add_byte(out, ':');
    text_add_padded(out, date_s / 60 % 60, 2);
    text_add_byte(out, ':');
    text_add_padded(out, date_s % 60, 2);
    text_add_cstr(out, " +0000\r\n");
}

static void merge_put_message_id(const struct merge_values *values, struct text *out)
{
    text_add_cstr(out, "Message-ID: <");
    text_add_hex(out, values->identity.campaign, 16);
    text_add_byte(out, '.');
    text_add_u64(out, values->identity.ordinal);
    text_add_byte(out, '@');
    text_add(out, header_is_domain(values->host) ? values->host : SPAN("host.invalid"));
    text_add_cstr(out, ">\r\n");
}

/* A mailbox that cannot stand in a 7-bit header is not named (RFC 5322 3.4: an empty group). */
static void merge_put_to(const struct merge_values *values, struct text *out)
{
    if (!header_is_mailbox(values->recipient)) {
        text_add_cstr(out, "To: undisclosed-recipients:;\r\n");
        return;
    }
    text_add_cstr(out, "To: <");
    text_add(out, values->recipient);
    text_add_cstr(out, ">\r\n");
}

static bool merge_whole_field(struct merge *merge, const struct template_piece *piece,
                              struct text *out)
{
    if (text_room(out) < WORDS_STEP_MAX)
        return false;
    if (piece->kind == TEMPLATE_DATE)
        merge_write_date(merge->values->date_s, out);
    else if (piece->kind == TEMPLATE_MESSAGE_ID)
        merge_put_message_id(merge->values, out);
    else
        merge_put_to(merge->values, out);
    merge->line.column = 0;
    return true;
}

/* True when the piece is done. */
static bool merge_put_piece(struct merge *merge, const struct template_piece *piece,
                            struct text *out)
{
    switch ((enum template_piece_kind)piece->kind) {
    case TEMPLATE_LITERAL:
        return merge_literal(merge, piece, out);
    case TEMPLATE_FIELD:
        return merge_field(merge, piece, out);
    case TEMPLATE_TOKEN_START:
        return merge_token(merge, piece, out);
    case TEMPLATE_DATE:
    case TEMPLATE_MESSAGE_ID:
    case TEMPLATE_TO:
        return merge_whole_field(merge, piece, out);
    case TEMPLATE_PART_TEXT:
    case TEMPLATE_PART_FIELD:
        break; /* taken with their token */
    }
    UNREACHABLE("template piece");
}

static bool merge_is_at(const struct merge *merge, struct merge_place place)
{
    return merge->piece == place.piece && merge->offset == place.offset;
}

enum merge_state merge_step(struct merge *merge, struct text *out)
{
    CHECK(out->capacity >= MERGE_STEP_MAX);
    while (merge->piece < merge->template->pieces_count) {
        if (merge_is_at(merge, merge->end))
            return MERGE_DONE;
        if (!merge_put_piece(merge, merge_piece(merge), out)) {
            if (merge_is_at(merge, merge->end))
                return MERGE_DONE;
            return MERGE_MORE;
        }
        merge->piece++;
        merge->offset = 0;
    }
    if (merge->stuffed && merge->offset == 0) {
        if (text_room(out) < 3)
            return MERGE_MORE;
        text_add_cstr(out, ".\r\n");
        merge->offset = 1; /* the final dot is out */
    }
    return MERGE_DONE;
}

/* Where in a literal the line after the header's blank line begins; 0: it has no such line.
 * `line_start`: at its begin, and at its end, a line begins. */
static uint32_t merge_after_blank(struct span literal, bool *line_start)
{
    for (uint32_t at = 0; at + 1 < literal.size; at++) {
        bool line_end = literal.data[at] == '\r' && literal.data[at + 1] == '\n';

        if (line_end && *line_start)
            return at + 2;
        *line_start = line_end;
        at += line_end ? 1 : 0;
    }
    if (literal.size > 0 && literal.data[literal.size - 1] != '\n')
        *line_start = false;
    return 0;
}

struct merge_place merge_body_place(const struct template *template)
{
    bool line_start = true; /* the header's first line could be the blank one */

    for (uint32_t i = 0; i < template->pieces_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        uint32_t body;

        if (piece->kind != TEMPLATE_LITERAL) {
            line_start = piece->kind == TEMPLATE_DATE || piece->kind == TEMPLATE_MESSAGE_ID ||
                         piece->kind == TEMPLATE_TO;
            continue;
        }
        body = merge_after_blank(span_make(template->data + piece->at, piece->size), &line_start);
        if (body > 0)
            return body < piece->size ? (struct merge_place){i, body}
                                      : (struct merge_place){i + 1, 0};
    }
    return (struct merge_place){template->pieces_count, 0};
}

void merge_until(struct merge *merge, struct merge_place end)
{
    CHECK(!merge->stuffed);
    merge->end = end;
}

uint64_t merge_size(const struct merge *merge)
{
    uint8_t scratch[2 * MERGE_STEP_MAX];
    struct merge copy = *merge;
    struct text out;
    enum merge_state state;

    copy.stuffed = false;
    copy.measuring = true;
    do {
        text_init(&out, scratch, sizeof(scratch));
        state = merge_step(&copy, &out);
        copy.counted += out.size;
    } while (state == MERGE_MORE);
    return copy.counted;
}

static bool merge_value_fits(const struct template_field *field, uint32_t atoms, struct span value)
{
    bool token = (field->contexts & 1U << TEMPLATE_TOKEN) != 0;

    if ((token ? template_value_token_size(value) : value.size) > field->size_max)
        return false;
    for (uint32_t context = 0; context < TEMPLATE_CONTEXT_COUNT; context++) {
        if ((field->contexts & atoms & 1U << context) != 0 &&
            template_value_problem((enum template_context)context, value))
            return false;
    }
    return true;
}

int merge_begin(struct merge *merge, const struct template *template,
                const struct merge_values *values, bool stuffed)
{
    for (uint32_t i = 0; i < template->fields_count; i++) {
        if (!merge_value_fits(&template->fields[i], template->atom_contexts, values->fields[i]))
            return -EINVAL;
    }
    *merge = (struct merge){
        .template = template, .values = values, .end = MERGE_END, .stuffed = stuffed};
    return 0;
}
