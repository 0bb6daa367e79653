/* hygiene_store.h - the hall's side of hygiene: the journal of changes, and the events that feed
 * it.
 *
 * Opens <folder>/journals, applies every change that stands there (bounce/hygiene), and writes new
 * ones with group commit (engine/store_log.h; batches and their CRCs are the queue's). The journal
 * is the truth: everything in memory is made from it. Attempts that ended for good come from the
 * store's durable events, with a cursor of their own that stands in the same journal, behind the
 * changes it covers: a crash repeats events, and repeating them changes nothing.
 *
 * A change is in force in memory at once and durable when hygiene_store_durable_count says so; only
 * then it is reported to whoever asked for it.
 *
 * What explains a suppression lies on a shelf (engine/shelf_disk, <folder>/derived), which follows
 * the journal: it is committed when all that it holds is durable there, behind a mark in the
 * journal. A start puts onto it what stands behind its mark; a shelf that is missing, damaged, or
 * whose mark the journals do not have is made anew. Without it (hygiene_shelf_error) nothing but
 * explanations and counts is missing.
 *
 * Belongs to the store's thread. Other threads only call hygiene_blocks(hygiene_store_tables()).
 * Damage in the journal is stepped over and counted; a torn tail was never acknowledged. */
#ifndef ENGINE_HYGIENE_STORE_H
#define ENGINE_HYGIENE_STORE_H

#include "bounce/classify.h"
#include "bounce/confirmations.h"
#include "bounce/hygiene.h"
#include "bounce/seen_tags.h"
#include "engine/shelf_disk.h"
#include "engine/store.h"
#include "io/io.h"

/* What a sender remembers. Tables that are smaller can forget what it knows: they never compact
 * when they have. */
#define HYGIENE_STORE_TAGS_MAX (1U << 20)    /* the oldest is forgotten then */
#define HYGIENE_STORE_REPORTS_MAX (1U << 17) /* addresses on others' lists; so is theirs */

struct hygiene_store;

struct hygiene_store_options {
    const char *folder;  /* made if absent */
    struct store *store; /* whose events feed it; NULL: none do (a spool at rest) */
    enum store_durability durability;
    uint32_t addresses_max;
    bool shelf_in_memory;   /* no LMDB: for tests and the simulator */
    uint32_t tags_max;      /* used tags that are remembered; 0 = 1024 */
    uint32_t reports_max;   /* addresses on lists with reports without proof; 0 = 1024 */
    uint64_t compact_bytes; /* journals of at least so many bytes are compacted; 0 = 64 MiB */
};

struct hygiene_store_recovery {
    uint64_t changes_count;
    uint32_t journals_count;
    uint32_t damages_count; /* stepped over */
    uint64_t torn_bytes;
    bool compacted;
    enum shelf_disk_found shelf;
    bool shelf_made;        /* anew, from all journals */
    uint64_t shelved_count; /* changes that the shelf lacked */
};

size_t hygiene_store_cost(const struct hygiene_store_options *options);
/* Waits on `io` itself, on which nothing else of its tags may be under way. 0 or -errno with
 * *error; -ENOSPC: the journals hold more than there is room for, and stay as they are. Close it
 * after a failure too. */
MUST_USE int hygiene_store_open(struct hygiene_store **ret, struct io *io, struct arena *arena,
                                const struct hygiene_store_options *options, struct text *error);
/* Makes everything durable, waiting on its io; the first error. NULL is a no-op. */
int hygiene_store_close(struct hygiene_store *hygiene);

struct io *hygiene_store_io(struct hygiene_store *hygiene);
struct hygiene *hygiene_store_tables(struct hygiene_store *hygiene);
const struct hygiene_store_recovery *hygiene_store_recovery(const struct hygiene_store *hygiene);

/* So many more addresses will come soon: their room is made ready at once, not page by page. */
void hygiene_store_expect(struct hygiene_store *hygiene, uint64_t count);
/* Applies and journals one change. 0; -EAGAIN: no room in the journal now, or for the shelf, try
 * after a turn;
 * -ENOSPC: the tables are full, nothing was done. *ret_ticket (may be NULL): it is durable once
 * hygiene_store_durable_count has reached it. */
MUST_USE int hygiene_store_change(struct hygiene_store *hygiene,
                                  const struct hygiene_change *change, uint64_t *ret_ticket);
/* Room in the journal for all that one event may ask for, and a tag: ask before judging. */
MUST_USE bool hygiene_store_has_room(const struct hygiene_store *hygiene);
/* Whether the tag has spoken about this already, and that it has now (behind the changes that it
 * asked for: a crash in between repeats them). 0 or -EAGAIN, as above. */
MUST_USE bool hygiene_store_has_tag(const struct hygiene_store *hygiene,
                                    const struct seen_tag *tag);
MUST_USE int hygiene_store_use_tag(struct hygiene_store *hygiene, const struct seen_tag *tag,
                                   uint64_t *ret_ticket);
/* Reports without proof (bounce/confirmations.h): what is known; one more, which is taken. 0 or
 * -EAGAIN, as above. A suppression or withdrawal in the scope of a list clears its address. */
const struct confirmations *hygiene_store_confirmations(const struct hygiene_store *hygiene);
MUST_USE int hygiene_store_confirm(struct hygiene_store *hygiene, const struct confirmation *report,
                                   uint64_t *ret_ticket);
/* Of the last change: what is in force now is durable with it. */
uint64_t hygiene_store_ticket(const struct hygiene_store *hygiene);
uint64_t hygiene_store_durable_count(const struct hygiene_store *hygiene);

/* Takes an event whose op is TAG_HYGIENE_*. */
void hygiene_store_event(struct hygiene_store *hygiene, const struct io_event *event);
/* Once a turn: reads events (at most a few thousand), journals. Without a classifier no events are
 * read. `hurry`: nothing more will come, take what there is. */
void hygiene_store_turn(struct hygiene_store *hygiene, const struct classifier *classifier,
                        bool hurry);
uint64_t hygiene_store_deadline_ns(const struct hygiene_store *hygiene);
/* All durable events have been taken, and all changes are durable. */
MUST_USE bool hygiene_store_quiet(const struct hygiene_store *hygiene);
/* -errno while the journal cannot be written, else 0. */
int hygiene_store_error(const struct hygiene_store *hygiene);

#endif
