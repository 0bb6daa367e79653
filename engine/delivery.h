/* delivery.h - one recipient from claim to verdict: the one way forward and the one way back.
 *
 *   delivery_take: schedule -> queue claim -> envelope     delivery_settle: outcome -> retry time
 * -> journal, queue, site, counters
 *
 * Whatever ends an attempt comes through delivery_settle (or delivery_fail_one, which uses it);
 * nothing else writes a verdict. Between claim and envelope stands the check for suppression: who
 * was suppressed before it is not mailed. Owns nothing. */
#ifndef ENGINE_DELIVERY_H
#define ENGINE_DELIVERY_H

#include "engine/content.h"
#include "message/envelope.h"
#include "message/outcome.h"
#include "queue/attempt.h"
#include "queue/queue.h"

struct shard;
struct preface;
struct routing_failure;

#define DELIVERY_RETURN_PATH_MAX 320

/* A claimed recipient. */
struct delivery {
    bool open; /* claimed and not settled */
    uint32_t record;
    struct queue_recipient recipient;
    struct preface *preface;    /* goes out before the merge; NULL: nothing */
    struct content_merge merge; /* begun at the claim, for SIZE=; written when the body is wanted */
    uint64_t claimed_ns;        /* monotonic */
    uint64_t content_ns;        /* when the first octet of content was handed out; 0: not yet */
    uint64_t size;              /* of the content with its preface, before dot-stuffing */
    bool eight_bit;
    uint16_t return_path_size;
    uint8_t return_path[DELIVERY_RETURN_PATH_MAX];
};

/* What the session knows about where an attempt went. */
struct delivery_place {
    struct ip_port peer;
    struct ip source;
    struct span peer_name;
    struct span site;
    uint64_t connect_ns;                  /* spent on connecting */
    uint32_t tls_us;                      /* of it, on the handshake */
    struct span tls_protocol, tls_cipher; /* empty: in clear */
};

/* Claims the next recipient for a session at this site that has these bits (secrecy.h). 0; -ENOENT:
 * none now, *ret_until_ns says when to ask again (UINT64_MAX: when mail is announced); -EAGAIN,
 * -EIO: the journal has no room, or is broken. */
MUST_USE int delivery_take(struct shard *shard, uint32_t site, uint32_t has,
                           struct delivery *delivery, uint64_t *ret_until_ns);
/* The body is wanted: what goes before the merge is handed to it. */
void delivery_body(const struct shard *shard, struct delivery *delivery);
void delivery_envelope(const struct delivery *delivery, struct envelope *ret_envelope);
void delivery_settle(struct shard *shard, struct delivery *delivery, const struct outcome *outcome,
                     const struct delivery_place *place);
/* No attempt was made: back to the queue. */
void delivery_release(struct shard *shard, struct delivery *delivery);
/* Claims one recipient of a flow and settles it with the failure of its domain. 0, -ENOENT: none
 * left, -EAGAIN, -EIO as above. */
MUST_USE int delivery_fail_one(struct shard *shard, uint32_t flow,
                               const struct routing_failure *failure);

#endif
