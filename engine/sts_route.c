#include "engine/sts_route.h"

#include <string.h>

#include "base/check.h"
#include "dns/route_site.h"

static uint32_t named_count(const struct sts_policy *policy, const struct route *route)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < route->hosts_count; i++)
        count += sts_policy_names(policy, span_cstr(route->hosts[i].name)) ? 1 : 0;
    return count;
}

static bool is_before(const struct route_host *a, const struct route_host *b)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    return strcmp(a->name, b->name) < 0;
}

/* As in route_site.h: names in order within a preference. */
static void name_site(struct route *route)
{
    const struct route_host *last = NULL;
    struct route_site site;

    route_site_begin(&site, route->site);
    for (uint32_t n = 0; n < route->hosts_count; n++) {
        const struct route_host *next = NULL;

        for (uint32_t i = 0; i < route->hosts_count; i++) {
            const struct route_host *host = &route->hosts[i];

            if ((last == NULL || is_before(last, host)) && (next == NULL || is_before(host, next)))
                next = host;
        }
        if (next == NULL)
            break; /* a name that is there twice */
        route_site_add(&site, last != NULL && last->preference == next->preference ? ',' : ';',
                       span_cstr(next->name));
        last = next;
    }
    route_site_end(&site);
}

static void keep_named(const struct sts_policy *policy, struct route *route)
{
    uint8_t kept = 0;

    for (uint32_t i = 0; i < route->hosts_count; i++) {
        if (!sts_policy_names(policy, span_cstr(route->hosts[i].name)))
            continue;
        if (kept != i)
            route->hosts[kept] = route->hosts[i];
        kept++;
    }
    route->hosts_count = kept;
    name_site(route);
}

enum sts_route_verdict sts_route_judge(const struct sts_view *view, struct route *route)
{
    uint32_t count;

    CHECK(route->status == ROUTE_OK);
    if (view->knowledge != STS_POLICY || view->policy->mode != STS_ENFORCE)
        return STS_ROUTE_FREE;
    count = named_count(view->policy, route);
    if (count == 0)
        return STS_ROUTE_EMPTY;
    if (count < route->hosts_count)
        keep_named(view->policy, route);
    return STS_ROUTE_ENFORCED;
}

bool sts_route_vouched(const struct sts_view *view, const struct route *route)
{
    return view->knowledge == STS_POLICY && view->policy->mode != STS_NONE &&
           named_count(view->policy, route) == route->hosts_count;
}
