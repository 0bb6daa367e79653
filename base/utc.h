/* utc.h - moments as text: "2026-11-21T12:00:00Z" (RFC 3339, UTC, whole seconds), and back.
 *
 * Knows no clock. Years 1970 to 9999. */
#ifndef BASE_UTC_H
#define BASE_UTC_H

#include "base/span.h"
#include "base/text.h"

#define UTC_SIZE 20
#define UTC_MAX_S UINT64_C(253402300799)

/* A later moment than UTC_MAX_S is written as that one. */
void utc_write(struct text *text, uint64_t seconds);
/* Also "2026-11-21" (its begin) and plain seconds since 1970. */
MUST_USE bool utc_read(struct span span, uint64_t *ret_seconds);

#endif
