/* dialogue.h - what a reply does to the session and to the transaction that it answers.
 *
 * The listening half of smtp.c, for it and its other parts alone: the complete reply lies in the
 * session's reader, the command that it answers is the oldest one of the window. Writes nothing,
 * asks nobody; the new state is returned. */
#ifndef SMTP_DIALOGUE_H
#define SMTP_DIALOGUE_H

#include "smtp/smtp.h"

/* A command was written, for the transaction at `place` or for none: its reply is awaited behind
 * all others. */
void dialogue_await(struct smtp *smtp, enum command command, uint8_t place);
/* The reader's complete reply is given to its command. */
MUST_USE enum smtp_state dialogue_hear(struct smtp *smtp);
/* The transaction at `place`, still open, has its verdict; at most one waits to be taken. */
void dialogue_settle(struct smtp *smtp, uint8_t place, struct verdict verdict);
/* The session is over. */
MUST_USE enum smtp_state dialogue_close(struct smtp *smtp, struct verdict why);

#endif
