#include "sim/mx_cover.h"

#include "base/check.h"

bool mx_cover_is_offered(enum mx_tls tls)
{
    return tls != MX_TLS_NONE && tls != MX_TLS_STRIPPED;
}

bool mx_cover_is_verified(enum mx_tls tls)
{
    return tls == MX_TLS_GOOD;
}

static void turn_over(struct span from, struct text *out)
{
    for (size_t i = 0; i < from.size; i++)
        text_add_byte(out, from.data[i] ^ 0x5a);
}

static bool take_head(struct mx_cover *cover, struct span *bytes)
{
    while (cover->head_count < 3 && bytes->size > 0) {
        cover->head[cover->head_count++] = bytes->data[0];
        *bytes = span_skip(*bytes, 1);
        if (cover->head_count == 3)
            cover->left = (uint32_t)cover->head[1] << 8 | cover->head[2];
    }
    return cover->head_count == 3;
}

static enum mx_cover_news take_body(struct mx_cover *cover, struct span *bytes, struct text *plain)
{
    struct span part = span_first(*bytes, cover->left);

    turn_over(part, plain);
    *bytes = span_skip(*bytes, part.size);
    cover->left -= (uint32_t)part.size;
    if (cover->left == 0)
        cover->head_count = 0;
    return part.size > 0 ? MX_COVER_DATA : MX_COVER_NOTHING;
}

enum mx_cover_news mx_cover_read(struct mx_cover *cover, struct span *bytes, struct text *plain)
{
    CHECK(cover->state != MX_COVER_CLEAR);
    if (!take_head(cover, bytes))
        return MX_COVER_NOTHING;
    if (cover->head[0] == 'C')
        return MX_COVER_END;
    if (cover->state == MX_COVER_UP)
        return cover->head[0] == 'D' ? take_body(cover, bytes, plain) : MX_COVER_BROKEN;
    if (cover->head[0] != 'H' || cover->left != 1)
        return MX_COVER_BROKEN;
    if (bytes->size == 0)
        return MX_COVER_NOTHING;
    *bytes = span_skip(*bytes, 1);
    cover->head_count = 0;
    return MX_COVER_HELLO;
}

void mx_cover_hello(enum mx_tls tls, struct text *out)
{
    uint8_t certificate = tls == MX_TLS_BAD_NAME ? 'n' : tls == MX_TLS_EXPIRED ? 'x' : 'g';

    text_add(out, SPAN("H\0\1"));
    turn_over(span_make(&certificate, 1), out);
}

void mx_cover_write(struct span plain, struct text *out)
{
    CHECK(plain.size <= UINT16_MAX);
    text_add_byte(out, 'D');
    text_add_byte(out, (uint8_t)(plain.size >> 8));
    text_add_byte(out, (uint8_t)plain.size);
    turn_over(plain, out);
}
