/* author.h - whose mail it is, as receivers see it: the domain of From (RFC 5322 3.6.2).
 *
 * Signatures and DMARC (RFC 7489 3.1) go by it. Reads what authors write, folds, comments and
 * quoted names with an @ in them included; decides nothing about it. Owns nothing. */
#ifndef MESSAGE_AUTHOR_H
#define MESSAGE_AUTHOR_H

#include "base/span.h"

/* The domain of the first mailbox in a From field, which is given from behind its name and colon;
 * empty when there is none. */
MUST_USE struct span author_domain(struct span from);

#endif
