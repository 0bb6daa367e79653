#include "engine/bounce_door.h"

#define SECONDS_A_DAY 86400

static size_t at_of(struct span address)
{
    size_t at = address.size;

    while (at > 0 && address.data[at - 1] != '@')
        at--;
    return at; /* behind the last '@'; 0: none */
}

/* "user+anything@domain" of "user@domain". */
static bool is_subaddress(struct span address, struct span of)
{
    size_t at = at_of(address), of_at = at_of(of);

    if (at == 0 || of_at == 0 || at <= of_at || address.data[of_at - 1] != '+')
        return false;
    return span_equal_nocase(span_first(address, of_at - 1), span_first(of, of_at - 1)) &&
           span_equal_nocase(span_skip(address, at), span_skip(of, of_at));
}

bool bounce_door_of(const struct policy *policy, struct span address, enum notice_door *ret_door)
{
    struct span unsubscribe = span_cstr(policy->unsubscribe_mailto);
    struct span complaints = span_cstr(policy->bounces_complaints_to);
    size_t at = at_of(address);

    if (at == 0)
        return false;
    if (complaints.size > 0 && span_equal_nocase(address, complaints)) {
        *ret_door = NOTICE_DOOR_COMPLAINTS;
        return true;
    }
    if (unsubscribe.size > 0 &&
        (span_equal_nocase(address, unsubscribe) || is_subaddress(address, unsubscribe))) {
        *ret_door = NOTICE_DOOR_UNSUBSCRIBE;
        return true;
    }
    if (policy->return_domain[0] == '\0' ||
        !span_equal_nocase(span_skip(address, at), span_cstr(policy->return_domain)))
        return false;
    *ret_door = NOTICE_DOOR_RETURN;
    return true;
}

bool bounce_door_takes(const struct policy *policy, const struct verp_keys *keys,
                       struct span address, uint64_t wall_s)
{
    struct proof proof;
    enum notice_door door;

    if (!bounce_door_of(policy, address, &door))
        return false;
    if (door == NOTICE_DOOR_COMPLAINTS ||
        span_equal_nocase(address, span_cstr(policy->unsubscribe_mailto)))
        return true;
    proof_scan(address, PROOF_ENVELOPE, keys, (uint16_t)(wall_s / SECONDS_A_DAY), &proof);
    return proof.verdict == VERP_VALID;
}
