/* sender.h - a sender that runs on a spool: its control socket, and the lines that it answers. */
#ifndef TOOLS_SENDER_H
#define TOOLS_SENDER_H

#include "base/span.h"

/* A socket connected to the sender's control socket, or -errno. */
int sender_connect(const char *spool);
/* The value of a key in one line of our own JSON, for the plain form; without quotes. */
struct span sender_value(struct span line, const char *key);

#endif
