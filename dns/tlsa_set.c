#include "dns/tlsa_set.h"

#include <string.h>

#include "base/check.h"
#include "dns/answer.h"
#include "dns/inquiry.h"

#define FIXED_SIZE 3 /* usage, selector, matching type */
#define SHA256_SIZE 32
#define SHA512_SIZE 64

/* What the host's address records say. */
struct place {
    bool found;  /* at least one has addresses */
    bool failed; /* and the other one could not be asked */
    bool secure; /* all that were found */
    struct dns_name target;
};

void tlsa_set_empty(struct tlsa_set *ret_set, enum tlsa_set_status status, uint64_t expires_ns,
                    const char *problem)
{
    struct text text;

    *ret_set = (struct tlsa_set){.status = status, .expires_ns = expires_ns};
    text_init(&text, ret_set->problem, sizeof(ret_set->problem));
    text_add_cstr(&text, problem);
    (void)text_cstr_end(&text); /* ends in place */
}

static void set_failure(struct tlsa_set *set, const struct inquiry *inquiry)
{
    struct text text;

    tlsa_set_empty(set, TLSA_SET_FAILED, inquiry->expires_ns, "");
    text_init(&text, set->problem, sizeof(set->problem));
    inquiry_write_failure(inquiry, &text);
    (void)text_cstr_end(&text); /* ends in place */
}

bool tlsa_set_usable(const struct tlsa_record *record)
{
    if ((record->usage != TLSA_DANE_TA && record->usage != TLSA_DANE_EE) ||
        (record->selector != TLSA_CERTIFICATE && record->selector != TLSA_PUBLIC_KEY))
        return false;
    switch (record->matching) {
    case TLSA_FULL:
        return record->data.size > 0;
    case TLSA_SHA256:
        return record->data.size == SHA256_SIZE;
    case TLSA_SHA512:
        return record->data.size == SHA512_SIZE;
    default:
        return false;
    }
}

static void add(struct tlsa_set *set, const struct tlsa_record *record)
{
    size_t size = record->data.size;

    if (set->count == TLSA_SET_RECORDS_MAX || size > TLSA_SET_BYTES_MAX - set->bytes_size) {
        set->left_out++;
        return;
    }
    uint8_t *into = &set->bytes[set->bytes_size];
    if (size > 0)
        memcpy(into, record->data.data, size);
    set->bytes_size += (uint32_t)size;
    set->records[set->count] = *record;
    set->records[set->count++].data = span_make(into, size);
}

/* Usable records first, so that they are the last to lack room. */
static void add_all(struct tlsa_set *set, struct span payload)
{
    for (int round = 0; round < 2; round++) {
        struct span rest = payload, bytes;

        while (answer_next_bytes(&rest, &bytes)) {
            if (bytes.size < FIXED_SIZE)
                continue; /* wire_check lets none pass */
            struct tlsa_record record = {.usage = bytes.data[0],
                                         .selector = bytes.data[1],
                                         .matching = bytes.data[2],
                                         .data = span_skip(bytes, FIXED_SIZE)};
            if (tlsa_set_usable(&record) == (round == 0))
                add(set, &record);
        }
    }
}

static void look_at(struct place *place, const struct dns_cache_value *value)
{
    place->failed = place->failed || value->status == DNS_CACHE_FAILED;
    if (value->status != DNS_CACHE_RECORDS)
        return;
    place->secure = value->secure && (place->secure || !place->found);
    place->found = true;
    if (value->target.size == 0 || !dns_name_from_wire(value->target, &place->target))
        return; /* no aliases: it stays the host itself */
}

static struct place find_place(struct inquiry *inquiry, const struct tlsa_set_question *question)
{
    struct place place = {.target = question->host};
    struct dns_cache_value value;

    if (question->families != DNS_IPV6_ONLY &&
        inquiry_find(inquiry, &question->host, WIRE_A, &value))
        look_at(&place, &value);
    if (question->families != DNS_IPV4_ONLY &&
        inquiry_find(inquiry, &question->host, WIRE_AAAA, &value))
        look_at(&place, &value);
    return place;
}

/* "_25._tcp." before the base. False: longer than a name can be. */
static bool owner_name(const struct dns_name *base, uint16_t port, struct dns_name *ret_name)
{
    uint8_t bytes[DNS_NAME_SIZE_MAX + 16];
    char label[8];
    struct text text;

    text_init(&text, label, sizeof(label));
    text_add_byte(&text, '_');
    text_add_u64(&text, port);
    size_t size = text.size;
    bytes[0] = (uint8_t)size;
    memcpy(&bytes[1], label, size);
    memcpy(&bytes[1 + size], "\4_tcp", 5);
    memcpy(&bytes[6 + size], base->bytes, base->size);
    return dns_name_from_wire(span_make(bytes, 6 + size + base->size), ret_name);
}

/* True when this base decides, one way or the other, or is not known yet. */
static bool try_base(struct inquiry *inquiry, const struct dns_name *base, uint16_t port,
                     struct tlsa_set *set)
{
    struct dns_cache_value value;
    struct dns_name owner;
    struct text text;

    if (!owner_name(base, port, &owner))
        return false;
    if (!inquiry_find(inquiry, &owner, WIRE_TLSA, &value))
        return true;
    if (value.status == DNS_CACHE_FAILED) {
        set_failure(set, inquiry);
        return true;
    }
    if (value.status != DNS_CACHE_RECORDS || !value.secure)
        return false;
    add_all(set, value.payload);
    if (set->count == 0) {
        tlsa_set_empty(set, TLSA_SET_FAILED, value.expires_ns, "the TLSA records are too large");
        return true;
    }
    set->status = TLSA_SET_RECORDS;
    text_init(&text, set->base, sizeof(set->base));
    dns_name_write(base, &text);
    (void)text_cstr_end(&text); /* ends in place */
    return true;
}

/* The addresses lie outside the secure DNS. Is the host an alias within it? False: not known yet.
 */
static bool own_name_counts(struct inquiry *inquiry, const struct tlsa_set_question *question,
                            const struct place *place, bool *ret_counts)
{
    struct dns_cache_value value;

    *ret_counts = false;
    if (dns_name_equal(&place->target, &question->host))
        return true;
    if (!inquiry_find(inquiry, &question->host, WIRE_CNAME, &value))
        return false;
    *ret_counts =
        value.status == DNS_CACHE_FAILED || (value.status == DNS_CACHE_RECORDS && value.secure);
    return true;
}

static void decide(struct inquiry *inquiry, const struct tlsa_set_question *question,
                   const struct place *place, struct tlsa_set *set)
{
    bool own = true;

    if (!place->secure && !own_name_counts(inquiry, question, place, &own))
        return;
    if (!place->secure && own && inquiry->failed) {
        set_failure(set, inquiry);
        return;
    }
    if (!own) {
        tlsa_set_empty(set, TLSA_SET_NONE, 0, "the addresses of the host are not secure (DNSSEC)");
        return;
    }
    if (place->secure && !dns_name_equal(&place->target, &question->host) &&
        try_base(inquiry, &place->target, question->port, set))
        return;
    if (!try_base(inquiry, &question->host, question->port, set))
        tlsa_set_empty(set, TLSA_SET_NONE, 0, "no secure TLSA record");
}

void tlsa_set_build(struct inquiry *inquiry, const struct tlsa_set_question *question,
                    struct tlsa_set *ret_set)
{
    struct place place = find_place(inquiry, question);

    tlsa_set_empty(ret_set, TLSA_SET_PENDING, 0, "");
    if (inquiry->missing_count > 0)
        return;
    if (!place.found && place.failed)
        set_failure(ret_set, inquiry);
    else if (!place.found)
        tlsa_set_empty(ret_set, TLSA_SET_NONE, 0, "the host has no address");
    else
        decide(inquiry, question, &place, ret_set);
    if (inquiry->missing_count > 0)
        return;
    ret_set->expires_ns = inquiry->expires_ns;
    ret_set->servers = inquiry->servers;
}

void tlsa_set_copy(const struct tlsa_set *from, struct tlsa_set *ret_set)
{
    *ret_set = *from;
    for (uint32_t i = 0; i < from->count; i++)
        ret_set->records[i].data = span_make(
            &ret_set->bytes[from->records[i].data.data - from->bytes], from->records[i].data.size);
}

const char *tlsa_set_status_name(enum tlsa_set_status status)
{
    static const char *const names[] = {
        [TLSA_SET_PENDING] = "pending",     [TLSA_SET_RECORDS] = "records",
        [TLSA_SET_NONE] = "none",           [TLSA_SET_FAILED] = "failed",
        [TLSA_SET_UNTRUSTED] = "untrusted", [TLSA_SET_BUSY] = "busy",
    };

    static_assert(ARRAY_LEN(names) == TLSA_SET_STATUS_COUNT, "one for each");
    CHECK((size_t)status < ARRAY_LEN(names));
    return names[status];
}
