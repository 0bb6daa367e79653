/* bounce_peer.h - a simulated mail server that brings reports back, and others that only pretend
 * to.
 *
 * Has a list of reports and delivers each until it is answered for good: after a break, a 4yz or
 * silence it comes back later, as mail servers do. How it speaks is its manner. Tells its owner
 * when a message has left whole and how it was answered; knows nothing of tags and of what follows.
 * What it says is in bounce_talk.h; here are its connection, its patience and its pauses.
 * Owns its connection and what waits to be sent (malloc). */
#ifndef SIM_BOUNCE_PEER_H
#define SIM_BOUNCE_PEER_H

#include "base/prng.h"
#include "sim/net_stream.h"

#define BOUNCE_PEER_REPORTS_MAX 64

enum bounce_manner {
    BOUNCE_STEPWISE = 0, /* one command, one answer */
    BOUNCE_PIPELINED,    /* MAIL, RCPT and DATA at once */
    BOUNCE_CHUNKED,      /* BDAT */
    BOUNCE_BREAKING,     /* goes away at a drawn octet, every other time */
    BOUNCE_DRIBBLING,    /* a few octets at a time */
    BOUNCE_RUBBISH,      /* octets and commands that make no sense, never waiting */
    BOUNCE_DEAF,         /* asks and asks and reads no answer */
    BOUNCE_MANNER_COUNT
};

struct bounce_report {
    char to[300];
    char *text; /* CRLF at each line's end, no line begins with a dot; malloced */
    bool done;  /* answered 2yz or 5yz */
    void *user;
};

struct bounce_peer_calls {
    void (*sent)(void *owner, struct bounce_report *report); /* its last octet has left */
    void (*answered)(void *owner, struct bounce_report *report, uint32_t code);
};

enum bounce_wait {
    BOUNCE_FOR_NOTHING = 0, /* no connection */
    BOUNCE_FOR_OPEN,
    BOUNCE_FOR_GREETING,
    BOUNCE_FOR_EHLO,
    BOUNCE_FOR_MAIL,
    BOUNCE_FOR_RCPT,
    BOUNCE_FOR_DATA,
    BOUNCE_FOR_DOT,
    BOUNCE_FOR_RSET,
    BOUNCE_FOR_QUIT
};

struct bounce_peer {
    struct net_sim *net;
    struct prng prng;
    const struct bounce_peer_calls *calls;
    void *owner;
    struct ip_port from;
    struct ip_port to;
    enum bounce_manner manner;
    bool stopped;
    struct bounce_report reports[BOUNCE_PEER_REPORTS_MAX];
    uint32_t reports_count;
    struct bounce_report *report; /* in this transaction */
    uint32_t turn;                /* of the report that is looked at next */
    struct net_end *end;
    enum bounce_wait wait;
    uint32_t rcpt_code;
    uint64_t session; /* number, so that timers of earlier ones are none */
    uint64_t budget;  /* octets until it goes away; UINT64_MAX: never */
    char line[1024];
    size_t line_size;
    char *out;
    size_t out_size;
    size_t out_sent;
    bool dotted; /* the end of what waits is the end of a message */
};

void bounce_peer_open(struct bounce_peer *peer, struct net_sim *net, uint64_t seed,
                      const struct bounce_peer_calls *calls, void *owner);
/* Begins to deliver; again after it stopped. */
void bounce_peer_start(struct bounce_peer *peer);
/* Makes no more connections; the one there is goes. */
void bounce_peer_stop(struct bounce_peer *peer);
/* A report for the peer to deliver; `text` becomes its own. */
struct bounce_report *bounce_peer_add(struct bounce_peer *peer, const char *to, char *text);
/* How many are not answered for good. */
uint32_t bounce_peer_open_count(const struct bounce_peer *peer);
void bounce_peer_close(struct bounce_peer *peer);

/* --- for bounce_talk.c --- */

/* Adds octets to what waits to be sent. */
void bounce_peer_put(struct bounce_peer *peer, const char *text);
/* Writes what waits, as the manner has it; when its end has left it is told of (dotted). */
void bounce_peer_flush(struct bounce_peer *peer);
/* Both, and what is waited for then. */
void bounce_peer_say(struct bounce_peer *peer, const char *text, enum bounce_wait wait);
/* The connection ends, by a reset or a FIN; another attempt comes later. */
void bounce_peer_leave(struct bounce_peer *peer, bool abruptly);

#endif
