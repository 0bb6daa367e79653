/* dkim_plan.h - how the mail of one domain is signed: checked and written out once, used for every
 * message.
 *
 * A message has as many signatures as plans are applied to it: two algorithms of one domain (RFC
 * 8463 3), or a second domain (the provider's beside the customer's).
 * Knows nothing of keys but the size of their signatures, of files and of clocks. A plain value. */
#ifndef SIGN_DKIM_PLAN_H
#define SIGN_DKIM_PLAN_H

#include "base/text.h"
#include "sign/canon.h"
#include "sign/sign_algorithm.h"

#define DKIM_PLAN_NAME_MAX 253 /* selector._domainkey.domain (RFC 1035 2.3.4) */
#define DKIM_PLAN_IDENTITY_MAX 254
/* Octets of a signature: RSA-4096. */
#define DKIM_PLAN_SIGNATURE_MAX 512
#define DKIM_PLAN_HEAD_MAX 1400

struct dkim_plan_options {
    struct span domain;   /* d=, ASCII (A-labels) */
    struct span selector; /* s=, one label or more */
    enum sign_algorithm algorithm;
    uint32_t signature_size; /* octets: RSA as the modulus, Ed25519 64 */
    enum canon_form header_form;
    enum canon_form body_form;
    struct span identity; /* i=: local@domain or @domain, at d= or below it; empty: no i= */
    uint64_t lifetime_s;  /* x= so long after t=; 0: no x= */
    bool untimed;         /* neither t= nor x= */
};

/* Fields are for reading. Text is kept inside: nothing is borrowed. */
struct dkim_plan {
    enum sign_algorithm algorithm;
    uint32_t signature_size;
    enum canon_form header_form;
    enum canon_form body_form;
    uint64_t lifetime_s;
    bool untimed;
    uint16_t head_size;
    uint16_t head_column; /* octets of its last line */
    uint16_t domain_size;
    uint8_t head[DKIM_PLAN_HEAD_MAX]; /* the field up to what differs between messages */
    uint8_t domain[DKIM_PLAN_NAME_MAX];
};

/* -EINVAL: `why` says in words what is wrong with the options. */
MUST_USE int dkim_plan_compile(struct dkim_plan *plan, const struct dkim_plan_options *options,
                               struct text *why);
struct span dkim_plan_domain(const struct dkim_plan *plan);
/* Writes the name of the record: selector._domainkey.domain (RFC 6376 3.6.2.1). */
void dkim_plan_record_name(struct span selector, struct span domain, struct text *out);
/* Whether a From field of that domain is aligned with d= without any knowledge of organisational
 * domains: the domain is d= or lies below it (RFC 7489 3.1.1: aligned in relaxed mode; strictly
 * only when equal). */
MUST_USE bool dkim_plan_covers(const struct dkim_plan *plan, struct span from_domain);

#endif
