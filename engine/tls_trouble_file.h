/* tls_trouble_file.h - what a shard remembers of broken TLS (tls_trouble.h), kept over a restart.
 *
 * Read at start from <folder>/tls-trouble.* (of all shards: a host may be another shard's now),
 * written as a whole to <folder>/tls-trouble.<shard> some seconds after a change and at the end.
 * What cannot be read or written is learned again: no failure of this file stops anything.
 *
 * Borrows io and the memory of trouble; its buffer comes from the arena. */
#ifndef ENGINE_TLS_TROUBLE_FILE_H
#define ENGINE_TLS_TROUBLE_FILE_H

#include "engine/snapshot.h"
#include "engine/tls_trouble.h"

#define TLS_TROUBLE_FILE_SAVE_NS (10 * NS_PER_S)
#define TLS_TROUBLE_FILE_SNAPSHOT 1 /* its number */

struct tls_trouble_file {
    bool kept; /* there is a file at all */
    bool ending;
    struct io *io;
    struct tls_trouble *trouble;
    struct snapshot snapshot;
    uint64_t saved_changes; /* in the file, or being written */
    uint64_t save_ns;       /* not before */
};

struct tls_trouble_file_options {
    struct io *io;
    struct span folder; /* made if it is not there; empty: nothing is kept */
    uint32_t shard;
    bool sync;
};

MUST_USE size_t tls_trouble_file_cost(void);
void tls_trouble_file_init(struct tls_trouble_file *file, struct arena *arena,
                           struct tls_trouble *trouble,
                           const struct tls_trouble_file_options *options);
/* TAG_SNAPSHOT with index TLS_TROUBLE_FILE_SNAPSHOT. */
void tls_trouble_file_event(struct tls_trouble_file *file, const struct io_event *event);
void tls_trouble_file_turn(struct tls_trouble_file *file);
MUST_USE uint64_t tls_trouble_file_deadline_ns(const struct tls_trouble_file *file);
/* Writes what is not in the file yet; true when nothing is in flight. */
MUST_USE bool tls_trouble_file_stop(struct tls_trouble_file *file);

#endif
