/* route_site.h - writes the canonical name of an MX set (see route_site_name in route.h).
 *
 * Knows nothing of preferences but where one group ends. The caller adds names in order. */
#ifndef DNS_ROUTE_SITE_H
#define DNS_ROUTE_SITE_H

#include "base/span.h"

struct route_site {
    char *into;  /* ROUTE_SITE_SIZE octets */
    size_t size; /* of the whole name, more than fits perhaps */
    uint64_t hash;
};

void route_site_begin(struct route_site *site, char *into);
/* `separator` stands before the name, unless it is the first. */
void route_site_add(struct route_site *site, char separator, struct span name);
void route_site_end(struct route_site *site);

#endif
