#include "engine/smart_host.h"

#include <string.h>

#include "engine/shard.h"

/* "host:port", "host" or an address with or without port. */
static struct span split_port(struct span item, uint16_t default_port, uint16_t *ret_port)
{
    size_t colon = SPAN_NOT_FOUND;
    uint64_t port;

    *ret_port = default_port;
    for (size_t i = 0; i < item.size; i++)
        if (item.data[i] == ':')
            colon = i;
    if (colon == SPAN_NOT_FOUND || item.data[item.size - 1] == ']' ||
        span_find_byte(span_first(item, colon), ':') != SPAN_NOT_FOUND)
        if (colon == SPAN_NOT_FOUND || item.data[0] != '[' || item.data[item.size - 1] == ']')
            return item;
    if (!span_number(span_skip(item, colon + 1), 65535, &port))
        return item;
    *ret_port = (uint16_t)port;
    return span_first(item, colon);
}

enum route_status smart_host_ask(struct shard *shard, const struct policy_route *smart,
                                 uint64_t waiter, struct route *ret, uint16_t *ret_ports)
{
    static _Thread_local struct route one;
    struct text site;

    memset(ret, 0, sizeof(*ret));
    ret->expires_ns = UINT64_MAX;
    text_init(&site, ret->site, sizeof(ret->site));
    for (uint32_t i = 0; i < smart->hosts.count && ret->hosts_count < ROUTE_HOSTS_MAX; i++) {
        uint16_t port;
        struct span item = span_cstr(smart->hosts_items[i]);
        struct span host = split_port(item, (uint16_t)shard->policy->smtp_port, &port);
        enum route_status status =
            dns_route_host(shard->resolver.dns, shard_now_ns(shard), host, waiter, &one);

        if (status == ROUTE_PENDING || status == ROUTE_BUSY)
            return status;
        if (status != ROUTE_OK) {
            memcpy(ret->problem, one.problem, sizeof(ret->problem));
            ret->expires_ns = min_u64(ret->expires_ns, one.expires_ns);
            continue;
        }
        if (site.size > 0)
            text_add_byte(&site, ',');
        text_add(&site, span_first(item, sizeof(ret->site) / ROUTE_HOSTS_MAX));
        one.hosts[0].preference = (uint16_t)i;
        ret->hosts[ret->hosts_count] = one.hosts[0];
        ret_ports[ret->hosts_count++] = port;
        ret->expires_ns = min_u64(ret->expires_ns, one.expires_ns);
    }
    (void)text_cstr_end(&site);
    /* A smart host that cannot be found is the operator's to mend: never the recipient's fault. */
    ret->status = ret->hosts_count > 0 ? ROUTE_OK : ROUTE_DNS_FAILURE;
    return ret->status;
}
