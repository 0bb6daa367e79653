#include "base/word_starts.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool is_letter(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
}

uint64_t word_starts_plain(const uint8_t *bytes, size_t size, bool *in_word)
{
    uint64_t starts = 0;

    for (size_t i = 0; i < size; i++) {
        bool letter = is_letter(bytes[i]);

        if ((letter && !*in_word) || bytes[i] >= 0xc0)
            starts |= UINT64_C(1) << i;
        *in_word = letter;
    }
    return starts;
}

uint32_t word_starts_fold_plain(const uint8_t *bytes, uint8_t ret_folded[WORD_STARTS_FRONT])
{
    uint32_t blanks = 0;

    for (uint32_t i = 0; i < WORD_STARTS_FRONT; i++) {
        uint8_t byte = bytes[i];

        if (byte == '\t' || byte == '\r' || byte == '\n')
            byte = ' ';
        else if (byte >= 'A' && byte <= 'Z')
            byte |= 0x20;
        ret_folded[i] = byte;
        blanks |= (uint32_t)(byte == ' ') << i;
    }
    return blanks;
}

#if defined(__SSE2__)

/* Of each byte whether it is in [first, first + count). */
static __m128i in_range(__m128i bytes, uint8_t first, uint8_t count)
{
    __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8((char)first));

    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char)(count - 1))), offset);
}

uint64_t word_starts(const uint8_t *bytes, size_t size, bool *in_word)
{
    uint64_t letters = 0, others = 0;

    if (size < WORD_STARTS_SIZE)
        return word_starts_plain(bytes, size, in_word);
    for (uint32_t i = 0; i < WORD_STARTS_SIZE; i += 16) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
        __m128i lower = _mm_or_si128(part, _mm_set1_epi8(0x20));
        __m128i letter = _mm_or_si128(in_range(lower, 'a', 26), in_range(part, '0', 10));
        __m128i other = in_range(part, 0xc0, 0x40);

        letters |= (uint64_t)(uint32_t)_mm_movemask_epi8(letter) << i;
        others |= (uint64_t)(uint32_t)_mm_movemask_epi8(other) << i;
    }
    uint64_t before = letters << 1 | (uint64_t)*in_word;
    *in_word = letters >> 63 != 0;
    return (letters & ~before) | others;
}

uint32_t word_starts_fold(const uint8_t *bytes, uint8_t ret_folded[WORD_STARTS_FRONT])
{
    __m128i part = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    __m128i upper = in_range(part, 'A', 26);
    __m128i blank = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8(' ')),
                                              _mm_cmpeq_epi8(part, _mm_set1_epi8('\r'))),
                                 in_range(part, '\t', 2));

    part = _mm_or_si128(part, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
    part = _mm_or_si128(_mm_andnot_si128(blank, part), _mm_and_si128(blank, _mm_set1_epi8(' ')));
    _mm_storeu_si128((__m128i *)(void *)ret_folded, part);
    return (uint32_t)_mm_movemask_epi8(blank);
}

#else

uint32_t word_starts_fold(const uint8_t *bytes, uint8_t ret_folded[WORD_STARTS_FRONT])
{
    return word_starts_fold_plain(bytes, ret_folded);
}

uint64_t word_starts(const uint8_t *bytes, size_t size, bool *in_word)
{
    return word_starts_plain(bytes, size, in_word);
}

#endif
