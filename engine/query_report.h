/* query_report.h - what `ringpost bounce ingest` hands to a running sender.
 *
 *   report NOTICE   a notice (notice.h) that was proven by its return path's tag; the answer, one
 *                   line of JSON with the decision, comes when that is durable
 *   whose ID        {"recipient": ...} of an identity, to tell the recipients of a report apart
 *
 * Belongs to the store's thread. Knows no socket. */
#ifndef ENGINE_QUERY_REPORT_H
#define ENGINE_QUERY_REPORT_H

#include "engine/intake.h"

struct query_report {
    struct notice notice;
    struct intake_result taken;
    bool is_taken; /* its durability is awaited */
};

MUST_USE bool query_report_parse(struct query_report *report, struct span line);
/* True: the answer is complete. `events`: where its event goes, or NULL. */
MUST_USE bool query_report_step(struct query_report *report, struct hygiene_store *hygiene,
                                const struct queue *queue, uint64_t wall_ns, struct text *events,
                                struct text *out);
MUST_USE bool query_report_whose(const struct queue *queue, struct identity identity,
                                 struct text *out);

#endif
