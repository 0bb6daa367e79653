#include "dns/route_site.h"

#include <string.h>

#include "base/table.h"
#include "base/text.h"
#include "dns/route.h"

#define SITE_TEXT_MAX ((size_t)ROUTE_SITE_SIZE - 1)
#define TAIL_SIZE 17 /* '~' and the digits */

/* The same key everywhere: the name of a site is compared between shards, runs and machines. */
static void add_hash(struct route_site *site, struct span span)
{
    struct table_key key = {{site->hash, UINT64_C(0x7369746520686173)}};

    site->hash = table_hash(&key, span);
}

/* Most names fit and need no hash: it is of what was kept, then of every piece that was not. */
static void add(struct route_site *site, struct span span)
{
    size_t room = site->size < SITE_TEXT_MAX ? SITE_TEXT_MAX - site->size : 0;
    struct span kept = span_first(span, room), rest = span_skip(span, room);

    if (kept.size > 0)
        memcpy(&site->into[site->size], kept.data, kept.size);
    if (rest.size > 0 && site->size <= SITE_TEXT_MAX)
        add_hash(site, span_make(site->into, SITE_TEXT_MAX));
    if (rest.size > 0)
        add_hash(site, rest);
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

    if (site->size <= SITE_TEXT_MAX) {
        site->into[site->size] = '\0';
        return;
    }
    text_init(&tail, &site->into[SITE_TEXT_MAX - TAIL_SIZE], TAIL_SIZE + 1);
    text_add_byte(&tail, '~');
    text_add_hex(&tail, site->hash, 16);
    (void)text_cstr_end(&tail); /* ends in place */
}
