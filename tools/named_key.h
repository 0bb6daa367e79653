/* named_key.h - a signing key, its domain and selector, and the record that publishes it.
 *
 * The private half is read or made in locked memory (io/io_secret.h) and wiped before the function
 * returns: nobody here signs. */
#ifndef TOOLS_NAMED_KEY_H
#define TOOLS_NAMED_KEY_H

#include "engine/policy.h"
#include "sign/dkim_record.h"
#include "sign/sign_key.h"

struct named_key {
    char domain[CONFIG_ITEM_MAX];
    char name[DKIM_PLAN_NAME_MAX + 1]; /* of the record */
    const char *selector;
    const char *path; /* of the key file */
    struct sign_key_published key;
    char record_text[DKIM_RECORD_TEXT_MAX];
    struct span record;
};

/* The names; an international domain becomes ASCII. 0, or an exit code after the complaint. */
MUST_USE int named_key_init(struct named_key *named, const char *domain, const char *selector,
                            const char *path);
/* Makes a key and its file, which must not be there yet; or reads the file that is there. 0, or an
 * exit code after the complaint. */
MUST_USE int named_key_make(struct named_key *named, enum sign_algorithm algorithm, uint32_t bits);
MUST_USE int named_key_read(struct named_key *named);
const char *named_key_kind(const struct named_key *named); /* "RSA" or "Ed25519" */

#endif
