/* big_endian.h - numbers in network byte order, of any number of octets up to eight.
 *
 * Knows nothing of what the numbers mean. A number that does not fit loses its high octets. */
#ifndef BASE_BIG_ENDIAN_H
#define BASE_BIG_ENDIAN_H

#include "base/base.h"

void big_endian_put(uint8_t *into, uint64_t number, uint32_t octets);
MUST_USE uint64_t big_endian_get(const uint8_t *from, uint32_t octets);

#endif
