/* summary.h - why mail was deferred or failed, counted by reason: for the progress line and the
 * end.
 *
 * Replies are normalised (addresses, figures and long tokens become "*"), so that ten thousand "550
 * user unknown <...>" are one line. A fixed number of reasons is kept; the rest is counted as
 * "other". */
#ifndef ENGINE_SUMMARY_H
#define ENGINE_SUMMARY_H

#include "message/outcome.h"
#include "queue/attempt.h"

#define SUMMARY_REASONS_MAX 64
#define SUMMARY_TEXT_MAX 120

struct summary_reason {
    enum outcome_kind kind;
    uint64_t count;
    const char *class; /* bounce_class_name; NULL: none was given */
    uint16_t text_size;
    char text[SUMMARY_TEXT_MAX];
};

struct summary {
    uint32_t reasons_count;
    struct summary_reason reasons[SUMMARY_REASONS_MAX];
    uint64_t other_count;
};

void summary_reset(struct summary *summary);
/* Delivered attempts are not counted. `class` is static text, or NULL. */
void summary_add(struct summary *summary, const struct outcome *outcome, const char *class);
/* Most frequent first. */
void summary_sort(struct summary *summary);
/* The most frequent reason of this kind, or NULL. UNSURE counts as DEFERRED. */
const struct summary_reason *summary_top(const struct summary *summary, enum outcome_kind kind);

#endif
