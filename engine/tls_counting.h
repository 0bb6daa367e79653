/* tls_counting.h - counts what became of the TLS sessions of one shard, day by day (RFC 8460).
 *
 * The reports' own mail is not counted (RFC 8460 3): they would be about themselves for ever.
 * A session counts once for each domain of which it takes mail (beyond SESSION_COUNTED_MAX domains
 * in turn it may count again); for a domain whose mail no host can take, each session of the last
 * minute (SECRECY_KNOWN_NS) that was tried counts once as a failure. So one that takes some of a
 * domain's mail, and is not enough for other mail of the domain, counts twice for it.
 *
 * The policy is the one by which the domain's mail goes: DANE where the host has TLSA records, or
 * they could not be had, and the domain's own MX records are signed, before MTA-STS; but records of
 * which none is usable leave the proof to MTA-STS. Where nothing demands a certificate it proves
 * nothing and is no failure (4.3). A policy that could not be had is a failure too.
 *
 * The counts of each UTC day are in <spool>/tls/rpt.<day>.<shard>, written within a minute and at
 * the end, and read again at the start. Owns the table and the file. */
#ifndef ENGINE_TLS_COUNTING_H
#define ENGINE_TLS_COUNTING_H

#include "engine/snapshot.h"
#include "tls/tls_policy.h"
#include "tls/tlsrpt_table.h"

#define TLS_COUNTING_SAVE_NS NS_PER_MINUTE
#define TLS_COUNTING_SNAPSHOT 2 /* its number */

struct tls_counting {
    bool on;
    bool ending; /* the day is over: its last file is being written */
    struct tlsrpt_table table;
    struct snapshot snapshot;
    uint8_t *buffer;
    uint64_t day_s;          /* start of the day that is counted */
    uint64_t saved_sessions; /* in the file or being written */
    uint64_t save_ns;        /* not before */
};

struct tls_counting_host {
    struct span name;
    struct ip ip; /* or IP_NONE */
    struct ip source;
    enum tls_policy_dane dane; /* of the host; it counts for domains with signed MX records */
    uint32_t has;              /* bits of tls_policy.h: what the session reached */
    enum tls_fault fault;
    struct span words;
};

struct queue_recipient;
struct shard;
struct session;

MUST_USE size_t tls_counting_cost(void);
/* After sts_gate_open, which makes the folder. */
void tls_counting_open(struct shard *shard, struct arena *arena);
/* What TLS came to at a host, for a domain by number. */
void tls_counting_add(struct shard *shard, uint32_t domain, const struct tls_counting_host *host);
/* The session takes mail for this recipient. */
void tls_counting_mail(struct shard *shard, struct session *session,
                       const struct queue_recipient *recipient);
/* The MTA-STS policy of a domain by number could not be had, or names none of its hosts, of which
 * this is one (empty: none is known). */
void tls_counting_policy(struct shard *shard, uint32_t domain, enum tls_fault fault,
                         struct span mx_host);
/* Events of TAG_SNAPSHOT with index TLS_COUNTING_SNAPSHOT. */
void tls_counting_event(struct shard *shard, const struct io_event *event);
void tls_counting_turn(struct shard *shard); /* once a turn */
MUST_USE uint64_t tls_counting_deadline_ns(const struct shard *shard);
/* True when nothing is in flight any more. */
MUST_USE bool tls_counting_stop(struct shard *shard);

#endif
