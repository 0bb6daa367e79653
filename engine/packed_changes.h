/* packed_changes.h - changes of what is known about addresses (hygiene_change.h), one behind the
 * other in a file, each behind its size: how an import goes from the tool to whoever has the
 * journal.
 *
 * The same machine and build wrote it, but it lies on a disk: every size is checked. Knows no file
 * and owns nothing. */
#ifndef ENGINE_PACKED_CHANGES_H
#define ENGINE_PACKED_CHANGES_H

#include "bounce/hygiene_change.h"

#define PACKED_CHANGES_SIZE_MAX (HYGIENE_CHANGE_SIZE_MAX + 2) /* octets of one */
#define PACKED_CHANGES_SIZE_USUAL 80                          /* of one in a list, about */

/* One change: octets written into PACKED_CHANGES_SIZE_MAX. */
size_t packed_changes_write(const struct hygiene_change *change, uint8_t *into);
/* The change at *offset, which goes on behind it; its spans point into the image. -ENOENT at the
 * end, -EBADMSG for what is none: then nothing is touched. */
MUST_USE int packed_changes_next(struct span image, uint64_t *offset,
                                 struct hygiene_change *ret_change);

#endif
