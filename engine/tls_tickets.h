/* tls_tickets.h - session tickets (tls/tls_resume.h) kept over a restart, sealed by a local key.
 *
 *   "ringpost-tls-tickets 1\n", then entries: size (2 octets, little-endian), sealed entry
 *
 * Read at the start from <folder>/tickets.* (of all shards: a host may be another shard's now),
 * written as a whole to <folder>/tickets.<shard> every five minutes when there are new ones, and at
 * the end. What is damaged, sealed by another key or run out is left out, and costs a full
 * handshake. A ticket gives no trust: the chain in it is verified again.
 *
 * Borrows io, the key and the tickets; its buffer comes from the arena. */
#ifndef ENGINE_TLS_TICKETS_H
#define ENGINE_TLS_TICKETS_H

#include "engine/snapshot.h"
#include "tls/tls_resume.h"

#define TLS_TICKETS_SAVE_NS (5 * NS_PER_MINUTE)
#define TLS_TICKETS_SNAPSHOT 3    /* its number */
#define TLS_TICKETS_FILE_MAX 1024 /* entries written, and looked at in each file */

struct tls_tickets {
    bool kept; /* there is a file at all */
    bool ending;
    struct io *io;
    struct tls_resume *resume;
    const uint8_t *key;
    uint8_t nonce[TLS_RESUME_NONCE_SIZE]; /* drawn at the start, then counted */
    uint32_t nonce_count;
    uint32_t written_count; /* entries in the file being written */
    struct snapshot snapshot;
    uint64_t saved_changes; /* in the file, or being written */
    uint64_t save_ns;       /* not before */
};

struct tls_tickets_options {
    struct io *io;
    struct span folder; /* made if it is not there; empty: nothing is kept */
    const uint8_t *key; /* TLS_RESUME_KEY_SIZE octets; NULL: nothing is kept */
    uint32_t shard;
    bool sync;
};

MUST_USE size_t tls_tickets_cost(void);
void tls_tickets_init(struct tls_tickets *tickets, struct arena *arena, struct tls_resume *resume,
                      const struct tls_tickets_options *options);
/* TAG_SNAPSHOT with index TLS_TICKETS_SNAPSHOT. */
void tls_tickets_event(struct tls_tickets *tickets, const struct io_event *event);
void tls_tickets_turn(struct tls_tickets *tickets);
MUST_USE uint64_t tls_tickets_deadline_ns(const struct tls_tickets *tickets);
/* Writes what is not in the file yet; true when nothing is in flight. */
MUST_USE bool tls_tickets_stop(struct tls_tickets *tickets);

#endif
