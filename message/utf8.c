#include "message/utf8.h"

#include "base/check.h"

static bool continues(struct span span, uint32_t count)
{
    if (span.size <= count)
        return false;
    for (uint32_t i = 1; i <= count; i++)
        if ((span.data[i] & 0xc0) != 0x80)
            return false;
    return true;
}

uint32_t utf8_take(struct span span, uint32_t *ret_rune)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    uint32_t first;
    uint32_t rune;
    uint32_t count;

    if (span.size == 0)
        return 0;
    first = span.data[0];
    if (first < 0x80) {
        *ret_rune = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4)
        return 0;
    count = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (!continues(span, count))
        return 0;
    rune = first & (0x3fu >> count);
    for (uint32_t i = 1; i <= count; i++)
        rune = rune << 6 | (span.data[i] & 0x3fu);
    if (rune < smallest[count] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        return 0;
    *ret_rune = rune;
    return count + 1;
}

uint32_t utf8_put(uint32_t rune, uint8_t into[4])
{
    CHECK(rune <= 0x10ffff);
    CHECK(rune < 0xd800 || rune > 0xdfff);
    if (rune < 0x80) {
        into[0] = (uint8_t)rune;
        return 1;
    }
    if (rune < 0x800) {
        into[0] = (uint8_t)(0xc0 | rune >> 6);
        into[1] = (uint8_t)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        into[0] = (uint8_t)(0xe0 | rune >> 12);
        into[1] = (uint8_t)(0x80 | (rune >> 6 & 0x3f));
        into[2] = (uint8_t)(0x80 | (rune & 0x3f));
        return 3;
    }
    into[0] = (uint8_t)(0xf0 | rune >> 18);
    into[1] = (uint8_t)(0x80 | (rune >> 12 & 0x3f));
    into[2] = (uint8_t)(0x80 | (rune >> 6 & 0x3f));
    into[3] = (uint8_t)(0x80 | (rune & 0x3f));
    return 4;
}

bool utf8_is_control(uint32_t rune)
{
    return rune < 0x20 || (rune >= 0x7f && rune <= 0x9f) || rune == 0x2028 || rune == 0x2029 ||
           (rune >= 0x202a && rune <= 0x202e) || (rune >= 0x2066 && rune <= 0x2069);
}
