/* markup.h - the text of an HTML page, as far as a report in HTML needs it.
 *
 * Tags go; those that begin a line do so; entities become characters; what is not shown (style,
 * script, title, comments) is left out. No HTML parser: enough for what mail servers write, and
 * harmless for everything else. What looks like an address in bare brackets stays; it is told from
 * a tag by the first 2 KiB behind the bracket, so that a page of nothing but "<a@" costs no more
 * than those for each. Owns nothing. */
#ifndef BOUNCE_MARKUP_H
#define BOUNCE_MARKUP_H

#include "base/text.h"

/* Adds the text as far as there is room; never overflows. */
void markup_text(struct span html, struct text *out);

#endif
