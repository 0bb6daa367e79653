/* lookups_result.h - what a question leaves behind when it ends: its result, and who vouched.
 *
 * A failure is kept for half a minute; when nobody answers, what was true a while ago is served
 * instead (RFC 8767). Knows nothing of who waits, of packets or timers. Part of lookups.c's work.
 * Owns nothing; writes into the cache and the counters of the lookups. */
#ifndef DNS_LOOKUPS_RESULT_H
#define DNS_LOOKUPS_RESULT_H

#include "dns/lookups.h"

/* Of a lookup that is DONE, with its answer in lookups->answer, or FAILED. */
void lookups_result_store(struct lookups *lookups, const struct lookup *lookup, uint64_t now_ns);
/* An answer of this server was secure. */
void lookups_result_note_secure(struct lookups *lookups, uint32_t server);

#endif
