/* site.h - one destination (a set of MX names, or a smart host): its limits and its health.
 *
 * Knows nothing of mail waiting for it (schedule.h) nor of connections themselves: it is told what
 * happened. Time is an argument.
 *
 *   STEADY  -- connection failure -->  BACKED_OFF (until a time: 1 min, doubling to 1 h, +-10 %)
 *   BACKED_OFF -- the time comes -->   PROBING (one session) -- failure --> BACKED_OFF
 *   any -- a server's answer to a transaction --> STEADY
 *
 *   STEADY -- refuses everything --> BACKED_OFF (15 min, doubling to 1 h) --> PROBING, until it
 *   accepts a message: one refusal of this sender, or ten of any kind, and it is BACKED_OFF again
 *
 * A server that answers 5yz to one message after the other and accepts none in between has blocked
 * us: what is still to be sent must not be burnt. A refusal that names the sender (at MAIL, or
 * X.7.x) says more than an unknown recipient: 10 of those in a row, or 100 of any kind.
 *
 * Beside it, a window on connections: halved when the server says "slow down" (421, or 4yz before
 * there is a recipient), one more for every SITE_GROW_AFTER deliveries. A recipient's own 4yz
 * changes nothing. */
#ifndef SCHEDULE_SITE_H
#define SCHEDULE_SITE_H

#include "base/prng.h"
#include "message/outcome.h"
#include "schedule/pace.h"

#define SITE_NAME_MAX 63 /* kept for people; longer names are cut (the key is a hash) */
#define SITE_BACKOFF_MIN_NS NS_PER_MINUTE
#define SITE_BACKOFF_MAX_NS (NS_PER_MINUTE * 60)
#define SITE_GROW_AFTER 50
#define SITE_HALVE_EVERY_NS (NS_PER_S * 5) /* one halving for replies that come together */
#define SITE_REFUSED_MIN_NS (NS_PER_MINUTE * 15)
#define SITE_REFUSALS_MAX 100  /* refusals in a row that say: all of it is refused */
#define SITE_REFUSAL_WEIGHT 10 /* of one that is about the sender */
#define SITE_BREAKS_MAX 5      /* sessions broken in a row, no delivery between: backs off */

struct site_limits {
    uint32_t connections_max;         /* at least 1 */
    uint32_t connections_reserved;    /* of these, for the transactional lane alone */
    uint32_t messages_per_connection; /* at least 1 */
    uint32_t messages_per_session;    /* bulk mail that justifies one more session; 0: 8 */
    struct pace_rate messages;        /* of the whole site, this shard's share of it */
    struct pace_rate connections;
};

enum site_health {
    SITE_STEADY,     /* connections work, as far as is known */
    SITE_BACKED_OFF, /* no new connection until backoff_until_ns */
    SITE_PROBING     /* the time has come: one connection may try */
};

/* What site_feedback changed: one line in the log for each but NONE. */
enum site_change {
    SITE_CHANGE_NONE,
    SITE_CHANGE_BACKED_OFF, /* no connections until backoff_until_ns */
    SITE_CHANGE_REFUSED,    /* the same, because everything is refused: its mail must wait */
    SITE_CHANGE_CLEARED,    /* connections work again */
    SITE_CHANGE_SLOWED,     /* the window was halved */
    SITE_CHANGE_GREW        /* the window grew by one */
};

struct site {
    struct site_limits limits;
    enum site_health health;
    uint64_t backoff_ns;       /* the last back-off's length before jitter; 0: none */
    uint64_t backoff_until_ns; /* in BACKED_OFF */
    uint64_t halved_ns;        /* when the window was last halved */
    uint64_t broken_ns;        /* when a session last broke: what breaks together counts once */
    uint32_t lease;            /* connections granted to this shard */
    uint32_t window;           /* connections that the server seems to bear */
    uint32_t grown_after;      /* deliveries since the window last changed */
    uint32_t breaks_count;     /* sessions broken since the last delivery */
    uint32_t refusals_count;   /* 5yz since the last delivery, by weight */
    bool refused;              /* everything is, until a message is accepted */
    uint32_t sessions_count;
    struct pace messages;
    struct pace connections;
    char name[SITE_NAME_MAX + 1];
    uint8_t name_size;
};

void site_init(struct site *site, struct span name, const struct site_limits *limits);
void site_change_limits(struct site *site, const struct site_limits *limits);
/* The share of the site's connections that this shard holds (lease.h); alone: connections_max. */
void site_change_lease(struct site *site, uint32_t connections);
/* Connections that may stay open: as many as are leased and as the server seems to bear. */
MUST_USE uint32_t site_window(const struct site *site);
/* Connections that may be open for one more to be opened: while probing 1, while backed off 0. */
MUST_USE uint32_t site_sessions_limit(const struct site *site);
/* BACKED_OFF becomes PROBING when its time has come. Returns the time from which a connection may
 * be opened as far as back-off and pace go: `now` or before means now. */
MUST_USE uint64_t site_connect_ns(struct site *site, uint64_t now_ns);
void site_session_opened(struct site *site, uint64_t now_ns);
void site_session_closed(struct site *site);
/* What a transaction or a session ended with. */
enum site_change site_feedback(struct site *site, const struct outcome *outcome, uint64_t now_ns,
                               struct prng *prng);
const char *site_health_name(enum site_health health);
const char *site_change_name(enum site_change change);

#endif
