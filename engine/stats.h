/* stats.h - what a shard has done so far: counters that other threads may read at any time.
 *
 * One writer (the shard), many readers; relaxed atomics, so a reader sees each counter whole but
 * not all of the same instant. Gauges are released and acquired: who reads that a policy's
 * generation was reached may free what the shard had of the one before. Loop turns are kept as a
 * histogram of powers of two of microseconds. */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H

#include <stdatomic.h>

#include "base/base.h"
#include "message/outcome.h"

#define STATS_TURN_BUCKETS 24 /* below 1 us, 2 us, 4 us, ... 4 s, more */

enum stats_gauge {
    STATS_READY,    /* recipients that wait for a session or a route */
    STATS_CLAIMED,  /* recipients in a transaction */
    STATS_DEFERRED, /* recipients that wait for a later attempt */
    STATS_SESSIONS, /* connections, opening ones too */
    STATS_SESSIONS_PEAK,
    STATS_OPENING, /* connections over which no mail could go yet */
    STATS_SITES,
    STATS_FLOWS,         /* lists of recipients that the shard has from the queue, or is to take */
    STATS_NEXT_DUE,      /* wall second of the earliest later attempt, or UINT64_MAX */
    STATS_STOPPED,       /* 1: stopping and nothing is left open */
    STATS_POLICY,        /* generation of the policy in use */
    STATS_DNS_QUESTIONS, /* packets sent to name servers */
    STATS_BROKEN,        /* errno: the journal cannot be written, claiming has stopped */
    STATS_NO_SOCKET,     /* errno: none can be made, for want of files, ports or memory */
    STATS_GAUGE_COUNT
};

enum stats_counter {
    STATS_CONNECTS,
    STATS_CONNECT_FAILURES,
    STATS_MESSAGES_SENT, /* content handed out, whatever came of it */
    STATS_OCTETS_SENT,
    STATS_JOURNAL_SYNCS,
    STATS_STALE_EVENTS, /* completions for slots that had moved on */
    STATS_BUFFER_WAITS, /* sessions that had to wait for an output buffer */
    STATS_SIGNATURES,
    STATS_SIGN_BATCHES,  /* in which they were made */
    STATS_SIGN_FAILURES, /* signatures that could not be made */
    STATS_SHAKE_WAITS,   /* steps of TLS handshakes put off to a later turn */
    STATS_COUNTER_COUNT
};

struct stats {
    _Atomic uint64_t outcomes[OUTCOME_KIND_COUNT];
    _Atomic uint64_t counters[STATS_COUNTER_COUNT];
    _Atomic uint64_t gauges[STATS_GAUGE_COUNT];
    _Atomic uint64_t turns[STATS_TURN_BUCKETS];
    _Atomic uint64_t turn_max_ns;
    _Atomic uint64_t turn_cpu_max_ns;
};

/* A plain copy, or the sum of several. */
struct stats_sum {
    uint64_t outcomes[OUTCOME_KIND_COUNT];
    uint64_t counters[STATS_COUNTER_COUNT];
    uint64_t gauges[STATS_GAUGE_COUNT];
    uint64_t turns[STATS_TURN_BUCKETS];
    uint64_t turn_max_ns;
    uint64_t turn_cpu_max_ns;
};

void stats_add(struct stats *stats, enum stats_counter counter, uint64_t amount);
void stats_count(struct stats *stats, enum outcome_kind kind);
void stats_set(struct stats *stats, enum stats_gauge gauge, uint64_t value);
/* One turn of the loop, by the clock and by processor time. The histogram is of the latter: what a
 * busy machine does to the former says nothing about the loop. */
void stats_turn(struct stats *stats, uint64_t turn_ns, uint64_t cpu_ns);
/* Adds one shard's figures to *sum. STATS_NEXT_DUE, STATS_STOPPED and STATS_POLICY take the least,
 * STATS_BROKEN and STATS_NO_SOCKET the greatest; begin with stats_sum_init. */
void stats_sum_init(struct stats_sum *sum);
void stats_sum_add(struct stats_sum *sum, const struct stats *stats);
/* The processor time below which per_mille of 1000 turns stayed: the upper bound of its bucket. */
MUST_USE uint64_t stats_turn_percentile_ns(const struct stats_sum *sum, uint32_t per_mille);

#endif
