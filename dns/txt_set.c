#include "dns/txt_set.h"

#include <string.h>

#include "base/check.h"
#include "dns/answer.h"
#include "dns/inquiry.h"

void txt_set_empty(struct txt_set *ret_set, enum txt_set_status status, uint64_t expires_ns,
                   const char *problem)
{
    struct text text;

    *ret_set = (struct txt_set){.status = status, .expires_ns = expires_ns};
    text_init(&text, ret_set->problem, sizeof(ret_set->problem));
    text_add_cstr(&text, problem);
    (void)text_cstr_end(&text); /* ends in place */
}

static void set_failure(struct txt_set *set, const struct inquiry *inquiry)
{
    struct text text;

    set->status = TXT_SET_FAILED;
    text_init(&text, set->problem, sizeof(set->problem));
    inquiry_write_failure(inquiry, &text);
    (void)text_cstr_end(&text); /* ends in place */
}

static void add_all(struct txt_set *set, struct span payload)
{
    uint32_t size = 0;
    struct span bytes;

    while (answer_next_bytes(&payload, &bytes)) {
        if (set->count == TXT_SET_RECORDS_MAX || bytes.size > TXT_SET_BYTES_MAX - size) {
            set->left_out++;
            continue;
        }
        if (bytes.size > 0)
            memcpy(&set->bytes[size], bytes.data, bytes.size);
        size += (uint32_t)bytes.size;
        set->ends[set->count++] = size;
    }
}

static void set_records(struct txt_set *set, struct span payload)
{
    add_all(set, payload);
    set->status = TXT_SET_RECORDS;
    if (set->count > 0)
        return;
    txt_set_empty(set, TXT_SET_FAILED, 0, "the TXT records are too large");
}

void txt_set_build(struct inquiry *inquiry, const struct dns_name *name, struct txt_set *ret_set)
{
    struct dns_cache_value value;

    txt_set_empty(ret_set, TXT_SET_PENDING, 0, "");
    if (!inquiry_find(inquiry, name, WIRE_TXT, &value))
        return;
    switch (value.status) {
    case DNS_CACHE_RECORDS:
        set_records(ret_set, value.payload);
        break;
    case DNS_CACHE_NO_DATA:
        txt_set_empty(ret_set, TXT_SET_NONE, 0, "the name has no TXT record");
        break;
    case DNS_CACHE_NO_DOMAIN:
        txt_set_empty(ret_set, TXT_SET_NONE, 0, "the name does not exist (NXDOMAIN)");
        break;
    case DNS_CACHE_FAILED:
        set_failure(ret_set, inquiry);
        break;
    }
    ret_set->secure = value.secure;
    ret_set->expires_ns = inquiry->expires_ns;
    ret_set->servers = inquiry->servers;
}

struct span txt_set_at(const struct txt_set *set, uint32_t index)
{
    CHECK(index < set->count);
    uint32_t from = index == 0 ? 0 : set->ends[index - 1];

    return span_make(&set->bytes[from], set->ends[index] - from);
}

const char *txt_set_status_name(enum txt_set_status status)
{
    static const char *const names[] = {
        [TXT_SET_PENDING] = "pending", [TXT_SET_RECORDS] = "records", [TXT_SET_NONE] = "none",
        [TXT_SET_FAILED] = "failed",   [TXT_SET_BUSY] = "busy",
    };

    static_assert(ARRAY_LEN(names) == TXT_SET_STATUS_COUNT, "one for each");
    CHECK((size_t)status < ARRAY_LEN(names));
    return names[status];
}
