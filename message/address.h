/* address.h - one mailbox: parse (RFC 5321 4.1.2, RFC 6531), and the keys by which addresses and
 * domains are compared.
 *
 * Knows nothing of DNS, lists or suppression. A struct address borrows the text that it was parsed
 * from. Domains that are not ASCII go through libidn2 (UTS 46, non-transitional), which allocates
 * and frees within the call; ASCII domains allocate nothing. */
#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include "base/span.h"
#include "base/text.h"

/* Octets, RFC 5321 4.5.3.1: a path has at most 256 with its angle brackets, so that the 255 octets
 * that a domain may have never fit whole. */
#define ADDRESS_LOCAL_MAX 64
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_SIZE_MAX 254
/* A domain as it can stand in the DNS, and what the keys need: the A-labels of a domain can be
 * longer than its UTF-8. */
#define ADDRESS_DOMAIN_KEY_MAX 253
#define ADDRESS_KEY_MAX (ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_KEY_MAX)

struct address {
    struct span local;  /* as written, a quoted string with its quotes */
    struct span domain; /* as written; a literal with its brackets */
    bool quoted;        /* the local part is a quoted string */
    bool literal;       /* the domain is an address literal: [192.0.2.1], [IPv6:2001:db8::1] */
    bool utf8;          /* some byte is not ASCII: SMTPUTF8, or A-labels if only the domain */
};

/* One mailbox, the whole of `text`: no angle brackets, display name, comment, source route, blanks
 * around it, or final dot. A quoted local part may hold a space; control characters (UTF-8 ones
 * too) are refused everywhere. False: *ret_problem says why, in words for people (static text). */
MUST_USE bool address_parse(struct span text, struct address *ret, const char **ret_problem);
/* local@domain as parsed. */
void address_write(const struct address *address, struct text *out);
/* The one key of a mailbox (suppression, duplicates): the local part without needless quotes and
 * with ASCII letters in lower case, '@', the domain's key. Is itself an address, and its own key.
 * False when the domain has no A-label form: nothing was written. */
MUST_USE bool address_canonical(const struct address *address, struct text *out);
/* The key of a domain for scheduling and DNS: lower-case A-labels, no final dot; a literal in its
 * shortest form, "[ipv6:2001:db8::1]". False when `domain` is none: nothing was written. */
MUST_USE bool address_domain_key(struct span domain, struct text *out);

#endif
