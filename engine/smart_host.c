#include "engine/smart_host.h"

#include <string.h>

#include "base/check.h"
#include "base/crc.h"

#define SMART "smart " /* begins no name of an MX set: those hold no blank */

bool smart_host_split(struct span item, uint16_t default_port, struct span *ret_host,
                      uint16_t *ret_port)
{
    size_t colon = span_find_byte(item, ':');
    uint64_t port = default_port;

    if (item.size > 0 && item.data[0] == '[') {
        size_t bracket = span_find_byte(item, ']');

        if (bracket == SPAN_NOT_FOUND || bracket == 1)
            return false;
        colon = bracket + 1 < item.size ? bracket + 1 : SPAN_NOT_FOUND;
        if (colon != SPAN_NOT_FOUND && item.data[colon] != ':')
            return false;
    } else if (colon != SPAN_NOT_FOUND &&
               span_find_byte(span_skip(item, colon + 1), ':') != SPAN_NOT_FOUND) {
        colon = SPAN_NOT_FOUND; /* an IPv6 address */
    }
    if (colon != SPAN_NOT_FOUND &&
        (!span_number(span_skip(item, colon + 1), UINT16_MAX, &port) || port == 0))
        return false;
    item = span_first(item, colon);
    if (item.size == 0)
        return false;
    *ret_host = item;
    *ret_port = (uint16_t)port;
    return true;
}

/* Short names are joined as they are; what would not fit is told apart by a checksum. */
static void name_site(const struct policy_route *route, char ret_site[ROUTE_SITE_SIZE])
{
    char buffer[POLICY_ROUTE_HOSTS_MAX * (CONFIG_ITEM_MAX + 1) + CONFIG_ITEM_MAX + 48];
    struct text whole, site;

    text_init(&whole, buffer, sizeof(buffer));
    text_add_cstr(&whole, SMART);
    if (route->implicit_tls)
        text_add_cstr(&whole, "tls ");
    if (route->user[0] != '\0') { /* sessions of one user carry no other's mail */
        text_add_cstr(&whole, route->user);
        text_add_cstr(&whole, " at ");
    }
    if (route->tls_cert[0] != '\0') { /* nor sessions of one certificate */
        text_add_cstr(&whole, "cert ");
        text_add_hex(&whole,
                     crc_add(crc_add(0, span_cstr(route->tls_cert)), span_cstr(route->tls_key)), 8);
        text_add_cstr(&whole, " at ");
    }
    for (uint32_t i = 0; i < route->hosts.count && i < ROUTE_HOSTS_MAX; i++) {
        if (i > 0)
            text_add_byte(&whole, ',');
        text_add_lower(&whole, span_cstr(route->hosts_items[i]));
    }
    text_init(&site, ret_site, ROUTE_SITE_SIZE);
    if (whole.size < ROUTE_SITE_SIZE) {
        text_add(&site, text_span(&whole));
    } else {
        text_add(&site, span_first(text_span(&whole), ROUTE_SITE_SIZE - 18));
        text_add_byte(&site, '-');
        text_add_hex(&site, crc_add(0, text_span(&whole)), 8);
        text_add_hex(&site, crc_add(1, text_span(&whole)), 8);
    }
    (void)text_cstr_end(&site);
    CHECK(!site.overflow);
}

const struct policy_route *smart_host_route(const struct policy *policy, struct span site)
{
    if (!span_starts(site, SPAN(SMART)))
        return NULL;
    for (uint32_t i = 0; i < policy->routes.count; i++) {
        char name[ROUTE_SITE_SIZE];

        name_site(&policy->routes_items[i], name);
        if (span_equal(span_cstr(name), site))
            return &policy->routes_items[i];
    }
    return NULL;
}

enum route_status smart_host_ask(struct dns *dns, uint64_t now_ns,
                                 const struct smart_host_question *question, struct route *ret,
                                 uint16_t *ret_ports)
{
    static _Thread_local struct route one;
    const struct policy_route *route = question->route;

    memset(ret, 0, sizeof(*ret));
    ret->expires_ns = UINT64_MAX;
    for (uint32_t i = 0; i < route->hosts.count && ret->hosts_count < ROUTE_HOSTS_MAX; i++) {
        struct span host;
        uint16_t port;
        enum route_status status;

        if (!smart_host_split(span_cstr(route->hosts_items[i]), question->default_port, &host,
                              &port))
            continue; /* policy_complete has refused it */
        status = dns_route_host(dns, now_ns, host, question->waiter, &one);
        if (status == ROUTE_PENDING || status == ROUTE_BUSY)
            return status;
        ret->expires_ns = min_u64(ret->expires_ns, one.expires_ns);
        if (status != ROUTE_OK) {
            memcpy(ret->problem, one.problem, sizeof(ret->problem));
            ret->partial = true;
            continue;
        }
        one.hosts[0].preference = (uint16_t)i;
        ret->hosts[ret->hosts_count] = one.hosts[0];
        ret_ports[ret->hosts_count++] = port;
    }
    /* A smart host that cannot be found is the operator's to mend: never the recipient's fault. */
    ret->status = ret->hosts_count > 0 ? ROUTE_OK : ROUTE_DNS_FAILURE;
    if (ret->status == ROUTE_OK) {
        ret->problem[0] = '\0';
        name_site(route, ret->site);
    }
    return ret->status;
}
