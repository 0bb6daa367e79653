/* Any text as the one TXT record: targets within their bounds, addresses that are addresses, and
 * nothing that could end a line. A second record like it takes the reports away. */
#include "base/check.h"
#include "message/address.h"
#include "tls/tlsrpt_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span txt = span_make(data, size);
    struct tlsrpt_record record;
    const char *problem;

    tlsrpt_record_init(&record);
    tlsrpt_record_add(&record, txt);
    CHECK(record.count <= 1 && record.text_size <= TLSRPT_RECORD_TEXT_MAX);
    CHECK(record.targets_count <= TLSRPT_RECORD_TARGETS_MAX);
    if (!tlsrpt_record_is_usable(&record))
        return 0;
    for (uint32_t i = 0; i < record.targets_count; i++) {
        struct span target = tlsrpt_record_target(&record, i);
        struct address address;

        CHECK(target.size > 0 && !span_has_control(target) && span_is_ascii(target));
        CHECK(record.targets[i].mail ? address_parse(target, &address, &problem)
                                     : span_starts_nocase(target, SPAN("https://")));
    }
    tlsrpt_record_add(&record, txt);
    CHECK(!tlsrpt_record_is_usable(&record));
    return 0;
}
