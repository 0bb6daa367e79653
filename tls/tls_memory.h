/* tls_memory.h - what BoringSSL allocates, counted against a limit.
 *
 * BoringSSL allocates through OPENSSL_memory_alloc, _free and _get_size where the program exports
 * them. They stand in tls/tls_memory_hooks.c, which every program links as an object
 * (tls_hooks_dep): an archive member would be hidden, or never pulled in, and silently never
 * called. Above the limit an allocation fails, which BoringSSL turns into an error of that session.
 *
 * Not counted are libssl's two record buffers, which it takes from malloc while a record is being
 * read or written. The counters are the process's: sessions and contexts of all threads draw on one
 * limit. Knows nothing of TLS; counts every allocation of the library, the signatures' too. */
#ifndef TLS_TLS_MEMORY_H
#define TLS_TLS_MEMORY_H

#include "base/base.h"

/* 0 is no limit (the default). Below what is in use, nothing more is given until it sinks. */
void tls_memory_set_limit(size_t limit_size);
/* Octets in use now, with the counter's own 16 a piece; the most there were; allocations refused
 * since start. */
size_t tls_memory_used(void);
size_t tls_memory_peak(void);
uint64_t tls_memory_refused(void);
/* True when BoringSSL really calls the hooks; tls_context_open() refuses to work otherwise. */
MUST_USE bool tls_memory_is_counted(void);
/* For tests: the n-th allocation from now (0 is the next) fails once; UINT64_MAX: none. */
void tls_memory_fail_after(uint64_t count);

/* For tls_memory_hooks.c. */
void *tls_memory_take(size_t size);
void tls_memory_give(void *pointer);
size_t tls_memory_size(void *pointer);

#endif
