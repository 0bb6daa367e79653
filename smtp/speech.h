/* speech.h - what the client says next, and when it may.
 *
 * The speaking half of smtp.c, for it alone; dialogue.h is the listening one. With PIPELINING all
 * commands of a transaction go out in one flight, and those of the next behind the last dot (RFC
 * 2920); without it one command waits for the reply to the other. Reads no replies, gives no
 * verdicts. Writes into a text with room for SMTP_BURST_MAX octets. */
#ifndef SMTP_SPEECH_H
#define SMTP_SPEECH_H

#include "smtp/smtp.h"

/* Writes the commands that this state owes, as far as they may be written; the state after it. */
MUST_USE enum smtp_state speech_write(struct smtp *smtp, struct text *out);
/* Whether another transaction may be opened now. */
MUST_USE bool speech_takes_envelope(const struct smtp *smtp);
/* The newest transaction begins: its commands, behind the RSET that is owed for an earlier one. */
void speech_begin(struct smtp *smtp, struct text *out);

#endif
