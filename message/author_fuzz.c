/* Any octets as a From field: the domain is a piece of it that could stand in an address, and is
 * the same behind a comment, behind a quoted name and before a line's end; alone in an address it
 * is read as itself. */
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "message/author.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 2048

static void check_octets(struct span domain, struct span input)
{
    CHECK(domain.size <= input.size);
    if (domain.size == 0)
        return;
    CHECK(domain.data >= input.data);
    CHECK(domain.data + domain.size <= input.data + input.size);
    for (size_t i = 0; i < domain.size; i++)
        CHECK(domain.data[i] >= 0x80 || strchr("()<>@,;:\\\" \t\r\n[]", domain.data[i]) == NULL);
}

static void check_same(const char *before, struct span between, const char *behind,
                       struct span domain)
{
    uint8_t buffer[INPUT_MAX + 128];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    text_add_cstr(&out, before);
    text_add(&out, between);
    text_add_cstr(&out, behind);
    CHECK(!out.overflow);
    CHECK(span_equal(author_domain(text_span(&out)), domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct span domain = author_domain(input);

    check_octets(domain, input);
    if (size > INPUT_MAX)
        return 0;
    check_same("(x@evil.example (\\)) >) ", input, "", domain);
    check_same("\"x@evil.example \\\" <a@b>, \" ", input, "", domain);
    check_same("\r\n ", input, "\r\n", domain);
    if (domain.size == 0)
        return 0;
    check_same("x@", domain, "", domain);
    check_same("x@evil.example <\"a@b\"@", domain, ">, c@d.example", domain);
    return 0;
}
