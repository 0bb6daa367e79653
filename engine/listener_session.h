/* listener_session.h - one session of the listener: a client that brings mail back.
 *
 * Between the socket and the machine that receives (reception.h, where the states are drawn):
 * octets both ways, who may be written to, the time that a client has, and its end. What a message
 * says is for listener_message.h. Knows nothing of addresses that are listened on. The reception is
 * a slot of the listener's, whose io, policy and hygiene it borrows; the slot is free after
 * listener_session_shut, when nothing of it is in flight. */
#ifndef ENGINE_LISTENER_SESSION_H
#define ENGINE_LISTENER_SESSION_H

#include "engine/listener.h"

/* A connection: greeted, with 421 when its peer has too many. False: there is no slot even for
 * that; the handle stays the caller's. */
MUST_USE bool listener_session_begin(struct listener *listener, int handle);
/* Events of TAG_BOUNCES_RECV, _SEND (with its result) and _SHUT. */
void listener_session_received(struct listener *listener, struct reception *reception,
                               const struct io_event *event);
void listener_session_sent(struct listener *listener, struct reception *reception, int32_t result);
void listener_session_shut(struct listener *listener, struct reception *reception);
/* The rest only while it is not RECEPTION_CLOSING. Once a turn: an answer whose record became
 * durable, time-outs. */
void listener_session_turn(struct listener *listener, struct reception *reception);
MUST_USE uint64_t listener_session_deadline_ns(const struct listener *listener,
                                               const struct reception *reception);
/* The service stops: it is told so, and has a second for it. */
void listener_session_stop(struct listener *listener, struct reception *reception);

#endif
