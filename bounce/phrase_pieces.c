#include "bounce/phrase_pieces.h"

#include "bounce/reply_fold.h"

static bool add(struct phrase_pieces *pieces, struct span bytes)
{
    struct phrase_piece *piece;

    if (pieces->count == RULES_PARTS_MAX)
        return false;
    piece = &pieces->list[pieces->count++];
    piece->border_before = bytes.size > 0 && bytes.data[0] != '*';
    piece->border_after = bytes.size > 0 && bytes.data[bytes.size - 1] != '*';
    if (!piece->border_before)
        bytes = span_skip(bytes, 1);
    if (!piece->border_after && bytes.size > 0)
        bytes = span_first(bytes, bytes.size - 1);
    piece->size = (uint8_t)reply_fold(bytes, piece->bytes, RULES_PHRASE_SIZE_MAX);
    return piece->size > 0;
}

bool phrase_pieces_cut(const char *phrase, struct phrase_pieces *ret_pieces)
{
    struct span rest = span_cstr(phrase);

    ret_pieces->count = 0;
    if (rest.size == 0 || rest.size > RULES_PHRASE_SIZE_MAX)
        return false;
    for (;;) {
        size_t gap = span_find(rest, SPAN(" * "));

        if (!add(ret_pieces, span_first(rest, gap == SPAN_NOT_FOUND ? rest.size : gap)))
            return false;
        if (gap == SPAN_NOT_FOUND)
            return true;
        rest = span_skip(rest, gap + 3);
    }
}
