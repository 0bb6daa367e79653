/* sts_gate.h - a domain's route waits here until its MTA-STS policy is known, and obeys it.
 *
 * Between routing (which asks for routes) and sts_fetch (which gets policies): the shard's part
 * that knows both. Domains that are sent to smart hosts, or for which the configuration says that
 * TLS is off, are not asked about. What was known before holds while it is asked about again. A
 * route that has passed is here again after ten minutes at the latest (and takes what came of the
 * question that was asked then), and when the policy expires, whatever its own TTL is.
 *
 * Where a policy in force names none of the hosts the domain fails as a whole - unless some of its
 * mail lifts what receivers demand (TLS-Required: No, such as reports about this very fault): then
 * the route is open and secrecy.h sorts the mail. */
#ifndef ENGINE_STS_GATE_H
#define ENGINE_STS_GATE_H

#include "dns/route.h"
#include "io/io.h"
#include "message/outcome.h"

struct arena;
struct shard;

enum sts_gate_verdict {
    STS_GATE_OPEN, /* the route may be entered */
    STS_GATE_WAIT, /* sts_gate_next will name the domain */
    STS_GATE_BUSY, /* ask again later */
    STS_GATE_SHUT  /* the domain fails with *ret_outcome */
};

/* With room in the arena for what sts_fetch_cost says. Without policies (tls.mta_sts is off, no
 * TLS) the gate is open. */
void sts_gate_open(struct shard *shard, struct arena *arena);
MUST_USE size_t sts_gate_cost(void);
/* Whether the policy of this domain is asked for. */
MUST_USE bool sts_gate_asks(const struct shard *shard, uint32_t domain);
/* The route (ROUTE_OK) of a domain by number; it may lose hosts. */
MUST_USE enum sts_gate_verdict sts_gate_pass(struct shard *shard, uint32_t domain,
                                             struct route *route, struct outcome *ret_outcome);
/* The dns room is done with this waiter. False: it is not of here. */
MUST_USE bool sts_gate_answered(struct shard *shard, uint64_t waiter);
/* The next domain whose policy is known now. */
MUST_USE bool sts_gate_next(struct shard *shard, uint32_t *ret_domain);
/* Events of TAG_HTTPS_* and TAG_SNAPSHOT. */
void sts_gate_event(struct shard *shard, const struct io_event *event);
/* Once a turn, before questions are sent. */
void sts_gate_turn(struct shard *shard);
MUST_USE uint64_t sts_gate_deadline_ns(const struct shard *shard);
/* True when nothing is in flight any more. */
MUST_USE bool sts_gate_stop(struct shard *shard);

#endif
