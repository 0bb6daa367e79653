/* tlsrpt_record.h - where a domain wants reports about TLS: the TXT record at _smtp._tls.<domain>
 * (RFC 8460 3).
 *
 * Knows nothing of DNS: it is shown the TXT records one after another. Addresses and URLs are
 * copied and percent-decoded where the record had to encode them. */
#ifndef TLS_TLSRPT_RECORD_H
#define TLS_TLSRPT_RECORD_H

#include "base/span.h"

#define TLSRPT_RECORD_TARGETS_MAX 4 /* the others are passed over */
#define TLSRPT_RECORD_TEXT_MAX 1024

struct tlsrpt_target {
    bool mail; /* an address; else an https URL, whose parts are for its user to check */
    uint16_t at;
    uint16_t size;
};

struct tlsrpt_record {
    uint32_t count; /* records that begin with "v=TLSRPTv1;" */
    bool malformed;
    uint32_t targets_count;
    uint32_t text_size;
    struct tlsrpt_target targets[TLSRPT_RECORD_TARGETS_MAX];
    char text[TLSRPT_RECORD_TEXT_MAX];
};

void tlsrpt_record_init(struct tlsrpt_record *record);
/* One TXT record, its strings put together. Other records are passed over. */
void tlsrpt_record_add(struct tlsrpt_record *record, struct span txt);
/* Whether there is one well-formed record with somewhere to report to; more than one is none. */
MUST_USE bool tlsrpt_record_is_usable(const struct tlsrpt_record *record);
struct span tlsrpt_record_target(const struct tlsrpt_record *record, uint32_t index);

#endif
