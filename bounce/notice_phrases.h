/* notice_phrases.h - finds any of some hundred phrases in a text, in one pass.
 *
 * A phrase is written in lower case with single spaces. It is found at the beginning of a word,
 * whatever the case of ASCII letters; a space stands for any run of white space, so that line
 * breaks do not hide it. It may end within a word: "undeliver" finds "Undeliverable". Other scripts
 * than Latin are matched byte by byte, at the beginning of any character.
 *
 * Knows nothing of what phrases mean. Owns its table, in the arena; borrows the phrases. */
#ifndef BOUNCE_NOTICE_PHRASES_H
#define BOUNCE_NOTICE_PHRASES_H

#include "base/arena.h"
#include "base/span.h"

#define NOTICE_PHRASES_SIZE_MIN 4

struct notice_phrases_entry {
    struct span text;
    uint32_t meaning; /* the caller's */
};

struct notice_phrases_hit {
    size_t at;   /* index in the text */
    size_t size; /* there */
    uint32_t meaning;
};

struct notice_phrases;

size_t notice_phrases_cost(size_t count);
struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries,
                                           size_t count);
/* Of them only those that mean some of it. */
struct notice_phrases *notice_phrases_open_some(struct arena *arena,
                                                const struct notice_phrases_entry *entries,
                                                size_t count, uint32_t meanings);
/* Finds at most `hits_max` phrases in their order, the longest where several begin at one place;
 * they may overlap. Returns how many. */
size_t notice_phrases_find(const struct notice_phrases *phrases, struct span text,
                           struct notice_phrases_hit *hits, size_t hits_max);

#endif
