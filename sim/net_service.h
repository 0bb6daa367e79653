/* net_service.h - how simulated servers plug in behind an address: bytes in, bytes and delays out.
 *
 * A service listens at any number of addresses (TCP or UDP). For each connection the server gets a
 * net_session; what it sends leaves in order, each piece not before its delay. Knows no protocol.
 * Owns the sessions and what waits to be sent (malloc). */
#ifndef SIM_NET_SERVICE_H
#define SIM_NET_SERVICE_H

#include "sim/net_stream.h"

struct net_session;

struct net_service_calls {
    /* A connection has come: the server's own state for it, or NULL: it is reset. */
    void *(*accepted)(void *server, struct net_session *session, const struct net_place *place);
    void (*received)(void *connection, struct net_session *session, struct span bytes);
    /* As asked for by net_service_timer. May be NULL. */
    void (*timer)(void *connection, struct net_session *session, uint64_t argument);
    /* The other end has closed its half (error 0), or the connection is broken (-errno) or was
     * ended by net_service_close or _reset. The last call for this connection. */
    void (*closed)(void *connection, int error);
    /* UDP; answer with net_service_answer. */
    void (*datagram)(void *server, struct net_place *place, const struct ip_port *from,
                     struct span bytes);
};

struct net_service {
    struct net_sim *net;
    const struct net_service_calls *calls;
    void *server;
    struct list sessions;
    struct list answers; /* datagrams that wait for their delay */
};

void net_service_open(struct net_service *service, struct net_sim *net,
                      const struct net_service_calls *calls, void *server);
/* NULL: the address is taken. place->user is the server's. */
struct net_place *net_service_listen(struct net_service *service, enum net_kind kind,
                                     const struct ip_port *address);
/* At the end of the world: nothing may run on the timeline afterwards. `closed` is called for every
 * connection, so that the server can free its state. */
void net_service_close(struct net_service *service);

/* `delay_ns` after now, and after all that was sent before. Returns when it leaves. */
uint64_t net_service_send(struct net_session *session, struct span bytes, uint64_t delay_ns);
/* FIN after all that was sent before; then `closed` comes. */
void net_service_end(struct net_session *session, uint64_t delay_ns);
void net_service_reset(struct net_session *session, uint64_t delay_ns);
/* Reads no more until told: the other end's window fills up. */
void net_service_pause(struct net_session *session, bool pause);
void net_service_timer(struct net_session *session, uint64_t delay_ns, uint64_t argument);
const struct ip_port *net_service_peer(const struct net_session *session);
struct net_sim *net_service_net(const struct net_session *session);

/* A datagram from the place, after the delay. */
void net_service_answer(struct net_service *service, struct net_place *place,
                        const struct ip_port *to, struct span bytes, uint64_t delay_ns);

#endif
