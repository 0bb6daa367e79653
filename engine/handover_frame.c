#include "engine/handover_frame.h"

#include <errno.h>
#include <string.h>

#include "base/big_endian.h"

#define VERSION 1
#define FLAG_REQUIRE_TLS 1

/* --- reading --- */

/* Takes numbers and spans off the front; what is cut off makes everything behind it bad. */
struct reader {
    struct span rest;
    bool bad;
};

static uint64_t take_number(struct reader *reader, uint32_t octets)
{
    uint64_t number;

    if (reader->bad || reader->rest.size < octets) {
        reader->bad = true;
        return 0;
    }
    number = big_endian_get(reader->rest.data, octets);
    reader->rest = span_skip(reader->rest, octets);
    return number;
}

static struct span take_octets(struct reader *reader, size_t size)
{
    struct span taken = span_first(reader->rest, size);

    if (reader->bad || reader->rest.size < size) {
        reader->bad = true;
        return span_make(NULL, 0);
    }
    reader->rest = span_skip(reader->rest, size);
    return taken;
}

static int end_of(const struct reader *reader)
{
    return reader->bad || reader->rest.size > 0 ? -EBADMSG : 0;
}

int handover_frame_read(struct span bytes, struct handover_frame *ret_frame, size_t *ret_size)
{
    size_t size;

    if (bytes.size < HANDOVER_FRAME_HEAD)
        return 0;
    size = (size_t)big_endian_get(bytes.data, 4);
    if (size > HANDOVER_FRAME_PAYLOAD_MAX || bytes.data[4] < HANDOVER_FRAME_CAMPAIGN ||
        bytes.data[4] > HANDOVER_FRAME_COMMIT)
        return -EBADMSG;
    if (bytes.size - HANDOVER_FRAME_HEAD < size)
        return 0;
    ret_frame->kind = (enum handover_frame_kind)bytes.data[4];
    ret_frame->payload = span_first(span_skip(bytes, HANDOVER_FRAME_HEAD), size);
    *ret_size = HANDOVER_FRAME_HEAD + size;
    return 1;
}

int handover_frame_read_campaign(struct span payload, struct campaign_descriptor *ret_descriptor,
                                 uint64_t *ret_content_size)
{
    struct reader reader = {.rest = payload};
    struct campaign_descriptor descriptor = {.id = 0};
    struct span *const strings[] = {&descriptor.name, &descriptor.tenant, &descriptor.stream,
                                    &descriptor.egress_pool, &descriptor.sender};
    uint64_t version = take_number(&reader, 1), lane = take_number(&reader, 1);
    uint64_t kind = take_number(&reader, 1), duplicates = take_number(&reader, 1);
    uint64_t flags = take_number(&reader, 1);
    uint64_t content_size;
    struct span digest;

    if (version != VERSION || lane >= LANES_COUNT || kind >= CAMPAIGN_CONTENT_COUNT ||
        duplicates >= CAMPAIGN_DUPLICATES_COUNT || (flags & ~(uint64_t)FLAG_REQUIRE_TLS) != 0)
        return -EBADMSG;
    descriptor.lane = (enum lane)lane;
    descriptor.kind = (enum campaign_content)kind;
    descriptor.duplicates = (enum campaign_duplicates)duplicates;
    descriptor.require_tls = (flags & FLAG_REQUIRE_TLS) != 0;
    descriptor.weight = (uint32_t)take_number(&reader, 4);
    descriptor.rate = take_number(&reader, 8);
    descriptor.not_before_s = take_number(&reader, 8);
    descriptor.lifetime_s = take_number(&reader, 8);
    descriptor.created_s = take_number(&reader, 8);
    content_size = take_number(&reader, 8);
    digest = take_octets(&reader, CAMPAIGN_DIGEST_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        *strings[i] = take_octets(&reader, (size_t)take_number(&reader, 1));
    if (end_of(&reader) < 0 || content_size > CAMPAIGN_CONTENT_MAX)
        return -EBADMSG;
    memcpy(descriptor.content_digest, digest.data, CAMPAIGN_DIGEST_SIZE);
    *ret_descriptor = descriptor;
    *ret_content_size = content_size;
    return 0;
}

int handover_frame_read_recipient(struct span payload, struct span *values,
                                  struct store_recipient *ret_recipient)
{
    struct reader reader = {.rest = payload};
    struct store_recipient recipient = {.values = values};
    uint64_t count;

    recipient.address = take_octets(&reader, (size_t)take_number(&reader, 2));
    recipient.domain = take_octets(&reader, (size_t)take_number(&reader, 2));
    recipient.metadata = take_octets(&reader, (size_t)take_number(&reader, 4));
    count = take_number(&reader, 2);
    if (count > QUEUE_VALUES_MAX)
        return -EBADMSG;
    for (uint64_t i = 0; i < count; i++)
        values[i] = take_octets(&reader, (size_t)take_number(&reader, 4));
    recipient.values_count = (uint32_t)count;
    if (end_of(&reader) < 0)
        return -EBADMSG;
    *ret_recipient = recipient;
    return 0;
}

int handover_frame_read_commit(struct span payload, uint8_t ret_digest[CAMPAIGN_DIGEST_SIZE])
{
    if (payload.size != CAMPAIGN_DIGEST_SIZE)
        return -EBADMSG;
    memcpy(ret_digest, payload.data, CAMPAIGN_DIGEST_SIZE);
    return 0;
}

/* --- writing --- */

static void add_number(struct text *out, uint64_t number, uint32_t octets)
{
    uint8_t bytes[8];

    big_endian_put(bytes, number, octets);
    text_add(out, span_make(bytes, octets));
}

static void add_head(struct text *out, enum handover_frame_kind kind, size_t size)
{
    add_number(out, size, 4);
    add_number(out, kind, 1);
}

int handover_frame_add_campaign(struct text *out, const struct campaign_descriptor *descriptor,
                                uint64_t content_size)
{
    const struct span strings[] = {descriptor->name, descriptor->tenant, descriptor->stream,
                                   descriptor->egress_pool, descriptor->sender};
    size_t size = 5 + 4 + 5 * 8 + CAMPAIGN_DIGEST_SIZE;

    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        if (strings[i].size > CAMPAIGN_NAME_MAX)
            return -EINVAL;
        size += 1 + strings[i].size;
    }
    if (text_room(out) < HANDOVER_FRAME_HEAD + size)
        return -ENOSPC;
    add_head(out, HANDOVER_FRAME_CAMPAIGN, size);
    add_number(out, VERSION, 1);
    add_number(out, descriptor->lane, 1);
    add_number(out, descriptor->kind, 1);
    add_number(out, descriptor->duplicates, 1);
    add_number(out, descriptor->require_tls ? FLAG_REQUIRE_TLS : 0, 1);
    add_number(out, descriptor->weight, 4);
    add_number(out, descriptor->rate, 8);
    add_number(out, descriptor->not_before_s, 8);
    add_number(out, descriptor->lifetime_s, 8);
    add_number(out, descriptor->created_s, 8);
    add_number(out, content_size, 8);
    text_add(out, span_make(descriptor->content_digest, CAMPAIGN_DIGEST_SIZE));
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        add_number(out, strings[i].size, 1);
        text_add(out, strings[i]);
    }
    return 0;
}

int handover_frame_add_content(struct text *out, struct span piece)
{
    if (piece.size > HANDOVER_FRAME_CONTENT_MAX)
        return -EINVAL;
    if (text_room(out) < HANDOVER_FRAME_HEAD + piece.size)
        return -ENOSPC;
    add_head(out, HANDOVER_FRAME_CONTENT, piece.size);
    text_add(out, piece);
    return 0;
}

int handover_frame_add_recipient(struct text *out, const struct store_recipient *recipient)
{
    size_t size =
        2 + recipient->address.size + 2 + recipient->domain.size + 4 + recipient->metadata.size + 2;

    if (recipient->address.size > UINT16_MAX || recipient->domain.size > UINT16_MAX ||
        recipient->values_count > QUEUE_VALUES_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < recipient->values_count; i++)
        size += 4 + recipient->values[i].size;
    if (size > HANDOVER_FRAME_PAYLOAD_MAX)
        return -EINVAL;
    if (text_room(out) < HANDOVER_FRAME_HEAD + size)
        return -ENOSPC;
    add_head(out, HANDOVER_FRAME_RECIPIENT, size);
    add_number(out, recipient->address.size, 2);
    text_add(out, recipient->address);
    add_number(out, recipient->domain.size, 2);
    text_add(out, recipient->domain);
    add_number(out, recipient->metadata.size, 4);
    text_add(out, recipient->metadata);
    add_number(out, recipient->values_count, 2);
    for (uint32_t i = 0; i < recipient->values_count; i++) {
        add_number(out, recipient->values[i].size, 4);
        text_add(out, recipient->values[i]);
    }
    return 0;
}

int handover_frame_add_commit(struct text *out, const uint8_t digest[CAMPAIGN_DIGEST_SIZE])
{
    if (text_room(out) < HANDOVER_FRAME_HEAD + CAMPAIGN_DIGEST_SIZE)
        return -ENOSPC;
    add_head(out, HANDOVER_FRAME_COMMIT, CAMPAIGN_DIGEST_SIZE);
    text_add(out, span_make(digest, CAMPAIGN_DIGEST_SIZE));
    return 0;
}
