/* tls_resume.h - session tickets by host, so that the next handshake is a short one.
 *
 * A bounded table, one a shard: the newest ticket a host, the least recently used goes first. The
 * chain of the full handshake is kept inside the ticket, and verified again at resumption; what was
 * proven is remembered for a few minutes, by a digest of all that it rests on. Entries can be
 * written out sealed by a local key (AES-256-GCM) and read in at the next start.
 *
 * Knows nothing of handshakes, files or chance: key, nonces and time are arguments. Owns its slots
 * (from the arena, at open). */
#ifndef TLS_TLS_RESUME_H
#define TLS_TLS_RESUME_H

#include "base/arena.h"
#include "base/list.h"
#include "base/span.h"
#include "base/table.h"
#include "base/text.h"

#define TLS_RESUME_HOST_MAX 255
#define TLS_RESUME_TICKET_MAX 7680 /* larger ones are not kept */
#define TLS_RESUME_KEY_SIZE 32
#define TLS_RESUME_NONCE_SIZE 12
#define TLS_RESUME_DIGEST_SIZE 32
/* A certificate may run out meanwhile, as in an open session. */
#define TLS_RESUME_PROOF_LIFE_S 300
#define TLS_RESUME_SEALED_MAX (TLS_RESUME_TICKET_MAX + TLS_RESUME_HOST_MAX + 64)

struct tls_resume_slot {
    struct list_node node; /* in `recent` or `free` */
    uint64_t hash;
    uint64_t expires_s;
    uint64_t proven_until_s; /* 0: nothing is proven */
    uint8_t proof;           /* enum tls_proof */
    uint8_t proof_digest[TLS_RESUME_DIGEST_SIZE];
    uint16_t ticket_size;
    uint8_t host_size;
    uint8_t host[TLS_RESUME_HOST_MAX]; /* lower case */
    uint8_t ticket[TLS_RESUME_TICKET_MAX];
};

struct tls_resume {
    struct tls_resume_slot *slots;
    struct table table;
    struct table_key seed;
    struct list recent; /* the last used first */
    struct list free;   /* used once and given back */
    uint32_t slots_count;
    uint32_t touched_count; /* slots from here on were never used */
    uint64_t changes;       /* tickets taken in: compare with the last count */
};

/* Octets of arena for `slots_count` hosts. */
MUST_USE size_t tls_resume_memory(uint32_t slots_count);
/* `seed` is random, so that chosen host names cannot collide. Must not move. */
void tls_resume_init(struct tls_resume *resume, struct arena *arena, uint32_t slots_count,
                     const struct table_key *seed);

/* Keeps the ticket, instead of an older one of the host. False when it is too large, without a host
 * or already expired. */
bool tls_resume_put(struct tls_resume *resume, struct span host, struct span ticket,
                    uint64_t expires_s, uint64_t now_s);
/* The ticket of the host, or an empty span. Valid until the next put or drop. */
MUST_USE struct span tls_resume_find(struct tls_resume *resume, struct span host, uint64_t now_s);
/* Forgets the host's ticket: it broke a handshake. */
void tls_resume_drop(struct tls_resume *resume, struct span host);
/* What was proven of the host's ticket by exactly this digest, within its life: a value of enum
 * tls_proof, or 0. */
MUST_USE uint8_t tls_resume_proof(struct tls_resume *resume, struct span host,
                                  const uint8_t digest[TLS_RESUME_DIGEST_SIZE], uint64_t now_s);
/* Remembers it, where a ticket is. Never written to disk. */
void tls_resume_prove(struct tls_resume *resume, struct span host,
                      const uint8_t digest[TLS_RESUME_DIGEST_SIZE], uint8_t proof, uint64_t now_s);
MUST_USE uint32_t tls_resume_count(const struct tls_resume *resume);

/* Writes the first live entry at or after *position, sealed, and sets *position behind it. False at
 * the end (nothing written) or without TLS_RESUME_SEALED_MAX octets of room. `nonce` has
 * TLS_RESUME_NONCE_SIZE octets and is never used twice under one key. */
MUST_USE bool tls_resume_seal(struct tls_resume *resume, uint32_t *position,
                              const uint8_t key[TLS_RESUME_KEY_SIZE], const uint8_t *nonce,
                              uint64_t now_s, struct text *out);
/* Takes one sealed entry in: 0, -EBADMSG (another key, changed or truncated), -ETIMEDOUT
 * (expired). */
MUST_USE int tls_resume_unseal(struct tls_resume *resume, const uint8_t key[TLS_RESUME_KEY_SIZE],
                               struct span sealed, uint64_t now_s);

#endif
