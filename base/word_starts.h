/* word_starts.h - where words begin in a text, sixty-four bytes at a time, and how they begin.
 *
 * A word of ASCII letters and digits begins where one stands behind something else; every character
 * of UTF-8 that is not ASCII begins one. Pure. */
#ifndef BASE_WORD_STARTS_H
#define BASE_WORD_STARTS_H

#include "base/base.h"

#define WORD_STARTS_SIZE 64

/* Bit i: a word begins at bytes[i]. `size` is at most WORD_STARTS_SIZE. *in_word: whether the byte
 * before is a letter or digit; then the same of the last one. */
MUST_USE uint64_t word_starts(const uint8_t *bytes, size_t size, bool *in_word);
/* The same without the machine's help, for tests and other machines. */
MUST_USE uint64_t word_starts_plain(const uint8_t *bytes, size_t size, bool *in_word);

#define WORD_STARTS_FRONT 16

/* Sixteen bytes with ASCII letters in lower case and TAB, CR and LF as blanks. Bit i of the result:
 * bytes[i] is a blank, so folded. */
uint32_t word_starts_fold(const uint8_t *bytes, uint8_t ret_folded[WORD_STARTS_FRONT]);
uint32_t word_starts_fold_plain(const uint8_t *bytes, uint8_t ret_folded[WORD_STARTS_FRONT]);

#endif
