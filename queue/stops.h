/* stops.h - domains to which an operator has stopped the mail: for now (paused), or for good
 * (cancelled).
 *
 * Knows nothing of recipients, files or time. A pause is of one campaign or of every campaign,
 * those that come later too; a cancel is of one campaign, whose list does not grow any more.
 * Campaigns and domains are numbers of the queue's. Nearly always there are none, and then a
 * question costs nothing. Used by one thread; the store and every shard have a table of their own.
 * Borrows an arena. */
#ifndef QUEUE_STOPS_H
#define QUEUE_STOPS_H

#include "base/table.h"

#define STOPS_MAX 4096
#define STOPS_EVERY UINT32_MAX /* for a campaign: all of them */

enum stop_kind {
    STOP_NONE = 0,  /* mail goes; as an order: a pause is lifted */
    STOP_PAUSED,    /* until it is lifted */
    STOP_CANCELLED, /* what had not ended when it was ordered has ended by it */
    STOP_KIND_COUNT
};

struct stop {
    uint32_t campaign; /* index, or STOPS_EVERY */
    uint32_t domain;
    enum stop_kind kind;
    uint64_t time_s; /* when it was ordered: wall seconds since 1970 */
    bool is_new;     /* since this process has opened the queue */
};

struct stops {
    struct stop *list; /* those that hold, in no order */
    struct table table;
    uint32_t count;
};

size_t stops_cost(void);
void stops_init(struct stops *stops, struct arena *arena);
void stops_clear(struct stops *stops);
/* Takes the place of what was ordered for the same campaign and domain; STOP_NONE takes it away. A
 * cancel stays: 0, and nothing changes. -ENOSPC: STOPS_MAX hold. */
MUST_USE int stops_set(struct stops *stops, const struct stop *stop);
/* What was ordered for exactly this campaign (or STOPS_EVERY), or NULL. */
const struct stop *stops_find(const struct stops *stops, uint32_t campaign, uint32_t domain);
/* What holds for the campaign's mail to the domain: the stronger of its own stop and that of every
 * campaign. */
enum stop_kind stops_kind(const struct stops *stops, uint32_t campaign, uint32_t domain);
/* The campaign has ended: what was ordered for it alone says nothing any more. */
void stops_forget(struct stops *stops, uint32_t campaign);
const char *stops_kind_name(enum stop_kind kind); /* "open", "paused", "cancelled" */

#endif
