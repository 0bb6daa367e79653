/* segment.h - what stands in a segment: campaigns, their content, domains and recipients.
 *
 * Knows nothing of files. Builds payloads into lent memory and reads them back from lent spans;
 * whatever is read was checked for size, and every index is the caller's to check. */
#ifndef QUEUE_SEGMENT_H
#define QUEUE_SEGMENT_H

#include "queue/campaign.h"
#include "queue/record.h"

#define SEGMENT_CAMPAIGN_MAX ((size_t)2 * 1024)
#define SEGMENT_CONTENT_HEAD 16
#define SEGMENT_DOMAIN_MAX 255
#define SEGMENT_ADDRESS_MAX 320
#define SEGMENT_VALUES_MAX 256
#define SEGMENT_RECIPIENT_MAX ((size_t)192 * 1024)

/* A recipient's record: built from an array of values, read back with them still encoded. */
struct segment_recipient {
    struct identity identity;
    uint32_t domain; /* its number in this segment */
    struct span address;
    struct span metadata;
    struct span values; /* encoded */
    uint32_t values_count;
};

/* --- RECORD_CAMPAIGN --- */
/* Payload bytes, or 0 when a string is longer than CAMPAIGN_NAME_MAX. */
size_t segment_campaign_size(const struct campaign_descriptor *descriptor);
void segment_write_campaign(const struct campaign_descriptor *descriptor, uint8_t *payload);
MUST_USE int segment_read_campaign(struct span payload, struct campaign_descriptor *ret);

/* --- RECORD_CONTENT: head and content --- */
void segment_write_content(uint64_t campaign, uint64_t size, uint8_t head[SEGMENT_CONTENT_HEAD]);
MUST_USE int segment_read_content(struct span payload, uint64_t *ret_campaign,
                                  struct span *ret_content);

/* --- RECORD_DOMAIN --- */
size_t segment_domain_size(struct span name);
void segment_write_domain(uint32_t number, struct span name, uint8_t *payload);
MUST_USE int segment_read_domain(struct span payload, uint32_t *ret_number, struct span *ret_name);

/* --- RECORD_RECIPIENT --- */
/* Payload bytes, or 0 when something is too long; `values` are not encoded yet. */
size_t segment_recipient_size(const struct segment_recipient *recipient, const struct span *values);
void segment_write_recipient(const struct segment_recipient *recipient, const struct span *values,
                             uint8_t *payload);
MUST_USE int segment_read_recipient(struct span payload, struct segment_recipient *ret);
/* Takes the next value off the front; false at the end or when the encoding is broken. */
MUST_USE bool segment_next_value(struct span *values, struct span *ret_value);

#endif
