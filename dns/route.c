#include "dns/route.h"

#include "base/check.h"

void route_site_name(const struct route *route, struct text *text)
{
    text_add_cstr(text, route->site);
}

const char *route_status_name(enum route_status status)
{
    static const char *const names[] = {
        [ROUTE_PENDING] = "pending",           [ROUTE_OK] = "ok",
        [ROUTE_DNS_FAILURE] = "dns_failure",   [ROUTE_NO_DOMAIN] = "no_domain",
        [ROUTE_NULL_MX] = "null_mx",           [ROUTE_NO_ADDRESS] = "no_address",
        [ROUTE_SPECIAL_ONLY] = "special_only", [ROUTE_BUSY] = "busy",
    };

    static_assert(ARRAY_LEN(names) == ROUTE_STATUS_COUNT, "one for each");
    CHECK((size_t)status < ARRAY_LEN(names));
    return names[status];
}
