/* tls_policy.h - merges what configuration, DANE, MTA-STS and the message say about one mail host
 * into one demand, and explains it.
 *
 * Pure: facts in, a demand out. Who found the facts is not its business, nor is the handshake.
 *
 * - DANE goes before MTA-STS: a host with usable TLSA records is proven by them alone (RFC 8461 2,
 *   RFC 7672 2.2). Secure records of which none is usable demand encryption. An answer that is
 * bogus, or did not come, keeps mail back: it may be an attack.
 * - MTA-STS enforce demands a host that the policy names, and a certificate by the Web PKI for it.
 *   Testing demands nothing; `missed` says what it would have refused.
 * - Configuration can demand more than the receiver does. `off` is the operator's word against all
 *   of the receiver's policies, but for mail that was submitted with REQUIRETLS.
 * - REQUIRETLS (RFC 8689 4.2.1) demands a proven certificate and a host name that DNSSEC or MTA-STS
 *   vouches for; `TLS-Required: No` (section 5) lifts DANE and MTA-STS, not the configuration, and
 *   counts for nothing beside REQUIRETLS.
 * - What is remembered of broken TLS lowers nothing that is demanded; where nothing is, a host
 * whose handshakes fail is mailed in clear. */
#ifndef TLS_TLS_POLICY_H
#define TLS_TLS_POLICY_H

#include "base/text.h"
#include "message/tls_demand.h"
#include "message/tlsa.h"
#include "tls/sts_policy.h"

enum tls_policy_mode {
    TLS_POLICY_OFF = 0,       /* no TLS */
    TLS_POLICY_OPPORTUNISTIC, /* TLS where it works */
    TLS_POLICY_REQUIRED,      /* TLS with whatever certificate */
    TLS_POLICY_VERIFIED       /* TLS with a good certificate for the host */
};

enum tls_policy_dane {
    TLS_POLICY_DANE_NONE = 0, /* not asked for, or securely no records */
    TLS_POLICY_DANE_INSECURE, /* the zone is not signed: what it says does not count */
    TLS_POLICY_DANE_SECURE,   /* `records`, which DNSSEC vouches for */
    TLS_POLICY_DANE_BOGUS     /* the answer fails DNSSEC, or none came */
};

struct tls_policy_facts {
    struct span domain; /* the recipients'; lower-case A-labels without final dot, as all names */
    struct span host;   /* out of the MX record */
    bool mx_secure; /* DNSSEC vouches for the MX record, or there is none to vouch for: a route */
    enum tls_policy_mode mode;
    bool mode_is_set; /* in the configuration, for this domain or for all */
    enum tls_policy_dane dane;
    struct span tlsa_base; /* where the records stand: the host, or what its CNAME leads to */
    const struct tlsa_record *records;
    uint32_t records_count;
    const struct sts_policy *sts; /* the domain's, not expired; NULL: none */
    bool require_tls;             /* REQUIRETLS */
    bool tls_optional;            /* TLS-Required: No */
    enum tls_fault broken;        /* remembered of the host */
};

struct tls_policy_merged {
    struct tls_demand demand; /* borrows names and records of the facts */
    enum tls_fault missed;    /* MTA-STS testing: TLS_FAULT_STS_HOST when the host is not named */
    uint32_t usable_count;    /* of the TLSA records */
};

/* Usable for SMTP: usage 2 or 3, a known selector and matching type, a digest of the right size
 * (RFC 7672 3.1). */
MUST_USE bool tls_policy_usable(const struct tlsa_record *record);
void tls_policy_merge(const struct tls_policy_facts *facts, struct tls_policy_merged *ret_merged);
/* One line for people: "verified by DANE (2 usable TLSA records at mx.example.net)". */
void tls_policy_explain(const struct tls_policy_facts *facts,
                        const struct tls_policy_merged *merged, struct text *out);
/* "off", "opportunistic", "required", "verified": as in the configuration. */
const char *tls_policy_mode_name(enum tls_policy_mode mode);

#endif
