/* mailbox.h - addresses in running text, as mail servers and people write them.
 *
 * Finds what looks like local@domain in any text: with angle brackets, quotes, "SMTP:" or "mailto:"
 * around it, or none. Knows nothing of what an address in a place means (transcript.h does).
 * Owns nothing. */
#ifndef BOUNCE_MAILBOX_H
#define BOUNCE_MAILBOX_H

#include "base/span.h"

/* More than any address has (RFC 5321 4.5.3.1.3). */
#define MAILBOX_VALUE_MAX 1024

/* The next address at or after `from`; *ret points into the text, without brackets. */
MUST_USE bool mailbox_find(struct span text, size_t from, struct span *ret);
/* Of the value of a Final-Recipient, To or X-Failed-Recipients field: its first address; without an
 * '@' in it the whole value without its type ("rfc822;"), brackets and blanks, cut at
 * MAILBOX_VALUE_MAX; may be empty. */
struct span mailbox_of_field(struct span value);
/* Local part and domain, ASCII letters alike. */
MUST_USE bool mailbox_same(struct span a, struct span b);
struct span mailbox_local(struct span mailbox);
struct span mailbox_domain(struct span mailbox);
/* mailer-daemon, postmaster and the like: nobody writes a list's mail to them. */
MUST_USE bool mailbox_is_daemon(struct span mailbox);

#endif
