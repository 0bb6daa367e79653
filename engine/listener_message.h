/* listener_message.h - one message of a session of the listener: kept in part, read, judged. */
#ifndef ENGINE_LISTENER_MESSAGE_H
#define ENGINE_LISTENER_MESSAGE_H

#include "engine/listener.h"

/* Another piece of the content. */
void listener_message_keep(struct listener *listener, struct reception *reception);
/* The message is complete: it is taken in, and answered unless its record has to become durable
 * first (reception->ticket). Nothing of it is kept. */
void listener_message_judge(struct listener *listener, struct reception *reception);
/* Gives its room back. */
void listener_message_drop(struct listener *listener, struct reception *reception);

#endif
