/* receive_commands.h - what the receiving side does with one command line; the inside of receive.h.
 *
 * Writes the reply, changes the state, counts faults. */
#ifndef SMTP_RECEIVE_COMMANDS_H
#define SMTP_RECEIVE_COMMANDS_H

#include "smtp/receive.h"

/* Beside enum receive_want: nothing is wanted of the caller, the session goes on. */
#define RECEIVE_COMMANDS_DONE (-1)

/* One line without its CRLF. RECEIVE_COMMANDS_DONE or what is wanted. */
MUST_USE int receive_commands_take(struct receive *receive, struct span line, struct text *out);
/* The reply (without CRLF) to something refused; the one too many ends the session with 421. */
int receive_commands_fault(struct receive *receive, struct text *out, const char *line);
void receive_commands_reply(struct text *out, const char *line);
/* RSET: as if nothing had been said since EHLO. */
void receive_commands_forget(struct receive *receive);

#endif
