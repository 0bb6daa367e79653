/* opening.h - from the connection to the first envelope: greeting, EHLO, STARTTLS, AUTH.
 *
 * A part of smtp.c, for it, dialogue.c and speech.c alone: what is said in which order before mail
 * may go. What the server offered in clear is forgotten when TLS begins (RFC 3207 4.2); credentials
 * are never said in clear (RFC 4954 4). */
#ifndef SMTP_OPENING_H
#define SMTP_OPENING_H

#include "smtp/smtp.h"

/* Writes the command that this state of the opening owes, if it is not written yet. */
void opening_write(struct smtp *smtp, struct text *out);
/* The reply to a command of the opening, complete in the reader; the state after it. */
MUST_USE enum smtp_state opening_hear(struct smtp *smtp, enum command command);
/* TLS stands: what was learned in clear is void; the state after it. */
MUST_USE enum smtp_state opening_secured(struct smtp *smtp);

#endif
