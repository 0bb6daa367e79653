#include "message/template_header.h"

#include <errno.h>

#include "base/check.h"
#include "message/body.h"
#include "message/template_address.h"
#include "message/template_scan.h"
#include "message/words_decode.h"

#define HEADER_ATOM_FIELD_MIN 16

static size_t template_header_max(size_t source_size)
{
    return min_size(source_size, TEMPLATE_HEADER_MAX) + 64;
}

size_t template_header_memory_size(size_t source_size)
{
    return 15 * template_header_max(source_size);
}

int template_header_error(struct template_header *header, size_t place, const char *what,
                          struct span detail)
{
    struct template_build *build = header->build;
    size_t body_at = template_build_at(build, header->field->body);

    return template_build_error(build, body_at + place, what, detail);
}

void template_header_open(struct template_header *header)
{
    struct text *out = &header->build->out;

    text_add(out, header->field->name);
    text_add_byte(out, ':');
    header->line =
        (struct words_line){.column = (uint32_t)header->field->name.size + 1, .first = true};
    header->dynamic = false;
}

void template_header_bytes(struct template_header *header, struct span bytes)
{
    text_add(&header->build->out, bytes);
    header->line.column += (uint32_t)bytes.size;
}

static void template_header_part_text(struct template_build *build, struct span text)
{
    if (text.size == 0)
        return;
    struct template_piece *piece = template_build_piece(build, TEMPLATE_PART_TEXT);
    piece->at = (uint32_t)build->out.size;
    piece->size = (uint32_t)text.size;
    text_add(&build->out, text);
    build->literal_start = build->out.size; /* not a literal of its own */
}

/* How many octets a value may have in that context, where `share` octets are left for it. */
static uint32_t template_header_value_max(enum template_context context, size_t share)
{
    static const uint16_t sizes_max[TEMPLATE_CONTEXT_COUNT] = {
        [TEMPLATE_MAILBOX] = 254,
        [TEMPLATE_LOCAL] = 64,
        [TEMPLATE_DOMAIN] = 253,
        [TEMPLATE_ID_WHOLE] = 250,
        [TEMPLATE_ID_CONTENT] = 250,
        [TEMPLATE_ID_PART] = 200,
        [TEMPLATE_TOKEN] = TEMPLATE_WORD_TEXT_MAX,
    };

    if (context == TEMPLATE_WORD || context == TEMPLATE_PHRASE)
        return TEMPLATE_HEADER_VALUE_MAX;
    return (uint32_t)min_size(sizes_max[context], share);
}

/* What is in a token: how much literal text, how many merge fields. */
struct template_header_sum {
    size_t literal;
    uint32_t tags;
};

static int template_header_measure(struct template_header *header,
                                   const struct template_header_token *token,
                                   struct template_header_sum *ret)
{
    struct template_scan_tag tag = {0};
    int r;

    *ret = (struct template_header_sum){.literal = token->text.size};
    while ((r = template_scan_next(token->text, tag.end, &tag)) == 1) {
        ret->tags++;
        ret->literal -= tag.end - tag.start;
    }
    if (r < 0)
        return template_header_error(header, token->places[tag.start],
                                     "two opening braces that begin no field",
                                     span_skip(token->text, tag.start));
    if (ret->tags > TEMPLATE_WORD_FIELDS_MAX)
        return template_header_error(header, token->places[0],
                                     "more than 8 fields in one word or address", token->text);
    if ((ret->tags > 0 || token->form == TEMPLATE_TOKEN_ATOM) &&
        ret->literal > TEMPLATE_WORD_TEXT_MAX)
        return template_header_error(header, token->places[0], "a word of more than 900 octets",
                                     token->text);
    return 0;
}

static void template_header_literal(struct template_header *header,
                                    const struct template_header_token *token)
{
    struct text *out = &header->build->out;
    enum words_form form = token->form == TEMPLATE_TOKEN_WORD     ? words_form_text(token->text)
                           : token->form == TEMPLATE_TOKEN_PHRASE ? words_form_phrase(token->text)
                                                                  : WORDS_ATOM;
    size_t offset = 0;

    if (!words_put(&header->line, form, token->text, &offset, out))
        out->overflow = true;
}

static int template_header_fields(struct template_header *header,
                                  const struct template_header_token *token, size_t share)
{
    struct template_build *build = header->build;
    struct template_scan_tag tag = {0};
    size_t at = 0;

    while (template_scan_next(token->text, at, &tag) == 1) {
        size_t body_at = template_build_at(build, header->field->body);
        enum template_context context = tag.start < token->after_at ? token->context : token->after;
        template_header_part_text(build, span_slice(token->text, at, tag.start - at));
        int field = template_build_field(build, tag.name, body_at + token->places[tag.start],
                                         context, template_header_value_max(context, share));
        if (field < 0)
            return field;
        struct template_piece *piece = template_build_piece(build, TEMPLATE_PART_FIELD);
        piece->context = (uint8_t)context;
        piece->at = (uint32_t)field;
        at = tag.end;
    }
    template_header_part_text(build, span_skip(token->text, at));
    return 0;
}

int template_header_token(struct template_header *header, const struct template_header_token *token)
{
    struct template_build *build = header->build;
    struct template_header_sum sum;
    int r = template_header_measure(header, token, &sum);

    if (r < 0)
        return r;
    if (sum.tags == 0 && !header->dynamic) {
        template_header_literal(header, token);
        return 0;
    }
    size_t share = sum.tags == 0 ? 0 : (TEMPLATE_WORD_TEXT_MAX - sum.literal) / sum.tags;
    if (sum.tags > 0 && token->form == TEMPLATE_TOKEN_ATOM && share < HEADER_ATOM_FIELD_MIN)
        return template_header_error(header, token->places[0], "no room for values in one line",
                                     token->text);
    struct template_piece *start = template_build_piece(build, TEMPLATE_TOKEN_START);
    uint32_t before = build->template->pieces_count;
    start->context = (uint8_t)token->form;
    start->opens = !header->dynamic;
    start->first = header->line.first;
    start->encoded = header->line.encoded;
    header->dynamic = true;
    r = template_header_fields(header, token, share);
    start->head = (uint16_t)(build->template->pieces_count - before);
    return r;
}

/* Can go out as it is: ASCII, short lines, no line of blanks only. */
static bool template_header_is_clean(const struct header_field *field)
{
    struct span rest = field->body;
    size_t extra = field->name.size + 1;

    while (rest.size > 0) {
        struct span line = header_line(&rest);
        if (line.size + extra > BODY_LINE_MAX || !span_is_ascii(line))
            return false;
        if (extra == 0 && span_trim(line).size == 0)
            return false;
        extra = 0;
    }
    return true;
}

static void template_header_copy(struct template_header *header)
{
    struct text *out = &header->build->out;
    struct span rest = header->field->body;

    text_add(out, header->field->name);
    text_add_byte(out, ':');
    while (rest.size > 0) {
        text_add(out, header_line(&rest));
        text_add_cstr(out, "\r\n");
    }
    if (header->field->body.size == 0)
        text_add_cstr(out, "\r\n");
}

/* Takes a word off the front of *at; blanks inside braces do not end it. */
static struct span template_header_word(struct span text, size_t *at)
{
    struct template_scan_tag tag;

    while (*at < text.size && (text.data[*at] == ' ' || text.data[*at] == '\t'))
        (*at)++;
    size_t start = *at;
    while (*at < text.size && text.data[*at] != ' ' && text.data[*at] != '\t') {
        if (template_scan_next(text, *at, &tag) == 1 && tag.start == *at)
            *at = tag.end;
        else
            (*at)++;
    }
    return span_slice(text, start, *at - start);
}

static bool template_header_has_control(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
            return true;
    }
    return false;
}

static int template_header_put_text(struct template_header *header)
{
    struct span raw = text_span(&header->unfolded);
    bool known = words_decode(raw, &header->decoded, header->decoded_places);
    struct span text = text_span(&header->decoded);
    bool tagged = span_find(text, SPAN("{{")) != SPAN_NOT_FOUND;
    size_t at = 0;
    int r = 0;

    if (!tagged && template_header_is_clean(header->field)) {
        template_header_copy(header);
        return 0;
    }
    if (tagged && !known)
        return template_header_error(header, 0,
                                     "an encoded word in a charset other than UTF-8, "
                                     "US-ASCII or ISO-8859-1 beside a field",
                                     SPAN(""));
    if (!span_is_utf8(text) || template_header_has_control(text))
        return template_header_error(header, 0, "a header field that is not UTF-8 text",
                                     header->field->name);
    for (size_t i = 0; i < text.size; i++)
        header->decoded_places[i] = header->places[header->decoded_places[i]];
    template_header_open(header);
    while (r == 0 && at < text.size) {
        struct span word = template_header_word(text, &at);
        struct template_header_token token = {
            .text = word,
            .places = header->decoded_places + (word.data - text.data),
            .form = TEMPLATE_TOKEN_WORD,
            .context = TEMPLATE_WORD,
            .after = TEMPLATE_WORD,
        };
        if (word.size > 0)
            r = template_header_token(header, &token);
    }
    text_add_cstr(&header->build->out, "\r\n");
    return r;
}

/* Which of the three contexts of a Message-ID the fields of the word have; false: it is none. */
static bool template_header_id_context(struct span word, enum template_context *ret)
{
    struct template_scan_tag tag;
    uint8_t probe_data[TEMPLATE_WORD_TEXT_MAX];
    struct text probe;
    size_t at = 0;

    *ret = TEMPLATE_ID_WHOLE;
    if (template_scan_next(word, 0, &tag) == 1 && tag.start == 0 && tag.end == word.size)
        return true;
    *ret = TEMPLATE_ID_CONTENT;
    if (word.size < 2 || word.data[0] != '<' || word.data[word.size - 1] != '>')
        return false;
    word = span_slice(word, 1, word.size - 2);
    if (template_scan_next(word, 0, &tag) == 1 && tag.start == 0 && tag.end == word.size)
        return true;
    *ret = TEMPLATE_ID_PART;
    text_init(&probe, probe_data, sizeof(probe_data));
    while (template_scan_next(word, at, &tag) == 1) {
        text_add(&probe, span_slice(word, at, tag.start - at));
        text_add_byte(&probe, 'x');
        at = tag.end;
    }
    text_add(&probe, span_skip(word, at));
    struct span right = text_span(&probe);
    struct span left = span_split(&right, '@');
    return !probe.overflow && header_is_dot_atom(left) && header_is_dot_atom(right);
}

/* Message-ID, URLs and the like: words without any encoding. */
static int template_header_put_words(struct template_header *header, enum header_kind kind)
{
    struct span text = text_span(&header->unfolded);
    bool tagged = span_find(text, SPAN("{{")) != SPAN_NOT_FOUND;
    size_t at = 0;
    int r = 0;

    if (!span_is_ascii(text))
        return template_header_error(header, 0, "only ASCII may stand in the header field",
                                     header->field->name);
    if (tagged && kind == HEADER_FIXED)
        return template_header_error(header, header->places[span_find(text, SPAN("{{"))],
                                     "no field may stand in the header field", header->field->name);
    if (!tagged && template_header_is_clean(header->field)) {
        template_header_copy(header);
        return 0;
    }
    template_header_open(header);
    while (r == 0 && at < text.size) {
        struct span word = template_header_word(text, &at);
        struct template_header_token token = {
            .text = word,
            .places = header->places + (word.data - text.data),
            .form = TEMPLATE_TOKEN_ATOM,
            .context = TEMPLATE_TOKEN,
        };
        bool has_field = span_find(word, SPAN("{{")) != SPAN_NOT_FOUND;
        if (kind == HEADER_MESSAGE_ID && has_field &&
            !template_header_id_context(word, &token.context))
            r = template_header_error(header, token.places[0], "not the form <left@right>", word);
        token.after = token.context;
        if (r == 0 && word.size > 0)
            r = template_header_token(header, &token);
    }
    text_add_cstr(&header->build->out, "\r\n");
    return r;
}

static int template_header_put_addresses(struct template_header *header)
{
    int r = template_address_look(header);

    if (r < 0)
        return r;
    if (r == 0 && template_header_is_clean(header->field)) {
        template_header_copy(header);
        return 0;
    }
    template_header_open(header);
    r = template_address_put(header);
    text_add_cstr(&header->build->out, "\r\n");
    return r;
}

static void template_header_lend(struct template_header *header)
{
    struct span_mut memory = header->build->header_scratch;
    size_t size = template_header_max(header->build->source.size);

    CHECK(memory.size >= 15 * size);
    header->decoded_places = (uint32_t *)(void *)memory.data;
    header->places = header->decoded_places + 2 * size;
    text_init(&header->decoded, memory.data + 12 * size, 2 * size);
    text_init(&header->unfolded, memory.data + 14 * size, size);
}

int template_header_put(struct template_build *build, const struct header_field *field)
{
    struct template_header header = {.build = build, .field = field};
    enum header_kind kind = header_kind(field->name);

    if (field->name.size > HEADER_NAME_MAX || field->whole.size > TEMPLATE_HEADER_MAX)
        return template_header_error(&header, 0, "this header field is too long", field->name);
    template_header_lend(&header);
    header_unfold(field->body, &header.unfolded, header.places);
    if (template_header_has_control(text_span(&header.unfolded)))
        return template_header_error(&header, 0, "a control character in the header field",
                                     field->name);
    switch (kind) {
    case HEADER_REMOVED:
        build->template->removed_count++;
        return 0;
    case HEADER_TEXT:
        return template_header_put_text(&header);
    case HEADER_ADDRESSES:
        return template_header_put_addresses(&header);
    case HEADER_MESSAGE_ID:
    case HEADER_TOKENS:
    case HEADER_FIXED:
        return template_header_put_words(&header, kind);
    }
    UNREACHABLE("header kind");
}
