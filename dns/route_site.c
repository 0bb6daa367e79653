#include "dns/route_site.h"

#include <string.h>

#include "base/table.h"
#include "base/text.h"
#include "dns/route.h"

#define TAIL_SIZE 17 /* '~' and the digits */

/* The same key everywhere: the name of a site is compared between shards, runs and machines. */
static void add(struct route_site *site, struct span span)
{
    struct table_key key = {{site->hash, UINT64_C(0x7369746520686173)}};
    size_t room = site->size < ROUTE_SITE_SIZE - 1 ? ROUTE_SITE_SIZE - 1 - site->size : 0;
    size_t size = min_size(room, span.size);

    if (size > 0)
        memcpy(&site->into[site->size], span.data, size);
    site->hash = table_hash(&key, span);
    site->size += span.size;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written to later */
void route_site_begin(struct route_site *site, char *into)
{
    *site = (struct route_site){.into = into};
}

void route_site_add(struct route_site *site, char separator, struct span name)
{
    if (site->size > 0)
        add(site, span_make(&separator, 1));
    add(site, name);
}

void route_site_end(struct route_site *site)
{
    struct text tail;

    if (site->size <= ROUTE_SITE_SIZE - 1) {
        site->into[site->size] = '\0';
        return;
    }
    text_init(&tail, &site->into[ROUTE_SITE_SIZE - 1 - TAIL_SIZE], TAIL_SIZE + 1);
    text_add_byte(&tail, '~');
    text_add_hex(&tail, site->hash, 16);
    (void)text_cstr_end(&tail); /* ends in place */
}
