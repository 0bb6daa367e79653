/* template_scan.h - finding {{fields}} in text, and addresses in a header with fields.
 *
 * Knows nothing of compiling or of where the text came from. Owns nothing. */
#ifndef MESSAGE_TEMPLATE_SCAN_H
#define MESSAGE_TEMPLATE_SCAN_H

#include "base/span.h"
#include "base/text.h"

struct template_scan_tag {
    size_t start; /* of the first brace */
    size_t end;   /* after the last */
    struct span name;
    bool raw; /* three braces */
};

/* The first tag at or after `from`. 1: *ret; 0: none; -EINVAL: there are two opening braces at
 * ret->start, but no field. */
MUST_USE int template_scan_next(struct span text, size_t from, struct template_scan_tag *ret);

#endif
