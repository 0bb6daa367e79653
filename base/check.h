/* check.h - assertions that stay on in every build.
 *
 * A failed CHECK is a bug in ringpost, never the fault of a receiver, a file or a user: the process
 * prints one crash line and aborts; the queue is durable. Never CHECK what came from outside. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/base.h"

_Noreturn void check_failed(const char *file, int line, const char *what);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

#define UNREACHABLE(what) check_failed(__FILE__, __LINE__, what)

#endif
