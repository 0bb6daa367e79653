/* seen_tags.h - which return-path tags have been used: each speaks once about one thing.
 *
 * Whoever has read one of our messages has its tag and can send reports with it as often as he
 * likes. A bounce, a complaint and an unsubscription of the same mail are three things, each of
 * which counts once. Bounded: when it is full the oldest is forgotten, and counted.
 * Pure: what is added is journaled by the caller and added again in the same order at the next
 * start. Not for several threads. */
#ifndef BOUNCE_SEEN_TAGS_H
#define BOUNCE_SEEN_TAGS_H

#include "base/arena.h"
#include "base/table.h"
#include "message/envelope.h"

enum seen_tags_about {
    SEEN_TAGS_BOUNCE = 0,
    SEEN_TAGS_COMPLAINT,
    SEEN_TAGS_UNSUBSCRIBE,
    SEEN_TAGS_ABOUT_COUNT
};

struct seen_tag {
    struct identity identity;
    uint16_t day; /* of the attempt, days since 1970-01-01 */
    enum seen_tags_about about;
};

/* Bytes of one in a journal. */
#define SEEN_TAGS_RECORD_SIZE 15

struct seen_tags;

size_t seen_tags_cost(uint32_t count_max);
struct seen_tags *seen_tags_open(struct arena *arena, uint32_t count_max,
                                 const struct table_key *seed);
MUST_USE bool seen_tags_has(const struct seen_tags *seen, const struct seen_tag *tag);
/* Adding one that is there changes nothing. */
void seen_tags_add(struct seen_tags *seen, const struct seen_tag *tag);
/* Numbered from 0, the oldest; false behind the last one. */
MUST_USE bool seen_tags_at(const struct seen_tags *seen, uint32_t number, struct seen_tag *ret_tag);
uint32_t seen_tags_count(const struct seen_tags *seen);
uint64_t seen_tags_forgotten(const struct seen_tags *seen);

void seen_tags_write(const struct seen_tag *tag, uint8_t into[SEEN_TAGS_RECORD_SIZE]);
/* 0 or -EBADMSG. */
MUST_USE int seen_tags_read(struct span payload, struct seen_tag *ret_tag);

#endif
