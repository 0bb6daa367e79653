#include "tls/tls_resume.h"

#include <errno.h>
#include <openssl/aead.h>
#include <openssl/err.h>
#include <string.h>

#include "base/check.h"

/* A sealed entry: version, nonce, then AES-256-GCM over expiry (8, big-endian), size of the host
 * (1), host, ticket. The version is authenticated with it. */
#define SEALED_VERSION 1
#define SEALED_TAG_SIZE 16
#define SEALED_HEAD_SIZE (1 + TLS_RESUME_NONCE_SIZE)
#define PLAIN_HEAD_SIZE 9
#define PLAIN_MAX (PLAIN_HEAD_SIZE + TLS_RESUME_HOST_MAX + TLS_RESUME_TICKET_MAX)

static_assert(SEALED_HEAD_SIZE + PLAIN_MAX + SEALED_TAG_SIZE <= TLS_RESUME_SEALED_MAX,
              "an entry of any size fits");

size_t tls_resume_memory(uint32_t slots_count)
{
    return arena_cost(slots_count, sizeof(struct tls_resume_slot)) + table_cost(slots_count);
}

void tls_resume_init(struct tls_resume *resume, struct arena *arena, uint32_t slots_count,
                     const struct table_key *seed)
{
    CHECK(slots_count > 0);
    memset(resume, 0, sizeof *resume);
    resume->slots_count = slots_count;
    resume->slots = arena_alloc(arena, slots_count, sizeof *resume->slots);
    resume->seed = *seed;
    table_init(&resume->table, arena, slots_count);
    list_init(&resume->recent);
    list_init(&resume->free);
}

/* A host in lower case. */
struct host_key {
    uint8_t bytes[TLS_RESUME_HOST_MAX];
    struct span span;
    uint64_t hash;
};

static bool host_key_make(const struct tls_resume *resume, struct span host,
                          struct host_key *ret_key)
{
    if (host.size == 0 || host.size > TLS_RESUME_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.size; i++)
        ret_key->bytes[i] = span_lower_byte(host.data[i]);
    ret_key->span = span_make(ret_key->bytes, host.size);
    ret_key->hash = table_hash(&resume->seed, ret_key->span);
    return true;
}

static bool host_match(const void *context, uint32_t value, const void *key)
{
    const struct tls_resume_slot *slot = &((const struct tls_resume *)context)->slots[value];
    return span_equal(span_make(slot->host, slot->host_size), ((const struct host_key *)key)->span);
}

static struct tls_resume_slot *slot_of(struct list_node *node)
{
    return CONTAINER_OF(node, struct tls_resume_slot, node);
}

static struct tls_resume_slot *find_slot(struct tls_resume *resume, const struct host_key *key)
{
    uint32_t index = table_find(&resume->table, key->hash, host_match, resume, key);
    return index == TABLE_NONE ? NULL : &resume->slots[index];
}

static void forget(struct tls_resume *resume, struct tls_resume_slot *slot)
{
    CHECK(table_remove(&resume->table, slot->hash, (uint32_t)(slot - resume->slots)));
    list_remove(&slot->node);
    list_push_back(&resume->free, &slot->node);
    memset(slot->ticket, 0, slot->ticket_size);
    slot->ticket_size = 0;
}

/* A slot in no list: free, never used, or the least recently used. */
static struct tls_resume_slot *claim(struct tls_resume *resume)
{
    if (list_empty(&resume->free) && resume->touched_count < resume->slots_count)
        return &resume->slots[resume->touched_count++];
    if (list_empty(&resume->free))
        forget(resume, slot_of(resume->recent.head.prev));
    struct list_node *node = resume->free.head.next;
    list_remove(node);
    return slot_of(node);
}

static struct tls_resume_slot *add_slot(struct tls_resume *resume, const struct host_key *key)
{
    struct tls_resume_slot *slot = claim(resume);
    slot->hash = key->hash;
    slot->proven_until_s = 0;
    slot->host_size = (uint8_t)key->span.size;
    memcpy(slot->host, key->span.data, key->span.size);
    int error = table_insert(&resume->table, key->hash, (uint32_t)(slot - resume->slots));
    CHECK(error == 0); /* as many places as slots */
    return slot;
}

bool tls_resume_put(struct tls_resume *resume, struct span host, struct span ticket,
                    uint64_t expires_s, uint64_t now_s)
{
    struct host_key key;
    if (ticket.size == 0 || ticket.size > TLS_RESUME_TICKET_MAX || expires_s <= now_s ||
        !host_key_make(resume, host, &key))
        return false;
    struct tls_resume_slot *slot = find_slot(resume, &key);
    if (slot == NULL)
        slot = add_slot(resume, &key);
    else
        list_remove(&slot->node);
    list_push_front(&resume->recent, &slot->node);
    slot->expires_s = expires_s;
    slot->ticket_size = (uint16_t)ticket.size;
    memmove(slot->ticket, ticket.data, ticket.size);
    resume->changes++;
    return true;
}

struct span tls_resume_find(struct tls_resume *resume, struct span host, uint64_t now_s)
{
    struct host_key key;
    struct tls_resume_slot *slot =
        host_key_make(resume, host, &key) ? find_slot(resume, &key) : NULL;
    if (slot == NULL)
        return span_make(NULL, 0);
    if (slot->expires_s <= now_s) {
        forget(resume, slot);
        return span_make(NULL, 0);
    }
    list_remove(&slot->node);
    list_push_front(&resume->recent, &slot->node);
    return span_make(slot->ticket, slot->ticket_size);
}

void tls_resume_drop(struct tls_resume *resume, struct span host)
{
    struct host_key key;
    struct tls_resume_slot *slot =
        host_key_make(resume, host, &key) ? find_slot(resume, &key) : NULL;
    if (slot != NULL)
        forget(resume, slot);
}

uint8_t tls_resume_proof(struct tls_resume *resume, struct span host,
                         const uint8_t digest[TLS_RESUME_DIGEST_SIZE], uint64_t now_s)
{
    struct host_key key;
    const struct tls_resume_slot *slot =
        host_key_make(resume, host, &key) ? find_slot(resume, &key) : NULL;
    if (slot == NULL || slot->proven_until_s <= now_s ||
        slot->proven_until_s > now_s + TLS_RESUME_PROOF_LIFE_S ||
        memcmp(slot->proof_digest, digest, sizeof slot->proof_digest) != 0)
        return 0;
    return slot->proof;
}

void tls_resume_prove(struct tls_resume *resume, struct span host,
                      const uint8_t digest[TLS_RESUME_DIGEST_SIZE], uint8_t proof, uint64_t now_s)
{
    struct host_key key;
    struct tls_resume_slot *slot =
        host_key_make(resume, host, &key) ? find_slot(resume, &key) : NULL;
    if (slot == NULL)
        return;
    slot->proven_until_s = now_s + TLS_RESUME_PROOF_LIFE_S;
    slot->proof = proof;
    memcpy(slot->proof_digest, digest, sizeof slot->proof_digest);
}

uint32_t tls_resume_count(const struct tls_resume *resume)
{
    return resume->table.count;
}

static void put_expiry(uint8_t bytes[8], uint64_t expires_s)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(expires_s >> (56 - 8 * i));
}

static uint64_t get_expiry(const uint8_t bytes[8])
{
    uint64_t expires_s = 0;
    for (int i = 0; i < 8; i++)
        expires_s = expires_s << 8 | bytes[i];
    return expires_s;
}

/* AES-256-GCM in one go, either way. The size written, or 0: refused, or without memory. */
static size_t gcm(bool sealing, const uint8_t *key, const uint8_t *nonce, struct span in,
                  struct span_mut out)
{
    static const uint8_t version = SEALED_VERSION;
    EVP_AEAD_CTX aead;
    size_t size = 0;
    if (EVP_AEAD_CTX_init(&aead, EVP_aead_aes_256_gcm(), key, TLS_RESUME_KEY_SIZE, SEALED_TAG_SIZE,
                          NULL) != 1)
        return 0;
    int done = (sealing ? EVP_AEAD_CTX_seal : EVP_AEAD_CTX_open)(&aead, out.data, &size, out.size,
                                                                 nonce, TLS_RESUME_NONCE_SIZE,
                                                                 in.data, in.size, &version, 1);
    EVP_AEAD_CTX_cleanup(&aead);
    return done == 1 ? size : 0;
}

static bool seal_slot(const struct tls_resume_slot *slot, const uint8_t *key, const uint8_t *nonce,
                      struct text *out)
{
    uint8_t plain[PLAIN_MAX];
    uint8_t sealed[PLAIN_MAX + SEALED_TAG_SIZE];
    struct text text;
    text_init(&text, plain, sizeof plain);
    uint8_t expiry[8];
    put_expiry(expiry, slot->expires_s);
    text_add(&text, span_make(expiry, sizeof expiry));
    text_add_byte(&text, slot->host_size);
    text_add(&text, span_make(slot->host, slot->host_size));
    text_add(&text, span_make(slot->ticket, slot->ticket_size));
    size_t size = gcm(true, key, nonce, text_span(&text), (struct span_mut){sealed, sizeof sealed});
    if (size == 0)
        return false;
    text_add_byte(out, SEALED_VERSION);
    text_add(out, span_make(nonce, TLS_RESUME_NONCE_SIZE));
    text_add(out, span_make(sealed, size));
    return true;
}

bool tls_resume_seal(struct tls_resume *resume, uint32_t *position,
                     const uint8_t key[TLS_RESUME_KEY_SIZE], const uint8_t *nonce, uint64_t now_s,
                     struct text *out)
{
    if (text_room(out) < TLS_RESUME_SEALED_MAX)
        return false;
    while (*position < resume->touched_count) {
        const struct tls_resume_slot *slot = &resume->slots[(*position)++];
        if (slot->ticket_size > 0 && slot->expires_s > now_s && seal_slot(slot, key, nonce, out))
            return true;
    }
    ERR_clear_error();
    return false;
}

int tls_resume_unseal(struct tls_resume *resume, const uint8_t key[TLS_RESUME_KEY_SIZE],
                      struct span sealed, uint64_t now_s)
{
    uint8_t plain[PLAIN_MAX];
    if (sealed.size < SEALED_HEAD_SIZE + PLAIN_HEAD_SIZE + SEALED_TAG_SIZE ||
        sealed.size > SEALED_HEAD_SIZE + PLAIN_MAX + SEALED_TAG_SIZE ||
        sealed.data[0] != SEALED_VERSION)
        return -EBADMSG;
    size_t size = gcm(false, key, sealed.data + 1, span_skip(sealed, SEALED_HEAD_SIZE),
                      (struct span_mut){plain, sizeof plain});
    ERR_clear_error();
    if (size < PLAIN_HEAD_SIZE || size < PLAIN_HEAD_SIZE + (size_t)plain[8])
        return -EBADMSG;
    struct span host = span_make(plain + PLAIN_HEAD_SIZE, plain[8]);
    struct span ticket = span_skip(span_make(plain, size), PLAIN_HEAD_SIZE + host.size);
    uint64_t expires_s = get_expiry(plain);
    if (expires_s <= now_s)
        return -ETIMEDOUT;
    return tls_resume_put(resume, host, ticket, expires_s, now_s) ? 0 : -EBADMSG;
}
