/* phrase_pieces.h - a phrase of a rule cut at its gaps, folded as texts are.
 *
 * The forms of a phrase: bounce/rules.h. Knows nothing of texts. */
#ifndef BOUNCE_PHRASE_PIECES_H
#define BOUNCE_PHRASE_PIECES_H

#include "bounce/rules.h"

/* A run of bytes that must stand in the text: a phrase, or what stands between two of its gaps. */
struct phrase_piece {
    uint8_t bytes[RULES_PHRASE_SIZE_MAX];
    uint8_t size;
    bool border_before;
    bool border_after;
};

struct phrase_pieces {
    struct phrase_piece list[RULES_PARTS_MAX];
    uint32_t count;
};

/* False when it is no phrase: no letters, too long, too many gaps. */
MUST_USE bool phrase_pieces_cut(const char *phrase, struct phrase_pieces *ret_pieces);

#endif
