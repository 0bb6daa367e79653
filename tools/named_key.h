/* named_key.h - a signing key, its domain and selector, and the record that publishes it. */
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
    void *memory;     /* owned; the key lies in it */
    struct sign_key *key;
    char record_text[DKIM_RECORD_TEXT_MAX];
    struct span record;
};

/* The names; an international domain becomes ASCII. 0, or an exit code after the complaint. */
MUST_USE int named_key_init(struct named_key *named, const char *domain, const char *selector,
                            const char *path);
/* The key from its text, or from its file. 0, or an exit code after the complaint; then it need not
 * be closed. */
MUST_USE int named_key_take(struct named_key *named, struct span pem);
MUST_USE int named_key_read(struct named_key *named);
/* Wipes the key. */
void named_key_close(struct named_key *named);
const char *named_key_kind(const struct named_key *named); /* "RSA" or "Ed25519" */

#endif
