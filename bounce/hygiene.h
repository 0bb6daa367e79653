/* hygiene.h - who is not to be mailed, and why: suppressions, what was counted, what is held.
 *
 * A pure machine: changes go in (hygiene_apply), as the journal holds them or will hold them, and
 * the tables follow. Which changes an event asks for is said by bounce/hygiene_judge. Applying the
 * same changes in the same order gives the same tables, and applying one twice in a row changes
 * nothing more.
 *
 * One thread applies. Any number of threads call hygiene_blocks at the same time,
 * without a lock: a suppression that was applied before a thread was told of it blocks in that
 * thread. In front stands a filter (bounce/hygiene_filter), so that an address that nobody
 * suppressed costs one hash and one cache line.
 *
 * Scope: a suppression holds for a tenant and a stream, each empty for all. Keys are those of
 * message/address. Owns its arena's part; addresses, when the table is full, are refused (-ENOSPC),
 * never dropped. */
#ifndef BOUNCE_HYGIENE_H
#define BOUNCE_HYGIENE_H

#include "base/arena.h"
#include "base/table.h"
#include "base/text.h"
#include "bounce/hygiene_change.h"
#include "bounce/hygiene_score.h"

struct hygiene;
struct hygiene_breaker;

struct hygiene_options {
    uint32_t addresses_max; /* suppressed (address, scope) pairs */
    uint32_t scores_max;    /* addresses and domains with counts */
    struct table_key seed;  /* random */
};

/* Who a message is for. */
struct hygiene_target {
    struct span key;
    struct span tenant;
    struct span stream;
};

/* One suppression, as it stands. Spans are valid until the next apply. */
struct hygiene_entry {
    struct span key;
    struct span tenant;
    struct span stream;
    struct span note;
    struct span provider; /* of a held one */
    enum bounce_class class;
    enum hygiene_source source;
    uint64_t time_s;
    uint64_t until_s;
    bool held;      /* not yet decided: mail goes on */
    bool withdrawn; /* it was lifted; kept for hygiene_entry_at */
};

struct hygiene_counts {
    uint64_t suppressed_count; /* in force or expired, not withdrawn */
    uint64_t held_count;
    uint64_t scored_count;
    uint64_t refused_count; /* changes that found no room */
};

size_t hygiene_cost(const struct hygiene_options *options);
struct hygiene *hygiene_open(struct arena *arena, const struct hygiene_options *options);

/* 0 or -ENOSPC. */
MUST_USE int hygiene_apply(struct hygiene *hygiene, const struct hygiene_change *change);
/* Any thread. False: nobody was ever suppressed, no question need be asked. */
MUST_USE bool hygiene_has_any(const struct hygiene *hygiene);
/* Any thread. Whether mail to the target is forbidden at that time. */
MUST_USE bool hygiene_blocks(const struct hygiene *hygiene, const struct hygiene_target *target,
                             uint64_t now_s);

/* Any thread. Whether exactly this scope is suppressed at that time. */
MUST_USE bool hygiene_suppresses(const struct hygiene *hygiene, const struct hygiene_target *target,
                                 uint64_t now_s);

/* The applying thread again. Entries are numbered from 0 and keep their numbers; -ENOENT behind the
 * last one. */
MUST_USE int hygiene_entry_at(const struct hygiene *hygiene, uint32_t number,
                              struct hygiene_entry *ret_entry);
/* The first entry of this address at or behind *number, in whatever scope; *number then is its
 * number. -ENOENT: no more. */
MUST_USE int hygiene_find(const struct hygiene *hygiene, struct span key, uint32_t *number,
                          struct hygiene_entry *ret_entry);
/* What is counted for an address or "@domain"; NULL: nothing. */
MUST_USE const struct hygiene_score *hygiene_score_of(const struct hygiene *hygiene,
                                                      struct span key);
struct hygiene_breaker *hygiene_breakers(struct hygiene *hygiene);
/* Numbered from 0; false behind the last one. Some are empty. */
MUST_USE bool hygiene_score_at(const struct hygiene *hygiene, uint32_t number, struct span *ret_key,
                               const struct hygiene_score **ret_score);
void hygiene_counts(const struct hygiene *hygiene, struct hygiene_counts *ret_counts);

#endif
