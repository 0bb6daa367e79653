/* The hooks of BoringSSL, to be seen by its shared library: hence a program's own object and not a
 * member of an archive, and exported. Called for every allocation of libcrypto and libssl. */
#include "tls/tls_memory.h"

EXPORTED void *OPENSSL_memory_alloc(size_t size);
EXPORTED void OPENSSL_memory_free(void *pointer);
EXPORTED size_t OPENSSL_memory_get_size(void *pointer);

void *OPENSSL_memory_alloc(size_t size)
{
    return tls_memory_take(size);
}

void OPENSSL_memory_free(void *pointer)
{
    tls_memory_give(pointer);
}

size_t OPENSSL_memory_get_size(void *pointer)
{
    return tls_memory_size(pointer);
}
