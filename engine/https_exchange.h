/* https_exchange.h - one request and its response, from the address to the end of the socket.
 *
 * The part of https that speaks; the states are drawn in https.h. Knows nothing of who asked. */
#ifndef ENGINE_HTTPS_EXCHANGE_H
#define ENGINE_HTTPS_EXCHANGE_H

#include "engine/https.h"

/* Asks the dns room for the addresses; goes on when they are there. Sets `asked`. */
void https_exchange_resolve(struct https *https, struct https_exchange *exchange);
/* Leaves an address that does not answer (error: negative errno; -ECANCELED: in time) for the next
 * one; ends when there is none. In CONNECT. */
void https_exchange_next_address(struct https *https, struct https_exchange *exchange, int error);
/* The first cause stays. The exchange ends as soon as nothing of it is in flight. In any state. */
void https_exchange_finish(struct https *https, struct https_exchange *exchange,
                           enum https_failure failure, struct span words);
/* The events of one exchange; https_event finds it. */
void https_exchange_event(struct https *https, struct https_exchange *exchange,
                          const struct io_event *event);

#endif
