/* checkpoint_image.h - what stands in a checkpoint's image, and where; for those who write and read
 * it (docs/queue-format.md).
 *
 * Sections follow each other from byte 4096 on: the entries padded to whole blocks, the others to
 * CHECKPOINT_IMAGE_ALIGN. */
#ifndef QUEUE_CHECKPOINT_IMAGE_H
#define QUEUE_CHECKPOINT_IMAGE_H

#include "queue/checkpoint.h"
#include "queue/queue_parts.h"

#define CHECKPOINT_IMAGE_ALIGN 64
#define CHECKPOINT_IMAGE_TABLE 1024 /* of the section table in the header page */

struct checkpoint_image_table {
    uint32_t crc; /* of what follows in the struct */
    uint32_t clean;
    uint64_t blocks_count;
    uint64_t stop_sequence; /* the highest of all stops, those that do not hold any more too */
    uint64_t sizes[CHECKPOINT_SECTIONS_COUNT];
};

struct checkpoint_image_campaign {
    uint64_t id;
    uint64_t descriptor_offset;
    uint64_t content_offset;
    uint64_t state_time_s;
    uint32_t segment;
    uint32_t recipients_count;
    uint32_t loaded_count;
    uint32_t state_sequence;
    uint8_t state;
    uint8_t spare[7];
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
};

struct checkpoint_image_stop {
    uint64_t campaign; /* id; 0: every campaign */
    uint64_t time_s;
    uint32_t domain; /* index in the names */
    uint8_t kind;
    uint8_t spare[3];
};

static_assert(sizeof(struct checkpoint_image_campaign) == 88, "on disk");
static_assert(sizeof(struct checkpoint_image_stop) == 24, "on disk");
static_assert(sizeof(struct checkpoint_cover) == 16, "on disk");
static_assert(sizeof(struct dictionary_entry) == 8, "on disk");
static_assert(CHECKPOINT_BLOCK % sizeof(struct entry) == 0, "no entry crosses a block");

/* Offsets of the sections behind each other; returns the number of blocks. */
uint64_t checkpoint_image_lay_out(const uint64_t sizes[CHECKPOINT_SECTIONS_COUNT],
                                  uint64_t ret_offsets[CHECKPOINT_SECTIONS_COUNT]);
/* The CRC of the blocks' CRCs. */
uint32_t checkpoint_image_trailer_crc(uint64_t id, uint64_t blocks_count, const void *crcs);
uint32_t checkpoint_image_header_crc(const struct checkpoint_image_table *header);

#endif
