#include "message/mime_words.h"

#include "message/base64.h"

/* "=?charset?B?text?=" taken apart. */
struct word {
    enum charset_id charset;
    bool base64;
    struct span text;
};

/* A row of words in one charset, decoded but not converted. */
struct row {
    struct text bytes;
    enum charset_id charset;
    bool open;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = span_lower_byte(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Octets of the encoded word at the front of `body`, or 0. */
static size_t take_word(struct span body, struct word *ret)
{
    struct span rest = body;

    if (!span_starts(rest, SPAN("=?")))
        return 0;
    rest = span_skip(rest, 2);
    struct span charset = span_split(&rest, '?');
    struct span encoding = span_split(&rest, '?');
    size_t end = span_find(rest, SPAN("?="));
    if (encoding.size != 1 || end == SPAN_NOT_FOUND || charset.size == 0 || charset.size > 60)
        return 0;
    uint8_t letter = span_lower_byte(encoding.data[0]);
    if (letter != 'b' && letter != 'q')
        return 0;
    size_t language = span_find_byte(charset, '*'); /* RFC 2231 5 */
    ret->charset = charset_find(span_first(charset, language));
    ret->base64 = letter == 'b';
    ret->text = span_first(rest, end);
    for (size_t i = 0; i < end; i++)
        if (rest.data[i] == '\n')
            return 0;
    return (size_t)(rest.data - body.data) + end + 2;
}

static void add_quoted(struct span text, struct text *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '_') {
            byte = ' ';
        } else if (byte == '=' && i + 2 < text.size && hex_value(text.data[i + 1]) >= 0 &&
                   hex_value(text.data[i + 2]) >= 0) {
            byte = (uint8_t)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        }
        if (text_room(out) > 0)
            text_add_byte(out, byte);
    }
}

static void end_row(struct row *row, struct charset *charset, struct text *out)
{
    if (!row->open)
        return;
    charset_convert(charset, row->charset, text_span(&row->bytes), out);
    row->bytes.size = 0;
    row->open = false;
}

static void add_word(struct row *row, const struct word *word, struct charset *charset,
                     struct text *out)
{
    if (row->open && row->charset != word->charset)
        end_row(row, charset, out);
    row->open = true;
    row->charset = word->charset;
    if (!word->base64) {
        add_quoted(word->text, &row->bytes);
        return;
    }
    /* base64_decode writes byte by byte and drops what has no room. */
    (void)base64_decode(span_first(word->text, text_room(&row->bytes) / 3 * 4), &row->bytes);
}

static void add_plain(struct text *out, struct span text)
{
    text_add(out, span_first(text, text_room(out)));
}

/* Blanks at the front of `body`. */
static size_t blanks(struct span body)
{
    size_t size = 0;

    while (size < body.size && is_blank(body.data[size]))
        size++;
    return size;
}

struct span mime_words_decode(struct span body, struct charset *charset, struct text *out)
{
    uint8_t buffer[MIME_WORDS_ROW_MAX];
    struct row row = {.open = false};
    size_t before = out->size;

    body = span_trim(body);
    if (span_find_byte(body, '\n') == SPAN_NOT_FOUND &&
        span_find(body, SPAN("=?")) == SPAN_NOT_FOUND)
        return body;
    text_init(&row.bytes, buffer, sizeof(buffer));
    while (body.size > 0) {
        struct word word;
        size_t gap = blanks(body);
        size_t size = take_word(span_skip(body, gap), &word);

        if (size > 0) { /* blanks between two encoded words do not show */
            if (gap > 0 && !row.open)
                add_plain(out, SPAN(" "));
            add_word(&row, &word, charset, out);
        } else {
            end_row(&row, charset, out);
            if (gap > 0)
                add_plain(out, SPAN(" "));
            struct span rest = span_skip(body, gap);
            while (size < rest.size && !is_blank(rest.data[size]) &&
                   (size == 0 || !span_starts(span_skip(rest, size), SPAN("=?"))))
                size++;
            add_plain(out, span_first(rest, size));
        }
        body = span_skip(body, gap + size);
    }
    end_row(&row, charset, out);
    return span_skip(text_span(out), before);
}
