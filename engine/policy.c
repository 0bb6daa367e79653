#include "engine/policy.h"

#include <errno.h>
#include <string.h>

#include "engine/policy_mail.h"
#include "engine/smart_host.h"
#include "message/header.h"

static void lend(struct config_list *list, void *items, uint32_t capacity)
{
    list->count = 0;
    list->capacity = capacity;
    list->items = items;
}

void policy_init(struct policy *policy)
{
    memset(policy, 0, sizeof(*policy));
    lend(&policy->return_previous, policy->return_previous_items, POLICY_KEYS_MAX);
    lend(&policy->dns_servers, policy->dns_servers_items, POLICY_SERVERS_MAX);
    lend(&policy->bounces_listen, policy->bounces_listen_items, POLICY_LISTEN_MAX);
    lend(&policy->foreign, policy->foreign_items, POLICY_FOREIGN_MAX);
    lend(&policy->decision_command, policy->decision_command_items, POLICY_COMMAND_MAX);
    lend(&policy->sources, policy->sources_items, POLICY_SOURCES_MAX);
    lend(&policy->routes, policy->routes_items, POLICY_ROUTES_MAX);
    for (uint32_t i = 0; i < POLICY_ROUTES_MAX; i++)
        lend(&policy->routes_items[i].hosts, policy->routes_items[i].hosts_items,
             POLICY_ROUTE_HOSTS_MAX);
    lend(&policy->tls_domains, policy->tls_domains_items, POLICY_TLS_DOMAINS_MAX);
    lend(&policy->dkim, policy->dkim_items, POLICY_DKIM_MAX);
    lend(&policy->retry_schedule, policy->retry_items, POLICY_RETRY_MAX);
    lend(&policy->sites, policy->sites_items, POLICY_SITES_MAX);
    config_defaults(policy_schema(), policy);
}

int policy_read(struct policy *policy, struct span yaml, const char *name, struct text *error)
{
    struct text file;

    text_init(&file, policy->file, sizeof(policy->file));
    text_add_cstr(&file, name);
    (void)text_cstr_end(&file);
    return config_read(policy_schema(), yaml, name, policy, &policy->origin, error);
}

static int complain(const struct policy *policy, struct text *error, const char *key,
                    const char *value, const char *what)
{
    policy_add_place(policy, key, error);
    text_add_format(error, "\"%s\" %s", value, what);
    return -EINVAL;
}

int policy_complain(const struct policy *policy, struct text *error, const char *key,
                    const char *value, const char *what)
{
    return complain(policy, error, key, value, what);
}

static void add_resolvers(struct policy *policy, struct span resolv_conf)
{
    while (resolv_conf.size > 0) {
        struct span line = span_split(&resolv_conf, '\n');
        struct ip ip;

        if (!span_equal(span_word(&line), SPAN("nameserver")))
            continue;
        line = span_trim(line);
        if (policy->dns_servers.count < POLICY_SERVERS_MAX && line.size < CONFIG_ITEM_MAX &&
            ip_parse(line, &ip)) {
            char *item = policy->dns_servers_items[policy->dns_servers.count++];

            memcpy(item, line.data, line.size);
            item[line.size] = '\0';
        }
    }
}

static int check_addresses(struct policy *policy, struct text *error)
{
    for (uint32_t i = 0; i < policy->dns_servers.count; i++) {
        const char *item = policy->dns_servers_items[i];

        if (!ip_parse_port(span_cstr(item), 53, &policy->dns_addresses[i]))
            return complain(policy, error, "dns.servers", item, "is not address or address:port");
    }
    for (uint32_t i = 0; i < policy->sources.count; i++) {
        const char *item = policy->sources_items[i];

        if (!ip_parse(span_cstr(item), &policy->source_addresses[i]))
            return complain(policy, error, "smtp.source_addresses", item, "is not an IP address");
    }
    return 0;
}

static int complain_foreign(const struct policy *policy, const struct policy_foreign *foreign,
                            const char *what, struct text *error)
{
    policy_add_item_place(policy, "bounces.foreign_verp", foreign->line, foreign->column, error);
    text_add_format(error, "\"%s\" %s", foreign->pattern, what);
    return -EINVAL;
}

static int check_foreign(const struct policy *policy, struct policy_foreign *foreign,
                         struct text *error)
{
    const char *problem = NULL;
    uint32_t column = 0;

    if (list_path_compile(span_cstr(foreign->pattern), &foreign->path, &column, &problem) < 0) {
        (void)complain_foreign(policy, foreign, problem, error);
        text_add_format(error, " (column %u of the pattern)", column);
        return -EINVAL;
    }
    if (foreign->within_ns / POLICY_DAY_NS < foreign->reports)
        return complain_foreign(policy, foreign, "cannot have so many days within that time",
                                error);
    if (foreign->list[0] != '\0' && foreign->path.names_list)
        return complain_foreign(policy, foreign, "holds the list's name already: drop list", error);
    for (const char *letter = foreign->list; *letter != '\0'; letter++)
        if (*letter <= ' ' || *letter > '~' || *letter == '@')
            return complain_foreign(policy, foreign, "has a list whose name is none", error);
    return 0;
}

/* Mail that comes back needs keys to be believed, and a place that can be listened on. */
static int check_bounces(struct policy *policy, struct text *error)
{
    for (uint32_t i = 0; i < policy->bounces_listen.count; i++) {
        const char *item = policy->bounces_listen_items[i];

        if (!ip_parse_port(span_cstr(item), 25, &policy->bounces_addresses[i]))
            return complain(policy, error, "bounces.listen", item,
                            "is not address or address:port");
        if (policy->return_domain[0] == '\0' && policy->foreign.count == 0)
            return complain(policy, error, "bounces.listen", item,
                            "needs return_path.domain or bounces.foreign_verp");
    }
    for (uint32_t i = 0; i < policy->foreign.count; i++)
        if (check_foreign(policy, &policy->foreign_items[i], error) < 0)
            return -EINVAL;
    if ((policy->bounces_tls_cert[0] == '\0') != (policy->bounces_tls_key[0] == '\0'))
        return complain(policy, error, "bounces", "tls_cert",
                        "and tls_key go together, or neither is given");
    return 0;
}

static bool is_host_name(const char *name)
{
    struct span span = span_cstr(name);

    if (span.size > 2 && span.data[0] == '[' && span.data[span.size - 1] == ']')
        return !span_has_control(span) && span_find_byte(span, ' ') == SPAN_NOT_FOUND;
    return header_is_domain(span);
}

/* A domain, or all below one. */
static bool is_pattern(const char *pattern)
{
    if (pattern[0] == '*' && pattern[1] == '.')
        pattern++;
    return is_host_name(pattern[0] == '.' ? pattern + 1 : pattern);
}

static int check_routes(const struct policy *policy, struct text *error)
{
    for (uint32_t i = 0; i < policy->routes.count; i++) {
        const struct policy_route *route = &policy->routes_items[i];

        if (route->hosts.count == 0)
            return complain(policy, error, "routes", route->domain, "has no host");
        for (uint32_t h = 0; h < route->hosts.count; h++) {
            struct span host;
            uint16_t port;

            if (!smart_host_split(span_cstr(route->hosts_items[h]), 25, &host, &port))
                return complain(policy, error, "routes", route->hosts_items[h],
                                "is not host or host:port");
        }
        if ((route->user[0] == '\0') != (route->password_file[0] == '\0'))
            return complain(policy, error, "routes", route->domain,
                            "needs both user and password_file, or neither");
        if (route->user[0] != '\0' && route->tls == POLICY_TLS_OFF + 1)
            return complain(policy, error, "routes", route->domain,
                            "has a password, which is never said without TLS");
        if ((route->tls_cert[0] == '\0') != (route->tls_key[0] == '\0'))
            return complain(policy, error, "routes", route->domain,
                            "needs both tls_cert and tls_key, or neither");
        if (route->tls_cert[0] != '\0' && route->tls == POLICY_TLS_OFF + 1)
            return complain(policy, error, "routes", route->domain,
                            "has a certificate, which is never shown without TLS");
    }
    return 0;
}

static int check_names(const struct policy *policy, struct text *error)
{
    if (!is_host_name(policy->hostname))
        return complain(policy, error, "hostname", policy->hostname,
                        "cannot be said in EHLO: it takes a host name, or an address in brackets");
    if (policy->return_domain[0] != '\0' && policy->return_key_file[0] == '\0')
        return complain(policy, error, "return_path.domain", policy->return_domain,
                        "needs return_path.key_file");
    if (policy->return_domain[0] != '\0' && !header_is_domain(span_cstr(policy->return_domain)))
        return complain(policy, error, "return_path.domain", policy->return_domain,
                        "is not a domain");
    if (policy->retry_schedule.count == 0)
        return complain(policy, error, "retry.schedule", "[]", "has no wait: it takes one or more");
    for (uint32_t i = 0; i < policy->tls_domains.count; i++)
        if (!is_pattern(policy->tls_domains_items[i].domain)) {
            const struct policy_tls_domain *item = &policy->tls_domains_items[i];

            policy_add_item_place(policy, "tls.domains", item->line, item->column, error);
            text_add_format(error,
                            "\"%s\" is not a domain, with \".\" or \"*.\" before it for "
                            "all below",
                            item->domain);
            return -EINVAL;
        }
    return 0;
}

/* `connections` of a site is its connections_per_site: one of them sets both. */
static int check_sites(struct policy *policy, struct text *error)
{
    for (uint32_t i = 0; i < policy->sites.count; i++) {
        struct policy_site *site = &policy->sites_items[i];
        uint32_t *per_site = &site->limits.connections_per_site;

        if (site->connections != 0 && *per_site != 0 && site->connections != *per_site) {
            policy_add_item_place(policy, "sites", site->line, site->column, error);
            text_add_format(error,
                            "\"%s\" has connections %u and connections_per_site %u, which are "
                            "the same setting",
                            site->match, site->connections, *per_site);
            return -EINVAL;
        }
        if (*per_site == 0)
            *per_site = site->connections;
        site->connections = *per_site;
    }
    return 0;
}

/* A folder that was not given is one in the spool. */
static int check_folder(const struct policy *policy, char folder[POLICY_PATH_MAX + 1],
                        const char *name, struct text *error)
{
    struct text path;

    if (folder[0] != '\0')
        return 0;
    text_init(&path, folder, POLICY_PATH_MAX + 1);
    text_add_format(&path, "%s/%s", policy->spool, name);
    (void)text_cstr_end(&path);
    return path.overflow ? complain(policy, error, "spool", policy->spool, "is too long") : 0;
}

static int check_folders(struct policy *policy, struct text *error)
{
    int result = check_folder(policy, policy->events_directory, "events", error);

    return result < 0 ? result : check_folder(policy, policy->hygiene_path, "hygiene", error);
}

int policy_complete(struct policy *policy, struct span hostname, struct span resolv_conf,
                    struct text *error)
{
    int result;

    if (policy->hostname[0] == '\0') {
        size_t size = min_size(hostname.size, POLICY_NAME_MAX);

        memcpy(policy->hostname, hostname.data, size);
        policy->hostname[size] = '\0';
    }
    if (policy->dns_servers.count == 0)
        add_resolvers(policy, resolv_conf);
    if (policy->dns_servers.count == 0) /* as the system's own resolver does */
        memcpy(policy->dns_servers_items[policy->dns_servers.count++], "127.0.0.1",
               sizeof("127.0.0.1"));
    result = check_names(policy, error);
    if (result == 0)
        result = check_folders(policy, error);
    if (result == 0)
        result = check_routes(policy, error);
    if (result == 0)
        result = check_sites(policy, error);
    if (result == 0)
        result = check_bounces(policy, error);
    if (result == 0)
        result = policy_mail_check(policy, error);
    return result < 0 ? result : check_addresses(policy, error);
}
