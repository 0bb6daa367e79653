/* content_hash.h - the header and the body's hash of one message, before any of it is sent.
 *
 * A body without values is hashed once a campaign; of one with values the part in front of the
 * first is, and its state is copied for each message. The merge is gone through a second time for
 * it: no message is ever kept whole. Relaxed canonical form (RFC 6376 3.4.4). Owns nothing. */
#ifndef ENGINE_CONTENT_HASH_H
#define ENGINE_CONTENT_HASH_H

#include "engine/content.h"
#include "sign/canon.h"

#define CONTENT_HASH_CHUNK_MIN MERGE_STEP_MAX

/* The header as it goes out, with its blank line, without the preface. The merge has begun and
 * nothing of it is written. *ret_header lies in `scratch` or in the content. -E2BIG: `scratch` is
 * too small. */
MUST_USE int content_hash_header(const struct content_merge *merge, struct text *scratch,
                                 struct span *ret_header);
/* `chunk`: at least CONTENT_HASH_CHUNK_MIN octets to work in. */
void content_hash_body(const struct content_merge *merge, struct span_mut chunk,
                       uint8_t ret_hash[CANON_HASH_SIZE]);
uint64_t content_hash_time_s(const struct content_merge *merge); /* of the campaign */

#endif
