#include "tls/tls_policy.h"

#include "base/check.h"

static uint32_t needs_by_mode(enum tls_policy_mode mode)
{
    switch (mode) {
    case TLS_POLICY_OFF:
    case TLS_POLICY_OPPORTUNISTIC:
        return 0;
    case TLS_POLICY_REQUIRED:
        return TLS_POLICY_ENCRYPTED;
    case TLS_POLICY_PROVEN:
        return TLS_POLICY_ENCRYPTED | TLS_POLICY_VERIFIED;
    }
    UNREACHABLE("a mode that there is not");
}

static uint32_t needs_by_message(const struct tls_policy_mail *mail)
{
    uint32_t bits = TLS_POLICY_ENCRYPTED | TLS_POLICY_VERIFIED | TLS_POLICY_OFFERED;

    if (mail->dane)
        bits |= TLS_POLICY_OBEYED;
    if (!mail->mx_secure && !mail->is_routed && !mail->sts_vouched)
        bits |= TLS_POLICY_VOUCHED;
    return bits;
}

static uint32_t needs_by_sts(const struct tls_policy_mail *mail)
{
    if (!mail->enforced)
        return 0;
    return TLS_POLICY_ENCRYPTED | TLS_POLICY_VERIFIED | (mail->unnamed ? TLS_POLICY_NAMED : 0);
}

uint32_t tls_policy_needs(const struct tls_policy_mail *mail)
{
    uint32_t bits = needs_by_mode(mail->mode) | (mail->has_password ? TLS_POLICY_ENCRYPTED : 0);

    if (mail->require_tls)
        return bits | needs_by_message(mail) | needs_by_sts(mail);
    if (mail->mode == TLS_POLICY_OFF || mail->tls_optional)
        return bits;
    if (mail->dane)
        bits |= TLS_POLICY_OBEYED;
    return bits | needs_by_sts(mail);
}

static bool is_obeyed(const struct tls_policy_session *session)
{
    switch (session->dane) {
    case TLS_POLICY_DANE_UNASKED:
    case TLS_POLICY_DANE_FAILED:
        return false;
    case TLS_POLICY_DANE_NONE:
        return true;
    case TLS_POLICY_DANE_UNUSABLE:
        return session->level >= TLS_LEVEL_ENCRYPTED;
    case TLS_POLICY_DANE_USABLE:
        return session->level >= TLS_LEVEL_VERIFIED;
    }
    UNREACHABLE("no such state of TLSA records");
}

uint32_t tls_policy_has(const struct tls_policy_session *session)
{
    uint32_t bits = is_obeyed(session) ? TLS_POLICY_OBEYED : 0;

    if (session->level >= TLS_LEVEL_ENCRYPTED)
        bits |= TLS_POLICY_ENCRYPTED | (session->offers_requiretls ? TLS_POLICY_OFFERED : 0);
    if (session->level >= TLS_LEVEL_VERIFIED)
        bits |= TLS_POLICY_VERIFIED;
    return bits;
}

bool tls_policy_level(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                      enum tls_level *ret_level)
{
    uint32_t needs = tls_policy_needs(mail);

    if (mail->enforced && host->unnamed)
        return false;
    for (enum tls_level level = TLS_LEVEL_CLEAR; level < TLS_LEVEL_COUNT; level++) {
        const struct tls_policy_session best = {
            .level = level, .dane = host->dane, .offers_requiretls = true};

        if ((needs & ~tls_policy_has(&best)) == 0) {
            *ret_level = level;
            return true;
        }
    }
    return false;
}

static void explain_refusal(const struct tls_policy_mail *mail, struct text *out, bool unnamed)
{
    text_add_cstr(out, "not used: ");
    if (unnamed)
        text_add_cstr(out, "the MTA-STS policy (enforce) does not name this host");
    else if ((tls_policy_needs(mail) & TLS_POLICY_VOUCHED) != 0)
        text_add_cstr(out,
                      "REQUIRETLS, and neither DNSSEC nor MTA-STS vouches for the host's name");
    else
        text_add_cstr(out, "the TLSA answer is bogus or did not come (DANE)");
}

static void explain_clear(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                          struct text *out)
{
    if (host->broken == TLS_FAULT_HANDSHAKE && mail->mode != TLS_POLICY_OFF) {
        text_add_cstr(out, "clear for now: TLS was broken here (");
        text_add_cstr(out, tls_demand_fault_text(host->broken));
        text_add_cstr(out, ")");
        return;
    }
    text_add_cstr(out, tls_policy_mode_name(mail->mode));
    text_add_cstr(out, mail->mode_is_set ? " (configuration" : " (default");
    if (mail->tls_optional)
        text_add_cstr(out, "; TLS-Required: No");
    else if (host->testing)
        text_add_cstr(out, "; MTA-STS testing");
    if (host->insecure)
        text_add_cstr(out, "; TLSA not signed");
    text_add_cstr(out, ")");
}

/* Whose demand it is that TLS must reach so much: the receiver's before the operator's. */
static const char *reason(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                          enum tls_level level)
{
    uint32_t needs = tls_policy_needs(mail);
    bool heard = mail->require_tls || (mail->mode != TLS_POLICY_OFF && !mail->tls_optional);

    if (level == TLS_LEVEL_ENCRYPTED && (needs & TLS_POLICY_OBEYED) != 0 &&
        host->dane == TLS_POLICY_DANE_UNUSABLE)
        return "DANE: TLSA records, none usable";
    if (level == TLS_LEVEL_VERIFIED && heard && mail->enforced)
        return "MTA-STS enforce";
    if (level == TLS_LEVEL_ENCRYPTED || mail->mode == TLS_POLICY_PROVEN)
        return "configuration";
    return "REQUIRETLS";
}

static void explain_demand(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                           enum tls_level level, struct text *out)
{
    if (host->dane == TLS_POLICY_DANE_USABLE && level == TLS_LEVEL_VERIFIED &&
        (tls_policy_needs(mail) & TLS_POLICY_OBEYED) != 0) {
        text_add_cstr(out, "verified by DANE (");
        text_add_u64(out, host->usable_count);
        text_add_cstr(out, host->usable_count == 1 ? " usable TLSA record at "
                                                   : " usable TLSA records at ");
        text_add_printable(out, host->tlsa_base, 255);
    } else {
        text_add_cstr(out, level == TLS_LEVEL_VERIFIED ? "verified (" : "encrypted (");
        text_add_cstr(out, reason(mail, host, level));
    }
    text_add_cstr(out, ")");
}

void tls_policy_explain(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                        struct text *out)
{
    enum tls_level level;

    if (!tls_policy_level(mail, host, &level))
        explain_refusal(mail, out, mail->enforced && host->unnamed);
    else if (level == TLS_LEVEL_CLEAR)
        explain_clear(mail, host, out);
    else
        explain_demand(mail, host, level, out);
    if (host->testing && host->unnamed)
        text_add_cstr(out,
                      "; the MTA-STS policy does not name this host, which enforce would refuse");
}

const char *tls_policy_mode_name(enum tls_policy_mode mode)
{
    static const char *const names[] = {"off", "opportunistic", "required", "verified"};

    CHECK((size_t)mode < ARRAY_LEN(names));
    return names[mode];
}
