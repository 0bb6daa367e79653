/* hygiene_feed.h - an attempt that ended, as an event of hygiene: whose address, which class. */
#ifndef ENGINE_HYGIENE_FEED_H
#define ENGINE_HYGIENE_FEED_H

#include "bounce/classify.h"
#include "bounce/hygiene_judge.h"
#include "queue/attempt.h"
#include "queue/queue.h"

/* The strings of `event` lie in here and in the attempt. */
struct hygiene_feed {
    struct hygiene_event event;
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    char note[HYGIENE_CHANGE_NOTE_MAX];
};

/* False: it says nothing about an address (a deferral, an operator's decision, a record that cannot
 * be read). */
MUST_USE bool hygiene_feed_read(struct hygiene_feed *feed, const struct queue *queue,
                                const struct attempt_event *attempt,
                                const struct classifier *classifier);
/* The key of an address as hygiene compares it, and the stream of a campaign. Empty: no address. */
struct span hygiene_feed_key(struct span address, uint8_t into[HYGIENE_CHANGE_KEY_MAX]);
struct span hygiene_feed_stream(const struct campaign *campaign);
/* Mail that ringpost writes by itself (self_mail.h): its failures are nobody's, and suppress
 * nobody. */
MUST_USE bool hygiene_feed_is_ours(const struct campaign *campaign);

#endif
