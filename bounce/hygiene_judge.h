/* hygiene_judge.h - what a bounce, a complaint or a delivery does to what is known about an
 * address.
 *
 * The actions of the vocabulary (bounce/bounce_class.h): hard bounces suppress at the first final
 * failure, soft ones are counted at most once a day, what is the sender's fault does nothing, a
 * delivery forgets what was counted. A provider whose breaker is open gets its suppressions held.
 * Changes nothing but the counts of breakers and domains: the caller journals and applies the
 * changes. */
#ifndef BOUNCE_HYGIENE_JUDGE_H
#define BOUNCE_HYGIENE_JUDGE_H

#include "bounce/hygiene.h"

/* What happened to an address. */
struct hygiene_event {
    struct span key;
    struct span tenant; /* of the message: for what is about one list only */
    struct span stream;
    struct span host; /* that said so; may be empty */
    struct span note; /* what it said */
    enum bounce_class class;
    enum hygiene_source source;
    bool final;     /* no further attempt will be made */
    bool confirmed; /* BOUNCE_NO_DOMAIN: a fresh look-up in the DNS agrees */
    uint64_t time_s;
};

#define HYGIENE_JUDGE_CHANGES_MAX 3

/* The changes that an event asks for, to be applied in this order; none is a good answer. Their
 * spans borrow from the event. Counts for the breaker of the host's provider. */
MUST_USE uint32_t hygiene_judge(struct hygiene *hygiene, const struct hygiene_event *event,
                                struct hygiene_change ret_changes[HYGIENE_JUDGE_CHANGES_MAX]);

#endif
