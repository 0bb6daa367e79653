/* Any text: what is accepted is made of parts of it, and reads the same when it is put together. */
#include "base/check.h"
#include "base/text.h"
#include "http/https_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct https_url url, again;
    uint8_t buffer[4096];
    struct text text;

    if (size > 2048 || !https_url_parse(span_make(data, size), &url))
        return 0;
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "https://");
    text_add(&text, url.host);
    text_add_byte(&text, ':');
    text_add_u64(&text, url.port);
    text_add(&text, url.target);
    CHECK(!span_has_control(text_span(&text)) && span_is_ascii(text_span(&text)));
    CHECK(https_url_parse(text_span(&text), &again));
    CHECK(span_equal(again.host, url.host) && span_equal(again.target, url.target));
    CHECK(again.port == url.port);
    return 0;
}
