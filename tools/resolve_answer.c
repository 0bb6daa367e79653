#include "tools/resolve_answer.h"

#include <stdio.h>

#include "base/json_put.h"
#include "tls/tls_policy.h"
#include "tools/resolve_limits.h"

#define DATA_SHOWN_MAX 64 /* octets of a TLSA record; a digest is shown whole */
#define DATA_TEXT_SIZE (2 * DATA_SHOWN_MAX + 32)
#define ADDRESS_TEXT_SIZE 64
#define EXPLAIN_SIZE 512

static const char *address_text(const struct ip *ip, char *buffer)
{
    struct text text;

    text_init(&text, buffer, ADDRESS_TEXT_SIZE);
    ip_write(&text, ip);
    return text_cstr_end(&text);
}

/* "3 1 1 0a1b..", as zone files have it (RFC 6698 2.2). */
static const char *record_text(const struct tlsa_record *record, char *buffer)
{
    size_t shown = min_size(record->data.size, DATA_SHOWN_MAX);
    struct text text;

    text_init(&text, buffer, DATA_TEXT_SIZE);
    text_add_format(&text, "%u %u %u ", record->usage, record->selector, record->matching);
    for (size_t i = 0; i < shown; i++)
        text_add_hex(&text, record->data.data[i], 2);
    if (shown < record->data.size)
        text_add_cstr(&text, "...");
    return text_cstr_end(&text);
}

/* "cache" or "127.0.0.1 and 192.0.2.1": the name servers that have said it. */
static void add_source(const struct resolve_answer *answer, struct text *text)
{
    uint32_t named = 0;

    if (answer->cached) {
        text_add_cstr(text, "the cache");
        return;
    }
    for (uint32_t i = 0; i < answer->policy->dns_servers.count; i++) {
        if ((answer->route.servers >> i & 1) == 0)
            continue;
        text_add_cstr(text, named++ > 0 ? " and " : "");
        text_add_cstr(text, answer->policy->dns_servers_items[i]);
    }
    text_add_cstr(text, named == 0 ? "nobody" : "");
}

static enum tls_policy_dane dane_of(const struct tlsa_set *tlsa, uint32_t usable_count)
{
    switch (tlsa->status) {
    case TLSA_SET_NONE:
    case TLSA_SET_UNTRUSTED:
        return TLS_POLICY_DANE_NONE;
    case TLSA_SET_RECORDS:
        return usable_count > 0 ? TLS_POLICY_DANE_USABLE : TLS_POLICY_DANE_UNUSABLE;
    case TLSA_SET_PENDING:
    case TLSA_SET_FAILED:
    case TLSA_SET_BUSY:
    case TLSA_SET_STATUS_COUNT:
        break;
    }
    return TLS_POLICY_DANE_FAILED;
}

/* What a message to this host would need, and why. */
static const char *explain(const struct resolve_answer *answer, uint32_t index, char *buffer,
                           size_t size)
{
    const struct tlsa_set *tlsa = &answer->tlsa[index];
    const struct sts_policy *sts = answer->sts.knowledge == STS_POLICY ? answer->sts.policy : NULL;
    bool dane = answer->policy->tls_dane && answer->smart == NULL;
    struct tls_policy_mail mail = {
        .has_password = answer->smart != NULL && answer->smart->user[0] != '\0',
        .is_routed = answer->smart != NULL,
        .mx_secure = answer->route.secure,
        .dane = dane && answer->route.secure,
        .enforced = sts != NULL && sts->mode == STS_ENFORCE,
    };
    struct tls_policy_host host = {
        .tlsa_base = span_cstr(tlsa->base),
        .testing = sts != NULL && sts->mode == STS_TESTING,
        .unnamed = sts != NULL && sts->mode != STS_NONE &&
                   !sts_policy_names(sts, span_cstr(answer->route.hosts[index].name)),
    };
    struct text text;

    /* The same names in the same order (engine/policy.h, tls/tls_policy.h). */
    static_assert((int)POLICY_TLS_OFF == (int)TLS_POLICY_OFF &&
                      (int)POLICY_TLS_VERIFIED == (int)TLS_POLICY_PROVEN,
                  "modes");
    mail.mode =
        (enum tls_policy_mode)policy_tls_for(answer->policy, answer->key, &mail.mode_is_set);
    for (uint32_t i = 0; i < tlsa->count; i++)
        host.usable_count += tlsa_set_usable(&tlsa->records[i]) ? 1 : 0;
    host.dane = dane_of(tlsa, host.usable_count);
    host.insecure = dane && host.dane != TLS_POLICY_DANE_NONE ? !answer->route.secure
                                                              : tlsa->status == TLSA_SET_UNTRUSTED;
    text_init(&text, buffer, size);
    tls_policy_explain(&mail, &host, &text);
    return text_cstr_end(&text);
}

static void print_sts(const struct resolve_answer *answer)
{
    const struct sts_view *sts = &answer->sts;

    if (!answer->policy->tls_mta_sts)
        (void)printf("  MTA-STS: not asked about (tls.mta_sts is off)\n");
    else if (sts->knowledge == STS_POLICY)
        (void)printf("  MTA-STS: %s, id %.*s\n", sts_policy_mode_name(sts->policy->mode),
                     (int)sts->id.size, (const char *)sts->id.data);
    else
        (void)printf("  MTA-STS: none%s%s\n", sts->fault != TLS_FAULT_NONE ? ": " : "",
                     sts->fault != TLS_FAULT_NONE ? tls_demand_fault_text(sts->fault) : "");
}

static void put_sts(struct text *out, const struct resolve_answer *answer)
{
    const struct sts_view *sts = &answer->sts;
    bool known = sts->knowledge == STS_POLICY;

    json_put_key(out, "mta_sts");
    json_put_open(out, '{');
    json_put_key_cstr(out, "mode", known ? sts_policy_mode_name(sts->policy->mode) : NULL);
    json_put_key(out, "id");
    if (known)
        json_put_string(out, sts->id);
    else
        json_put_null(out);
    json_put_key_cstr(out, "problem",
                      sts->fault != TLS_FAULT_NONE ? tls_demand_fault_name(sts->fault) : NULL);
    json_put_close(out, '}');
}

static void print_tlsa(const struct tlsa_set *tlsa)
{
    char buffer[DATA_TEXT_SIZE];

    if (tlsa->status != TLSA_SET_RECORDS) {
        (void)printf("        TLSA: %s: %s\n", tlsa_set_status_name(tlsa->status), tlsa->problem);
        return;
    }
    for (uint32_t i = 0; i < tlsa->count; i++)
        (void)printf("        TLSA at %s: %s%s\n", tlsa->base,
                     record_text(&tlsa->records[i], buffer),
                     tlsa_set_usable(&tlsa->records[i]) ? "" : " (unusable)");
    if (tlsa->left_out > 0)
        (void)printf("        and %u more TLSA records\n", tlsa->left_out);
}

static void print_host(const struct resolve_answer *answer, uint32_t index)
{
    const struct route_host *host = &answer->route.hosts[index];
    char address[ADDRESS_TEXT_SIZE], words[EXPLAIN_SIZE];

    if (answer->smart != NULL)
        (void)printf("  %5u %s port %u%s", host->preference, host->name, answer->ports[index],
                     policy_tls_is_first(answer->smart, answer->ports[index]) ? ", TLS at once"
                                                                              : "");
    else
        (void)printf("  %5u %s", host->preference, host->name);
    for (uint32_t a = 0; a < host->addresses_count; a++)
        (void)printf(" %s", address_text(&host->addresses[a], address));
    (void)printf("%s\n", host->secure ? " (secure)" : "");
    if (answer->policy->tls_dane && answer->smart == NULL)
        print_tlsa(&answer->tlsa[index]);
    (void)printf("        TLS: %s\n", explain(answer, index, words, sizeof(words)));
}

static void print_source(const struct resolve_answer *answer)
{
    const struct route *route = &answer->route;
    char buffer[512];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    add_source(answer, &text);
    (void)printf("  said by %s, %s%s", text_cstr_end(&text),
                 route->secure                  ? "MX secure (DNSSEC)"
                 : answer->policy->dns_trust_ad ? "MX not secure"
                                                : "not known to be secure (dns.trust_ad is off)",
                 route->stale ? ", out of date: no name server answers" : "");
    if (route->expires_ns != UINT64_MAX)
        (void)printf(", holds for %llu s",
                     (unsigned long long)((route->expires_ns - answer->now_ns) / NS_PER_S));
    (void)printf("\n");
}

void resolve_answer_print(const struct resolve_answer *answer)
{
    const struct route *route = &answer->route;

    (void)printf("%s: %s%s%s\n", answer->domain, route_status_name(route->status),
                 route->problem[0] != '\0' ? ": " : "", route->problem);
    if (route->status != ROUTE_OK)
        return;
    (void)printf("  site %s%s\n", route->site, route->implicit ? " (implicit MX)" : "");
    if (answer->smart != NULL)
        resolve_smart_print(answer->policy, answer->smart);
    else
        print_source(answer);
    for (uint32_t h = 0; h < route->hosts_count; h++)
        print_host(answer, h);
    resolve_limits_print(answer->policy, span_cstr(route->site));
    if (answer->smart == NULL)
        print_sts(answer);
}

static void put_tlsa(struct text *out, const struct tlsa_set *tlsa)
{
    char buffer[DATA_TEXT_SIZE];

    json_put_key(out, "tlsa");
    json_put_open(out, '{');
    json_put_key_cstr(out, "status", tlsa_set_status_name(tlsa->status));
    json_put_key_cstr(out, "problem", tlsa->problem[0] != '\0' ? tlsa->problem : NULL);
    json_put_key_cstr(out, "base", tlsa->base[0] != '\0' ? tlsa->base : NULL);
    json_put_key(out, "records");
    json_put_open(out, '[');
    for (uint32_t i = 0; i < tlsa->count; i++)
        json_put_cstr(out, record_text(&tlsa->records[i], buffer));
    json_put_close(out, ']');
    json_put_close(out, '}');
}

static void put_host(struct text *out, const struct resolve_answer *answer, uint32_t index)
{
    const struct route_host *host = &answer->route.hosts[index];
    char address[ADDRESS_TEXT_SIZE], words[EXPLAIN_SIZE];

    json_put_open(out, '{');
    json_put_key_u64(out, "preference", host->preference);
    json_put_key_cstr(out, "name", host->name);
    json_put_key(out, "addresses");
    json_put_open(out, '[');
    for (uint32_t a = 0; a < host->addresses_count; a++)
        json_put_cstr(out, address_text(&host->addresses[a], address));
    json_put_close(out, ']');
    json_put_key_bool(out, "secure", host->secure);
    json_put_key_u64(out, "port", answer->ports[index]);
    if (answer->policy->tls_dane && answer->smart == NULL)
        put_tlsa(out, &answer->tlsa[index]);
    json_put_key_cstr(out, "tls", explain(answer, index, words, sizeof(words)));
    json_put_close(out, '}');
}

static void put_source(struct text *out, const struct resolve_answer *answer)
{
    const struct route *route = &answer->route;

    json_put_key_cstr(out, "from", answer->cached ? "cache" : "resolver");
    json_put_key(out, "resolvers");
    json_put_open(out, '[');
    for (uint32_t i = 0; i < answer->policy->dns_servers.count; i++)
        if ((route->servers >> i & 1) != 0)
            json_put_cstr(out, answer->policy->dns_servers_items[i]);
    json_put_close(out, ']');
    json_put_key_bool(out, "secure", route->secure);
    json_put_key_bool(out, "stale", route->stale);
    if (route->expires_ns > answer->now_ns && route->expires_ns != UINT64_MAX)
        json_put_key_u64(out, "ttl_s", (route->expires_ns - answer->now_ns) / NS_PER_S);
}

void resolve_answer_print_json(const struct resolve_answer *answer)
{
    static char buffer[64 * KIB];
    const struct route *route = &answer->route;
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "domain", answer->domain);
    json_put_key_cstr(&out, "status", route_status_name(route->status));
    json_put_key_cstr(&out, "problem", route->problem[0] != '\0' ? route->problem : NULL);
    json_put_key_cstr(&out, "site", route->site[0] != '\0' ? route->site : NULL);
    json_put_key_bool(&out, "implicit_mx", route->implicit);
    put_source(&out, answer);
    resolve_smart_put(answer->policy, answer->smart, &out);
    json_put_key(&out, "hosts");
    json_put_open(&out, '[');
    for (uint32_t h = 0; h < route->hosts_count; h++)
        put_host(&out, answer, h);
    json_put_close(&out, ']');
    resolve_limits_put(answer->policy, span_cstr(route->site), &out);
    put_sts(&out, answer);
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
}
