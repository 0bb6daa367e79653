/* secrecy.h - which TLS mail needs, and which sessions have: the bits of tls/tls_policy.h, which
 * the schedule compares, so that no message goes below what it or its domain demands, on a reused
 * session neither.
 *
 * What a flow needs comes from its domain (tls.mode, tls.domains, the route) and its campaign; what
 * a session has, from how far it came. What a host let sessions reach lately stands in the site's
 * destination: mail that none of the hosts can take is deferred with the reason, mail that another
 * host may take waits for a session there. */
#ifndef ENGINE_SECRECY_H
#define ENGINE_SECRECY_H

#include "base/base.h"
#include "message/outcome.h"
#include "tls/tls_policy.h"

#define SECRECY_KNOWN_NS (60 * NS_PER_S) /* what a host let a session reach holds so long */

struct shard;
struct session;

/* What mail of this campaign to this domain needs. */
MUST_USE uint32_t secrecy_needs(const struct shard *shard, uint32_t domain_index,
                                uint32_t campaign_index);
/* Whether TLS is tried at all for the domain. */
MUST_USE bool secrecy_is_wanted(const struct shard *shard, uint32_t domain_index);

/* The address for a new session at the site and what mail it is opened for (bits needed; 0: any):
 * an address index of the destination, or DESTINATION_NONE. Mail that no host can take is failed.
 */
MUST_USE uint32_t secrecy_pick(struct shard *shard, uint32_t site, uint32_t *ret_aim);
/* The session asks for its first mail: what it has, for this host to be remembered. */
void secrecy_reached(struct shard *shard, struct session *session);
/* Before each message: a session whose certificate may name one domain alone is nobody else's. */
void secrecy_limit(struct shard *shard, struct session *session);
/* TLS failed on the session, which is over: no session to this host has it for now. */
void secrecy_failed(struct shard *shard, struct session *session);
/* There is no mail for the session, but some that it cannot take. True: it should end, because a
 * session to another host may take that. What no host can take is failed. */
MUST_USE bool secrecy_is_useless(struct shard *shard, struct session *session);
/* Once a turn: the rest of what no host can take. */
void secrecy_turn(struct shard *shard);
MUST_USE uint64_t secrecy_deadline_ns(const struct shard *shard);
/* The policy has changed: what waits is sorted anew. */
void secrecy_policy(struct shard *shard);

#endif
