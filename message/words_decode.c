#include "message/words_decode.h"

#include "message/base64.h"

struct words_reader {
    struct text *out;
    uint32_t *places;
};

static void words_keep(struct words_reader *reader, uint8_t byte, size_t place)
{
    if (text_room(reader->out) == 0) {
        reader->out->overflow = true;
        return;
    }
    reader->places[reader->out->size] = (uint32_t)place;
    text_add_byte(reader->out, byte);
}

enum words_charset { WORDS_UTF8, WORDS_LATIN1, WORDS_FOREIGN };

static enum words_charset words_charset(struct span name)
{
    struct span rest = name;

    name = span_split(&rest, '*'); /* RFC 2231 5: a language may follow */
    if (span_equal_nocase(name, SPAN("utf-8")) || span_equal_nocase(name, SPAN("utf8")) ||
        span_equal_nocase(name, SPAN("us-ascii")))
        return WORDS_UTF8;
    return span_equal_nocase(name, SPAN("iso-8859-1")) ? WORDS_LATIN1 : WORDS_FOREIGN;
}

struct words_encoded {
    struct span charset;
    uint8_t encoding; /* 'q' or 'b' */
    struct span payload;
};

/* "=?charset?encoding?payload?=", the whole of `token`. */
static bool words_parse(struct span token, struct words_encoded *ret)
{
    if (token.size < 8 || !span_starts(token, SPAN("=?")) ||
        !span_equal(span_skip(token, token.size - 2), SPAN("?=")))
        return false;
    struct span rest = span_slice(token, 2, token.size - 4);
    struct words_encoded encoded = {.charset = span_split(&rest, '?')};
    struct span encoding = span_split(&rest, '?');
    if (encoding.size != 1 || encoded.charset.size == 0)
        return false;
    encoded.encoding = span_lower_byte(encoding.data[0]);
    encoded.payload = rest;
    if (span_find_byte(rest, '?') != SPAN_NOT_FOUND)
        return false;
    *ret = encoded;
    return encoded.encoding == 'q' || encoded.encoding == 'b';
}

static int words_hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = span_lower_byte(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static void words_decode_q(struct span payload, struct text *out)
{
    for (size_t i = 0; i < payload.size; i++) {
        uint8_t byte = payload.data[i];
        int high = i + 2 < payload.size ? words_hex(payload.data[i + 1]) : -1;
        int low = high >= 0 ? words_hex(payload.data[i + 2]) : -1;
        if (byte == '=' && low >= 0) {
            text_add_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            text_add_byte(out, byte == '_' ? ' ' : byte);
        }
    }
}

/* How much of the payload is read at once: whole base64 groups or escapes. Encoded words longer
 * than 75 octets are wrong, but common. */
static size_t words_payload_step(struct span rest, uint8_t encoding)
{
    size_t size = min_size(rest.size, 64);

    if (encoding == 'b' || size == rest.size)
        return size;
    if (rest.data[size - 1] == '=')
        return size - 1;
    return rest.data[size - 2] == '=' ? size - 2 : size;
}

static void words_keep_latin1(struct words_reader *reader, uint8_t byte, size_t place)
{
    if (byte >= 0x80) {
        words_keep(reader, (uint8_t)(0xc0 | byte >> 6), place);
        byte = (byte & 0x3f) | 0x80;
    }
    words_keep(reader, byte, place);
}

static void words_keep_encoded(struct words_reader *reader, const struct words_encoded *encoded,
                               bool latin1, size_t place)
{
    struct span rest = encoded->payload;

    while (rest.size > 0) {
        uint8_t buffer[64];
        struct text piece;
        size_t size = words_payload_step(rest, encoded->encoding);
        text_init(&piece, buffer, sizeof(buffer));
        if (encoded->encoding == 'q')
            words_decode_q(span_first(rest, size), &piece);
        else
            (void)base64_decode(span_first(rest, size), &piece); /* foreign bytes are left out */
        for (size_t i = 0; i < piece.size; i++) {
            if (latin1)
                words_keep_latin1(reader, buffer[i], place);
            else
                words_keep(reader, buffer[i], place);
        }
        rest = span_skip(rest, size);
    }
}

bool words_decode(struct span text, struct text *out, uint32_t *places)
{
    struct words_reader reader;
    struct span rest = text;
    bool known = true;
    bool after_encoded = false;

    reader.out = out;
    reader.places = places;
    for (;;) {
        struct span token = span_word(&rest);
        struct words_encoded encoded;
        if (token.size == 0)
            break;
        size_t place = (size_t)(token.data - text.data);
        bool is_encoded = words_parse(token, &encoded);
        enum words_charset charset = is_encoded ? words_charset(encoded.charset) : WORDS_UTF8;
        if (charset == WORDS_FOREIGN) {
            known = false;
            is_encoded = false;
        }
        if (out->size > 0 && out->data[out->size - 1] != ' ' && !(is_encoded && after_encoded))
            words_keep(&reader, ' ', place);
        if (is_encoded)
            words_keep_encoded(&reader, &encoded, charset == WORDS_LATIN1, place);
        for (size_t i = 0; !is_encoded && i < token.size; i++)
            words_keep(&reader, token.data[i], place + i);
        after_encoded = is_encoded;
    }
    return known;
}
