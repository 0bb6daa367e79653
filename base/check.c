#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    /* The result does not matter: there is nowhere else to say it. */
    (void)fprintf(stderr, "ringpost: bug: %s:%d: %s\n", file, line, what);
    abort();
}
