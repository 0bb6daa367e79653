/* decision_failed.h - decisions whose command failed, kept in a file until it does not.
 *
 * The file holds them in the order in which they were made, each as two octets of size and the
 * bytes of bounce/hygiene_change. One is in it before the cursor moves over it. While one of an
 * address on a list waits, later ones of the same address wait behind it, so that no withdrawal
 * overtakes its suppression. Bounded. Owns the memory. */
#ifndef TOOLS_DECISION_FAILED_H
#define TOOLS_DECISION_FAILED_H

#include "bounce/hygiene_change.h"

#define DECISION_FAILED_MAX 10000

struct decision_failed {
    char path[2048];
    uint8_t *data; /* the file as it is; DECISION_FAILED_MAX of the largest */
    size_t size;
    uint32_t count;
    uint64_t *hashes; /* of address and list, DECISION_FAILED_MAX */
};

/* Reads the file; none is an empty one. What stands behind a torn end is dropped: its cursor did
 * not move. 0 or -errno. */
MUST_USE int decision_failed_open(struct decision_failed *failed, const char *path);
void decision_failed_close(struct decision_failed *failed);
MUST_USE bool decision_failed_has(const struct decision_failed *failed,
                                  const struct hygiene_change *change);
/* Whether the one with this number is about the same address on the same list. */
MUST_USE bool decision_failed_is(const struct decision_failed *failed, uint32_t number,
                                 const struct hygiene_change *change);
/* Durable when it returns 0; -ENOSPC: too many wait already. */
MUST_USE int decision_failed_add(struct decision_failed *failed,
                                 const struct hygiene_change *change);
/* Walks them from *offset 0; false at the end. */
MUST_USE bool decision_failed_next(const struct decision_failed *failed, size_t *offset,
                                   struct hygiene_change *ret_change);
/* Only these are left: those of which keep[i] is set. Durable when it returns 0. */
MUST_USE int decision_failed_keep(struct decision_failed *failed, const bool *keep);

#endif
