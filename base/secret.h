/* secret.h - marks octets as secret, for the check that nothing branches on them.
 *
 * Under clang's MemorySanitizer secret octets count as uninitialised: a branch, or an address, that
 * depends on them ends the program. Without it all of this is nothing. Knows nothing of keys. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/base.h"

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define SECRET_IS_WATCHED 1
#endif
#endif
#if !defined(SECRET_IS_WATCHED)
#define SECRET_IS_WATCHED 0
#define __msan_poison(data, size) ((void)(data), (void)(size))
#define __msan_unpoison(data, size) ((void)(data), (void)(size))
#endif

static inline void secret_mark(const void *data, size_t size)
{
    __msan_poison(data, size);
}

/* What was secret is told to the world from here on: a verdict, a finished signature. */
static inline void secret_tell(const void *data, size_t size)
{
    __msan_unpoison(data, size);
}

#endif
