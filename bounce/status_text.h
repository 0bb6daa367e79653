/* status_text.h - SMTP replies and status codes in what reports quote (RFC 5321 4.2, RFC 3463).
 *
 * "smtp; 550-5.1.1 No such user", "host mx.example said: 550 5.1.1 ...", "(#5.1.1)", a status
 * field. Owns nothing. */
#ifndef BOUNCE_STATUS_TEXT_H
#define BOUNCE_STATUS_TEXT_H

#include "base/span.h"

/* "5.1.1" at the front of `text`; what follows must be no digit or dot. */
MUST_USE bool status_text_enhanced_at(struct span text, uint16_t ret_status[3]);
/* The first status in a text whose class is 2, 4 or 5 and which stands apart from other digits. */
MUST_USE bool status_text_enhanced(struct span text, uint16_t ret_status[3]);
/* The first SMTP reply of 4yz or 5yz in a text: its code, and where it begins. */
MUST_USE bool status_text_reply(struct span text, uint16_t *ret_code, size_t *ret_at);
/* Whether there is one. */
MUST_USE bool status_text_has_reply(struct span text);

#endif
