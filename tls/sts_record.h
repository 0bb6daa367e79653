/* sts_record.h - the TXT record that announces an MTA-STS policy (RFC 8461 3.1).
 *
 * Knows nothing of DNS: it is shown the TXT records at _mta-sts.<domain>, one after another, and
 * then says whether there is a policy and under which id. */
#ifndef TLS_STS_RECORD_H
#define TLS_STS_RECORD_H

#include "base/span.h"

#define STS_RECORD_ID_MAX 32

struct sts_record {
    uint32_t count; /* records that begin with "v=STSv1;" */
    uint32_t id_size;
    char id[STS_RECORD_ID_MAX];
};

void sts_record_init(struct sts_record *record);
/* One TXT record, its strings put together. Other records are passed over. */
void sts_record_add(struct sts_record *record, struct span txt);
/* The id of the one record there is, 1 to 32 letters and digits; false when there is none, more
 * than one, or a malformed one: then the domain announces no policy. */
MUST_USE bool sts_record_id(const struct sts_record *record, struct span *ret_id);

#endif
