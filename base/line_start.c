#include "base/line_start.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

size_t line_start_find_plain(struct span text, size_t from, uint8_t first)
{
    for (size_t at = from; at + 1 < text.size; at++)
        if (text.data[at] == '\n' && text.data[at + 1] == first)
            return at + 1;
    return text.size;
}

#if defined(__SSE2__)

/* All bits of each byte that is an LF before `first`. */
static __m128i starts(const uint8_t *bytes, __m128i first)
{
    __m128i here = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 1));

    return _mm_and_si128(_mm_cmpeq_epi8(here, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(next, first));
}

static uint64_t mask_of(__m128i bytes)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(bytes);
}

size_t line_start_find(struct span text, size_t from, uint8_t first)
{
    __m128i wanted = _mm_set1_epi8((char)first);

    for (; from < text.size && text.size - from > 64; from += 64) {
        const uint8_t *bytes = text.data + from;
        __m128i a = starts(bytes, wanted), b = starts(bytes + 16, wanted);
        __m128i c = starts(bytes + 32, wanted), d = starts(bytes + 48, wanted);

        if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0)
            continue;
        return from +
               (size_t)__builtin_ctzll(mask_of(a) | mask_of(b) << 16 | mask_of(c) << 32 |
                                       mask_of(d) << 48) +
               1;
    }
    return line_start_find_plain(text, from, first);
}

#else

size_t line_start_find(struct span text, size_t from, uint8_t first)
{
    return line_start_find_plain(text, from, first);
}

#endif
