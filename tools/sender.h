/* sender.h - the lines that a running sender answers (sender_line.h asks for them). */
#ifndef TOOLS_SENDER_H
#define TOOLS_SENDER_H

#include "base/span.h"

/* The value of a key in one line of our own JSON, for the plain form; without quotes. */
struct span sender_value(struct span line, const char *key);

#endif
