/* query_order.h - what an operator orders: a campaign, or its mail to one domain, is paused, goes
 * on or is cancelled.
 *
 *   pause C | resume C | cancel C    the whole campaign; the answer is its line of the summary
 *   pause [C] D | resume [C] D       mail to the domain D, of C or of every campaign, those that
 * come later too; the answer is the stop's line cancel [C] D                     whoever of D has
 * not ended, in C or in every campaign that is there; the answer is a line for each campaign with
 * mail to D
 *
 * An order answers when it is durable. Belongs to the store's thread. Knows no socket. */
#ifndef ENGINE_QUERY_ORDER_H
#define ENGINE_QUERY_ORDER_H

#include "base/text.h"
#include "engine/content.h"
#include "engine/query_campaign.h"
#include "engine/store.h"

struct query_order {
    enum campaign_state state; /* the one wanted */
    uint32_t campaign_index;
    uint32_t record; /* how far the walk over recipients has come */
    uint32_t found_count;
    bool ordered; /* its durability is awaited */
    struct query_campaign_domain told;
};

/* What an order looks at. Names as in query.h. */
struct query_order_world {
    struct store *store;
    const struct content_set *contents;
    const char *campaign; /* "" = every */
    const char *domain;   /* "": the whole campaign */
};

/* Whether it is the verb of an order. */
MUST_USE bool query_order_parse(struct query_order *order, struct span verb);
/* True: the answer is complete; false: call again after a tick of the store. */
MUST_USE bool query_order_step(struct query_order *order, const struct query_order_world *world,
                               struct text *out);
/* The lines of the stops that hold for the campaign ("" = every) and the domain ("" = every), from
 * *cursor on. False: no room for more. */
MUST_USE bool query_order_stops(const struct queue *queue, const char *campaign, const char *domain,
                                uint32_t *cursor, struct text *out);
/* How many domains have the campaign's mail kept back; STOPS_EVERY: that of every campaign. */
uint32_t query_order_pauses(const struct queue *queue, uint32_t campaign_index);
/* Why mail of a campaign to a domain does not go now, in words; NULL: no operator keeps it. */
const char *query_order_pause(const struct queue *queue, uint32_t campaign_index, uint32_t domain);

#endif
