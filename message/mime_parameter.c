#include "message/mime_parameter.h"

/* One "name=value" as it stands. */
struct parameter {
    struct span name;
    struct span value; /* of a quoted string what stands between the quotes, escapes and all */
    bool quoted;
    bool changed; /* an escape or fold must be taken out */
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_space(struct span *rest)
{
    while (rest->size > 0 && is_space(rest->data[0]))
        *rest = span_skip(*rest, 1);
}

static void take_quoted(struct span *rest, struct parameter *parameter)
{
    size_t size = 0;

    *rest = span_skip(*rest, 1);
    while (size < rest->size && rest->data[size] != '"') {
        if (rest->data[size] == '\\' || rest->data[size] == '\r' || rest->data[size] == '\n')
            parameter->changed = true;
        size += rest->data[size] == '\\' ? 2 : 1;
    }
    parameter->quoted = true;
    parameter->value = span_first(*rest, min_size(size, rest->size));
    *rest = span_skip(*rest, size + 1);
    (void)span_split(rest, ';'); /* what stands between the quote and the semicolon */
}

/* A token. Unquoted blanks belong to it (real mail has them); comments at its end do not. */
static void take_token(struct span *rest, struct parameter *parameter)
{
    struct span token = span_split(rest, ';');
    size_t comment = span_find(token, SPAN(" ("));

    parameter->value = span_trim(span_first(token, comment));
    for (size_t i = 0; i < parameter->value.size; i++)
        parameter->changed = parameter->changed || parameter->value.data[i] == '\n';
}

/* Takes the next parameter off *rest; one without '=' has an empty value. */
static bool take(struct span *rest, struct parameter *parameter)
{
    skip_space(rest);
    if (rest->size == 0)
        return false;
    *parameter = (struct parameter){.quoted = false};
    size_t size = 0;
    while (size < rest->size && rest->data[size] != '=' && rest->data[size] != ';')
        size++;
    parameter->name = span_trim(span_first(*rest, size));
    bool equals = size < rest->size && rest->data[size] == '=';
    *rest = span_skip(*rest, size + 1);
    if (!equals)
        return true;
    skip_space(rest);
    if (rest->size > 0 && rest->data[0] == '"')
        take_quoted(rest, parameter);
    else
        take_token(rest, parameter);
    return true;
}

static void put(struct text *out, uint8_t byte)
{
    if (text_room(out) > 0)
        text_add_byte(out, byte);
}

static void put_plain(const struct parameter *parameter, struct text *out)
{
    for (size_t i = 0; i < parameter->value.size; i++) {
        uint8_t byte = parameter->value.data[i];

        if (byte == '\\' && parameter->quoted) {
            if (++i == parameter->value.size)
                return;
            byte = parameter->value.data[i];
        }
        if (byte != '\r' && byte != '\n')
            put(out, byte);
    }
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = span_lower_byte(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static void put_percent(struct span value, struct text *out)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];

        if (byte == '%' && i + 2 < value.size && hex_value(value.data[i + 1]) >= 0 &&
            hex_value(value.data[i + 2]) >= 0) {
            byte = (uint8_t)(hex_value(value.data[i + 1]) << 4 | hex_value(value.data[i + 2]));
            i += 2;
        }
        put(out, byte);
    }
}

/* The pieces name*0, name*1*, ... in their order; or name* alone. */
struct pieces {
    struct parameter list[MIME_PARAMETER_PIECES_MAX];
    bool there[MIME_PARAMETER_PIECES_MAX];
    bool encoded[MIME_PARAMETER_PIECES_MAX];
    bool any;
};

/* Files a parameter whose name is `name` and a star: "*", "*0", "*12*". */
static void keep(struct pieces *pieces, const struct parameter *parameter, struct span suffix)
{
    uint64_t index = 0;
    bool encoded = suffix.size > 0 && suffix.data[suffix.size - 1] == '*';
    struct span digits = span_skip(span_first(suffix, suffix.size - (encoded ? 1 : 0)), 1);

    if (suffix.size > 1 && !span_number(digits, MIME_PARAMETER_PIECES_MAX - 1, &index))
        return;
    if (pieces->there[index])
        return;
    pieces->there[index] = true;
    pieces->encoded[index] = encoded;
    pieces->list[index] = *parameter;
    pieces->any = true;
}

/* Takes charset'language' off the front. */
static enum charset_id take_charset(struct span *value)
{
    struct span rest = *value;
    struct span name = span_split(&rest, '\'');

    if (name.size == value->size || span_find_byte(rest, '\'') == SPAN_NOT_FOUND)
        return CHARSET_UNKNOWN;
    (void)span_split(&rest, '\'');
    *value = rest;
    return charset_find(name);
}

static void join(struct pieces *pieces, struct charset *charset, struct text *out)
{
    uint8_t buffer[MIME_PARAMETER_SIZE_MAX];
    struct text bytes;
    enum charset_id id = CHARSET_UTF8;

    text_init(&bytes, buffer, sizeof(buffer));
    for (uint32_t i = 0; i < MIME_PARAMETER_PIECES_MAX && pieces->there[i]; i++) {
        struct parameter *piece = &pieces->list[i];

        if (i == 0 && pieces->encoded[0])
            id = take_charset(&piece->value);
        if (pieces->encoded[i])
            put_percent(piece->value, &bytes);
        else
            put_plain(piece, &bytes);
    }
    if (charset == NULL)
        text_add(out, span_first(text_span(&bytes), text_room(out)));
    else
        charset_convert(charset, id, text_span(&bytes), out);
}

/* The value of a parameter that stands alone: lent by the message, or put to `out`. */
static struct span plain_value(const struct parameter *parameter, struct text *out)
{
    size_t before = out->size;

    if (!parameter->changed)
        return parameter->value;
    put_plain(parameter, out);
    return span_skip(text_span(out), before);
}

bool mime_parameter_find(struct span body, struct span name, struct charset *charset,
                         struct text *out, struct span *ret)
{
    struct pieces pieces;
    struct parameter parameter;
    size_t before = out->size;

    pieces.any = false;
    for (uint32_t i = 0; i < MIME_PARAMETER_PIECES_MAX; i++)
        pieces.there[i] = false;
    (void)span_split(&body, ';'); /* what the parameters belong to */
    while (take(&body, &parameter)) {
        if (!span_starts_nocase(parameter.name, name))
            continue;
        struct span suffix = span_skip(parameter.name, name.size);
        if (suffix.size == 0 && !pieces.any) {
            *ret = plain_value(&parameter, out);
            return true;
        }
        if (suffix.size > 0 && suffix.data[0] == '*')
            keep(&pieces, &parameter, suffix);
    }
    if (!pieces.there[0])
        return false;
    join(&pieces, charset, out);
    *ret = span_skip(text_span(out), before);
    return true;
}
