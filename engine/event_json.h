/* event_json.h - one attempt as one line of JSON: the exported event (docs/events.md).
 *
 * Field names stay close to KumoMTA's log record, so that tools made for it map over. Remote text
 * is escaped by the JSON writer. Knows no file. */
#ifndef ENGINE_EVENT_JSON_H
#define ENGINE_EVENT_JSON_H

#include "base/text.h"
#include "bounce/classify.h"
#include "queue/attempt.h"
#include "queue/queue.h"

#define EVENT_JSON_MAX ((size_t)256 * 1024) /* one line; metadata is the largest part */

/* `recipient` may be NULL when its record cannot be read; without a classifier (NULL) no class is
 * given. Ends with a line feed. */
void event_json_write(struct text *out, const struct attempt_event *event,
                      const struct queue_recipient *recipient, const struct classifier *classifier);
/* The class of what ended badly, as it stands in the event; NULL: none. */
const char *event_json_class(const struct attempt *attempt, const struct classifier *classifier);
/* Its part about the recipient: campaign to metadata, members of an object. */
void event_json_recipient(struct text *out, const struct queue_recipient *recipient);
/* Seconds with three decimals. */
void event_json_seconds(struct text *out, const char *key, uint64_t ns);
/* "Delivery", "TransientFailure", ... */
const char *event_json_type(enum outcome_kind kind);
/* "5fc1...a0.17": campaign in hexadecimal, ordinal. */
void event_json_id(struct text *out, struct identity identity);
MUST_USE bool event_json_parse_id(struct span text, struct identity *ret_identity);

#endif
