/* content.h - what a campaign sends, compiled once for the whole process.
 *
 * A template (message/template.h) or a finished message (message/body.h) behind one face. Compiled
 * when the campaign is opened or loaded, by the front thread; read-only afterwards, so every shard
 * uses the same. The source stays in the queue's mapped segment; the body of a finished message is
 * sent from there without a copy of its own, its header is made once (finished.h).
 *
 * A campaign whose stored content does not compile (another version of ringpost took it) is held:
 * it has a fault instead of content, no shard claims from it (store_hold), the others go on.
 *
 * Message-ID and Date derive from the stored identity, the sender's domain and the campaign's time:
 * the same in every attempt. A content_merge is one message being written; it is embedded in a
 * session. */
#ifndef ENGINE_CONTENT_H
#define ENGINE_CONTENT_H

#include "message/added_fields.h"
#include "message/body.h"
#include "message/merge.h"
#include "message/template.h"
#include "queue/queue.h"

struct content;
struct content_set;

struct content_merge {
    const struct content *content;
    struct span preface; /* not yet written; the caller's, who may set it after content_begin */
    struct merge merge;  /* of a template */
    struct merge_values values; /* borrowed by merge */
    struct span fields[TEMPLATE_FIELDS_MAX];
    struct body body; /* of a finished message */
    struct span head; /* of its header, not yet written */
    struct span rest; /* of its body, not yet written */
};

MUST_USE int content_set_open(struct content_set **ret_set, uint32_t campaigns_max);
void content_set_close(struct content_set *set); /* NULL is a no-op */
/* Compiles the campaign's content unless it is there. 0; -EINVAL: it does not compile (*error says
 * where, without the campaign's name); -ENOMEM. Front thread only, before a shard can claim from
 * the campaign. */
MUST_USE int content_add(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, struct text *error);
/* The largest piece of memory that this takes. */
MUST_USE uint64_t content_memory_size(const struct campaign_descriptor *descriptor,
                                      struct span source);
/* The same for a campaign that is being loaded, of which there is the source alone: what was
 * accepted has its memory, and nothing is left that could fail later. The source stays until
 * content_place, when the campaign is durable, or content_drop, when it will not be. -ENOMEM:
 * *error names the limit; `ret_passes`: there may be memory another time. Front thread only. */
MUST_USE int content_draft(struct content_set *set, uint32_t campaign_index,
                           const struct campaign *campaign, struct span source, struct text *error,
                           bool *ret_passes);
void content_place(struct content_set *set, uint32_t campaign_index,
                   const struct campaign *campaign);
void content_drop(struct content_set *set, uint32_t campaign_index);
/* Notes why a campaign is held; content that was added goes, and no shard may have it. 0 or
 * -ENOMEM. Front thread only. */
MUST_USE int content_hold(struct content_set *set, uint32_t campaign_index, const char *why);
/* In words, or NULL: the campaign is not held. Lent until the set is closed. Front thread only. */
const char *content_fault(const struct content_set *set, uint32_t campaign_index);
/* NULL when it was not added. */
const struct content *content_of(const struct content_set *set, uint32_t campaign_index);

/* Its header says "TLS-Required: No" (RFC 8689 3): what the receiver demands of TLS is lifted. */
bool content_is_tls_optional(const struct content *content);
/* Bits of enum added_fields_own: fields that the sender must not add. */
uint32_t content_own_fields(const struct content *content);
/* The domain of its From in lower-case A-labels; empty when From has fields in it, or no domain. */
struct span content_author(const struct content *content);
/* It carries a DKIM-Signature of its own. */
bool content_is_signed(const struct content *content);
bool content_is_eight_bit(const struct content *content);
/* Prepares one message and gives its size in octets with CRLF line ends, before dot-stuffing. The
 * recipient's spans stay until the merge is done. -EINVAL: a stored value does not fit its place.
 */
MUST_USE int content_begin(struct content_merge *merge, const struct content *content,
                           const struct queue_recipient *recipient, uint64_t *ret_size);
/* Writes what fits, dot-stuffed, with the final dot. True when all is written. `out` must have more
 * than MERGE_STEP_MAX octets of room. */
MUST_USE bool content_step(struct content_merge *merge, struct text *out);

#endif
