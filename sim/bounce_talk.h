/* bounce_talk.h - what a simulated server that brings reports says: its transactions, and what
 * those say that only pretend to have any.
 *
 * Private to bounce_peer.c. Knows commands and replies, and that the peer's manner decides which
 * come at once; nothing of streams and of when a connection is made. Writes by bounce_peer_say and
 * its kin; the reports and the state of the talk stand in the peer, which owns them.
 *
 *   GREETING -> EHLO -> MAIL -> RCPT -> DATA -> DOT -> MAIL ... -> QUIT
 *   a refusal -> RSET -> MAIL;  421, or a reply to QUIT -> the connection is left */
#ifndef SIM_BOUNCE_TALK_H
#define SIM_BOUNCE_TALK_H

#include "sim/bounce_peer.h"

/* A reply has come, its last line. */
void bounce_talk_reply(struct bounce_peer *peer, uint32_t code);
/* Says all of it at once, waiting for nothing: BOUNCE_RUBBISH and BOUNCE_DEAF. */
void bounce_talk_pretend(struct bounce_peer *peer);

#endif
