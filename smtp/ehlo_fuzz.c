/* Any line: known keywords only, and the same when the line is read twice. */
#include "base/check.h"
#include "smtp/ehlo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct ehlo ehlo;

    ehlo_init(&ehlo);
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');
        struct ehlo once = ehlo, twice;

        ehlo_read_line(&once, line);
        twice = once;
        ehlo_read_line(&twice, line);
        CHECK(once.extensions == twice.extensions && once.size_max == twice.size_max);
        CHECK((once.extensions & ehlo.extensions) == ehlo.extensions);
        CHECK(once.extensions < 2 * EHLO_AUTH_LOGIN);
        CHECK(once.size_max <= INT64_MAX);
        ehlo = once;
    }
    return 0;
}
