#include "message/base64.h"

static const uint8_t base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(struct span source, struct text *out)
{
    size_t i = 0;

    for (; i + 3 <= source.size; i += 3) {
        uint32_t bits =
            (uint32_t)source.data[i] << 16 | (uint32_t)source.data[i + 1] << 8 | source.data[i + 2];
        uint8_t four[4] = {base64_digits[bits >> 18], base64_digits[bits >> 12 & 63],
                           base64_digits[bits >> 6 & 63], base64_digits[bits & 63]};
        text_add(out, span_make(four, sizeof(four)));
    }
    if (i == source.size)
        return;
    uint32_t bits = (uint32_t)source.data[i] << 16;
    if (i + 1 < source.size)
        bits |= (uint32_t)source.data[i + 1] << 8;
    uint8_t four[4] = {base64_digits[bits >> 18], base64_digits[bits >> 12 & 63], '=', '='};
    if (i + 1 < source.size)
        four[2] = base64_digits[bits >> 6 & 63];
    text_add(out, span_make(four, sizeof(four)));
}

static int base64_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    return byte == '/' ? 63 : -1;
}

bool base64_decode(struct span source, struct text *out)
{
    uint32_t bits = 0;
    uint32_t bits_count = 0;
    bool clean = true;

    for (size_t i = 0; i < source.size && source.data[i] != '='; i++) {
        uint8_t byte = source.data[i];
        int value = base64_value(byte);
        if (value < 0) {
            clean = clean && (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n');
            continue;
        }
        bits = bits << 6 | (uint32_t)value;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            text_add_byte(out, (uint8_t)(bits >> bits_count));
        }
    }
    return clean;
}
