/* hygiene.h - who is not to be mailed, and why: suppressions, what was counted, what is held.
 *
 * A pure machine: changes go in (hygiene_apply), as the journal holds them or will hold them, and
 * the tables follow. Which changes an event asks for is said by bounce/hygiene_judge. Applying the
 * same changes in the same order gives the same tables, and applying one twice in a row changes
 * nothing more.
 *
 * What forbids mail is in memory, exactly (bounce/hygiene_marks), behind a filter
 * (bounce/hygiene_filter): an address that nobody suppressed costs one hash and one cache line. Why
 * it is so, since when, and what was counted, is on the shelf (bounce/hygiene_shelf), which is
 * derived: with the shelf lost, everything that forbids mail still does, and hygiene_shelf_error
 * says why nothing can be explained.
 *
 * One thread applies. Any number of threads call hygiene_blocks at the same time, without a lock: a
 * suppression that was applied before a thread was told of it blocks in that thread.
 *
 * Scope: a suppression holds for a tenant and a stream, each empty for all. Keys are those of
 * message/address. Times are kept in 32 bits: what ends behind 2106 never ends. Owns its arena's
 * part; addresses, when the table is full, are refused (-ENOSPC), never dropped. */
#ifndef BOUNCE_HYGIENE_H
#define BOUNCE_HYGIENE_H

#include "base/arena.h"
#include "base/table.h"
#include "base/text.h"
#include "bounce/hygiene_change.h"
#include "bounce/hygiene_score.h"
#include "bounce/hygiene_shelf.h"

#define HYGIENE_FIND_FIRST UINT32_MAX
#define HYGIENE_FIND_END (UINT32_MAX - 1)

struct hygiene;
struct hygiene_breaker;
struct hygiene_domains;

struct hygiene_options {
    uint32_t addresses_max;      /* (address, scope) pairs that were ever suppressed or counted */
    struct table_key seed;       /* random */
    struct hygiene_shelf *shelf; /* borrowed; NULL: in memory, a kilobyte an address */
};

/* Who a message is for. */
struct hygiene_target {
    struct span key;
    struct span tenant;
    struct span stream;
};

/* One suppression, as it stands. Spans are valid until the next call that takes a hygiene but
 * hygiene_blocks. */
struct hygiene_entry {
    struct span key;
    struct span tenant;
    struct span stream;
    struct span note;
    struct span provider; /* of a held one */
    enum bounce_class class;
    enum hygiene_source source;
    uint64_t time_s;
    uint64_t until_s;      /* 0: not, or no longer, suppressed */
    uint64_t held_until_s; /* 0: not held */
    bool told;             /* it was suppressed or held once; else there are only counts */
};

struct hygiene_counts {
    uint64_t known_count;      /* pairs in the table */
    uint64_t suppressed_count; /* in force or expired, not withdrawn */
    uint64_t held_count;
    uint64_t scored_count;
    uint64_t refused_count; /* changes that found no room */
};

size_t hygiene_cost(const struct hygiene_options *options);
struct hygiene *hygiene_open(struct arena *arena, const struct hygiene_options *options);
/* As it was when it was opened; nobody asks meanwhile. */
void hygiene_reset(struct hygiene *hygiene);

/* A change of this address comes soon: by then its memory will have come. */
void hygiene_prefetch(const struct hygiene *hygiene, struct span key);
/* 0; 1: what stands lasts longer and stays, with its details (only an operator's change and an
 * import's shorten it); or -ENOSPC. */
MUST_USE int hygiene_apply(struct hygiene *hygiene, const struct hygiene_change *change);
/* Whether changes go to the shelf too (at first they do): not while those come by again that it has
 * already. */
void hygiene_shelve(struct hygiene *hygiene, bool on);
/* False while they do not: what was applied meanwhile cannot be explained yet. */
bool hygiene_is_shelving(const struct hygiene *hygiene);
/* The shelf's part of a change that was applied (with 0) while it did not go there; in the same
 * order. */
void hygiene_shelve_late(struct hygiene *hygiene, const struct hygiene_change *change);
/* -errno since the shelf failed: it is not used any more. Else 0. */
int hygiene_shelf_error(const struct hygiene *hygiene);
void hygiene_lose_shelf(struct hygiene *hygiene, int error);

#define HYGIENE_MEMORIES 3
/* The memory that questions go to, in the order in which they do: the filter, the marks; and what
 * stands beside the marks. */
struct hygiene_memory {
    void *data;
    size_t size;
};
void hygiene_memory(struct hygiene *hygiene, struct hygiene_memory ret_parts[HYGIENE_MEMORIES]);

/* Any thread. False: nobody was ever suppressed, no question need be asked. */
MUST_USE bool hygiene_has_any(const struct hygiene *hygiene);
/* Any thread. Whether mail to the target is forbidden at that time. */
MUST_USE bool hygiene_blocks(const struct hygiene *hygiene, const struct hygiene_target *target,
                             uint64_t now_s);

/* Any thread. Whether exactly this scope is suppressed at that time. */
MUST_USE bool hygiene_suppresses(const struct hygiene *hygiene, const struct hygiene_target *target,
                                 uint64_t now_s);

/* The applying thread again. Entries are numbered from 0 and keep their numbers. 0, -ENOENT behind
 * the last one, or the shelf's error. */
MUST_USE int hygiene_entry_at(struct hygiene *hygiene, uint32_t number,
                              struct hygiene_entry *ret_entry);
/* The entries of this address, in whatever scope: *next is HYGIENE_FIND_FIRST at first. 0, -ENOENT
 * (no more), or the shelf's error. */
MUST_USE int hygiene_find(struct hygiene *hygiene, struct span key, uint32_t *next,
                          struct hygiene_entry *ret_entry);
/* The held ones, from 0; they move up when others are settled. As hygiene_entry_at. */
MUST_USE int hygiene_held_at(struct hygiene *hygiene, uint32_t index,
                             struct hygiene_entry *ret_entry);
/* What is counted for an address or "@domain". 0, -ENOENT: nothing, or the shelf's error. */
MUST_USE int hygiene_score_of(struct hygiene *hygiene, struct span key,
                              struct hygiene_score *ret_score);
/* The same by an entry's number. */
MUST_USE int hygiene_score_at(struct hygiene *hygiene, uint32_t number,
                              struct hygiene_score *ret_score);
struct hygiene_breaker *hygiene_breakers(struct hygiene *hygiene);
struct hygiene_domains *hygiene_domain_counts(struct hygiene *hygiene);
void hygiene_counts(const struct hygiene *hygiene, struct hygiene_counts *ret_counts);

#endif
