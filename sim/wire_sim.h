/* wire_sim.h - DNS packets (RFC 1035) of the simulated name servers: reads questions, writes
 * answers about zones, and spoils them.
 *
 * A small reading and writing of its own, independent of dns/: two readings of the RFC. Knows no
 * network. Owns nothing. */
#ifndef SIM_WIRE_SIM_H
#define SIM_WIRE_SIM_H

#include "base/text.h"
#include "sim/zones.h"

enum { WIRE_OK = 0, WIRE_SERVFAIL = 2, WIRE_NXDOMAIN = 3, WIRE_REFUSED = 5 }; /* RCODEs */

struct wire_question {
    uint16_t id;
    char name[256]; /* dotted, without the final dot */
    uint16_t type;
    struct span raw; /* the question section, to be echoed in its letter case */
    size_t udp_size; /* what the asker takes over UDP (RFC 6891) */
    bool edns;
    bool recursion;
    bool authentic; /* it asks for the AD bit (RFC 6840 5.7) */
};

/* False: not one well-formed question. The spans stay in the packet. */
MUST_USE bool wire_sim_question(struct span packet, struct wire_question *ret_question);
/* The host whose TLSA records are asked for, or ZONES_NONE. */
MUST_USE uint32_t wire_sim_tlsa_host(const struct zones *zones,
                                     const struct wire_question *question);
/* What the zones say; more than `limit` octets: cut and marked TC (RFC 1035 4.1.1). */
void wire_sim_answer(const struct zones *zones, const struct wire_question *question,
                     struct text *out, size_t limit);
/* Nothing but the question. */
void wire_sim_empty(struct text *out, const struct wire_question *question, uint32_t rcode,
                    bool truncated);
/* A CNAME to itself. */
void wire_sim_loop(struct text *out, const struct wire_question *question);
/* Breaks an answer in one of the ways that parsers fall for. */
void wire_sim_spoil(struct text *out, const struct wire_question *question, struct prng *prng);

#endif
