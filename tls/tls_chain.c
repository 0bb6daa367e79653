#include "tls/tls_chain.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 224

enum tls_failure tls_chain_read(struct tls_chain *chain, const struct span *der, uint32_t count)
{
    memset(chain, 0, sizeof *chain);
    chain->certificates = sk_X509_new_null();
    ERR_clear_error();
    for (uint32_t i = 0; i < count && i < TLS_VERIFY_CHAIN_MAX && chain->certificates != NULL;
         i++) {
        const uint8_t *at = der[i].data;
        X509 *certificate = der[i].size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long)der[i].size);
        if (certificate == NULL || at != der[i].data + der[i].size) {
            X509_free(certificate);
            break;
        }
        if (sk_X509_push(chain->certificates, certificate) == 0) {
            X509_free(certificate);
            break;
        }
        chain->der[chain->count++] = der[i];
    }
    ERR_clear_error();
    if (chain->count > 0)
        return TLS_FAILURE_NONE;
    tls_chain_free(chain);
    return TLS_FAILURE_CERTIFICATE;
}

void tls_chain_free(struct tls_chain *chain)
{
    sk_X509_pop_free(chain->certificates, X509_free);
    memset(chain, 0, sizeof *chain);
}

X509 *tls_chain_leaf(const struct tls_chain *chain)
{
    return sk_X509_value(chain->certificates, 0);
}

/* Signatures that nobody can forge today; what is not known here is not trusted. */
static bool strong_signature(const X509 *certificate)
{
    switch (X509_get_signature_nid(certificate)) {
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_rsassaPss:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
    case NID_ED25519:
        return true;
    default:
        return false;
    }
}

static bool strong_key(X509 *certificate)
{
    EVP_PKEY *key = X509_get_pubkey(certificate);
    if (key == NULL)
        return false;
    int type = EVP_PKEY_id(key), bits = EVP_PKEY_bits(key);
    EVP_PKEY_free(key);
    return type == EVP_PKEY_RSA ? bits >= RSA_BITS_MIN : bits >= EC_BITS_MIN;
}

/* The path that was found, without the anchor at its end: that is trusted as it is. */
static enum tls_failure check_strength(STACK_OF(X509) * path, struct text *why)
{
    size_t count = sk_X509_num(path);
    for (size_t i = 0; i + 1 < count || i == 0; i++) {
        X509 *certificate = sk_X509_value(path, i);
        bool anchor = i + 1 == count;
        if (!anchor && !strong_signature(certificate)) {
            text_add_cstr(why, "the certificate chain has a weak signature, such as SHA-1");
            return TLS_FAILURE_WEAK;
        }
        if (!strong_key(certificate)) {
            text_add_cstr(why, "the certificate chain has a weak key");
            return TLS_FAILURE_WEAK;
        }
    }
    return TLS_FAILURE_NONE;
}

static enum tls_failure of_verify_error(long error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAILURE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_FAILURE_NOT_YET_VALID;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_FAILURE_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return TLS_FAILURE_UNKNOWN_CA;
    case X509_V_OK:
    case X509_V_ERR_OUT_OF_MEM:
        return TLS_FAILURE_LOCAL;
    default:
        return TLS_FAILURE_CERTIFICATE;
    }
}

/* A library that no longer verifies SHA-1 calls it a bad signature. */
static enum tls_failure of_failed(X509_STORE_CTX *check, const struct tls_chain *chain,
                                  struct text *why)
{
    long error = X509_STORE_CTX_get_error(check);
    if (error == X509_V_ERR_CERT_SIGNATURE_FAILURE && !strong_signature(tls_chain_leaf(chain))) {
        text_add_cstr(why, "the certificate has a weak signature, such as SHA-1");
        return TLS_FAILURE_WEAK;
    }
    text_add_cstr(why, "certificate: ");
    text_add_printable(why, span_cstr(X509_verify_cert_error_string(error)), 60);
    return of_verify_error(error);
}

static bool set_parameters(X509_STORE_CTX *check, bool partial, uint64_t now_s)
{
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(check);
    unsigned long flags = X509_V_FLAG_TRUSTED_FIRST | (partial ? X509_V_FLAG_PARTIAL_CHAIN : 0);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)now_s);
    X509_VERIFY_PARAM_set_depth(parameters, TLS_VERIFY_CHAIN_MAX);
    return X509_VERIFY_PARAM_set_flags(parameters, flags) == 1 &&
           X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER) == 1;
}

enum tls_failure tls_chain_verify(const struct tls_chain *chain, X509_STORE *anchors, bool partial,
                                  uint64_t now_s, struct text *why)
{
    ERR_clear_error();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    enum tls_failure failure = TLS_FAILURE_LOCAL;
    if (check == NULL ||
        X509_STORE_CTX_init(check, anchors, tls_chain_leaf(chain), chain->certificates) != 1 ||
        !set_parameters(check, partial, now_s))
        text_add_cstr(why, "the memory limit of the TLS library is reached");
    else if (X509_verify_cert(check) == 1)
        failure = check_strength(X509_STORE_CTX_get_chain(check), why);
    else
        failure = of_failed(check, chain, why);
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return failure;
}
