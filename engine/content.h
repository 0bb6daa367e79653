/* content.h - what a campaign sends, compiled once for the whole process.
 *
 * A template (message/template.h) or a finished message (message/body.h) behind one face. Compiled
 * when the campaign is opened or loaded, by the front thread; read-only afterwards, so every shard
 * uses the same. The source stays in the queue's mapped segment; a finished message is sent from
 * there without a copy of its own.
 *
 * A content_merge is one message being written; it is embedded in a session, resumable at any
 * octet. */
#ifndef ENGINE_CONTENT_H
#define ENGINE_CONTENT_H

#include "message/body.h"
#include "message/merge.h"
#include "message/template.h"
#include "queue/queue.h"

struct content;
struct content_set;

struct content_merge {
    const struct content *content;
    bool begun;
    struct merge merge;       /* a template's */
    struct body_stuffer body; /* a finished message's */
};

MUST_USE int content_set_open(struct content_set **ret_set, uint32_t campaigns_max,
                              struct span hostname);
void content_set_close(struct content_set *set);
/* Compiles the campaign's content unless it is there. 0, -EINVAL (*error says where), -ENOMEM.
 * Front thread only, before a shard can claim from the campaign. */
MUST_USE int content_add(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, struct text *error);
const struct content *content_of(const struct content_set *set, uint32_t campaign_index);

/* Octets with CRLF line ends, before dot-stuffing. */
uint64_t content_size(const struct content *content, const struct queue_recipient *recipient);
bool content_is_eight_bit(const struct content *content);
/* The recipient's spans stay until the merge is done. */
void content_begin(struct content_merge *merge, const struct content *content,
                   const struct queue_recipient *recipient);
/* Writes what fits, dot-stuffed, with the final dot. True when all is written. */
MUST_USE bool content_step(struct content_merge *merge, struct text *out);

#endif
