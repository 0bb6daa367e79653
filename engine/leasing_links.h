/* leasing_links.h - what shards say to each other about the limits of sites, and the channels on
 * which they do.
 *
 * Knows nothing of what is granted. Made by the front from its arena, then each channel belongs to
 * the two shards at its ends. A full channel is back-pressure: it is asked for room first. */
#ifndef ENGINE_LEASING_LINKS_H
#define ENGINE_LEASING_LINKS_H

#include "base/arena.h"
#include "base/channel.h"
#include "base/table.h"
#include "schedule/lease.h"

#define LEASING_CHANNEL_MAX 1024

struct leasing_message {
    uint64_t site;     /* hash of the name, the same in every shard */
    uint32_t limit;    /* announcements: what the sender's policy says */
    bool grant;        /* else an announcement */
    uint64_t paced_ns; /* when the site, at its whole rate, has made up for the messages sent */
    union {
        struct lease_announcement announcement;
        struct lease_grant granted;
    } is;
};

/* Channels between all pairs: from i to j at [i * count + j]. */
struct leasing_links {
    uint32_t count;
    struct table_key key;
    struct channel *channels;
};

MUST_USE size_t leasing_links_cost(uint32_t shards_count);
void leasing_links_init(struct leasing_links *links, struct arena *arena, uint32_t shards_count,
                        struct table_key key);
/* One more message has room; always to oneself. Asked by the shard `from`. */
MUST_USE bool leasing_links_has_room(const struct leasing_links *links, uint32_t from, uint32_t to);
/* False when the channel is full. The other's ring is the caller's to wake. */
MUST_USE bool leasing_links_send(struct leasing_links *links, uint32_t from, uint32_t to,
                                 const struct leasing_message *message);
/* The next message of this peer, if there is one. */
MUST_USE bool leasing_links_receive(struct leasing_links *links, uint32_t from, uint32_t to,
                                    struct leasing_message *ret_message);

#endif
