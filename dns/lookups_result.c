#include "dns/lookups_result.h"

#include "base/check.h"

#define TTL_MIN_S 30
#define TTL_MAX_S 86400
#define FAILURE_TTL_S 30
/* RFC 8767: so long after its end records are good when nobody answers, for so long each time. */
#define STALE_MAX_NS (3600 * NS_PER_S)
#define STALE_SERVE_NS (30 * NS_PER_S)

static struct dns_cache_value result_of(const struct lookups *lookups, const struct lookup *lookup,
                                        uint64_t now_ns)
{
    const struct answer *answer = &lookups->answer;
    struct dns_cache_value value = {.status = DNS_CACHE_FAILED,
                                    .detail = (uint8_t)lookup->failure,
                                    .expires_ns = now_ns + FAILURE_TTL_S * NS_PER_S};

    if (lookup->state == LOOKUP_FAILED)
        return value;
    CHECK(lookup->state == LOOKUP_DONE);
    value.status = answer->status == ANSWER_RECORDS   ? DNS_CACHE_RECORDS
                   : answer->status == ANSWER_NO_DATA ? DNS_CACHE_NO_DATA
                                                      : DNS_CACHE_NO_DOMAIN;
    value.count = (uint8_t)answer->count;
    value.secure = !lookup->insecure;
    value.server = (uint8_t)lookup->server;
    if (!dns_name_equal(&answer->target, &lookup->key))
        value.target = dns_name_span(&answer->target);
    value.payload = span_make(answer->payload, answer->payload_size);
    value.expires_ns = now_ns + min_u64(max_u64(answer->ttl_s, TTL_MIN_S), TTL_MAX_S) * NS_PER_S;
    return value;
}

/* Nobody answers: what was true a while ago is better than nothing, for routes. A server's word,
 * such as SERVFAIL for what is bogus, is an answer. */
static bool serve_stale(struct lookups *lookups, const struct lookup *lookup, uint64_t now_ns)
{
    struct dns_cache_key key = {.name = &lookup->key, .type = lookup->type};
    bool silence = lookup->state == LOOKUP_FAILED &&
                   (lookup->failure == LOOKUP_TIMEOUT || lookup->failure == LOOKUP_NO_TCP);
    bool of_route = lookup->type == WIRE_MX || lookup->type == WIRE_A || lookup->type == WIRE_AAAA;

    if (!silence || !of_route ||
        !dns_cache_revive(lookups->cache, now_ns, key, STALE_MAX_NS, STALE_SERVE_NS))
        return false;
    lookups->stats.stale++;
    return true;
}

void lookups_result_note_secure(struct lookups *lookups, uint32_t server)
{
    lookups->stats.secure++;
    lookups->stats.servers_secure |= UINT32_C(1) << server;
}

void lookups_result_store(struct lookups *lookups, const struct lookup *lookup, uint64_t now_ns)
{
    struct dns_cache_key key = {.name = &lookup->key, .type = lookup->type};
    struct dns_cache_value value = result_of(lookups, lookup, now_ns);

    if (value.secure)
        lookups_result_note_secure(lookups, value.server);
    if (lookup->state == LOOKUP_FAILED && dns_cache_has(lookups->cache, now_ns, key))
        return; /* asked in advance: what is known is good still */
    if (!serve_stale(lookups, lookup, now_ns))
        dns_cache_store(lookups->cache, now_ns, key, &value);
}
