/* bounce_door.h - which of our addresses mail came to: a return path, complaints, unsubscribe.
 *
 * Knows no tags but their shape: whether one is valid is said by bounce/proof. Owns nothing. */
#ifndef ENGINE_BOUNCE_DOOR_H
#define ENGINE_BOUNCE_DOOR_H

#include "engine/notice.h"
#include "engine/policy.h"

/* True: the address is one of ours. A return path is any address of return_path.domain; the
 * unsubscribe address may have a subaddress ("unsubscribe+TAG@"). */
MUST_USE bool bounce_door_of(const struct policy *policy, struct span address,
                             enum notice_door *ret_door);
/* Whether a server takes mail for this address: a return path or a subaddress of the unsubscribe
 * address with a valid tag, the complaints address, the unsubscribe address itself. */
MUST_USE bool bounce_door_takes(const struct policy *policy, const struct verp_keys *keys,
                                struct span address, uint64_t wall_s);

#endif
