#include "tls/tls_policy.h"

#include <string.h>

#include "base/check.h"

bool tls_policy_usable(const struct tlsa_record *record)
{
    static const size_t sizes[] = {[TLSA_FULL] = 0, [TLSA_SHA256] = 32, [TLSA_SHA512] = 64};

    if (record->usage != TLSA_DANE_TA && record->usage != TLSA_DANE_EE)
        return false;
    if (record->selector != TLSA_CERTIFICATE && record->selector != TLSA_PUBLIC_KEY)
        return false;
    if (record->matching >= ARRAY_LEN(sizes) || record->data.size == 0)
        return false;
    return record->matching == TLSA_FULL || record->data.size == sizes[record->matching];
}

/* Demands at least this; who asked first for a level, or refused the host, keeps the credit. */
static void raise(struct tls_demand *demand, enum tls_level level, enum tls_source source)
{
    if (level <= demand->level)
        return;
    demand->level = level;
    if (demand->refused == TLS_FAULT_NONE)
        demand->source = source;
}

static void refuse(struct tls_demand *demand, enum tls_fault fault, enum tls_source source)
{
    if (demand->refused != TLS_FAULT_NONE)
        return;
    demand->refused = fault;
    demand->source = source;
}

/* At most three, and so many fit (TLS_DEMAND_NAMES_MAX); an empty one is left out. */
static void add_name(struct tls_demand *demand, struct span name)
{
    for (uint32_t i = 0; i < demand->names_count; i++)
        if (span_equal_nocase(demand->names[i], name))
            return;
    if (name.size > 0)
        CHECK(tls_demand_add_name(demand, name));
}

/* RFC 7672 3.2.2: the base of the records (which is also the SNI), the domain, the host. */
static void demand_dane(const struct tls_policy_facts *facts, struct tls_policy_merged *merged)
{
    struct tls_demand *demand = &merged->demand;

    for (uint32_t i = 0; i < facts->records_count; i++)
        merged->usable_count += tls_policy_usable(&facts->records[i]) ? 1 : 0;
    if (merged->usable_count == 0) {
        if (facts->records_count > 0)
            raise(demand, TLS_LEVEL_ENCRYPTED, TLS_SOURCE_DANE);
        return;
    }
    raise(demand, TLS_LEVEL_VERIFIED, TLS_SOURCE_DANE);
    demand->source = TLS_SOURCE_DANE;
    demand->dane = true;
    demand->records = facts->records;
    demand->records_count = facts->records_count;
    add_name(demand, facts->tlsa_base.size > 0 ? facts->tlsa_base : facts->host);
    add_name(demand, facts->domain);
}

static void demand_sts(const struct tls_policy_facts *facts, struct tls_policy_merged *merged)
{
    struct tls_demand *demand = &merged->demand;
    bool named = facts->sts != NULL && sts_policy_names(facts->sts, facts->host);

    if (facts->sts == NULL || facts->sts->mode == STS_NONE)
        return;
    if (facts->sts->mode == STS_TESTING) {
        demand->testing = true;
        merged->missed = named ? TLS_FAULT_NONE : TLS_FAULT_STS_HOST;
        return;
    }
    if (!named)
        refuse(demand, TLS_FAULT_STS_HOST, TLS_SOURCE_MTA_STS);
    raise(demand, TLS_LEVEL_VERIFIED, TLS_SOURCE_MTA_STS);
}

static void demand_config(const struct tls_policy_facts *facts, struct tls_demand *demand)
{
    switch (facts->mode) {
    case TLS_POLICY_OFF:
    case TLS_POLICY_OPPORTUNISTIC:
        if (facts->mode_is_set && demand->level == TLS_LEVEL_CLEAR &&
            demand->refused == TLS_FAULT_NONE)
            demand->source = TLS_SOURCE_CONFIG;
        return;
    case TLS_POLICY_REQUIRED:
        raise(demand, TLS_LEVEL_ENCRYPTED, TLS_SOURCE_CONFIG);
        return;
    case TLS_POLICY_VERIFIED:
        raise(demand, TLS_LEVEL_VERIFIED, TLS_SOURCE_CONFIG);
        return;
    }
    UNREACHABLE("a mode that there is not");
}

/* RFC 8689 4.2.1: the certificate is to be proven, and the host's name too. */
static void demand_message(const struct tls_policy_facts *facts, struct tls_demand *demand)
{
    bool vouched = facts->mx_secure || (facts->sts != NULL && facts->sts->mode != STS_NONE &&
                                        sts_policy_names(facts->sts, facts->host));

    if (!facts->require_tls)
        return;
    raise(demand, TLS_LEVEL_VERIFIED, TLS_SOURCE_MESSAGE);
    if (!vouched)
        refuse(demand, TLS_FAULT_DNSSEC_INVALID, TLS_SOURCE_MESSAGE);
}

void tls_policy_merge(const struct tls_policy_facts *facts, struct tls_policy_merged *ret_merged)
{
    struct tls_demand *demand = &ret_merged->demand;
    bool lifted = facts->tls_optional && !facts->require_tls;
    bool off = facts->mode == TLS_POLICY_OFF && !facts->require_tls;

    memset(ret_merged, 0, sizeof(*ret_merged));
    tls_demand_init(demand);
    if (!off && !lifted) {
        if (facts->dane == TLS_POLICY_DANE_BOGUS)
            refuse(demand, TLS_FAULT_DNSSEC_INVALID, TLS_SOURCE_DANE);
        if (facts->dane == TLS_POLICY_DANE_SECURE)
            demand_dane(facts, ret_merged);
        if (!demand->dane)
            demand_sts(facts, ret_merged);
    }
    demand_config(facts, demand);
    demand_message(facts, demand);
    add_name(demand, facts->host);
    if (demand->level > TLS_LEVEL_CLEAR || demand->refused != TLS_FAULT_NONE)
        return;
    demand->off = off || facts->broken == TLS_FAULT_HANDSHAKE;
}

static void explain_refusal(const struct tls_policy_facts *facts, const struct tls_demand *demand,
                            struct text *out)
{
    text_add_cstr(out, "not used: ");
    if (demand->source == TLS_SOURCE_MESSAGE)
        text_add_cstr(out,
                      "REQUIRETLS, and neither DNSSEC nor MTA-STS vouches for the host's name");
    else if (demand->refused == TLS_FAULT_STS_HOST)
        text_add_cstr(out, "the MTA-STS policy (enforce) does not name this host");
    else
        text_add_cstr(out, "the TLSA answer is bogus or did not come (DANE)");
    if (facts->tls_optional)
        text_add_cstr(out, "; TLS-Required: No does not count beside REQUIRETLS");
}

static void explain_clear(const struct tls_policy_facts *facts, const struct tls_demand *demand,
                          struct text *out)
{
    if (demand->off && facts->mode != TLS_POLICY_OFF) {
        text_add_cstr(out, "clear for now: TLS was broken here (");
        text_add_cstr(out, tls_demand_fault_text(facts->broken));
        text_add_cstr(out, ")");
        return;
    }
    text_add_cstr(out, tls_policy_mode_name(facts->mode));
    text_add_cstr(out, demand->source == TLS_SOURCE_CONFIG ? " (configuration" : " (default");
    if (facts->tls_optional)
        text_add_cstr(out, "; TLS-Required: No");
    else if (demand->testing)
        text_add_cstr(out, "; MTA-STS testing");
    if (facts->dane == TLS_POLICY_DANE_INSECURE)
        text_add_cstr(out, "; TLSA not signed");
    text_add_cstr(out, ")");
}

void tls_policy_explain(const struct tls_policy_facts *facts,
                        const struct tls_policy_merged *merged, struct text *out)
{
    static const char *const reasons[] = {
        [TLS_SOURCE_DEFAULT] = "default",
        [TLS_SOURCE_CONFIG] = "configuration",
        [TLS_SOURCE_DANE] = "DANE: TLSA records, none usable",
        [TLS_SOURCE_MTA_STS] = "MTA-STS enforce",
        [TLS_SOURCE_MESSAGE] = "REQUIRETLS",
    };
    const struct tls_demand *demand = &merged->demand;
    static_assert(ARRAY_LEN(reasons) == TLS_SOURCE_COUNT, "a reason for each source");

    if (demand->refused != TLS_FAULT_NONE) {
        explain_refusal(facts, demand, out);
    } else if (demand->level == TLS_LEVEL_CLEAR) {
        explain_clear(facts, demand, out);
    } else if (demand->dane) {
        text_add_cstr(out, "verified by DANE (");
        text_add_u64(out, merged->usable_count);
        text_add_cstr(out, merged->usable_count == 1 ? " usable TLSA record at "
                                                     : " usable TLSA records at ");
        text_add_printable(out, demand->names[0], 255);
        text_add_cstr(out, ")");
    } else {
        text_add_cstr(out, demand->level == TLS_LEVEL_VERIFIED ? "verified" : "encrypted");
        text_add_cstr(out, " (");
        text_add_cstr(out, reasons[demand->source]);
        text_add_cstr(out, ")");
    }
    if (merged->missed == TLS_FAULT_STS_HOST)
        text_add_cstr(out,
                      "; the MTA-STS policy does not name this host, which enforce would refuse");
}

const char *tls_policy_mode_name(enum tls_policy_mode mode)
{
    static const char *const names[] = {"off", "opportunistic", "required", "verified"};

    CHECK((size_t)mode < ARRAY_LEN(names));
    return names[mode];
}
