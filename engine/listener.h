/* listener.h - takes the mail that comes back, on bounces.listen, so that the MX of the return-path
 * domain can point straight at ringpost.
 *
 * Lives on the front's ring. Sessions speak through smtp/receive (reception.h); RCPT is taken only
 * for a return path with a valid tag, the complaints address, the unsubscribe address, and what
 * bounces.foreign_verp describes (only so many a minute: anybody can write to those); one
 * recipient a message. A message is answered 250 when what it says is durable in hygiene's journal,
 * or when it says nothing that must be kept; 451 when it cannot be recorded. Nothing is relayed and
 * no message is stored.
 *
 * Bounded: LISTENER_SESSIONS_MAX connections, of one peer fewer (peer_limit.h), others are greeted
 * with 421; LISTENER_CONTENTS_MAX messages at once in memory, 256 KiB of each, the rest is counted
 * and not kept; silence, a message and a session each have their time (RFC 5321 4.5.3.2).
 * Borrows what its options name, until listener_close. */
#ifndef ENGINE_LISTENER_H
#define ENGINE_LISTENER_H

#include "base/slab.h"
#include "bounce/report.h"
#include "engine/intake.h"
#include "engine/peer_limit.h"
#include "engine/policy.h"
#include "engine/reception.h"
#include "io/io.h"

#define LISTENER_SESSIONS_MAX 200
#define LISTENER_CONTENTS_MAX 48
#define LISTENER_CONTENT_MAX ((size_t)256 * KIB)

struct listener_options {
    struct io *io;
    const struct policy *policy; /* the owner may put another one in its place */
    const struct verp_keys *keys;
    struct hygiene_store *hygiene;
    const struct queue *queue;
    const struct classifier *classifier;
    struct text *events;         /* where the events of what was taken go, or NULL */
    struct span certificate_pem; /* with its key: STARTTLS is offered; read by listener_open */
    struct span key_pem;
};

struct listener_counts {
    uint64_t connections_count;
    uint64_t refused_count; /* greeted with 421 */
    uint64_t messages_count;
    uint64_t decisions[INTAKE_DECISION_COUNT];
};

struct listener {
    struct listener_options options;
    char hostname[POLICY_NAME_MAX + 1]; /* as of the start: sessions borrow it */
    struct tls_context tls;
    bool has_tls;
    bool stopping;
    int error;            /* -errno: an address cannot be listened on */
    uint32_t error_index; /* ... which */
    int handles[POLICY_LISTEN_MAX];
    bool opening[POLICY_LISTEN_MAX];
    uint32_t strays; /* shuts of listening handles and of connections without a slot */
    struct slab receptions;
    struct arena arena;
    struct report_reader *reader;
    struct report report;
    struct peer_limit peers;
    struct peer_limit list_peers;             /* messages to somebody else's lists, by peer */
    struct peer_limit list_all;               /* ... and all together: it knows one peer */
    uint8_t *contents[LISTENER_CONTENTS_MAX]; /* the free ones */
    uint32_t contents_count;
    struct listener_counts counts;
};

/* Whether this entry of bounces.listen is one that an earlier entry listens on too, or a part of it
 * ("0.0.0.0:25" beside "192.0.2.1:25", in either order). */
MUST_USE bool listener_shares(const struct policy *policy, uint32_t entry);
/* 0 without an address in the policy. */
MUST_USE size_t listener_cost(const struct policy *policy);
/* Certificate and memory; without an address in the policy there is nothing to do. 0 or -errno with
 * *error. Close it after a failure too. */
MUST_USE int listener_open(struct listener *listener, const struct listener_options *options,
                           struct text *error);
/* Begins to listen on all addresses; a failure shows in listener->error. */
void listener_begin(struct listener *listener);
/* All addresses are listened on. */
MUST_USE bool listener_is_up(const struct listener *listener);
/* No new connections; those there are end with 421, over the next turns. */
void listener_stop(struct listener *listener);
MUST_USE bool listener_stopped(const struct listener *listener);
/* After listener_stopped, or when the io is gone. */
void listener_close(struct listener *listener);
/* Takes an event whose op is TAG_BOUNCES_*. */
void listener_event(struct listener *listener, const struct io_event *event);
/* Once a turn: answers whose record became durable, time-outs. */
void listener_turn(struct listener *listener);
MUST_USE uint64_t listener_deadline_ns(const struct listener *listener);

#endif
