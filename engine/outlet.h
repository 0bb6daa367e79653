/* outlet.h - a session's output buffer: held only while octets are being written or sent.
 *
 * In clear the SMTP machine writes straight into it; behind TLS into the shard's plaintext, which
 * outlet_flush encrypts into it. Knows nothing of what is written. Borrows the shard's buffers. */
#ifndef ENGINE_OUTLET_H
#define ENGINE_OUTLET_H

#include "engine/session.h"

/* Where the SMTP machine writes; only while the session has a buffer. */
struct text *outlet_text(struct shard *shard, struct session *session);
/* False: all are taken; the session is in the list of those that wait for one. */
MUST_USE bool outlet_have(struct shard *shard, struct session *session);
/* Sends what there is, or gives the buffer back when there is nothing. */
void outlet_flush(struct shard *shard, struct session *session);
/* Nothing of it is in flight. */
void outlet_drop(struct shard *shard, struct session *session);

#endif
