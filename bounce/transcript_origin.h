/* transcript_origin.h - whom a listed address was made from: an alias, a forward, a list.
 *
 * Exim writes "(generated from ann@example.org)" behind the address that failed, or "ultimately
 * generated"; sendmail and Postfix "(expanded from: <ann@example.org>)". That is whom its
 * sender knows; what it became there he does not. Knows nothing of reports. Spans point into
 * the text. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_ORIGIN_H
#define BOUNCE_TRANSCRIPT_ORIGIN_H

#include "bounce/transcript.h"

/* By what stands behind a listed address: at once, or behind sendmail's "(reason: ...)". No
 * further: what comes then is another server's to say. */
MUST_USE bool transcript_origin_of(struct span reason, struct span *ret_mailbox);
/* Of an address that is not told ("an undisclosed address"): the next line of the text that says
 * nothing but whom it was made from, taken off *rest with all before it. */
MUST_USE bool transcript_origin_next(struct span *rest, struct span *ret_mailbox);

#endif
