/* lookup.h - one question until it is answered: servers, retries, TCP, aliases.
 *
 * Knows nothing of sockets, of who waits, or of the cache; time is an argument. lookup_step takes
 * one event and returns the state; the owner then sends (.._SEND), waits until attempt_end_ns
 * (.._WAIT), or reads the result (DONE, FAILED).
 *
 *   UDP_SEND -> UDP_WAIT -> DONE
 *      ^           |-> UDP_SEND  timeout, bad answer: the next server; FORMERR: without EDNS;
 *      |           |             an alias that leaves the packet: its target
 *      |           `-> TCP_SEND  truncated; or the letter case came back changed
 *      |                  `-> TCP_WAIT -> DONE, or TCP_SEND at the next server
 *      any of them -> FAILED when time, servers or aliases have run out
 *
 * Whenever what must be asked changes, `redraw` is set: the owner draws a new id and letter case,
 * so that answers to the old form no longer count. A late answer to an earlier try of the same
 * form does count. Fields are read-only outside lookup.c, but those under "the owner's". */
#ifndef DNS_LOOKUP_H
#define DNS_LOOKUP_H

#include "base/list.h"
#include "base/prng.h"
#include "base/wheel.h"
#include "dns/answer.h"
#include "dns/dns_name.h"

enum lookup_state {
    LOOKUP_UDP_SEND = 0, /* a datagram is to go to `server` */
    LOOKUP_UDP_WAIT,     /* it has gone */
    LOOKUP_TCP_SEND,     /* the question is to go to `server` when the connection stands */
    LOOKUP_TCP_WAIT,     /* it has gone */
    LOOKUP_DONE,         /* the answer says it: records, no data, no domain */
    LOOKUP_FAILED,       /* `failure` says why */
    LOOKUP_STATE_COUNT
};

enum lookup_failure {
    LOOKUP_TIMEOUT = 0, /* no server has answered in time */
    LOOKUP_SERVFAIL,
    LOOKUP_REFUSED,
    LOOKUP_RCODE,    /* another error code */
    LOOKUP_BROKEN,   /* a malformed answer */
    LOOKUP_REFERRAL, /* the server does not resolve */
    LOOKUP_LOOP,     /* aliases without end */
    LOOKUP_NO_TCP,   /* truncated, and TCP was refused or lost */
    LOOKUP_MEMORY,   /* the library had none */
    LOOKUP_FAILURE_COUNT
};

enum lookup_match {
    LOOKUP_OTHER = 0, /* not the question of this lookup, or not from where it was asked */
    LOOKUP_SAME,
    LOOKUP_SAME_BUT_CASE /* the letter case came back changed */
};

enum lookup_event_kind {
    LOOKUP_SENT,        /* the owner has handed the packet out */
    LOOKUP_EXPIRED,     /* attempt_end_ns has passed */
    LOOKUP_UNREACHABLE, /* the datagram came back: the next server is asked at once */
    LOOKUP_PACKET,      /* an answer that lookup_matches */
    LOOKUP_TCP_LOST     /* the connection to `server` is refused or gone */
};

struct lookup_event {
    enum lookup_event_kind kind;
    uint64_t now_ns;
    /* of LOOKUP_PACKET */
    uint32_t server;
    enum lookup_match match;
    const struct wire_question *question;
    struct span packet;
    struct answer *answer; /* room for what it says; holds the result when DONE */
};

struct lookup_limits {
    uint32_t servers_count;
    uint32_t servers_sick; /* bits: not asked while there is another */
    bool dnssec;           /* ask for the AD bit and believe it */
    uint64_t timeout_ns;
};

struct lookup {
    enum lookup_state state;
    enum lookup_failure failure;
    uint16_t type;
    struct dns_name key;  /* what was asked for */
    struct dns_name name; /* its alias's end so far: what is being asked */
    uint32_t server;
    uint32_t servers_asked;  /* bits: in this form, by datagram */
    uint32_t servers_failed; /* bits: have answered this form in a way that is of no use */
    uint32_t attempts;       /* of this form of the question */
    uint32_t tcp_losses;
    uint32_t chain_count;
    uint32_t chain_ttl_s;
    bool insecure; /* an alias on the way here was not secure, or AD is not believed */
    bool edns;
    bool redraw;
    uint64_t deadline_ns; /* of the whole lookup */
    uint64_t attempt_end_ns;
    /* the owner's */
    uint16_t id;
    bool probe;                       /* asks a server for its own sake: its answer is not kept */
    uint64_t sent_ns;                 /* the last try */
    uint8_t cased[DNS_NAME_SIZE_MAX]; /* `name` as sent */
    struct wheel_timer timer;
    struct list_node node; /* among those that have something to send */
    struct list waits;
};

void lookup_start(struct lookup *lookup, const struct lookup_limits *limits, uint64_t now_ns,
                  const struct dns_name *name, uint16_t type, uint32_t server);
/* Is this packet an answer to it? The id has been compared. */
MUST_USE enum lookup_match lookup_matches(const struct lookup *lookup, uint32_t server, bool tcp,
                                          const struct wire_question *question);
enum lookup_state lookup_step(struct lookup *lookup, const struct lookup_limits *limits,
                              const struct lookup_event *event);
const char *lookup_failure_words(enum lookup_failure failure);

#endif
