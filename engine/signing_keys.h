/* signing_keys.h - the keys that sign mail, as the configuration names them: read once, kept in
 * locked memory, looked up by the domain of a message's From.
 *
 * Of one policy (policy->signing_keys); it goes when no message uses it any more. Read-only once
 * all are added, so every shard uses the same. Knows nothing of files: the caller brings the texts.
 * Owns the secrets, and for each thread the memory in which it signs. */
#ifndef ENGINE_SIGNING_KEYS_H
#define ENGINE_SIGNING_KEYS_H

#include "engine/policy.h"
#include "sign/dkim_plan.h"
#include "sign/sign_batch.h"

/* Signatures on a message: two algorithms of its domain, and others' keys. */
#define SIGNING_KEYS_USED_MAX (2 + POLICY_DKIM_OTHERS_MAX)

struct signing_key {
    struct dkim_plan plan;
    struct sign_key *secret;
    uint32_t index; /* in its set */
    bool also_sign;
    bool is_wide; /* eight signatures cost as much as one */
};

struct signing_keys;

/* Room for all keys that the policy names, and for so many threads. 0; -ENOMEM, or what locking
 * memory said, with *error. */
MUST_USE int signing_keys_open(struct signing_keys **ret_keys, const struct policy *policy,
                               uint32_t threads_count, struct text *error);
/* Wipes them; NULL is a no-op. */
void signing_keys_close(struct signing_keys *keys);
/* Adds the key of one item of policy->dkim. -EINVAL with *error, which names the file: it is no key
 * that can sign, or its domain has one of its kind already. */
MUST_USE int signing_keys_add(struct signing_keys *keys, const struct policy_dkim *item,
                              struct span pem, struct text *error);
/* The keys that sign a message whose From has this domain: its own, else those of the nearest
 * domain above it; then those that sign others' mail. How many. */
uint32_t signing_keys_for(const struct signing_keys *keys, struct span from_domain,
                          const struct signing_key *ret_keys[SIGNING_KEYS_USED_MAX]);
/* Where that thread signs; NULL: there is none of that number. */
struct sign_batch *signing_keys_batch(const struct signing_keys *keys, uint32_t thread);
uint32_t signing_keys_count(const struct signing_keys *keys);
/* In the order of their domains; for what lists them. */
const struct signing_key *signing_keys_at(const struct signing_keys *keys, uint32_t index);

#endif
