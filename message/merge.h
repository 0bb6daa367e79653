/* merge.h - a compiled template and one recipient's values, joined straight into lent buffers.
 *
 * Resumable: merge_step fills one buffer after the other. No allocation, no copy of a value. The
 * same template and values give the same octets every time, so a retry sends the same message.
 *
 *   merge_begin -> merge_step* until MERGE_DONE
 *
 * Borrows the template, the values and what they point to until MERGE_DONE. */
#ifndef MESSAGE_MERGE_H
#define MESSAGE_MERGE_H

#include "message/envelope.h"
#include "message/template.h"
#include "message/words.h"

/* Every buffer must have room for this much. */
#define MERGE_STEP_MAX 2048

struct merge_values {
    const struct span *fields; /* one for each of template->fields, in their order */
    struct span recipient;     /* mailbox for To, if the template has none */
    struct identity identity;  /* for Message-ID: <campaign-in-hex.ordinal@host> */
    struct span host;          /* an ASCII domain; anything else becomes host.invalid */
    uint64_t date_s;           /* for Date: seconds since 1970, UTC */
};

#define MERGE_END ((struct merge_place){UINT32_MAX, 0})

enum merge_state {
    MERGE_MORE, /* the buffer is full: send it, call again with an empty one */
    MERGE_DONE  /* everything has been written */
};

/* A place in a template where no piece but a literal one is cut. */
struct merge_place {
    uint32_t piece;
    uint32_t offset;
};

struct merge {
    const struct template *template;
    const struct merge_values *values;
    uint32_t piece;
    size_t offset;          /* in that piece */
    struct merge_place end; /* goes no further; MERGE_END: the end of the template */
    struct words_line line;
    bool stuffed;
    bool measuring; /* literals are counted, not written */
    uint64_t counted;
};

/* stuffed: with dot-stuffing and the final dot, for DATA; without, for BDAT. -EINVAL: a value does
 * not fit its place (template_check_value says why): the message cannot be sent. */
MUST_USE int merge_begin(struct merge *merge, const struct template *template,
                         const struct merge_values *values, bool stuffed);
MUST_USE enum merge_state merge_step(struct merge *merge, struct text *out);
/* Exact octets of the message, without dot-stuffing, for SIZE=. Call it after merge_begin, before
 * the first merge_step; it does not change the merge. */
uint64_t merge_size(const struct merge *merge);
/* Where the body begins, behind the blank line; the template's end when there is none. */
struct merge_place merge_body_place(const struct template *template);
/* From here on merge_step goes as far as `end` and says MERGE_DONE there; then another may be
 * set. Only of a merge that is not stuffed. */
void merge_until(struct merge *merge, struct merge_place end);
/* The whole field Date with its line end (RFC 5322 3.3), in UTC. */
void merge_write_date(uint64_t date_s, struct text *out);

#endif
