/* keepsake.h - what a shard learned, kept for the next process in a small file (snapshot.h).
 *
 * Read at the start from <folder>/<prefix>* (of all shards: what one knew may be another's business
 * now), written as a whole to <folder>/<prefix><shard> some time after a change, and at the end.
 * What cannot be read or written is learned again: no failure of the file stops anything.
 *
 * Knows nothing of the bytes. Borrows io and what the producer and the taker work on; its buffer
 * comes from the arena. */
#ifndef ENGINE_KEEPSAKE_H
#define ENGINE_KEEPSAKE_H

#include "base/arena.h"
#include "engine/snapshot.h"

/* Takes in the bytes of one file, whatever is in it. */
typedef void keepsake_taker(void *context, struct span bytes);

/* Where a shard keeps things. */
struct keepsake_place {
    struct io *io;
    struct span folder; /* made if it is not there; empty: nothing is kept */
    uint32_t shard;
    bool sync;
};

struct keepsake_options {
    const char *prefix;      /* of the files' names; behind it a shard's number */
    uint32_t number;         /* of the snapshot, in its tags */
    uint64_t interval_ns;    /* between two writings */
    bool waits_at_start;     /* the first one is an interval after the start */
    const uint64_t *changes; /* counts what was learned: a higher one asks for a writing */
    snapshot_producer *producer;
    keepsake_taker *taker;
    void *context; /* of both */
};

struct keepsake {
    bool kept; /* there is a file at all */
    bool ending;
    struct io *io;
    struct keepsake_options options;
    struct snapshot snapshot;
    uint64_t saved_changes; /* in the file, or being written */
    uint64_t save_ns;       /* not before */
};

MUST_USE size_t keepsake_cost(void);
/* Reads what is there. */
void keepsake_init(struct keepsake *keepsake, struct arena *arena,
                   const struct keepsake_options *options, const struct keepsake_place *place);
/* TAG_SNAPSHOT with the index options.number. */
void keepsake_event(struct keepsake *keepsake, const struct io_event *event);
void keepsake_turn(struct keepsake *keepsake);
MUST_USE uint64_t keepsake_deadline_ns(const struct keepsake *keepsake);
/* Writes what is not in the file yet, once; true when nothing is in flight. */
MUST_USE bool keepsake_stop(struct keepsake *keepsake);

#endif
