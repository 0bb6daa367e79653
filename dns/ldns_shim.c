/* ldns_shim.c - the four OpenSSL symbols that libldns.a names and BoringSSL does not have.
 *
 * They belong to ldns's key files and engines, which ringpost never calls: each aborts. With them
 * the archive links against BoringSSL, and OpenSSL stays out of the process. */
#include "base/check.h"

/* NOLINTBEGIN(readability-identifier-naming): the names are OpenSSL's */
int EVP_PKEY_get_id(const void *key);
int EVP_PKEY_get_base_id(const void *key);
void *ENGINE_load_private_key(void *engine, const char *name, void *method, void *data);
void *UI_OpenSSL(void);

int EVP_PKEY_get_id(const void *key)
{
    (void)key;
    UNREACHABLE("ldns was asked for a key");
}

int EVP_PKEY_get_base_id(const void *key)
{
    (void)key;
    UNREACHABLE("ldns was asked for a key");
}

void *ENGINE_load_private_key(void *engine, const char *name, void *method, void *data)
{
    (void)engine;
    (void)name;
    (void)method;
    (void)data;
    UNREACHABLE("ldns was asked for an engine");
}

void *UI_OpenSSL(void)
{
    UNREACHABLE("ldns was asked for a dialogue");
}
/* NOLINTEND(readability-identifier-naming) */
