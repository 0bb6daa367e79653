#include "dns/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include <ldns/rbtree.h>

#include <ldns/rr.h>
#include <ldns/wire2host.h>

#define SOA_MINIMUM_INDEX 6

/* The records of one packet while it is read. */
struct parsed {
    ldns_rr *records[WIRE_RECORDS_MAX];
    uint32_t count;
    ldns_rr *soa;
};

static ldns_rr *parse_record(struct span packet, uint16_t offset, ldns_pkt_section section)
{
    ldns_rr *record = NULL;
    size_t at = offset;

    if (ldns_wire2rr(&record, packet.data, packet.size, &at, section) != LDNS_STATUS_OK)
        return NULL;
    return record;
}

static void parsed_free(struct parsed *parsed)
{
    for (uint32_t i = 0; i < parsed->count; i++)
        ldns_rr_free(parsed->records[i]);
    ldns_rr_free(parsed->soa);
}

/* False: the library disagrees with wire_check, or has no memory. */
static bool parse(struct span packet, const struct wire_check *check, struct parsed *parsed)
{
    parsed->count = 0;
    parsed->soa = NULL;
    for (uint32_t i = 0; i < check->answer.count; i++) {
        ldns_rr *record = parse_record(packet, check->answer.offsets[i], LDNS_SECTION_ANSWER);

        if (record == NULL)
            return false;
        parsed->records[parsed->count++] = record;
    }
    if (check->has_soa)
        parsed->soa = parse_record(packet, check->soa_offset, LDNS_SECTION_AUTHORITY);
    return !check->has_soa || parsed->soa != NULL;
}

static bool name_of(const ldns_rdf *rdf, struct dns_name *ret_name)
{
    return rdf != NULL &&
           dns_name_from_wire(span_make(ldns_rdf_data(rdf), ldns_rdf_size(rdf)), ret_name);
}

static bool owner_is(const ldns_rr *record, const struct dns_name *name)
{
    struct dns_name owner;

    return name_of(ldns_rr_owner(record), &owner) && dns_name_equal(&owner, name);
}

/* RFC 2181 8: a TTL with the top bit set is zero. */
static uint32_t ttl_of(const ldns_rr *record)
{
    uint32_t ttl_s = ldns_rr_ttl(record);

    return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static void lower_ttl(struct answer *answer, uint32_t ttl_s)
{
    if (ttl_s < answer->ttl_s)
        answer->ttl_s = ttl_s;
}

static const ldns_rr *find(const struct parsed *parsed, const struct dns_name *owner, uint16_t type)
{
    for (uint32_t i = 0; i < parsed->count; i++) {
        const ldns_rr *record = parsed->records[i];

        if ((uint16_t)ldns_rr_get_type(record) == type && owner_is(record, owner))
            return record;
    }
    return NULL;
}

static bool put(struct answer *answer, const void *bytes, size_t size)
{
    if (size > ANSWER_PAYLOAD_MAX - answer->payload_size)
        return false;
    if (size > 0)
        memcpy(&answer->payload[answer->payload_size], bytes, size);
    answer->payload_size += (uint32_t)size;
    return true;
}

static bool put_rdf(struct answer *answer, const ldns_rdf *rdf, size_t size)
{
    return rdf != NULL && ldns_rdf_size(rdf) == size && put(answer, ldns_rdf_data(rdf), size);
}

static bool put_name(struct answer *answer, const ldns_rdf *rdf, bool with_size)
{
    struct dns_name name;

    return name_of(rdf, &name) && (!with_size || put(answer, &name.size, 1)) &&
           put(answer, name.bytes, name.size);
}

/* A size, and all fields behind one another, `skip` octets of each left out: the length octet of a
 * string of a TXT record. */
static bool put_fields(struct answer *answer, const ldns_rr *record, size_t skip)
{
    uint32_t size_at = answer->payload_size;

    if (!put(answer, "\0", 2))
        return false;
    for (size_t i = 0; i < ldns_rr_rd_count(record); i++) {
        const ldns_rdf *field = ldns_rr_rdf(record, i);

        if (field == NULL || ldns_rdf_size(field) < skip ||
            !put(answer, ldns_rdf_data(field) + skip, ldns_rdf_size(field) - skip))
            return false;
    }
    size_t size = answer->payload_size - size_at - 2;
    answer->payload[size_at] = (uint8_t)(size >> 8);
    answer->payload[size_at + 1] = (uint8_t)size;
    return true;
}

/* False: the library has read something else than we have asked for, or it is more than we hold. */
static bool put_record(const ldns_rr *record, uint16_t type, struct answer *answer)
{
    switch (type) {
    case WIRE_A:
        return put_rdf(answer, ldns_rr_rdf(record, 0), 4);
    case WIRE_AAAA:
        return put_rdf(answer, ldns_rr_rdf(record, 0), 16);
    case WIRE_CNAME:
        return put_name(answer, ldns_rr_rdf(record, 0), false);
    case WIRE_MX:
        return put_rdf(answer, ldns_rr_rdf(record, 0), 2) &&
               put_name(answer, ldns_rr_rdf(record, 1), true);
    case WIRE_TLSA:
        return put_fields(answer, record, 0);
    case WIRE_TXT:
        return put_fields(answer, record, 1);
    default:
        return false;
    }
}

/* Follows the aliases from answer->target on. False: a loop, or too many. */
static bool follow(const struct parsed *parsed, uint16_t type, struct answer *answer)
{
    const ldns_rr *alias;

    while (find(parsed, &answer->target, type) == NULL &&
           (alias = find(parsed, &answer->target, WIRE_CNAME)) != NULL) {
        if (answer->chain_count == ANSWER_CHAIN_MAX ||
            !name_of(ldns_rr_rdf(alias, 0), &answer->target))
            return false;
        answer->chain_count++;
        lower_ttl(answer, ttl_of(alias));
    }
    return true;
}

static bool collect(const struct parsed *parsed, uint16_t type, struct answer *answer)
{
    for (uint32_t i = 0; i < parsed->count; i++) {
        const ldns_rr *record = parsed->records[i];

        if ((uint16_t)ldns_rr_get_type(record) != type || !owner_is(record, &answer->target))
            continue;
        if (!put_record(record, type, answer))
            return false;
        answer->count++;
        lower_ttl(answer, ttl_of(record));
    }
    return true;
}

/* RFC 2308 5: for the lesser of the SOA's own TTL and its last figure; not at all without a SOA of
 * a zone that holds the name. */
static bool negative_ttl(const struct parsed *parsed, struct answer *answer)
{
    struct dns_name zone;

    if (parsed->soa == NULL || !name_of(ldns_rr_owner(parsed->soa), &zone) ||
        !dns_name_within(&answer->target, &zone) ||
        ldns_rr_rd_count(parsed->soa) <= SOA_MINIMUM_INDEX) {
        answer->ttl_s = 0;
        return false;
    }
    lower_ttl(answer, ttl_of(parsed->soa));
    lower_ttl(answer, ldns_rdf2native_int32(ldns_rr_rdf(parsed->soa, SOA_MINIMUM_INDEX)));
    return true;
}

static enum answer_status read_parsed(const struct parsed *parsed, const struct wire_check *check,
                                      const struct answer_query *query, struct answer *answer)
{
    uint32_t chain_before = answer->chain_count;
    uint32_t chain_ttl_s;

    if (!follow(parsed, query->type, answer))
        return ANSWER_LOOP;
    if (!collect(parsed, query->type, answer))
        return ANSWER_BROKEN;
    if (answer->count > 0)
        return query->rcode == WIRE_NOERROR ? ANSWER_RECORDS : ANSWER_BROKEN;
    chain_ttl_s = answer->ttl_s;
    bool has_soa = negative_ttl(parsed, answer);
    if (query->rcode == WIRE_NXDOMAIN)
        return ANSWER_NO_DOMAIN;
    if (has_soa)
        return ANSWER_NO_DATA;
    if (answer->chain_count > chain_before) {
        answer->ttl_s = chain_ttl_s;
        return ANSWER_ALIAS;
    }
    return check->has_ns && !check->has_soa ? ANSWER_REFERRAL : ANSWER_NO_DATA;
}

void answer_read(struct span packet, const struct answer_query *query, struct answer *ret_answer)
{
    struct wire_check check;
    struct parsed parsed;

    ret_answer->status = ANSWER_BROKEN;
    ret_answer->ttl_s = UINT32_MAX;
    ret_answer->chain_count = query->chain_count;
    ret_answer->target = query->name;
    ret_answer->count = 0;
    ret_answer->payload_size = 0;
    if (!wire_check_records(packet, &check))
        return;
    if (parse(packet, &check, &parsed))
        ret_answer->status = read_parsed(&parsed, &check, query, ret_answer);
    parsed_free(&parsed);
}

bool answer_next_mx(struct span *payload, uint16_t *ret_preference, struct span *ret_name)
{
    if (payload->size < 3)
        return false;
    size_t name_size = payload->data[2];
    CHECK(payload->size >= 3 + name_size);
    *ret_preference = (uint16_t)(payload->data[0] << 8 | payload->data[1]);
    *ret_name = span_slice(*payload, 3, name_size);
    *payload = span_skip(*payload, 3 + name_size);
    return true;
}

bool answer_next_bytes(struct span *payload, struct span *ret_bytes)
{
    if (payload->size < 2)
        return false;
    size_t size = (size_t)(payload->data[0] << 8 | payload->data[1]);
    CHECK(payload->size >= 2 + size);
    *ret_bytes = span_slice(*payload, 2, size);
    *payload = span_skip(*payload, 2 + size);
    return true;
}
