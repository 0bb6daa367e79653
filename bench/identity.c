#include "bench/identity.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define DAY_S (UINT64_C(24) * 3600)

static EVP_PKEY *make_rsa(void)
{
    EVP_PKEY *key = EVP_PKEY_new();
    RSA *rsa = RSA_new();
    BIGNUM *exponent = BN_new();
    bool made =
        key != NULL && rsa != NULL && exponent != NULL && BN_set_word(exponent, RSA_F4) == 1 &&
        RSA_generate_key_ex(rsa, 2048, exponent, NULL) == 1 && EVP_PKEY_set1_RSA(key, rsa) == 1;

    BN_free(exponent);
    RSA_free(rsa);
    if (made)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *make_ecdsa(void)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    bool made = key != NULL && ec != NULL && EC_KEY_generate_key(ec) == 1 &&
                EVP_PKEY_set1_EC_KEY(key, ec) == 1;

    EC_KEY_free(ec);
    if (made)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return added;
}

static bool set_name(X509_NAME *name, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)value, -1, -1,
                                      0) == 1;
}

static bool fill(X509 *certificate, const char *name, const char *issuer, EVP_PKEY *key,
                 uint64_t now_s)
{
    return X509_set_version(certificate, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           set_name(X509_get_subject_name(certificate), name) &&
           set_name(X509_get_issuer_name(certificate), issuer) &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now_s - DAY_S)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now_s + 365 * DAY_S)) != NULL &&
           X509_set_pubkey(certificate, key) == 1;
}

/* The server's certificate with a `host`, the root's with NULL. */
static X509 *make_certificate(const char *host, EVP_PKEY *key, EVP_PKEY *signer, uint64_t now_s)
{
    X509 *certificate = X509_new();
    char alternative[300];
    struct text text;

    text_init(&text, alternative, sizeof(alternative));
    text_add_cstr(&text, "DNS:");
    text_add_cstr(&text, host != NULL ? host : "");
    if (certificate != NULL &&
        fill(certificate, host != NULL ? host : "bench root", "bench root", key, now_s) &&
        add_extension(certificate, NID_basic_constraints,
                      host != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
        (host == NULL || add_extension(certificate, NID_subject_alt_name, text_cstr_end(&text))) &&
        X509_sign(certificate, signer, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Ends the BIO, too. */
static bool take(BIO *bio, bool written, uint8_t *buffer, struct span *ret_pem)
{
    const uint8_t *data = NULL;
    size_t size = 0;

    written = written && BIO_mem_contents(bio, &data, &size) == 1 && size <= IDENTITY_PEM_MAX;
    if (written) {
        memcpy(buffer, data, size);
        *ret_pem = span_make(buffer, size);
    }
    BIO_free(bio);
    return written;
}

static bool write_out(struct identity_pem *identity, X509 *root, X509 *server, EVP_PKEY *key)
{
    BIO *roots = BIO_new(BIO_s_mem());
    BIO *chain = BIO_new(BIO_s_mem());
    BIO *keys = BIO_new(BIO_s_mem());
    bool first = take(roots, roots != NULL && PEM_write_bio_X509(roots, root) == 1, identity->root,
                      &identity->root_pem);
    bool second = take(chain,
                       chain != NULL && PEM_write_bio_X509(chain, server) == 1 &&
                           PEM_write_bio_X509(chain, root) == 1,
                       identity->certificate, &identity->certificate_pem);
    bool third = take(keys,
                      keys != NULL &&
                          PEM_write_bio_PKCS8PrivateKey(keys, key, NULL, NULL, 0, NULL, NULL) == 1,
                      identity->key, &identity->key_pem);

    return first && second && third;
}

int identity_make(struct identity_pem *identity, enum identity_kind kind, const char *host,
                  uint64_t now_s)
{
    EVP_PKEY *signer = kind == IDENTITY_RSA_2048 ? make_rsa() : make_ecdsa();
    EVP_PKEY *key = kind == IDENTITY_RSA_2048 ? make_rsa() : make_ecdsa();
    X509 *root = signer != NULL ? make_certificate(NULL, signer, signer, now_s) : NULL;
    X509 *server =
        signer != NULL && key != NULL ? make_certificate(host, key, signer, now_s) : NULL;
    bool made = root != NULL && server != NULL && write_out(identity, root, server, key);

    X509_free(server);
    X509_free(root);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signer);
    return made ? 0 : -ENOMEM;
}
