/* intake.h - what came back, taken in: from a notice (notice.h) to hygiene, once and durably.
 *
 * The keyed tag says whose mail it was; the queue knows that recipient's address, tenant and
 * stream; hygiene judges. Without a valid tag, or of a recipient that the spool does not know,
 * nothing is concluded: what a report says of addresses suppresses nobody. A tag that spoke about
 * the same before is not heard again. What is of somebody else's list is counted without proof
 * (intake_list.h).
 *
 * Belongs to the store's thread. Owns nothing. */
#ifndef ENGINE_INTAKE_H
#define ENGINE_INTAKE_H

#include "engine/hygiene_store.h"
#include "engine/notice.h"
#include "message/address.h"

enum intake_decision {
    INTAKE_SUPPRESSED = 0, /* the address is suppressed from now on */
    INTAKE_HELD,           /* it would be, but its provider's breaker is open */
    INTAKE_COUNTED,        /* it counts against the address */
    INTAKE_NOTED,          /* understood; asks for nothing */
    INTAKE_REPEATED,       /* this tag has spoken about this before */
    INTAKE_UNPROVEN,       /* no valid tag */
    INTAKE_UNKNOWN,        /* a valid tag of a recipient that is not in this spool */
    INTAKE_LATER,          /* it cannot be recorded now: nothing was done */
    INTAKE_DECISION_COUNT
};

struct intake_result {
    enum intake_decision decision;
    uint64_t ticket; /* durable once hygiene_store_durable_count has reached it; 0: nothing to wait
                        for */
    struct queue_recipient recipient; /* spans empty when it is not known */
    uint32_t days;                    /* of a list: on so many days there were reports that agree */
};

/* The recipient that an identity stands for; false: not in this spool. */
MUST_USE bool intake_recipient(const struct queue *queue, struct identity identity,
                               struct queue_recipient *ret_recipient);
void intake_take(struct hygiene_store *hygiene, const struct queue *queue,
                 const struct notice *notice, uint64_t wall_s, struct intake_result *ret_result);
/* One line of JSON, with its end: {"kind", "tag", "recipient", "class", "decision"...}; `name`
 * (may be NULL) is the file's. */
void intake_write(const struct notice *notice, const struct intake_result *result, const char *name,
                  struct text *out);
/* The event of a notice that asked for something and was heard (INTAKE_SUPPRESSED, _HELD, _COUNTED,
 * _NOTED with a ticket): OOB, Feedback or Unsubscribe (docs/events.md), with its end;
 * else nothing. At most EVENT_JSON_MAX octets. */
void intake_event(const struct notice *notice, const struct intake_result *result, uint64_t wall_ns,
                  struct text *out);
/* "suppressed", "unproven". */
const char *intake_decision_name(enum intake_decision decision);

#endif
