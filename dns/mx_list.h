/* mx_list.h - the hosts of a domain's MX records, in the order of trying (RFC 5321 5.1).
 *
 * Knows nothing of addresses or the cache. */
#ifndef DNS_MX_LIST_H
#define DNS_MX_LIST_H

#include "base/span.h"
#include "dns/dns_name.h"
#include "dns/wire_check.h"

struct mx_list_host {
    uint16_t preference;
    struct dns_name name; /* a host name: no address, no root, no broken label */
};

struct mx_list {
    uint32_t count;
    struct mx_list_host hosts[WIRE_RECORDS_MAX];
};

/* One host at preference 0: implicit MX, smart hosts. */
void mx_list_single(struct mx_list *list, const struct dns_name *name);
/* From records packed as in answer.h, sorted by preference, then name. Exchanges that are no host
 * are left out; a host listed twice counts at its best. */
void mx_list_read(struct mx_list *list, struct span payload);
/* RFC 7505: the only record, and its exchange is the root. */
MUST_USE bool mx_list_is_null(struct span payload, uint32_t records_count);
/* The canonical name, of a list that is still sorted; `into` takes ROUTE_SITE_SIZE octets. */
void mx_list_site(const struct mx_list *list, char *into);
/* Shuffles equals, in the same way for the same salt. */
void mx_list_shuffle(struct mx_list *list, uint64_t salt);

#endif
