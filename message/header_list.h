/* header_list.h - the header fields of a received message, read once and looked up often.
 *
 * Reads what strangers send: lines end with LF or CRLF; blank lines and an mbox "From " line before
 * the header are skipped; lines that lost their fold are too, when one of the common fields
 * follows; parameters that lost theirs are read; any other line that is no field ends the header
 * and belongs to the body. Names are compared without regard to case. Nothing is decoded; spans
 * point into the message. Knows nothing of what the fields mean. Owns nothing. */
#ifndef MESSAGE_HEADER_LIST_H
#define MESSAGE_HEADER_LIST_H

#include "message/header.h"

/* Further fields are skipped: nothing is found in them. */
#define HEADER_LIST_MAX 256
/* So is a field that begins later than this in a header. */
#define HEADER_LIST_SIZE_MAX (256 * KIB)
/* Lines without their fold, in a row. */
#define HEADER_LIST_UNFOLDED_MAX 6

struct header_list {
    struct header_field fields[HEADER_LIST_MAX];
    uint16_t keys[HEADER_LIST_MAX]; /* of their names: the first letter and the size */
    uint32_t count;
};

/* Takes one field off *rest. 1: *ret; 0: the blank line was taken, or the end reached; -EBADMSG:
 * the line at the front is no field, nothing was taken. As header_next, but faster, and without
 * bare CR as line end; a name may not begin with "--", so that no MIME boundary is taken for a
 * field. */
MUST_USE int header_list_next(struct span *rest, struct header_field *ret);
/* Takes a header and its blank line off *rest. Never fails. */
void header_list_read(struct header_list *list, struct span *rest);
/* The trimmed body, with its folds, of the first field of that name; size 0 when there is none (or
 * it is empty). */
struct span header_list_find(const struct header_list *list, struct span name);
MUST_USE bool header_list_has(const struct header_list *list, struct span name);

#endif
