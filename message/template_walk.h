/* template_walk.h - the MIME structure of a template (RFC 2046 5.1), part by part.
 *
 * What stands before the first and after the last boundary of a multipart is left out. A multipart
 * that is not closed is refused. No recursion: the open boundaries are a stack of
 * TEMPLATE_DEPTH_MAX.
 * Private to the template_ files. */
#ifndef MESSAGE_TEMPLATE_WALK_H
#define MESSAGE_TEMPLATE_WALK_H

#include "message/template_build.h"

/* Writes the whole message. -EINVAL: noted in build. */
MUST_USE int template_walk(struct template_build *build);

#endif
