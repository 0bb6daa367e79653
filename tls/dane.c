#include "tls/dane.h"

#include <limits.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls/tls_chain.h"
#include "tls/tls_memory.h"
#include "tls/tls_name.h"

#define BARE_KEYS_MAX 4 /* trust anchors given as keys that no certificate of the chain has */

static X509 *read_certificate(struct span der)
{
    const uint8_t *at = der.data;
    X509 *certificate = der.size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at == der.data + der.size)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static EVP_PKEY *read_key(struct span der)
{
    CBS cbs;
    CBS_init(&cbs, der.data, der.size);
    EVP_PKEY *key = EVP_parse_public_key(&cbs);
    if (key != NULL && CBS_len(&cbs) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* Without memory to read it a record counts as usable: better no match than no authentication. */
static bool full_is_usable(const struct tlsa_record *record)
{
    uint64_t refused = tls_memory_refused();
    X509 *certificate =
        record->selector == TLSA_CERTIFICATE ? read_certificate(record->data) : NULL;
    EVP_PKEY *key = record->selector == TLSA_PUBLIC_KEY ? read_key(record->data) : NULL;
    bool usable = certificate != NULL || key != NULL || tls_memory_refused() != refused;
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return usable;
}

bool dane_is_usable(const struct tlsa_record *record)
{
    if ((record->usage != TLSA_DANE_TA && record->usage != TLSA_DANE_EE) ||
        record->selector > TLSA_PUBLIC_KEY)
        return false;
    switch (record->matching) {
    case TLSA_FULL:
        return full_is_usable(record);
    case TLSA_SHA256:
        return record->data.size == SHA256_DIGEST_LENGTH;
    case TLSA_SHA512:
        return record->data.size == SHA512_DIGEST_LENGTH;
    default:
        return false;
    }
}

uint32_t dane_usable_count(const struct tlsa_record *records, uint32_t count)
{
    uint32_t usable = 0;
    for (uint32_t i = 0; i < count && i < DANE_RECORDS_MAX; i++)
        usable += dane_is_usable(&records[i]);
    return usable;
}

/* What of the records counts: bit i is record i. */
static uint64_t counting(const struct tlsa_record *records, uint32_t count)
{
    uint64_t usable = 0, weaker = 0;
    bool strong[4][2] = {{false}};
    static_assert(DANE_RECORDS_MAX <= 64, "one bit a record");
    for (uint32_t i = 0; i < count; i++) {
        if (!dane_is_usable(&records[i]))
            continue;
        usable |= UINT64_C(1) << i;
        if (records[i].matching == TLSA_SHA512)
            strong[records[i].usage][records[i].selector] = true;
    }
    for (uint32_t i = 0; i < count; i++)
        if ((usable >> i & 1) != 0 && records[i].matching == TLSA_SHA256 &&
            strong[records[i].usage][records[i].selector])
            weaker |= UINT64_C(1) << i;
    return usable & ~weaker;
}

/* The SubjectPublicKeyInfo as it stands in the certificate (RFC 5280 4.1): nothing is encoded again
 * on the way. Empty when it cannot be found. */
static struct span key_part(struct span der)
{
    CBS cbs, certificate, signed_part, key;
    CBS_init(&cbs, der.data, der.size);
    if (!CBS_get_asn1(&cbs, &certificate, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&certificate, &signed_part, CBS_ASN1_SEQUENCE) ||
        !CBS_get_optional_asn1(&signed_part, NULL, NULL,
                               CBS_ASN1_CONSTRUCTED | CBS_ASN1_CONTEXT_SPECIFIC |
                                   0) ||                        /* version */
        !CBS_get_asn1(&signed_part, NULL, CBS_ASN1_INTEGER) ||  /* serial */
        !CBS_get_asn1(&signed_part, NULL, CBS_ASN1_SEQUENCE) || /* algorithm */
        !CBS_get_asn1(&signed_part, NULL, CBS_ASN1_SEQUENCE) || /* issuer */
        !CBS_get_asn1(&signed_part, NULL, CBS_ASN1_SEQUENCE) || /* validity */
        !CBS_get_asn1(&signed_part, NULL, CBS_ASN1_SEQUENCE) || /* subject */
        !CBS_get_asn1_element(&signed_part, &key, CBS_ASN1_SEQUENCE))
        return span_make(NULL, 0);
    return span_make(CBS_data(&key), CBS_len(&key));
}

static bool fits(const struct tlsa_record *record, struct span der)
{
    uint8_t digest[SHA512_DIGEST_LENGTH];
    struct span part = record->selector == TLSA_CERTIFICATE ? der : key_part(der);
    if (part.size == 0)
        return false;
    switch (record->matching) {
    case TLSA_FULL:
        return span_equal(part, record->data);
    case TLSA_SHA256:
        SHA256(part.data, part.size, digest);
        return span_equal(span_make(digest, SHA256_DIGEST_LENGTH), record->data);
    case TLSA_SHA512:
        SHA512(part.data, part.size, digest);
        return span_equal(span_make(digest, SHA512_DIGEST_LENGTH), record->data);
    default:
        return false;
    }
}

struct anchors {
    X509_STORE *store;
    uint32_t count;
    uint32_t keys_count;
    bool failed; /* no memory */
};

static void add_anchor(struct anchors *anchors, X509 *certificate)
{
    if (X509_STORE_add_cert(anchors->store, certificate) == 1)
        anchors->count++;
    else
        anchors->failed = true;
}

/* The certificates of the chain that a record fits. The server's own only when it has issued
 * itself: a trust anchor issues (RFC 7671 5.2). */
static void add_from_chain(struct anchors *anchors, const struct tlsa_record *record,
                           const struct tls_chain *chain)
{
    X509 *leaf = tls_chain_leaf(chain);
    bool alone = X509_check_issued(leaf, leaf) == X509_V_OK;
    for (uint32_t i = alone ? 0 : 1; i < chain->count; i++)
        if (fits(record, chain->der[i]))
            add_anchor(anchors, sk_X509_value(chain->certificates, i));
}

/* 2 1 0: what the key has signed is as good as the anchor that need not be sent. */
static void add_by_key(struct anchors *anchors, struct span der, const struct tls_chain *chain)
{
    if (anchors->keys_count++ >= BARE_KEYS_MAX)
        return;
    EVP_PKEY *key = read_key(der);
    for (uint32_t i = 0; i < chain->count && key != NULL; i++) {
        X509 *certificate = sk_X509_value(chain->certificates, i);
        if (X509_verify(certificate, key) == 1)
            add_anchor(anchors, certificate);
    }
    EVP_PKEY_free(key);
}

static void add_anchors(struct anchors *anchors, const struct tlsa_record *record,
                        const struct tls_chain *chain)
{
    add_from_chain(anchors, record, chain);
    if (record->matching != TLSA_FULL || span_equal(record->data, chain->der[0]))
        return;
    if (record->selector == TLSA_PUBLIC_KEY) {
        add_by_key(anchors, record->data, chain);
        return;
    }
    X509 *certificate = read_certificate(record->data);
    if (certificate != NULL)
        add_anchor(anchors, certificate);
    X509_free(certificate);
}

static enum tls_failure check_anchors(const struct tls_chain *chain,
                                      const struct tls_verify_options *options, uint64_t records,
                                      uint64_t now_s, struct text *why)
{
    struct anchors anchors = {.store = X509_STORE_new()};
    enum tls_failure failure = TLS_FAILURE_NO_TLSA_MATCH;
    anchors.failed = anchors.store == NULL;
    for (uint32_t i = 0; i < DANE_RECORDS_MAX && !anchors.failed; i++)
        if ((records >> i & 1) != 0 && options->records[i].usage == TLSA_DANE_TA)
            add_anchors(&anchors, &options->records[i], chain);
    ERR_clear_error();
    if (anchors.failed)
        failure = TLS_FAILURE_LOCAL;
    else if (anchors.count > 0)
        failure = tls_chain_verify(chain, anchors.store, true, now_s, why);
    X509_STORE_free(anchors.store);
    if (failure == TLS_FAILURE_NONE)
        failure =
            tls_name_check(tls_chain_leaf(chain), options->names, options->names_count, true, why);
    return failure;
}

enum tls_failure dane_check(const struct tls_chain *chain, const struct tls_verify_options *options,
                            uint64_t now_s, enum tls_proof *ret_proof, struct text *why)
{
    uint32_t count = (uint32_t)min_size(options->records_count, DANE_RECORDS_MAX);
    uint64_t records = counting(options->records, count);
    bool anchored = false;
    for (uint32_t i = 0; i < count; i++) {
        if ((records >> i & 1) == 0)
            continue;
        anchored |= options->records[i].usage == TLSA_DANE_TA;
        if (options->records[i].usage == TLSA_DANE_EE &&
            fits(&options->records[i], chain->der[0])) {
            *ret_proof = TLS_PROOF_DANE_EE;
            return TLS_FAILURE_NONE;
        }
    }
    enum tls_failure failure = TLS_FAILURE_NO_TLSA_MATCH;
    if (anchored)
        failure = check_anchors(chain, options, records, now_s, why);
    if (failure == TLS_FAILURE_NONE)
        *ret_proof = TLS_PROOF_DANE_TA;
    else if (why->size == 0)
        text_add_cstr(why, records == 0 ? "no TLSA record is usable"
                                        : "the certificate fits no TLSA record");
    return failure;
}
