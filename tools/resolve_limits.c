#include "tools/resolve_limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_put.h"

#define ORIGIN_SIZE (POLICY_PATH_MAX + CONFIG_ITEM_MAX + 64)

/* In the order in which they are shown. */
struct limit {
    const char *name; /* below "limits." and in an item of `sites` */
    const char *words;
    uint64_t value;
    uint64_t at_site; /* 0: `sites` says nothing */
};

#define LIMITS_COUNT 3

static void find(const struct policy *policy, struct span site_name,
                 struct limit ret_limits[LIMITS_COUNT])
{
    static const struct policy_site nothing;
    const struct policy_site *found = policy_site_for(policy, site_name);
    const struct policy_limits *at_site = found != NULL ? &found->limits : &nothing.limits;
    struct policy_limits limits = policy_limits_for(policy, site_name);

    ret_limits[0] = (struct limit){"connections_per_site", "connections",
                                   limits.connections_per_site, at_site->connections_per_site};
    ret_limits[1] =
        (struct limit){"messages_per_connection", "messages a connection",
                       limits.messages_per_connection, at_site->messages_per_connection};
    ret_limits[2] =
        (struct limit){"messages_per_second_per_site", "messages an hour",
                       limits.messages_per_hour_per_site, at_site->messages_per_hour_per_site};
}

static void add_place(struct text *text, const struct policy *policy, uint32_t line)
{
    if (policy->file[0] != '\0' && line != 0)
        text_add_format(text, " (%s:%u)", policy->file, line);
}

/* "default", "limits.connections_per_site (ringpost.yaml:4)", "sites: .example.net
 * (ringpost.yaml:9)"
 */
static const char *origin(const struct policy *policy, struct span site_name,
                          const struct limit *limit, char buffer[ORIGIN_SIZE])
{
    const struct policy_site *site = policy_site_for(policy, site_name);
    char key[64];
    struct text text, name;

    text_init(&text, buffer, ORIGIN_SIZE);
    text_init(&name, key, sizeof(key));
    text_add_format(&name, "limits.%s", limit->name);
    if (site != NULL && limit->at_site != 0) {
        text_add_format(&text, "sites: %s", site->match);
        add_place(&text, policy, site->line);
    } else if (policy_line(policy, text_cstr_end(&name)) != 0) {
        text_add_cstr(&text, key);
        add_place(&text, policy, policy_line(policy, key));
    } else {
        text_add_cstr(&text, "default");
    }
    return text_cstr_end(&text);
}

void resolve_limits_print(const struct policy *policy, struct span site)
{
    struct limit limits[LIMITS_COUNT];
    char buffer[ORIGIN_SIZE];

    find(policy, site, limits);
    for (uint32_t i = 0; i < LIMITS_COUNT; i++) {
        const char *from = origin(policy, site, &limits[i], buffer);

        if (limits[i].value == 0)
            (void)printf("  limit: no message rate, from %s\n", from);
        else
            (void)printf("  limit: %" PRIu64 " %s, from %s\n", limits[i].value, limits[i].words,
                         from);
    }
}

void resolve_limits_put(const struct policy *policy, struct span site, struct text *out)
{
    struct limit limits[LIMITS_COUNT];
    char buffer[ORIGIN_SIZE];

    find(policy, site, limits);
    json_put_key_u64(out, "connections_per_site", limits[0].value);
    json_put_key_u64(out, "messages_per_connection", limits[1].value);
    json_put_key_u64(out, "messages_per_hour_per_site", limits[2].value);
    json_put_key(out, "limits_from");
    json_put_open(out, '{');
    for (uint32_t i = 0; i < LIMITS_COUNT; i++)
        json_put_key_cstr(out, limits[i].name, origin(policy, site, &limits[i], buffer));
    json_put_close(out, '}');
}

void resolve_smart_print(const struct policy *policy, const struct policy_route *route)
{
    char buffer[ORIGIN_SIZE];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_format(&text, "  smart hosts instead of MX, from routes: %s", route->domain);
    add_place(&text, policy, route->line);
    if (route->user[0] != '\0')
        text_add_format(&text, ", AUTH as %s", route->user);
    (void)printf("%s\n", text_cstr_end(&text));
}

void resolve_smart_put(const struct policy *policy, const struct policy_route *route,
                       struct text *out)
{
    char buffer[ORIGIN_SIZE];
    struct text text;

    if (route == NULL) {
        json_put_key_cstr(out, "route", NULL);
        return;
    }
    text_init(&text, buffer, sizeof(buffer));
    text_add_format(&text, "routes: %s", route->domain);
    add_place(&text, policy, route->line);
    json_put_key(out, "route");
    json_put_open(out, '{');
    json_put_key_cstr(out, "from", text_cstr_end(&text));
    json_put_key_cstr(out, "user", route->user[0] != '\0' ? route->user : NULL);
    json_put_key_bool(out, "implicit_tls", route->implicit_tls);
    json_put_close(out, '}');
}
