/* A header block: every field lies in it, in order, and the same fields are found again. */
#include <stdlib.h>

#include "base/check.h"
#include "message/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_make(data, min_size(size, 16384));
    struct span rest = source;
    struct header_field field;
    struct header_field first;
    size_t taken = 0;
    int r;

    while ((r = header_next(&rest, &field)) == 1) {
        struct text out;
        struct span value;
        CHECK(field.whole.data == source.data + taken);
        CHECK(field.name.data == field.whole.data && field.name.size > 0);
        taken += field.whole.size;
        CHECK(taken == source.size - rest.size);
        CHECK(header_find(source, field.name, &first));
        CHECK(first.whole.data <= field.whole.data);
        text_init(&out, malloc(field.body.size + 1), field.body.size);
        CHECK(out.data != NULL);
        header_unfold(field.body, &out, NULL);
        CHECK(!out.overflow);
        CHECK(span_find_byte(text_span(&out), '\n') == SPAN_NOT_FOUND);
        if (header_parameter(field.body, SPAN("a"), &value) && value.size > 0)
            CHECK(value.data > field.body.data &&
                  value.data + value.size <= field.body.data + field.body.size);
        if (header_is_mailbox(text_span(&out)))
            CHECK(out.size <= 254 && span_is_ascii(text_span(&out)));
        free(out.data);
    }
    CHECK(r == 0 || rest.size > 0);
    return 0;
}
