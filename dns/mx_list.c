#include "dns/mx_list.h"

#include <string.h>

#include "base/prng.h"
#include "dns/answer.h"
#include "dns/route.h"
#include "dns/route_site.h"

void mx_list_site(const struct mx_list *list, char *into)
{
    struct route_site site;

    route_site_begin(&site, into);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct mx_list_host *host = &list->hosts[i];
        char name[ROUTE_NAME_SIZE];
        struct text text;

        text_init(&text, name, sizeof(name));
        dns_name_write(&host->name, &text);
        bool same = i > 0 && host[-1].preference == host->preference;
        route_site_add(&site, same ? ',' : ';', text_span(&text));
    }
    route_site_end(&site);
}

/* Keeps the list sorted by preference, then name; a name listed twice counts at its best. */
static void insert(struct mx_list *list, uint16_t preference, const struct dns_name *name)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        const struct mx_list_host *other = &list->hosts[i];

        if (!dns_name_equal(&other->name, name))
            continue;
        if (other->preference <= preference)
            return;
        list->count--;
        memmove(&list->hosts[i], &list->hosts[i + 1],
                (list->count - i) * sizeof(struct mx_list_host));
        break;
    }
    while (at < list->count &&
           (list->hosts[at].preference < preference ||
            (list->hosts[at].preference == preference &&
             span_compare(dns_name_span(&list->hosts[at].name), dns_name_span(name)) < 0)))
        at++;
    memmove(&list->hosts[at + 1], &list->hosts[at],
            (list->count - at) * sizeof(struct mx_list_host));
    list->hosts[at] = (struct mx_list_host){.preference = preference, .name = *name};
    list->count++;
}

/* Shuffles equals, in the same way for as long as the MX answer lives: the questions that follow
 * are for the same five of twenty each time that the route is asked for. */
void mx_list_shuffle(struct mx_list *list, uint64_t salt)
{
    struct prng prng;

    prng_seed(&prng, salt);
    for (uint32_t i = 1, first = 0; i < list->count; i++) {
        if (list->hosts[i].preference != list->hosts[first].preference)
            first = i;
        uint32_t other = first + (uint32_t)prng_below(&prng, i - first + 1);
        struct mx_list_host host = list->hosts[i];

        list->hosts[i] = list->hosts[other];
        list->hosts[other] = host;
    }
}

/* Leaves out exchanges that are no host: the root among others, addresses, broken labels. */
void mx_list_read(struct mx_list *list, struct span payload)
{
    uint16_t preference;
    struct span wire;
    struct dns_name name;

    list->count = 0;
    while (answer_next_mx(&payload, &preference, &wire)) {
        if (dns_name_from_wire(wire, &name) && dns_name_is_host(&name))
            insert(list, preference, &name);
    }
}

bool mx_list_is_null(struct span payload, uint32_t records_count)
{
    struct span name = {0};
    uint16_t preference;

    return records_count == 1 && answer_next_mx(&payload, &preference, &name) && name.size == 1;
}

void mx_list_single(struct mx_list *list, const struct dns_name *name)
{
    list->count = 1;
    list->hosts[0] = (struct mx_list_host){.name = *name};
}
