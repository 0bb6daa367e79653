/* reply_shape.h - the text of a reply without what differs from one recipient to the next, so that
 * many replies can be counted as one.
 *
 * Folded (bounce/reply_fold); words that hold an address, three digits or more than 24 bytes become
 * a '*', and several of them in a row become one. Pure. */
#ifndef BOUNCE_REPLY_SHAPE_H
#define BOUNCE_REPLY_SHAPE_H

#include "base/span.h"

#define REPLY_SHAPE_MAX 160

/* Bytes written, at most `capacity` (cut at a word) and REPLY_SHAPE_MAX. */
MUST_USE size_t reply_shape(struct span text, uint8_t *into, size_t capacity);

#endif
