#include "tls/tls_memory.h"

#include <openssl/mem.h>
#include <stdatomic.h>
#include <stdlib.h>

/* In front of every allocation, so that giving back knows what to subtract. */
struct block {
    _Alignas(16) size_t size;
};

/* Relaxed atomics: contexts are shared between threads, and a session's last reference may be
 * dropped on another thread than the one that made it. Nothing is ordered by them. */
static _Atomic size_t used_size;
static _Atomic size_t peak_size;
static _Atomic size_t limit_size_now;
static _Atomic uint64_t refused_count;
static _Atomic uint64_t calls_count;
static _Atomic uint64_t fail_countdown = UINT64_MAX;

void tls_memory_set_limit(size_t limit_size)
{
    atomic_store_explicit(&limit_size_now, limit_size, memory_order_relaxed);
}

size_t tls_memory_used(void)
{
    return atomic_load_explicit(&used_size, memory_order_relaxed);
}

size_t tls_memory_peak(void)
{
    return atomic_load_explicit(&peak_size, memory_order_relaxed);
}

uint64_t tls_memory_refused(void)
{
    return atomic_load_explicit(&refused_count, memory_order_relaxed);
}

bool tls_memory_is_counted(void)
{
    uint64_t before = atomic_load_explicit(&calls_count, memory_order_relaxed);
    OPENSSL_free(OPENSSL_malloc(1));
    return atomic_load_explicit(&calls_count, memory_order_relaxed) != before;
}

void tls_memory_fail_after(uint64_t count)
{
    atomic_store_explicit(&fail_countdown, count, memory_order_relaxed);
}

static bool must_fail(void)
{
    uint64_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (__builtin_expect(left == UINT64_MAX, 1))
        return false;
    return atomic_fetch_sub_explicit(&fail_countdown, 1, memory_order_relaxed) == 0;
}

static void note_peak(size_t now_used)
{
    size_t peak = atomic_load_explicit(&peak_size, memory_order_relaxed);
    while (now_used > peak &&
           !atomic_compare_exchange_weak_explicit(&peak_size, &peak, now_used, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void *tls_memory_take(size_t size)
{
    atomic_fetch_add_explicit(&calls_count, 1, memory_order_relaxed);
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t whole = size + sizeof(struct block);
    size_t limit = atomic_load_explicit(&limit_size_now, memory_order_relaxed);
    size_t now_used = atomic_fetch_add_explicit(&used_size, whole, memory_order_relaxed) + whole;
    struct block *block = NULL;
    if ((limit == 0 || now_used <= limit) && !must_fail())
        block = malloc(whole);
    if (block == NULL) {
        atomic_fetch_sub_explicit(&used_size, whole, memory_order_relaxed);
        atomic_fetch_add_explicit(&refused_count, 1, memory_order_relaxed);
        return NULL;
    }
    note_peak(now_used);
    block->size = size;
    return block + 1;
}

void tls_memory_give(void *pointer)
{
    if (pointer == NULL)
        return;
    struct block *block = (struct block *)pointer - 1;
    size_t whole = block->size + sizeof *block;
    OPENSSL_cleanse(block, whole); /* keys may lie in it */
    atomic_fetch_sub_explicit(&used_size, whole, memory_order_relaxed);
    free(block);
}

size_t tls_memory_size(void *pointer)
{
    return pointer == NULL ? 0 : ((struct block *)pointer - 1)->size;
}
