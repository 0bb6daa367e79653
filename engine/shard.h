/* shard.h - one thread's whole engine: a turn of waiting, dispatching, scheduling and submitting.
 *
 * A shard is a function (shard_tick), not a thread: the program calls it in a loop on a thread of
 * its own, the simulator calls several in an order drawn from the seed. Nothing is shared between
 * shards but the channels of `links` and the compiled content, which is read-only.
 *
 *   RUNNING -- shard_stop, or a stop message --> STOPPING (no new transactions; open ones finish,
 * at most SHARD_STOP_NS) --> STOPPED (nothing in flight, the journal is durable)
 *
 * The parts: resolver (names), routing (domains and destinations), leasing (shares of limits),
 * session (one connection), delivery (claims and verdicts). They see each other through struct
 * shard. */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include "base/channel.h"
#include "base/prng.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "bounce/hygiene.h"
#include "engine/content.h"
#include "engine/leasing.h"
#include "engine/policy.h"
#include "engine/preface.h"
#include "engine/resolver.h"
#include "engine/routing.h"
#include "engine/signer.h"
#include "engine/stats.h"
#include "engine/store.h"
#include "engine/sts_fetch.h"
#include "engine/throttle.h"
#include "engine/tls_counting.h"
#include "engine/tls_tickets.h"
#include "engine/tls_trouble_file.h"
#include "engine/wall_watch.h"
#include "io/io.h"
#include "message/verp.h"
#include "schedule/schedule.h"
#include "tls/tls_context.h"
#include "tls/tls_resume.h"

#define SHARD_EVENTS_MAX 256          /* taken out of io_wait a turn */
#define SHARD_NEW_SESSIONS_MAX 64     /* opened a turn */
#define SHARD_STOP_NS (NS_PER_S * 30) /* then open transactions are cut off */
#define SHARD_IDLE_NS (NS_PER_S * 5)  /* an idle connection is kept so long */
#define SHARD_RAMP_NS NS_PER_S        /* as many sessions as bulk mail needs to be gone then */
#define SHARD_BUFFER_SIZE ((size_t)16 * 1024)
#define SHARD_PLAIN_IN_SIZE ((size_t)1024) /* replies decrypted at a time */

enum shard_state { SHARD_RUNNING, SHARD_STOPPING, SHARD_STOPPED };

/* What the front thread, or the simulator, says to a shard. */
enum shard_order_kind { SHARD_ORDER_STOP, SHARD_ORDER_POLICY };
struct shard_order {
    enum shard_order_kind kind;
    const struct policy *policy;
};

struct shard_options {
    uint32_t index;
    uint32_t count;
    uint32_t sessions_max; /* of this shard */
    uint32_t sites_max;
    uint32_t flows_max;
    uint32_t domains_max;
    uint32_t campaigns_max;
    uint32_t buffers_max;       /* output buffers; at most sessions_max are useful */
    uint32_t cache_entries_max; /* DNS */
    const struct policy *policy;
    struct verp_keys *verp; /* NULL: no return path domain */
    struct content_set *contents;
    struct store *store;
    const struct hygiene *hygiene; /* who is not to be mailed; NULL: nobody is asked about */
    const struct tls_context *tls; /* shared by all; NULL: no TLS */
    const struct client_tls_options *client; /* whose certificates are in `tls` */
    const uint8_t *ticket_key;               /* seals tickets on disk; NULL: they are not kept */
    uint32_t tickets_max;                    /* TLS sessions remembered */
    struct channel *orders;                  /* from the front, or NULL */
    struct leasing_links *links;             /* between the shards, or NULL when there is one */
    uint32_t signing_width;       /* signatures gathered for a batch; 0: as the key wants it */
    struct signer_links *signers; /* who makes them; NULL: the shard itself */
    uint64_t seed;
};

struct session;

struct shard {
    enum shard_state state;
    struct shard_options options;
    const struct policy *policy;
    struct io *io;
    struct stats *stats;
    struct store_shard *store;
    struct queue_shard *queue;
    struct schedule *schedule;
    struct resolver resolver;
    struct routing routing;
    struct leasing leasing;
    struct throttle throttle;
    struct wheel wheel;
    struct prng prng;
    struct slab sessions;
    struct slab buffers; /* one a claimed output buffer: its place in buffers_bytes */
    uint8_t *buffers_bytes;
    uint8_t *plain_out_bytes;     /* lent, within a turn, to a session behind TLS */
    uint8_t *plain_in;            /* what was decrypted, within a call */
    struct text plain_out;        /* over plain_out_bytes */
    struct session *plain_user;   /* whose octets are in plain_out */
    struct slab tlsa_sets;        /* of sessions to hosts that have some */
    struct tls_resume tls_resume; /* tickets by host */
    struct tls_trouble tls_trouble;
    struct keepsake tls_trouble_file;
    struct tls_tickets tls_tickets;
    struct sts_fetch sts; /* when has_sts; see sts_gate.h */
    bool has_sts;
    struct tls_counting tls_counting;
    struct signing signing;
    struct prefaces prefaces;   /* of deliveries */
    struct list buffer_waiters; /* sessions that wait for an output buffer */
    struct list shakers;        /* sessions whose handshake waits for its turn */
    uint32_t shakes_left;       /* steps of handshakes, in this turn */
    struct list hopeless;       /* destinations with mail that none of their hosts can take */
    uint64_t hopeless_due_ns;   /* the journal takes nothing before */
    struct list hungry;         /* sessions that had no mail when they asked */
    uint32_t hungry_count;
    uint64_t stop_by_ns;
    uint64_t session_ask_ns; /* no session is opened before: slots or addresses were short */
    uint64_t session_due_ns; /* when the schedule wants to be asked again */
    uint32_t source_turn;    /* next source address */
    struct wall_watch clock;
    char hostname[POLICY_NAME_MAX + 1]; /* sessions borrow it: it outlives every policy */
    bool turning;
};

MUST_USE size_t shard_cost(const struct shard_options *options);
/* The shard's memory comes from the arena; io is used by the calling thread from now on. */
struct shard *shard_open(struct arena *arena, struct io *io, const struct shard_options *options,
                         struct stats *stats);
/* One turn; waits at most until deadline_ns. The state after it. */
enum shard_state shard_tick(struct shard *shard, uint64_t deadline_ns);
void shard_stop(struct shard *shard);
/* After SHARD_STOPPED: makes the journal durable. 0 or -errno. */
MUST_USE int shard_close(struct shard *shard);

/* Wall time, and whether it can be trusted to expire anything. */
uint64_t shard_wall_ns(const struct shard *shard);
uint64_t shard_now_ns(const struct shard *shard);

#endif
