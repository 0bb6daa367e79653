/* key_check.h - what the DNS says of a signing key, judged: does it verify what the key signs. */
#ifndef TOOLS_KEY_CHECK_H
#define TOOLS_KEY_CHECK_H

#include "dns/txt_set.h"
#include "sign/dkim_record.h"
#include "sign/sign_key.h"

enum key_check_status {
    KEY_CHECK_GOOD = 0,
    KEY_CHECK_TESTING,    /* t=y */
    KEY_CHECK_MISSING,    /* no TXT record */
    KEY_CHECK_FOREIGN,    /* TXT records, but none is DKIM's */
    KEY_CHECK_SEVERAL,    /* DKIM records: which one counts is not defined (RFC 6376 3.6.2.2) */
    KEY_CHECK_REVOKED,    /* p= is empty */
    KEY_CHECK_OTHER_KEY,  /* not this one */
    KEY_CHECK_BROKEN,     /* cannot be read, or a kind of key that nobody knows */
    KEY_CHECK_RESTRICTED, /* h= without sha256, or s= without email */
    KEY_CHECK_UNKNOWN,    /* the DNS did not answer */
    KEY_CHECK_STATUS_COUNT
};

struct key_check {
    enum key_check_status status;
    uint32_t records;  /* of DKIM, at that name */
    char problem[320]; /* in words, what to do too; empty when GOOD */
};

void key_check_judge(const struct txt_set *set, const struct sign_key_published *key,
                     struct key_check *ret_check);
const char *key_check_status_name(enum key_check_status status); /* "good", "other_key" ... */

#endif
