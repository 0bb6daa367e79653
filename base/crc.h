/* crc.h - CRC-32C (Castagnoli; RFC 3720 appendix B.4), by SSE4.2 where the processor has it. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include "base/span.h"

/* Continues from `crc`; start with 0 or with a seed of one's own (crc_seed). */
MUST_USE uint32_t crc_add(uint32_t crc, struct span span);
/* The same, without the instructions: for machines that lack them, and to test against. */
MUST_USE uint32_t crc_add_portable(uint32_t crc, struct span span);
/* A start value that depends on two numbers, so that a block copied to another place fails. */
MUST_USE uint32_t crc_seed(uint64_t a, uint64_t b);

#endif
