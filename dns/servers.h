/* servers.h - which name server to ask: how fast each answers, and whether it does.
 *
 * Knows nothing of packets or questions; time is an argument. New questions go to the fastest one
 * that is well, and every SERVERS_LOOK_AROUND-th to the next one in turn, so that all estimates
 * stay true; every SERVERS_MEET-th to one that is not known yet. So many failures in a row make a
 * server sick: then it is asked only when every other one has failed, and by probes, copies of
 * questions to others, at first after a second, then after twice as long each time, up to a minute.
 * Any answer makes it well:
 *
 *   WELL -> SICK (SERVERS_FAILURES_MAX failures in a row) -> WELL (an answer, to a probe or not)
 *
 * A server that is the only one is never sick. A plain value. */
#ifndef DNS_SERVERS_H
#define DNS_SERVERS_H

#include "base/base.h"
#include "dns/dns.h"

#define SERVERS_FAILURES_MAX 3
#define SERVERS_LOOK_AROUND 64
#define SERVERS_MEET 8

struct servers_one {
    uint64_t round_trip_ns; /* smoothed; 0: not known */
    uint64_t probe_ns;      /* SICK: when to probe it */
    uint32_t failures;      /* in a row */
    uint32_t probes;        /* since it became sick */
    bool sick;
    bool folds_case; /* as seen over TCP, where nobody can put it in its mouth */
};

struct servers {
    uint32_t count;
    uint32_t picks;  /* questions placed */
    uint32_t looked; /* the last one looked around at */
    uint32_t sick;   /* bits */
    struct servers_one one[DNS_SERVERS_MAX];
};

void servers_init(struct servers *servers, uint32_t count);
/* The server for a new question. */
MUST_USE uint32_t servers_pick(struct servers *servers);
/* It has answered; round_trip_ns 0: after how long is not known. */
void servers_answered(struct servers *servers, uint32_t server, uint64_t round_trip_ns);
/* It was silent for so long: at least that slow. */
void servers_waited(struct servers *servers, uint32_t server, uint64_t waited_ns);
/* It was silent, or refuses to resolve. */
void servers_failed(struct servers *servers, uint64_t now_ns, uint32_t server);
/* The next server to send a probe to; each is given once until it is due again. */
MUST_USE bool servers_probe(struct servers *servers, uint64_t now_ns, uint32_t *ret_server);

#endif
