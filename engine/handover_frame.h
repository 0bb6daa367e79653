/* handover_frame.h - how a campaign crosses the control socket: a stream of frames.
 *
 *   CAMPAIGN  CONTENT...  RECIPIENT...  COMMIT
 *
 * A frame is the size of its payload (4 octets), its kind (1) and the payload; numbers are in
 * network byte order, spans stand behind their sizes. Knows nothing of sockets; borrows what it is
 * given, and what it reads points into the payload. */
#ifndef ENGINE_HANDOVER_FRAME_H
#define ENGINE_HANDOVER_FRAME_H

#include "base/text.h"
#include "engine/store.h"

#define HANDOVER_FRAME_HEAD 5
#define HANDOVER_FRAME_PAYLOAD_MAX (STORE_RECIPIENT_MAX + 4096)
#define HANDOVER_FRAME_MAX (HANDOVER_FRAME_HEAD + HANDOVER_FRAME_PAYLOAD_MAX)
#define HANDOVER_FRAME_CONTENT_MAX ((size_t)64 * 1024) /* a piece, as it is written */

enum handover_frame_kind {
    HANDOVER_FRAME_CAMPAIGN = 1, /* the descriptor and the size of the content */
    HANDOVER_FRAME_CONTENT,      /* the next piece of the content */
    HANDOVER_FRAME_RECIPIENT,    /* the next row */
    HANDOVER_FRAME_COMMIT,       /* that was all: the digest of the list */
};

struct handover_frame {
    enum handover_frame_kind kind;
    struct span payload;
};

/* The frame at the front: 1 and how many octets it has; 0: it is not whole yet; -EBADMSG. */
MUST_USE int handover_frame_read(struct span bytes, struct handover_frame *ret_frame,
                                 size_t *ret_size);
/* -EBADMSG. Weight, rate, times and digests are as they were sent; the id is 0. */
MUST_USE int handover_frame_read_campaign(struct span payload,
                                          struct campaign_descriptor *ret_descriptor,
                                          uint64_t *ret_content_size);
/* -EBADMSG. `values` has room for QUEUE_VALUES_MAX. */
MUST_USE int handover_frame_read_recipient(struct span payload, struct span *values,
                                           struct store_recipient *ret_recipient);
MUST_USE int handover_frame_read_commit(struct span payload,
                                        uint8_t ret_digest[CAMPAIGN_DIGEST_SIZE]);

/* -EINVAL: something is too long; nothing is written then, nor when there is no room (-ENOSPC). */
MUST_USE int handover_frame_add_campaign(struct text *out,
                                         const struct campaign_descriptor *descriptor,
                                         uint64_t content_size);
MUST_USE int handover_frame_add_content(struct text *out, struct span piece);
MUST_USE int handover_frame_add_recipient(struct text *out,
                                          const struct store_recipient *recipient);
MUST_USE int handover_frame_add_commit(struct text *out,
                                       const uint8_t digest[CAMPAIGN_DIGEST_SIZE]);

#endif
