/* No input without the key is valid but the one that the program would write itself; the reader of
 * key files takes nothing by halves. */
#include <string.h>

#include "base/check.h"
#include "message/verp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tag(struct span in)
{
    static const uint8_t secret[VERP_KEY_SIZE] = {1, 2, 3};
    struct verp_keys keys = {.count = 0};
    struct identity identity;
    uint8_t buffer[128];
    struct text out;
    uint16_t day;

    CHECK(verp_add_key(&keys, 0, secret) == 0);
    if (verp_read(in, &keys, 20000, &identity, &day) != VERP_VALID)
        return;
    text_init(&out, buffer, sizeof(buffer));
    verp_write(&out, &keys, &identity, day, SPAN("x"));
    CHECK(span_starts_nocase(in, span_first(text_span(&out), VERP_TAG_SIZE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verp_keys keys = {.count = 0};
    uint8_t buffer[256];
    struct text error;
    int result;

    read_tag(span_make(data, size));
    text_init(&error, buffer, sizeof(buffer));
    result = verp_add_file(&keys, span_make(data, size), &error);
    CHECK((result == 0) == (keys.count > 0));
    CHECK((result == 0) == (error.size == 0));
    CHECK(!error.overflow);
    return 0;
}
