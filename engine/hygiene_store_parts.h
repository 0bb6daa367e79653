/* hygiene_store_parts.h - what the parts of engine/hygiene_store share.
 *
 * Compaction (hygiene_store_compact.c): when the journals take much more room than what is in
 * force, a start writes all of it into a new journal, then the file <folder>/start, which names
 * that journal: those before it are void and are removed. Until the name of `start` is durable they
 * all count, and what they say comes to the same. */
#ifndef ENGINE_HYGIENE_STORE_PARTS_H
#define ENGINE_HYGIENE_STORE_PARTS_H

#include "engine/hygiene_store.h"
#include "engine/shelf_disk.h"
#include "engine/store_log.h"

/* Records of the hygiene journal; the queue's own have smaller numbers. */
enum {
    RECORD_CHANGE = 64,
    RECORD_CURSOR = 65,
    RECORD_TAG = 66,
    RECORD_CONFIRMATION = 67,
    RECORD_MARK = 68,
    RECORD_BREAKER = 69,
    RECORD_DOMAIN_COUNTS = 70,
};

#define HYGIENE_STORE_PARTS_NAMES_SIZE MIB
#define HYGIENE_STORE_PARTS_LATE_SIZE (256 * KIB)
#define HYGIENE_STORE_PARTS_COPY_SIZE (64 * KIB)

struct hygiene_store {
    struct hygiene_store_options options;
    struct io *io;
    struct hygiene *tables;
    struct seen_tags *tags;
    struct confirmations *confirmations;
    struct store_log log;
    struct hygiene_store_recovery recovery;
    struct store_cursor cursor;
    uint64_t added_count;
    uint64_t uncovered_count; /* events behind the cursor that was written last */
    bool covers;              /* the cursor has to be written: changes stand before it */
    bool drained;             /* the last look found no more events */
    bool hurried;
    bool opened; /* else nothing is written: not all may have been read */
    uint64_t look_ns;
    uint8_t *names;
    uint8_t *copy;  /* for rewrite.h */
    uint64_t bytes; /* that the journals take which were read */
    uint64_t first; /* journals with a smaller id are void */
    uint64_t last;  /* the last one that was read */
    char folder[STORE_LOG_PATH_MAX];
    bool large[HYGIENE_MEMORIES]; /* has pages to match, or was refused them */
    uint64_t standing_ns;         /* when breakers and domains were written last */
    /* The shelf. */
    struct shelf_disk disk;
    uint64_t mark_seed;
    uint64_t mark_wanted;  /* of the shelf as it was found; 0: everything goes onto it */
    uint64_t mark_written; /* in the journal, but not on the shelf; 0: none */
    uint64_t mark_ticket;
    uint32_t mark_numbers; /* that were given when it was written */
    uint8_t *late;         /* changes that came behind it: for the shelf when it is committed */
    size_t late_size;
    uint64_t unshelved_ns; /* since when the shelf is behind */
    char shelf_problem[256];
};

/* Waits for an operation of TAG_HYGIENE_FILE. */
int32_t hygiene_store_parts_wait(struct hygiene_store *hygiene);
/* Room for a record, and its sealing. NULL: not now. */
uint8_t *hygiene_store_parts_room(struct hygiene_store *hygiene, size_t size);
void hygiene_store_parts_added(struct hygiene_store *hygiene, uint16_t type, size_t size);
void hygiene_store_parts_write_cursor(struct hygiene_store *hygiene);
/* Everything gathered becomes durable. 0 or -errno. */
MUST_USE int hygiene_store_parts_drain(struct hygiene_store *hygiene);
/* Room for a record, made by draining when there is none. 0 or -errno: the journal cannot be
 * written. */
MUST_USE int hygiene_store_parts_make_room(struct hygiene_store *hygiene, size_t size,
                                           uint8_t **ret_place);

/* hygiene_store_lists.c: a record of that type; false: damaged. */
MUST_USE bool hygiene_store_parts_read_report(struct hygiene_store *hygiene, struct span payload);
/* What a change that was applied means for the reports. */
void hygiene_store_parts_changed(struct hygiene_store *hygiene,
                                 const struct hygiene_change *change);
/* Writes all that are in force. 0 or -errno. */
MUST_USE int hygiene_store_parts_put_reports(struct hygiene_store *hygiene);

/* hygiene_store_recover.c: all journals, applied. *ret_next: the id of the next one. 0 or -errno.
 */
MUST_USE int hygiene_store_parts_recover(struct hygiene_store *hygiene, uint64_t *ret_next);

/* hygiene_store_shelf.c: opens it; failing, the tables have lost it. */
void hygiene_store_parts_open_shelf(struct hygiene_store *hygiene);
/* Empties it and makes it from the journals, the tables too. 0 or -errno (of the journals). */
MUST_USE int hygiene_store_parts_make_shelf(struct hygiene_store *hygiene);
/* The mark that the shelf has was met in the journal. */
void hygiene_store_parts_meet_mark(struct hygiene_store *hygiene, struct span payload);
/* Recovering: so that no more than some pages are under way. */
void hygiene_store_parts_shelved(struct hygiene_store *hygiene);
/* Room for one more of those that come behind a mark; and one, as it was journaled. */
MUST_USE bool hygiene_store_parts_late_room(const struct hygiene_store *hygiene, uint32_t count);
void hygiene_store_parts_late(struct hygiene_store *hygiene, struct span change);
/* Once a turn: a mark into the journal when it is time, and what is durable onto the disk. */
void hygiene_store_parts_turn_shelf(struct hygiene_store *hygiene, uint64_t now_ns);
uint64_t hygiene_store_parts_shelf_deadline_ns(const struct hygiene_store *hygiene);
/* At once, waiting. */
void hygiene_store_parts_settle_shelf(struct hygiene_store *hygiene);
void hygiene_store_parts_close_shelf(struct hygiene_store *hygiene, bool drained);

/* hygiene_store_standing.c: what changed in the standing of providers and domains, as far as there
 * is room. */
void hygiene_store_parts_write_standing(struct hygiene_store *hygiene, uint64_t now_ns);
/* That of every one, waiting. 0 or -errno. */
MUST_USE int hygiene_store_parts_write_all_standing(struct hygiene_store *hygiene);
/* Such a record; false: it is none. */
bool hygiene_store_parts_read_standing(struct hygiene_store *hygiene, uint16_t type,
                                       struct span payload);

/* hygiene_store_compact.c: reads `start` into hygiene->first; 0 when there is none. */
MUST_USE int hygiene_store_parts_read_start(struct hygiene_store *hygiene);
/* A journal that is void. */
void hygiene_store_parts_remove(struct hygiene_store *hygiene, uint64_t id);
/* When it is worth it. The log is attached and empty. 0 or -errno: then nothing has changed. */
MUST_USE int hygiene_store_parts_compact(struct hygiene_store *hygiene);

#endif
