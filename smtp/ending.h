/* ending.h - what becomes of the transactions that are open when a session is over.
 *
 * A part of smtp.c, for it alone. Why the session ended stands in smtp->end; what that means for a
 * transaction depends on how far it was. After the dot nobody knows whether it was delivered (RFC
 * 1047): unsure. Where nothing was tried it is given back as it was. */
#ifndef SMTP_ENDING_H
#define SMTP_ENDING_H

#include "smtp/smtp.h"

/* On a closed session with nothing to settle: the oldest transaction still open gets its verdict.
 * False: there is none. */
MUST_USE bool ending_settle(struct smtp *smtp);

#endif
