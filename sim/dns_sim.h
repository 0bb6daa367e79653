/* dns_sim.h - simulated name servers: answer about the zones of zones.h over UDP and TCP, in
 * whatever trouble a zone is drawn to be.
 *
 * Packets: wire_sim.h. Borrows the zones. */
#ifndef SIM_DNS_SIM_H
#define SIM_DNS_SIM_H

#include "sim/net_service.h"
#include "sim/zones.h"

/* What the servers themselves suffer from; a silent one takes packets and says nothing, and resets
 * connections. */
struct dns_sim_silence {
    bool all;          /* every one */
    uint32_t dead;     /* bits, in the order of dns_sim_listen */
    uint64_t spell_ns; /* each is silent every third spell, one after the other; 0: never */
};

struct dns_sim {
    struct net_service service;
    const struct zones *zones;
    struct prng prng;
    uint32_t servers_count;
    struct dns_sim_silence silence;
    uint64_t questions_count; /* those to silent ones too */
};

void dns_sim_open(struct dns_sim *dns, struct net_sim *net, const struct zones *zones,
                  uint64_t seed);
/* Listens on port 53 of one more address. */
void dns_sim_listen(struct dns_sim *dns, const struct ip_port *address);
void dns_sim_close(struct dns_sim *dns);

#endif
