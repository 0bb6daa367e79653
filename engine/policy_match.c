/* policy_match.c - which settings of a policy hold for one domain or one site: the names in it as
 * patterns. Knows no configuration file; what it finds is lent by the policy. */
#include "engine/policy.h"
#include "engine/smart_host.h"

/* "*.example.net" and ".example.net" name what ends so; "example.net" itself only. */
static bool covers(struct span pattern, struct span domain)
{
    if (pattern.size > 1 && pattern.data[0] == '*' && pattern.data[1] == '.')
        pattern = span_skip(pattern, 1);
    if (pattern.size > 0 && pattern.data[0] == '.')
        return span_ends_nocase(domain, pattern);
    return span_equal_nocase(pattern, domain);
}

const struct policy_route *policy_route_for(const struct policy *policy, struct span domain)
{
    const struct policy_route *suffix = NULL, *all = NULL;

    for (uint32_t i = 0; i < policy->routes.count; i++) {
        const struct policy_route *route = &policy->routes_items[i];
        struct span pattern = span_cstr(route->domain);

        if (span_equal_nocase(pattern, domain))
            return route;
        if (span_equal(pattern, SPAN("*")))
            all = route;
        else if (suffix == NULL && covers(pattern, domain))
            suffix = route;
    }
    return suffix != NULL ? suffix : all;
}

enum policy_tls policy_tls_for(const struct policy *policy, struct span domain, bool *ret_is_set)
{
    const struct policy_route *route = policy_route_for(policy, domain);
    const struct policy_tls_domain *suffix = NULL;
    enum policy_tls mode = (enum policy_tls)policy->tls_mode;

    *ret_is_set = mode != POLICY_TLS_OPPORTUNISTIC;
    for (uint32_t i = 0; i < policy->tls_domains.count; i++) {
        const struct policy_tls_domain *item = &policy->tls_domains_items[i];
        struct span pattern = span_cstr(item->domain);

        if (span_equal_nocase(pattern, domain)) {
            *ret_is_set = true;
            return (enum policy_tls)item->mode;
        }
        if (suffix == NULL && covers(pattern, domain))
            suffix = item;
    }
    if (suffix != NULL || (route != NULL && route->tls != 0)) {
        *ret_is_set = true;
        mode = suffix != NULL ? (enum policy_tls)suffix->mode : (enum policy_tls)(route->tls - 1);
    }
    return mode;
}

bool policy_tls_is_first(const struct policy_route *route, uint16_t port)
{
    return route != NULL && (route->implicit_tls || port == 465);
}

/* One name of a site: of a smart host without what stands before it ("smart tls me at ") and,
 * unless the pattern has one, without its port. */
static bool host_matches(struct span match, struct span item)
{
    struct span host;
    size_t blank;
    uint16_t port;

    while ((blank = span_find_byte(item, ' ')) != SPAN_NOT_FOUND)
        item = span_skip(item, blank + 1);
    if (span_ends_nocase(item, match))
        return true;
    return smart_host_split(item, 25, &host, &port) && host.size < item.size &&
           span_ends_nocase(host, match);
}

/* A site's name is its MX names joined; a name in it ends at a separator or at the end. */
static bool site_matches(struct span match, struct span site_name)
{
    while (site_name.size > 0) {
        size_t end = 0;

        while (end < site_name.size && site_name.data[end] != ',' && site_name.data[end] != '|' &&
               site_name.data[end] != ';')
            end++;
        if (host_matches(match, span_first(site_name, end)))
            return true;
        site_name = span_skip(site_name, end + 1);
    }
    return false;
}

const struct policy_site *policy_site_for(const struct policy *policy, struct span site_name)
{
    for (uint32_t i = 0; i < policy->sites.count; i++)
        if (site_matches(span_cstr(policy->sites_items[i].match), site_name))
            return &policy->sites_items[i];
    return NULL;
}

struct policy_limits policy_limits_for(const struct policy *policy, struct span site_name)
{
    const struct policy_site *site = policy_site_for(policy, site_name);
    struct policy_limits limits = policy->limits;

    if (site == NULL)
        return limits;
    if (site->limits.connections_per_site != 0)
        limits.connections_per_site = site->limits.connections_per_site;
    if (site->limits.messages_per_connection != 0)
        limits.messages_per_connection = site->limits.messages_per_connection;
    if (site->limits.messages_per_hour_per_site != 0)
        limits.messages_per_hour_per_site = site->limits.messages_per_hour_per_site;
    return limits;
}
