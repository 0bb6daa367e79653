#include "engine/unmet.h"

#include "base/check.h"
#include "tls/tls_policy.h"

static struct outcome deferred(struct span words)
{
    return outcome_from_cause(OUTCOME_DEFERRED, STAGE_TLS, CAUSE_TLS, 0, words);
}

static struct outcome failed(const char *words)
{
    return outcome_from_cause(OUTCOME_FAILED, STAGE_MAIL, CAUSE_TLS, 0, span_cstr(words));
}

/* --- the hosts' names --- */

static struct outcome unvouched(enum unmet_doubt doubt)
{
    static const char *const doubts[] = {
        [UNMET_NO_DOUBT] = "",
        [UNMET_AD_NOT_ASKED] = " (dns.trust_ad is off: what DNSSEC says is not known)",
        [UNMET_AD_NEVER_SEEN] =
            (" (dns.trust_ad is on, and a resolver that was asked has not told a "
             "secure answer yet)"),
        [UNMET_STS_NOT_ASKED] = " (tls.mta_sts is off, or TLS is for the domain)",
        [UNMET_STS_OLD] = " (whether it has a policy now is not known yet)",
        [UNMET_STS_FAILED] = " (its policy could not be fetched)",
    };
    static_assert(ARRAY_LEN(doubts) == UNMET_DOUBT_COUNT, "words for each doubt");
    char buffer[REPLY_TEXT_MAX];
    struct text words;

    CHECK((size_t)doubt < ARRAY_LEN(doubts));
    text_init(&words, buffer, sizeof(buffer) - 1);
    if (doubt == UNMET_NO_DOUBT)
        text_add_cstr(&words, "5.7.10 ");
    text_add_cstr(&words, "REQUIRETLS is demanded, and neither DNSSEC nor MTA-STS proves the names "
                          "of the mail hosts");
    text_add_cstr(&words, doubts[doubt]);
    return doubt == UNMET_NO_DOUBT ? failed(text_cstr_end(&words)) : deferred(text_span(&words));
}

/* --- what the hosts have --- */

static uint32_t lacks(const struct unmet *unmet, uint32_t host)
{
    return unmet->needs & ~unmet->destination->reached[host].has;
}

/* All hosts have been heard, lately, and what each lacks will not change by waiting; *ret_offered:
 * all that any of them lacks is REQUIRETLS. */
static bool is_for_good(const struct unmet *unmet, bool *ret_offered)
{
    const struct destination *destination = unmet->destination;

    *ret_offered = true;
    if ((unmet->needs & TLS_POLICY_OFFERED) == 0 || destination->partial)
        return false;
    for (uint32_t h = 0; h < destination->hosts_count; h++) {
        const struct destination_reach *reach = &destination->reached[h];
        uint32_t lacking = lacks(unmet, h);

        if (reach->until_ns <= unmet->now_ns || lacking == 0 ||
            (lacking != TLS_POLICY_OFFERED && !reach->definite))
            return false;
        *ret_offered = *ret_offered && lacking == TLS_POLICY_OFFERED;
    }
    return destination->hosts_count > 0;
}

static const char *demand_text(uint32_t needs)
{
    if ((needs & TLS_POLICY_VERIFIED) != 0)
        return (needs & TLS_POLICY_OFFERED) != 0 ? "verified TLS is demanded (REQUIRETLS)"
                                                 : "verified TLS is demanded";
    return (needs & TLS_POLICY_ENCRYPTED) != 0 ? "TLS is demanded" : "TLS is demanded by DANE";
}

static const char *reach_text(const struct unmet *unmet, uint32_t host)
{
    const struct destination_reach *reach = &unmet->destination->reached[host];

    if (reach->words[0] != '\0')
        return reach->words;
    return lacks(unmet, host) == TLS_POLICY_OFFERED ? "it does not offer REQUIRETLS"
                                                    : tls_demand_fault_text(reach->fault);
}

/* The demand, and the host that came nearest. */
static void explain(const struct unmet *unmet, struct text *words)
{
    const struct destination *destination = unmet->destination;

    text_add_cstr(words, demand_text(unmet->needs));
    for (uint32_t h = 0; h < destination->hosts_count; h++) {
        if (destination->reached[h].until_ns == 0 || lacks(unmet, h) == 0)
            continue;
        text_add_cstr(words, ", but of ");
        text_add_cstr(words, destination->hosts[h]);
        text_add_cstr(words, ": ");
        text_add_cstr(words, reach_text(unmet, h));
        return;
    }
}

struct outcome unmet_outcome(const struct unmet *unmet)
{
    char buffer[REPLY_TEXT_MAX];
    struct text words;
    bool offered, for_good;

    if ((unmet->needs & TLS_POLICY_NAMED) != 0)
        return deferred(SPAN("the MTA-STS policy of the domain names none of its mail hosts"));
    if ((unmet->needs & TLS_POLICY_VOUCHED) != 0)
        return unvouched(unmet->doubt);
    for_good = is_for_good(unmet, &offered);
    if (for_good && offered)
        return failed("5.7.30 REQUIRETLS is demanded, and no mail host of the domain offers it");
    text_init(&words, buffer, sizeof(buffer) - 1);
    text_add_cstr(&words, for_good ? "5.7.10 " : "");
    explain(unmet, &words);
    return for_good ? failed(text_cstr_end(&words)) : deferred(text_span(&words));
}
