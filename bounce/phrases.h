/* phrases.h - many phrases searched in one pass over a text (Aho-Corasick).
 *
 * Knows nothing of what phrases mean. The time of a scan is proportional to the text and to what is
 * found, whatever the phrases are; nothing ever backtracks. Immutable after phrases_open; any
 * number of threads may scan. The forms of a phrase: bounce/rules.h. */
#ifndef BOUNCE_PHRASES_H
#define BOUNCE_PHRASES_H

#include "base/arena.h"
#include "bounce/rules.h"

#define PHRASES_STATES_MAX 60000 /* bytes of all phrases together */

struct phrases;

struct phrases_found {
    uint64_t bits[RULES_PHRASES_MAX / 64]; /* phrase i: bit i % 64 of word i / 64 */
};

/* False when a phrase has no letters, is too long or has too many parts, or all together are too
 * many; then *ret_bad is its index. */
MUST_USE bool phrases_check(const char *const *list, uint32_t count, uint32_t *ret_bad);
/* `list` has been checked. Borrows nothing. */
size_t phrases_memory(const char *const *list, uint32_t count);
struct phrases *phrases_open(struct arena *arena, const char *const *list, uint32_t count);

/* `text` has been folded (bounce/reply_fold). Sets the bits of the phrases it holds and clears
 * those of the others (up to the number of phrases). */
void phrases_scan(const struct phrases *phrases, struct span text, struct phrases_found *found);
MUST_USE bool phrases_has(const struct phrases_found *found, uint32_t phrase);

#endif
