#include "queue/segment.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define STRINGS_COUNT 5

struct campaign_record {
    uint64_t id;
    uint64_t created_s;
    uint64_t not_before_s;
    uint64_t lifetime_s;
    uint64_t rate;
    uint32_t weight;
    uint8_t lane;
    uint8_t kind;
    uint8_t duplicates;
    uint8_t flags;
    uint8_t content_digest[CAMPAIGN_DIGEST_SIZE];
    uint16_t sizes[STRINGS_COUNT]; /* name, tenant, stream, egress pool, sender: behind it */
    uint16_t spare_sizes[3];
};

struct content_record {
    uint64_t campaign;
    uint64_t size;
};

struct recipient_record {
    uint64_t campaign;
    uint32_t ordinal;
    uint32_t domain;
    uint32_t values_size;
    uint32_t metadata_size;
    uint16_t address_size;
    uint16_t values_count;
    /* address, metadata, values: each a 32-bit size and its bytes */
};

#define FLAG_REQUIRE_TLS 1u

static_assert(sizeof(struct campaign_record) == 96, "on disk");
static_assert(sizeof(struct content_record) == SEGMENT_CONTENT_HEAD, "on disk");
static_assert(sizeof(struct recipient_record) == 32, "on disk");
#define RECIPIENT_HEAD (offsetof(struct recipient_record, values_count) + sizeof(uint16_t))

static uint8_t *put(uint8_t *place, struct span span)
{
    if (span.size > 0)
        memcpy(place, span.data, span.size);
    return place + span.size;
}

static struct span take(struct span *rest, size_t size)
{
    struct span part = span_first(*rest, size);

    *rest = span_skip(*rest, size);
    return part;
}

size_t segment_campaign_size(const struct campaign_descriptor *descriptor)
{
    const struct span strings[STRINGS_COUNT] = {descriptor->name, descriptor->tenant,
                                                descriptor->stream, descriptor->egress_pool,
                                                descriptor->sender};
    size_t size = sizeof(struct campaign_record);

    for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
        if (strings[i].size > CAMPAIGN_NAME_MAX)
            return 0;
        size += strings[i].size;
    }
    CHECK(size <= SEGMENT_CAMPAIGN_MAX);
    return size;
}

void segment_write_campaign(const struct campaign_descriptor *descriptor, uint8_t *payload)
{
    const struct span strings[STRINGS_COUNT] = {descriptor->name, descriptor->tenant,
                                                descriptor->stream, descriptor->egress_pool,
                                                descriptor->sender};
    struct campaign_record record = {
        .id = descriptor->id,
        .created_s = descriptor->created_s,
        .not_before_s = descriptor->not_before_s,
        .lifetime_s = descriptor->lifetime_s,
        .rate = descriptor->rate,
        .weight = descriptor->weight,
        .lane = (uint8_t)descriptor->lane,
        .kind = (uint8_t)descriptor->kind,
        .duplicates = (uint8_t)descriptor->duplicates,
        .flags = descriptor->require_tls ? FLAG_REQUIRE_TLS : 0,
    };
    uint8_t *place = payload + sizeof(record);

    memcpy(record.content_digest, descriptor->content_digest, CAMPAIGN_DIGEST_SIZE);
    for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
        record.sizes[i] = (uint16_t)strings[i].size;
        place = put(place, strings[i]);
    }
    memcpy(payload, &record, sizeof(record));
}

int segment_read_campaign(struct span payload, struct campaign_descriptor *ret)
{
    struct campaign_record record;
    struct span rest = span_skip(payload, sizeof(record)), strings[STRINGS_COUNT];

    if (payload.size < sizeof(record))
        return -EBADMSG;
    memcpy(&record, payload.data, sizeof(record));
    for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
        if (record.sizes[i] > CAMPAIGN_NAME_MAX || record.sizes[i] > rest.size)
            return -EBADMSG;
        strings[i] = take(&rest, record.sizes[i]);
    }
    if (record.id == 0 || record.lane >= LANES_COUNT || record.kind >= CAMPAIGN_CONTENT_COUNT ||
        record.duplicates >= CAMPAIGN_DUPLICATES_COUNT || (record.flags & ~FLAG_REQUIRE_TLS) != 0)
        return -EBADMSG;
    *ret = (struct campaign_descriptor){
        .id = record.id,
        .name = strings[0],
        .tenant = strings[1],
        .stream = strings[2],
        .egress_pool = strings[3],
        .sender = strings[4],
        .lane = (enum lane)record.lane,
        .kind = (enum campaign_content)record.kind,
        .duplicates = (enum campaign_duplicates)record.duplicates,
        .require_tls = (record.flags & FLAG_REQUIRE_TLS) != 0,
        .weight = record.weight,
        .rate = record.rate,
        .not_before_s = record.not_before_s,
        .lifetime_s = record.lifetime_s,
        .created_s = record.created_s,
    };
    memcpy(ret->content_digest, record.content_digest, CAMPAIGN_DIGEST_SIZE);
    return 0;
}

void segment_write_content(uint64_t campaign, uint64_t size, uint8_t head[SEGMENT_CONTENT_HEAD])
{
    const struct content_record record = {campaign, size};

    memcpy(head, &record, sizeof(record));
}

int segment_read_content(struct span payload, uint64_t *ret_campaign, struct span *ret_content)
{
    struct content_record record;

    if (payload.size < sizeof(record))
        return -EBADMSG;
    memcpy(&record, payload.data, sizeof(record));
    if (record.size != payload.size - sizeof(record) || record.size > CAMPAIGN_CONTENT_MAX)
        return -EBADMSG;
    *ret_campaign = record.campaign;
    *ret_content = span_skip(payload, sizeof(record));
    return 0;
}

size_t segment_domain_size(struct span name)
{
    return sizeof(uint32_t) + name.size;
}

void segment_write_domain(uint32_t number, struct span name, uint8_t *payload)
{
    memcpy(payload, &number, sizeof(number));
    put(payload + sizeof(number), name);
}

int segment_read_domain(struct span payload, uint32_t *ret_number, struct span *ret_name)
{
    uint32_t number;

    if (payload.size <= sizeof(number) || payload.size > sizeof(number) + SEGMENT_DOMAIN_MAX)
        return -EBADMSG;
    memcpy(&number, payload.data, sizeof(number));
    *ret_number = number;
    *ret_name = span_skip(payload, sizeof(number));
    return 0;
}

size_t segment_recipient_size(const struct segment_recipient *recipient, const struct span *values)
{
    size_t size = RECIPIENT_HEAD + recipient->address.size;

    if (recipient->address.size == 0 || recipient->address.size > SEGMENT_ADDRESS_MAX ||
        recipient->values_count > SEGMENT_VALUES_MAX ||
        recipient->metadata.size > SEGMENT_RECIPIENT_MAX)
        return 0;
    size += recipient->metadata.size;
    for (uint32_t i = 0; i < recipient->values_count; i++) {
        if (values[i].size > SEGMENT_RECIPIENT_MAX)
            return 0;
        size += sizeof(uint32_t) + values[i].size;
    }
    return size <= SEGMENT_RECIPIENT_MAX ? size : 0;
}

void segment_write_recipient(const struct segment_recipient *recipient, const struct span *values,
                             uint8_t *payload)
{
    struct recipient_record record = {
        .campaign = recipient->identity.campaign,
        .ordinal = recipient->identity.ordinal,
        .domain = recipient->domain,
        .metadata_size = (uint32_t)recipient->metadata.size,
        .address_size = (uint16_t)recipient->address.size,
        .values_count = (uint16_t)recipient->values_count,
    };
    uint8_t *place = payload + RECIPIENT_HEAD, *from;

    place = put(place, recipient->address);
    from = place = put(place, recipient->metadata);
    for (uint32_t i = 0; i < recipient->values_count; i++) {
        uint32_t size = (uint32_t)values[i].size;

        place = put(place, span_make(&size, sizeof(size)));
        place = put(place, values[i]);
    }
    record.values_size = (uint32_t)(place - from);
    memcpy(payload, &record, RECIPIENT_HEAD);
}

int segment_read_recipient(struct span payload, struct segment_recipient *ret)
{
    struct recipient_record record;
    struct span rest = span_skip(payload, RECIPIENT_HEAD);

    if (payload.size < RECIPIENT_HEAD)
        return -EBADMSG;
    memcpy(&record, payload.data, RECIPIENT_HEAD);
    if (record.address_size == 0 || record.address_size > SEGMENT_ADDRESS_MAX ||
        record.values_count > SEGMENT_VALUES_MAX ||
        (uint64_t)record.address_size + record.metadata_size + record.values_size != rest.size)
        return -EBADMSG;
    ret->identity = (struct identity){record.campaign, record.ordinal};
    ret->domain = record.domain;
    ret->values_count = record.values_count;
    ret->address = take(&rest, record.address_size);
    ret->metadata = take(&rest, record.metadata_size);
    ret->values = rest;
    return 0;
}

bool segment_next_value(struct span *values, struct span *ret_value)
{
    uint32_t size;

    if (values->size < sizeof(size))
        return false;
    memcpy(&size, values->data, sizeof(size));
    if (size > values->size - sizeof(size))
        return false;
    *values = span_skip(*values, sizeof(size));
    *ret_value = take(values, size);
    return true;
}
