/* query_campaign.h - campaigns as an operator names them, and how each fares at one domain.
 *
 * Knows no socket; the same at rest and beside a sender. Owns nothing. */
#ifndef ENGINE_QUERY_CAMPAIGN_H
#define ENGINE_QUERY_CAMPAIGN_H

#include "base/text.h"
#include "engine/content.h"
#include "engine/store.h"
#include "queue/queue.h"

#define QUERY_CAMPAIGN_WINDOW 64 /* campaigns counted in one walk over the recipients */

struct query_campaign_counts {
    uint64_t recipients;
    uint64_t unsure;
    uint64_t kinds[OUTCOME_KIND_COUNT];
};

/* How far the walk has come; all zero at first. */
struct query_campaign_domain {
    uint32_t first;  /* campaign of the window: one that is wanted */
    uint32_t record; /* the next one */
    uint32_t told;   /* campaigns of the window whose line was written */
    struct query_campaign_counts counts[QUERY_CAMPAIGN_WINDOW];
};

/* Whether "name" or "tenant/name" ("": any) means it. */
MUST_USE bool query_campaign_is(const struct campaign *campaign, const char *name);
/* Why nobody sends the campaign although it is open, or NULL. */
const char *query_campaign_fault(const struct queue *queue, const struct content_set *contents,
                                 uint32_t index);
/* The campaign's line, and without its braces. */
void query_campaign_write(struct store *store, const struct content_set *contents, uint32_t index,
                          struct text *out);
void query_campaign_fields(struct store *store, const struct content_set *contents, uint32_t index,
                           struct text *out);
/* A line for each campaign of that name that has recipients at the domain, of those that the spool
 * still knows; who is in flight counts as queued or deferred. True: that was all; false: call
 * again. */
MUST_USE bool query_campaign_step(struct query_campaign_domain *walk, const struct queue *queue,
                                  const struct content_set *contents, const char *name,
                                  const char *domain, struct text *out);

#endif
