#include "base/big_endian.h"

void big_endian_put(uint8_t *into, uint64_t number, uint32_t octets)
{
    for (uint32_t i = octets; i > 0; i--) {
        into[i - 1] = (uint8_t)number;
        number >>= 8;
    }
}

uint64_t big_endian_get(const uint8_t *from, uint32_t octets)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < octets; i++)
        number = number << 8 | from[i];
    return number;
}
