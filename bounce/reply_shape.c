#include "bounce/reply_shape.h"

#include <string.h>

#include "bounce/reply_fold.h"

#define WORD_MAX 24

static bool varies(struct span word)
{
    uint32_t digits = 0;

    for (size_t i = 0; i < word.size; i++)
        digits += word.data[i] >= '0' && word.data[i] <= '9';
    return digits >= 3 || word.size > WORD_MAX || span_find_byte(word, '@') != SPAN_NOT_FOUND;
}

size_t reply_shape(struct span text, uint8_t *into, size_t capacity)
{
    uint8_t folded[4 * REPLY_SHAPE_MAX];
    struct span rest = span_make(folded, reply_fold(text, folded, sizeof(folded)));
    struct span word = span_word(&rest);
    bool star = false;
    size_t size = 0;

    capacity = min_size(capacity, REPLY_SHAPE_MAX);
    for (; word.size > 0; word = span_word(&rest)) {
        bool now_star = varies(word);
        size_t gap = size > 0 ? 1 : 0;

        if (now_star && star)
            continue;
        star = now_star;
        if (star)
            word = SPAN("*");
        if (size + gap + word.size > capacity)
            break;
        if (gap > 0)
            into[size] = ' ';
        memcpy(into + size + gap, word.data, word.size);
        size += gap + word.size;
    }
    return size;
}
