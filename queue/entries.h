/* entries.h - the dense table: sixteen bytes a recipient.
 *
 * Knows nothing of flows. All stand in one run of arena memory and not in a mapping of the
 * checkpoint, for which there are no large pages: verdicts come in random order. An entry is
 * changed by the shard that its domain belongs to, but for the fields that never change after it
 * was added.
 */
#ifndef QUEUE_ENTRIES_H
#define QUEUE_ENTRIES_H

#include "base/arena.h"
#include "base/check.h"
#include "message/outcome.h"

enum entry_state {
    ENTRY_QUEUED = 0, /* never tried; due_s: not before */
    ENTRY_DEFERRED,   /* tried; due_s: the next attempt */
    ENTRY_DELIVERED,
    ENTRY_FAILED,
    ENTRY_EXPIRED,
    ENTRY_SUPPRESSED,
    ENTRY_CANCELLED,
    ENTRY_STATE_COUNT
};

enum {
    ENTRY_UNSURE = 1,  /* some attempt ended without an answer after the dot */
    ENTRY_CLAIMED = 2, /* in memory only: in flight */
    ENTRY_DAMAGED = 4, /* in memory only: the record cannot be read */
    ENTRY_KEPT_FLAGS = ENTRY_UNSURE,
};

struct entry {
    uint32_t place;  /* of the record in its segment, in units of 8 bytes; never changes */
    uint32_t domain; /* never changes */
    uint32_t due_s;  /* wall seconds since 1970 */
    uint16_t attempts;
    uint8_t state; /* enum entry_state */
    uint8_t flags;
};

static_assert(sizeof(struct entry) == 16, "on disk, and the memory budget");

struct entries {
    struct entry *list;
    uint32_t count;
    uint32_t count_max;
};

size_t entries_cost(uint32_t count_max);
void entries_init(struct entries *entries, struct arena *arena, uint32_t count_max);
/* Copies `count` entries of a checkpoint; the table must be empty. -ENOSPC when too many, -EBADMSG
 * when one makes no sense. */
MUST_USE int entries_adopt(struct entries *entries, const struct entry *from, uint32_t count,
                           uint32_t domains_count);
/* -ENOSPC. */
MUST_USE int entries_add(struct entries *entries, struct entry entry, uint32_t *ret_index);

static inline struct entry *entries_at(const struct entries *entries, uint32_t index)
{
    return &entries->list[index];
}

static inline bool entry_is_open(const struct entry *entry)
{
    return entry->state <= ENTRY_DEFERRED;
}

/* The state that a verdict leads to. */
enum entry_state entries_state_of(enum outcome_kind kind);

#endif
