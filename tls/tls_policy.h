/* tls_policy.h - the rules of TLS for mail, in one place: what a message needs of a session, what a
 * session has, and both in words.
 *
 * Needs and haves are bits, so that the schedule compares them without knowing what they mean: a
 * session carries a message exactly when (needs & ~has) == 0. Pure: who found the facts, how the
 * handshake goes and what becomes of mail that nobody can take is not its business.
 *
 * - DANE (RFC 7672 2.2): secure TLSA records demand TLS, usable ones a certificate that fits them,
 *   and then nothing else proves the host (RFC 8461 2: MTA-STS never overrides what DANE refuses).
 * An answer that is bogus, or did not come, keeps mail back: it may be an attack. What a host's
 *   records say counts for domains whose MX records are signed too.
 * - MTA-STS enforce demands a proven host that the policy names (RFC 8461 5, whatever else is said
 *   about the host). Testing demands nothing. Where a policy in force names none of the hosts, no
 *   session will do.
 * - Configuration can demand more than the receiver does. `off` is the operator's word against all
 *   of the receiver's policies. A password is never said in clear.
 * - REQUIRETLS (RFC 8689 4.2.1) demands a proven server that takes the demand over, and a host name
 *   that DNSSEC, MTA-STS or the operator vouches for; nothing lifts it. `TLS-Required: No` (section
 *   5) lifts DANE and MTA-STS, not the configuration. */
#ifndef TLS_TLS_POLICY_H
#define TLS_TLS_POLICY_H

#include "base/text.h"
#include "message/tls_demand.h"

#define TLS_POLICY_ENCRYPTED 1u /* TLS, whatever the certificate */
#define TLS_POLICY_VERIFIED 2u  /* the certificate proves the host */
#define TLS_POLICY_OBEYED 4u    /* what the host itself demands (DANE) is met */
#define TLS_POLICY_OFFERED 8u   /* the server takes REQUIRETLS, behind TLS */
/* No session has the next two. */
#define TLS_POLICY_VOUCHED 16u /* needed where nothing proves the host's name */
#define TLS_POLICY_NAMED 32u   /* needed where the policy in force names none of the hosts */
/* What may be had of a host of which nothing is known. */
#define TLS_POLICY_ALL                                                                             \
    (TLS_POLICY_ENCRYPTED | TLS_POLICY_VERIFIED | TLS_POLICY_OBEYED | TLS_POLICY_OFFERED)

enum tls_policy_mode {
    TLS_POLICY_OFF = 0,       /* no TLS */
    TLS_POLICY_OPPORTUNISTIC, /* TLS where it works */
    TLS_POLICY_REQUIRED,      /* TLS with whatever certificate */
    TLS_POLICY_PROVEN         /* "verified": TLS with a good certificate for the host */
};

enum tls_policy_dane {
    TLS_POLICY_DANE_UNASKED = 0, /* nobody has looked at the host's records */
    TLS_POLICY_DANE_NONE,        /* there are none, or none that DNSSEC vouches for */
    TLS_POLICY_DANE_UNUSABLE,    /* secure records, none usable */
    TLS_POLICY_DANE_USABLE,      /* secure records, at least one usable */
    TLS_POLICY_DANE_FAILED       /* the answer is bogus, or none came */
};

/* What is known of a message's domain, its route and its campaign. */
struct tls_policy_mail {
    enum tls_policy_mode mode;
    bool mode_is_set;  /* by the configuration, for this domain or for all */
    bool has_password; /* its route says one */
    bool is_routed;    /* the operator has named its hosts */
    bool mx_secure;    /* DNSSEC vouches for its MX records */
    bool dane;         /* ...and TLSA records are looked at */
    bool enforced;     /* its MTA-STS policy is in force... */
    bool unnamed;      /* ...and names none of its hosts */
    bool sts_vouched;  /* an MTA-STS policy, testing or enforce, names its hosts */
    bool require_tls;  /* REQUIRETLS */
    bool tls_optional; /* TLS-Required: No */
};

struct tls_policy_session {
    enum tls_level level;
    enum tls_policy_dane dane; /* VERIFIED was reached by the records when there are usable ones */
    bool offers_requiretls;    /* in its answer to EHLO behind TLS */
};

/* A mail host as `resolve` shows it. */
struct tls_policy_host {
    enum tls_policy_dane dane;
    bool insecure;         /* it has TLSA records, and nothing vouches for them */
    struct span tlsa_base; /* where the records stand */
    uint32_t usable_count;
    bool testing;          /* the domain has an MTA-STS policy that is only tried... */
    bool unnamed;          /* ...or in force, and it does not name this host */
    enum tls_fault broken; /* remembered of the host */
};

MUST_USE uint32_t tls_policy_needs(const struct tls_policy_mail *mail);
MUST_USE uint32_t tls_policy_has(const struct tls_policy_session *session);
/* The least that a session with this host must reach for the mail: false when no session will do.
 */
MUST_USE bool tls_policy_level(const struct tls_policy_mail *mail,
                               const struct tls_policy_host *host, enum tls_level *ret_level);
/* One line for people: "verified by DANE (2 usable TLSA records at mx.example.net)". */
void tls_policy_explain(const struct tls_policy_mail *mail, const struct tls_policy_host *host,
                        struct text *out);
/* "off", "opportunistic", "required", "verified": as in the configuration. */
const char *tls_policy_mode_name(enum tls_policy_mode mode);

#endif
