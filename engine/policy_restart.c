/* policy_restart.c - what a fresh policy says that is read at the start alone: capacities, and
 * files and addresses that are opened once. Knows nothing of how the rest takes force. */
#include <string.h>

#include "engine/policy.h"

static void differs(struct text *out, bool different, const char *key)
{
    if (!different)
        return;
    if (out->size > 0)
        text_add_cstr(out, ", ");
    text_add_cstr(out, key);
}

/* Whether each certificate of the fresh routes is one that was read at the start. */
static bool has_certificates_of(const struct policy *policy, const struct policy *fresh)
{
    for (uint32_t i = 0; i < fresh->routes.count; i++) {
        const struct policy_route *route = &fresh->routes_items[i];
        bool found = route->tls_cert[0] == '\0';

        for (uint32_t k = 0; !found && k < policy->routes.count; k++)
            found = strcmp(policy->routes_items[k].tls_cert, route->tls_cert) == 0 &&
                    strcmp(policy->routes_items[k].tls_key, route->tls_key) == 0;
        if (!found)
            return false;
    }
    return true;
}

static bool same_addresses(const struct ip_port *a, const struct ip_port *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!ip_equal(&a[i].ip, &b[i].ip) || a[i].port != b[i].port)
            return false;
    return true;
}

/* The tags of old keys are read at the start. */
static bool same_old_keys(const struct policy *policy, const struct policy *fresh)
{
    for (uint32_t i = 0; i < fresh->return_previous.count; i++)
        if (strcmp(policy->return_previous_items[i], fresh->return_previous_items[i]) != 0)
            return false;
    return policy->return_previous.count == fresh->return_previous.count;
}

void policy_needs_restart(const struct policy *policy, const struct policy *fresh,
                          struct text *ret_keys)
{
    differs(ret_keys, strcmp(policy->hostname, fresh->hostname) != 0, "hostname");
    differs(ret_keys, strcmp(policy->spool, fresh->spool) != 0, "spool");
    differs(ret_keys, policy->shards != fresh->shards, "shards");
    differs(ret_keys, policy->signing_threads != fresh->signing_threads, "signing.threads");
    differs(
        ret_keys,
        policy->dns_servers.count != fresh->dns_servers.count ||
            policy->dns_timeout_ns != fresh->dns_timeout_ns ||
            policy->dns_trust_ad != fresh->dns_trust_ad ||
            !same_addresses(policy->dns_addresses, fresh->dns_addresses, policy->dns_servers.count),
        "dns");
    differs(ret_keys, policy->allow_private_addresses != fresh->allow_private_addresses,
            "smtp.allow_private_addresses");
    differs(ret_keys, policy->connections_max != fresh->connections_max, "limits.connections");
    differs(ret_keys, policy->durability != fresh->durability, "durability");
    differs(ret_keys, !policy->tls_mta_sts && fresh->tls_mta_sts, "tls.mta_sts");
    differs(ret_keys, !has_certificates_of(policy, fresh), "routes.tls_cert");
    differs(ret_keys, strcmp(policy->tls_ca_file, fresh->tls_ca_file) != 0, "tls.ca_file");
    differs(ret_keys,
            (policy->return_domain[0] == '\0') != (fresh->return_domain[0] == '\0') ||
                strcmp(policy->return_key_file, fresh->return_key_file) != 0 ||
                !same_old_keys(policy, fresh),
            "return_path");
    differs(ret_keys, strcmp(policy->events_directory, fresh->events_directory) != 0,
            "events.directory");
    differs(ret_keys,
            policy->bounces_listen.count != fresh->bounces_listen.count ||
                !same_addresses(policy->bounces_addresses, fresh->bounces_addresses,
                                policy->bounces_listen.count) ||
                strcmp(policy->bounces_tls_cert, fresh->bounces_tls_cert) != 0 ||
                strcmp(policy->bounces_tls_key, fresh->bounces_tls_key) != 0,
            "bounces");
    differs(ret_keys, policy->hygiene_addresses != fresh->hygiene_addresses, "hygiene.addresses");
    differs(ret_keys, strcmp(policy->hygiene_path, fresh->hygiene_path) != 0, "hygiene.path");
}
