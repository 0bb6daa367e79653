/* rewrite.h - makes durable what a start read in a file and nothing proves to be durable.
 *
 * It may stand in the page cache only: the process before was killed while it wrote, or a sync
 * failed and the kernel kept the pages, marked clean, so that another sync says yes and writes
 * nothing. So it is written once more in its place, and synced. The write is from a copy: the
 * mapping shows the very pages in doubt.
 *
 * Waits on the caller's io. Owns nothing. */
#ifndef ENGINE_REWRITE_H
#define ENGINE_REWRITE_H

#include "base/span.h"
#include "io/io.h"

struct rewrite {
    struct io *io;
    uint64_t tag;         /* of all its operations */
    struct span_mut room; /* for the copy; at least a page */
    int32_t (*await)(void *context);
    void *context; /* await: the result of the event with the tag */
};

/* `bytes`, which were read at that offset of the file, are durable there at return 0. Else -errno:
 * nothing may be built on them. */
MUST_USE int rewrite_durable(const struct rewrite *rewrite, const char *path, struct span bytes,
                             uint64_t offset);
/* The names in it are durable at return 0. */
MUST_USE int rewrite_sync_folder(const struct rewrite *rewrite, const char *path);

#endif
