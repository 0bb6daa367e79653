#include "engine/policy.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/smart_host.h"
#include "message/header.h"

static const char *const durability_names[] = {"durable", "os", "memory", NULL};
static const char *const tls_names[] = {"off", "opportunistic", "required", "verified", NULL};
static const char *const route_tls_names[] = {"default",  "off",      "opportunistic",
                                              "required", "verified", NULL};

#define PLACE(field) offsetof(struct policy, field)

/* Bounds of a time-out: a second to a day. */
#define TIMEOUT_RANGE NS_PER_S, UINT64_C(86400) * NS_PER_S
static const struct config_row route_rows[] = {
    {"hosts", CONFIG_STRING_LIST, offsetof(struct policy_route, hosts), 1, POLICY_ROUTE_HOSTS_MAX,
     NULL, NULL, NULL, "smart hosts, \"host:port\" each, tried in this order"},
    {"tls", CONFIG_ENUM, offsetof(struct policy_route, tls), 0, 0, "default", route_tls_names, NULL,
     "off, opportunistic, required or verified for this route; default: as for all"},
    {"implicit_tls", CONFIG_BOOL, offsetof(struct policy_route, implicit_tls), 0, 0, "false", NULL,
     NULL, "whether TLS begins with the connection; on port 465 it always does"},
    {"user", CONFIG_STRING, offsetof(struct policy_route, user), 0, CONFIG_ITEM_MAX - 1, NULL, NULL,
     NULL, "user for AUTH (PLAIN or LOGIN), only ever said behind TLS"},
    {"password_file", CONFIG_STRING, offsetof(struct policy_route, password_file), 0,
     POLICY_PATH_MAX, NULL, NULL, NULL, "file whose first line is the user's password"},
};

static const struct config_subtree route_subtree = {route_rows,
                                                    ARRAY_LEN(route_rows),
                                                    sizeof(struct policy_route),
                                                    offsetof(struct policy_route, domain),
                                                    true,
                                                    offsetof(struct policy_route, line)};

static const struct config_row tls_domain_rows[] = {
    {"mode", CONFIG_ENUM, offsetof(struct policy_tls_domain, mode), 0, 0, "opportunistic",
     tls_names, NULL, "off, opportunistic, required or verified"},
};

static const struct config_subtree tls_domain_subtree = {tls_domain_rows,
                                                         ARRAY_LEN(tls_domain_rows),
                                                         sizeof(struct policy_tls_domain),
                                                         offsetof(struct policy_tls_domain, domain),
                                                         true,
                                                         0};

static const struct config_row site_rows[] = {
    {"match", CONFIG_STRING, offsetof(struct policy_site, match), 1, CONFIG_ITEM_MAX - 1, NULL,
     NULL, NULL, "the end of an MX name, such as \".google.com\""},
    {"connections_per_site", CONFIG_U32, offsetof(struct policy_site, limits.connections_per_site),
     0, 100000, NULL, NULL, NULL, "connections at once; 0 = the general limit"},
    {"messages_per_connection", CONFIG_U32,
     offsetof(struct policy_site, limits.messages_per_connection), 0, 1000000, NULL, NULL, NULL,
     "messages before the connection is closed; 0 = the general limit"},
    {"messages_per_second_per_site", CONFIG_RATE,
     offsetof(struct policy_site, limits.messages_per_hour_per_site), 0, UINT64_MAX, NULL, NULL,
     NULL, "rate such as \"100/min\"; 0 = the general limit"},
};

static const struct config_subtree site_subtree = {site_rows,
                                                   ARRAY_LEN(site_rows),
                                                   sizeof(struct policy_site),
                                                   SIZE_MAX,
                                                   false,
                                                   offsetof(struct policy_site, line)};

static const struct config_row rows[] = {
    {"hostname", CONFIG_STRING, PLACE(hostname), 0, POLICY_NAME_MAX, NULL, NULL, NULL,
     "the name given in EHLO; default: this host's name"},
    {"spool", CONFIG_STRING, PLACE(spool), 1, POLICY_PATH_MAX, "./spool", NULL, NULL,
     "the folder of the queue"},
    {"shards", CONFIG_U32, PLACE(shards), 0, POLICY_SHARDS_MAX, "0", NULL, NULL,
     "sending threads; 0 = one a core"},
    {"return_path.domain", CONFIG_STRING, PLACE(return_domain), 0, POLICY_NAME_MAX, NULL, NULL,
     NULL, "domain of the keyed return paths; absent: MAIL FROM is the sender's address"},
    {"return_path.key_file", CONFIG_STRING, PLACE(return_key_file), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "file with the return path's key"},
    {"return_path.previous_keys", CONFIG_STRING_LIST, PLACE(return_previous), 0, POLICY_KEYS_MAX,
     NULL, NULL, NULL, "files with keys of the last 30 days"},
    {"dns.servers", CONFIG_STRING_LIST, PLACE(dns_servers), 0, POLICY_SERVERS_MAX, NULL, NULL, NULL,
     "\"address\" or \"address:port\" of resolvers; default: /etc/resolv.conf"},
    {"dns.trust_ad", CONFIG_BOOL, PLACE(dns_trust_ad), 0, 0, "false", NULL, NULL,
     "whether these resolvers validate (DNSSEC) and nobody sits between: DANE needs it"},
    {"dns.timeout", CONFIG_DURATION, PLACE(dns_timeout_ns), 100 * NS_PER_MS, 60 * NS_PER_S, "5s",
     NULL, NULL, "how long a question may take with all its repetitions"},
    {"smtp.port", CONFIG_U32, PLACE(smtp_port), 1, 65535, "25", NULL, NULL,
     "port of the receivers"},
    {"smtp.source_addresses", CONFIG_STRING_LIST, PLACE(sources), 0, POLICY_SOURCES_MAX, NULL, NULL,
     NULL, "local addresses to send from, used in turn; default: the system's choice"},
    {"smtp.allow_private_addresses", CONFIG_BOOL, PLACE(allow_private_addresses), 0, 0, "false",
     NULL, NULL, "whether MX hosts may have loopback, private or reserved addresses"},
    {"smtp.timeouts.connect", CONFIG_DURATION, PLACE(connect_timeout_ns), TIMEOUT_RANGE, "30s",
     NULL, NULL, "for a connection; this and what follows but transaction: RFC 5321 4.5.3.2"},
    {"smtp.timeouts.greeting", CONFIG_DURATION, PLACE(timeouts.greeting_ns), TIMEOUT_RANGE, "5m",
     NULL, NULL, "for the 220 of the server"},
    {"smtp.timeouts.ehlo", CONFIG_DURATION, PLACE(timeouts.ehlo_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to EHLO or HELO"},
    {"smtp.timeouts.tls", CONFIG_DURATION, PLACE(timeouts.tls_ns), TIMEOUT_RANGE, "30s", NULL, NULL,
     "the TLS handshake"},
    {"smtp.timeouts.mail", CONFIG_DURATION, PLACE(timeouts.mail_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to MAIL or RSET"},
    {"smtp.timeouts.rcpt", CONFIG_DURATION, PLACE(timeouts.rcpt_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to RCPT"},
    {"smtp.timeouts.data", CONFIG_DURATION, PLACE(timeouts.data_ns), TIMEOUT_RANGE, "2m", NULL,
     NULL, "for the 354 that lets the content begin"},
    {"smtp.timeouts.block", CONFIG_DURATION, PLACE(timeouts.block_ns), TIMEOUT_RANGE, "3m", NULL,
     NULL, "for 16 KiB of content to leave, and before 500 octets a second are expected"},
    {"smtp.timeouts.dot", CONFIG_DURATION, PLACE(timeouts.dot_ns), TIMEOUT_RANGE, "10m", NULL, NULL,
     "for the verdict after the content"},
    {"smtp.timeouts.quit", CONFIG_DURATION, PLACE(timeouts.quit_ns), TIMEOUT_RANGE, "10s", NULL,
     NULL, "for the answer to QUIT: nothing depends on it"},
    {"smtp.timeouts.transaction", CONFIG_DURATION, PLACE(transaction_timeout_ns), TIMEOUT_RANGE,
     "30m", NULL, NULL,
     "for one message from its MAIL to its verdict, whatever the server answers"},
    {"routes", CONFIG_SUBTREE, PLACE(routes), 0, POLICY_ROUTES_MAX, NULL, NULL, &route_subtree,
     "smart hosts instead of MX, by recipient domain; \"*\" = all others"},
    {"tls.mode", CONFIG_ENUM, PLACE(tls_mode), 0, 0, "opportunistic", tls_names, NULL,
     "off, opportunistic, required or verified"},
    {"tls.dane", CONFIG_BOOL, PLACE(tls_dane), 0, 0, "true", NULL, NULL, "obey TLSA records"},
    {"tls.mta_sts", CONFIG_BOOL, PLACE(tls_mta_sts), 0, 0, "true", NULL, NULL,
     "obey MTA-STS policies"},
    {"tls.ca_file", CONFIG_STRING, PLACE(tls_ca_file), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "trusted certificate authorities; default: the system's"},
    {"tls.domains", CONFIG_SUBTREE, PLACE(tls_domains), 0, POLICY_TLS_DOMAINS_MAX, NULL, NULL,
     &tls_domain_subtree, "the mode by recipient domain; \".example.net\" = all below it"},
    {"retry.schedule", CONFIG_DURATION_LIST, PLACE(retry_schedule), 0, POLICY_RETRY_MAX,
     "[5m, 20m, 1h, 2h, 4h, 8h]", NULL, NULL, "waits between attempts; the last one repeats"},
    {"retry.lifetime", CONFIG_DURATION, PLACE(retry_lifetime_ns), NS_PER_S,
     UINT64_C(86400) * 30 * NS_PER_S, "4d", NULL, NULL, "when to give up, counted from injection"},
    {"limits.connections", CONFIG_U32, PLACE(connections_max), 1, 100000, "2000", NULL, NULL,
     "connections at once, all together"},
    {"limits.connections_per_site", CONFIG_U32, PLACE(limits.connections_per_site), 1, 100000, "20",
     NULL, NULL, "connections at once to one site (one set of MX hosts)"},
    {"limits.messages_per_connection", CONFIG_U32, PLACE(limits.messages_per_connection), 1,
     1000000, "100", NULL, NULL, "messages before a connection is closed"},
    {"limits.messages_per_second_per_site", CONFIG_RATE, PLACE(limits.messages_per_hour_per_site),
     0, UINT64_MAX, "0", NULL, NULL, "rate such as 10 or \"100/min\"; 0 = no limit"},
    {"sites", CONFIG_SUBTREE, PLACE(sites), 0, POLICY_SITES_MAX, NULL, NULL, &site_subtree,
     "limits by MX name"},
    {"durability", CONFIG_ENUM, PLACE(durability), 0, 0, "durable", durability_names, NULL,
     "durable (synced), os (page cache) or memory (benchmarks)"},
    {"hygiene.path", CONFIG_STRING, PLACE(hygiene_path), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "folder of the suppressions and what leads to them; default: hygiene in the spool"},
    {"hygiene.addresses", CONFIG_U32, PLACE(hygiene_addresses), 1000, 100000000, "2000000", NULL,
     NULL, "room for so many suppressed addresses; memory is touched as they come"},
    {"hygiene.rules_file", CONFIG_STRING, PLACE(rules_file), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "rules of reply classes instead of those compiled in (bounce/rules.yaml)"},
    {"bounces.listen", CONFIG_STRING_LIST, PLACE(bounces_listen), 0, POLICY_LISTEN_MAX, NULL, NULL,
     NULL, "\"address:port\" where ringpost run takes mail that comes back; empty: nowhere"},
    {"bounces.tls_cert", CONFIG_STRING, PLACE(bounces_tls_cert), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "certificate and chain (PEM) for STARTTLS there; absent: no TLS"},
    {"bounces.tls_key", CONFIG_STRING, PLACE(bounces_tls_key), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "its private key (PEM)"},
    {"bounces.complaints_to", CONFIG_STRING, PLACE(bounces_complaints_to), 0, CONFIG_ITEM_MAX - 1,
     NULL, NULL, NULL, "the address that feedback loops write to"},
    {"bounces.timeout", CONFIG_DURATION, PLACE(bounces_timeout_ns), TIMEOUT_RANGE, "5m", NULL, NULL,
     "how long a client may be silent (RFC 5321 4.5.3.2.7)"},
    {"unsubscribe.mailto", CONFIG_STRING, PLACE(unsubscribe_mailto), 0, CONFIG_ITEM_MAX - 1, NULL,
     NULL, NULL, "mail to this address with a tag in its subaddress or subject unsubscribes"},
    {"events.directory", CONFIG_STRING, PLACE(events_directory), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "folder of the exported event files; default: events in the spool"},
};

static const struct config_schema schema = {rows, ARRAY_LEN(rows)};

const struct config_schema *policy_schema(void)
{
    return &schema;
}

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
    lend(&policy->sources, policy->sources_items, POLICY_SOURCES_MAX);
    lend(&policy->routes, policy->routes_items, POLICY_ROUTES_MAX);
    for (uint32_t i = 0; i < POLICY_ROUTES_MAX; i++)
        lend(&policy->routes_items[i].hosts, policy->routes_items[i].hosts_items,
             POLICY_ROUTE_HOSTS_MAX);
    lend(&policy->tls_domains, policy->tls_domains_items, POLICY_TLS_DOMAINS_MAX);
    lend(&policy->retry_schedule, policy->retry_items, POLICY_RETRY_MAX);
    lend(&policy->sites, policy->sites_items, POLICY_SITES_MAX);
    config_defaults(&schema, policy);
}

int policy_read(struct policy *policy, struct span yaml, const char *name, struct text *error)
{
    struct text file;

    text_init(&file, policy->file, sizeof(policy->file));
    text_add_cstr(&file, name);
    (void)text_cstr_end(&file);
    return config_read(&schema, yaml, name, policy, &policy->origin, error);
}

uint32_t policy_line(const struct policy *policy, const char *key)
{
    for (uint32_t i = 0; i < schema.rows_count; i++)
        if (strcmp(schema.rows[i].name, key) == 0)
            return policy->origin.line[i];
    return 0;
}

/* "file:line: key: "value" what"; the line of a setting that was not given is left out. */
static int complain(const struct policy *policy, struct text *error, const char *key,
                    const char *value, const char *what)
{
    uint32_t line = policy_line(policy, key);

    text_add_cstr(error, policy->file);
    if (line != 0)
        text_add_format(error, ":%u", line);
    text_add_format(error, "%s%s: \"%s\" %s", policy->file[0] != '\0' ? ": " : "", key, value,
                    what);
    return -EINVAL;
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

/* Mail that comes back needs keys to be believed, and a place that can be listened on. */
static int check_bounces(struct policy *policy, struct text *error)
{
    for (uint32_t i = 0; i < policy->bounces_listen.count; i++) {
        const char *item = policy->bounces_listen_items[i];

        if (!ip_parse_port(span_cstr(item), 25, &policy->bounces_addresses[i]))
            return complain(policy, error, "bounces.listen", item,
                            "is not address or address:port");
        if (policy->return_domain[0] == '\0')
            return complain(policy, error, "bounces.listen", item, "needs return_path.domain");
    }
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
    for (uint32_t i = 0; i < policy->tls_domains.count; i++)
        if (policy->tls_domains_items[i].domain[0] == '\0')
            return complain(policy, error, "tls.domains", "", "is not a domain");
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
        result = check_bounces(policy, error);
    return result < 0 ? result : check_addresses(policy, error);
}

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

/* A site's name is its MX names joined; a name in it ends at a separator or at the end. */
static bool site_matches(struct span match, struct span site_name)
{
    while (site_name.size > 0) {
        size_t end = 0;

        while (end < site_name.size && site_name.data[end] != ',' && site_name.data[end] != '|' &&
               site_name.data[end] != ';')
            end++;
        if (span_ends_nocase(span_first(site_name, end), match))
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

static void differs(struct text *out, bool different, const char *key)
{
    if (!different)
        return;
    if (out->size > 0)
        text_add_cstr(out, ", ");
    text_add_cstr(out, key);
}

void policy_needs_restart(const struct policy *policy, const struct policy *fresh,
                          struct text *ret_keys)
{
    differs(ret_keys, strcmp(policy->hostname, fresh->hostname) != 0, "hostname");
    differs(ret_keys, policy->shards != fresh->shards, "shards");
    differs(
        ret_keys,
        policy->dns_servers.count != fresh->dns_servers.count ||
            policy->dns_timeout_ns != fresh->dns_timeout_ns ||
            policy->dns_trust_ad != fresh->dns_trust_ad ||
            memcmp(policy->dns_addresses, fresh->dns_addresses, sizeof(policy->dns_addresses)) != 0,
        "dns");
    differs(ret_keys, policy->allow_private_addresses != fresh->allow_private_addresses,
            "smtp.allow_private_addresses");
    differs(ret_keys, policy->connections_max != fresh->connections_max, "limits.connections");
    differs(ret_keys, policy->durability != fresh->durability, "durability");
    differs(ret_keys, !policy->tls_mta_sts && fresh->tls_mta_sts, "tls.mta_sts");
    differs(ret_keys, strcmp(policy->tls_ca_file, fresh->tls_ca_file) != 0, "tls.ca_file");
    differs(ret_keys,
            (policy->return_domain[0] == '\0') != (fresh->return_domain[0] == '\0') ||
                strcmp(policy->return_key_file, fresh->return_key_file) != 0,
            "return_path");
    differs(ret_keys, strcmp(policy->events_directory, fresh->events_directory) != 0,
            "events.directory");
    differs(ret_keys,
            policy->bounces_listen.count != fresh->bounces_listen.count ||
                memcmp(policy->bounces_addresses, fresh->bounces_addresses,
                       sizeof(policy->bounces_addresses)) != 0 ||
                strcmp(policy->bounces_tls_cert, fresh->bounces_tls_cert) != 0,
            "bounces");
    differs(ret_keys, policy->hygiene_addresses != fresh->hygiene_addresses, "hygiene.addresses");
    differs(ret_keys, strcmp(policy->hygiene_path, fresh->hygiene_path) != 0, "hygiene.path");
}
