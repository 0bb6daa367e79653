/* What parses writes itself; its key is an address and its own key, without blanks outside quotes
 * or control characters. */
#include "base/check.h"
#include "message/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(struct span key)
{
    uint8_t buffer[ADDRESS_KEY_MAX];
    struct address address;
    const char *problem;
    struct text out;

    CHECK(key.size <= ADDRESS_KEY_MAX);
    for (size_t i = 0; i < key.size; i++)
        CHECK(key.data[i] >= ' ' && key.data[i] != 0x7f);
    if (key.size > ADDRESS_SIZE_MAX)
        return;
    CHECK(address_parse(key, &address, &problem));
    text_init(&out, buffer, sizeof(buffer));
    CHECK(address_canonical(&address, &out));
    CHECK(span_equal(text_span(&out), key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t buffer[ADDRESS_KEY_MAX];
    uint8_t domain_buffer[ADDRESS_DOMAIN_KEY_MAX];
    struct address address;
    const char *problem = NULL;
    struct text out;
    struct text domain;

    text_init(&domain, domain_buffer, sizeof(domain_buffer));
    if (address_domain_key(span_make(data, size), &domain))
        CHECK(!domain.overflow && domain.size > 0);
    else
        CHECK(domain.size == 0);
    if (!address_parse(span_make(data, size), &address, &problem)) {
        CHECK(problem != NULL);
        return 0;
    }
    text_init(&out, buffer, sizeof(buffer));
    address_write(&address, &out);
    CHECK(span_equal(text_span(&out), span_make(data, size)));
    text_reset(&out);
    if (address_canonical(&address, &out)) {
        CHECK(!out.overflow);
        check_key(text_span(&out));
    }
    return 0;
}
