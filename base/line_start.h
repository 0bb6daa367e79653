/* line_start.h - the next line of a text that begins with a certain byte, many bytes at a time.
 *
 * A line begins behind each LF. Pure. */
#ifndef BASE_LINE_START_H
#define BASE_LINE_START_H

#include "base/span.h"

/* The index of `first`, at or behind `from`, that stands behind an LF at or behind `from`; or the
 * size of the text. */
MUST_USE size_t line_start_find(struct span text, size_t from, uint8_t first);
/* The same without the machine's help, for tests and other machines. */
MUST_USE size_t line_start_find_plain(struct span text, size_t from, uint8_t first);

#endif
