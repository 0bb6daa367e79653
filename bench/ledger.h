/* ledger.h - the sink's book: one NDJSON line for each accepted message.
 *
 *   {"t":1763750000.123456,"conn":7,"from":"...","rcpt":["..."],"message_id":"<...>","size":4096,
 *    "sha256":"...","body_sha256":"..."}
 *
 * One struct a thread, one file for all (O_APPEND; whole lines are written at once). Lines gather
 * in memory and are written when the buffer is full or ledger_flush is called. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include "bench/receiver.h"

struct ledger {
    int file; /* -1: no ledger is kept */
    int error_number;
    struct text text;
};

/* Opens the file anew (its former content goes) or returns -errno. */
MUST_USE int ledger_create(const char *path);
/* -ENOMEM */
MUST_USE int ledger_init(struct ledger *ledger, int file);
void ledger_note(struct ledger *ledger, struct receiver *receiver, uint64_t wall_ns,
                 uint64_t connection);
MUST_USE bool ledger_pending(const struct ledger *ledger);
/* Writes what has gathered. The first error stays in error_number. */
void ledger_flush(struct ledger *ledger);
void ledger_free(struct ledger *ledger);

#endif
