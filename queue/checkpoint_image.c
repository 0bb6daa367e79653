#include "queue/checkpoint_image.h"

#include "base/crc.h"

static uint64_t align_up(uint64_t size, uint64_t to)
{
    return (size + to - 1) / to * to;
}

uint64_t checkpoint_image_lay_out(const uint64_t sizes[CHECKPOINT_SECTIONS_COUNT],
                                  uint64_t ret_offsets[CHECKPOINT_SECTIONS_COUNT])
{
    uint64_t offset = RECORD_PAGE;

    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++) {
        ret_offsets[i] = offset;
        offset += i == CHECKPOINT_ENTRIES ? align_up(sizes[i], CHECKPOINT_BLOCK)
                                          : align_up(sizes[i], CHECKPOINT_IMAGE_ALIGN);
    }
    return (offset - RECORD_PAGE + CHECKPOINT_BLOCK - 1) / CHECKPOINT_BLOCK;
}

uint32_t checkpoint_image_trailer_crc(uint64_t id, uint64_t blocks_count, const void *crcs)
{
    return crc_add(crc_seed(id, blocks_count), span_make(crcs, blocks_count * sizeof(uint32_t)));
}

uint32_t checkpoint_image_header_crc(const struct checkpoint_image_table *header)
{
    return crc_add(0, span_make((const uint8_t *)header + sizeof(header->crc),
                                sizeof(*header) - sizeof(header->crc)));
}
