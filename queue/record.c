#include "queue/record.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"

#define FILE_VERSION 1

/* What this program can do with files that others marked. */
#define KNOWN_READ_ONLY RECORD_FEATURE_STOPS
#define KNOWN_INCOMPATIBLE RECORD_FEATURE_REQUIRE_TLS

static const uint8_t file_magic[8] = {'R', 'I', 'N', 'G', 'P', 'O', 'S', 'T'};

struct file_header {
    uint8_t magic[8];
    uint32_t crc; /* of everything behind it in the struct */
    uint16_t version;
    uint16_t kind;
    uint32_t part;
    uint32_t spare;
    uint64_t id;
    uint64_t size;
    uint64_t created_ns;
    uint64_t compatible;
    uint64_t read_only;
    uint64_t incompatible;
};

static_assert(sizeof(struct file_header) == 72, "on disk");

#define FILE_CRC_FROM offsetof(struct file_header, version)

static uint32_t file_crc(const struct file_header *header)
{
    return crc_add(
        0, span_make((const uint8_t *)header + FILE_CRC_FROM, sizeof(*header) - FILE_CRC_FROM));
}

void record_write_file(const struct record_file *file, uint8_t *page)
{
    struct file_header header = {
        .version = FILE_VERSION,
        .kind = (uint16_t)file->kind,
        .part = file->part,
        .id = file->id,
        .size = file->size,
        .created_ns = file->created_ns,
        .compatible = file->features.compatible,
        .read_only = file->features.read_only,
        .incompatible = file->features.incompatible,
    };

    memcpy(header.magic, file_magic, sizeof(file_magic));
    header.crc = file_crc(&header);
    memset(page, 0, RECORD_PAGE);
    memcpy(page, &header, sizeof(header));
}

int record_read_file(struct span image, bool writing, struct record_file *ret_file)
{
    struct file_header header;

    if (image.size < RECORD_PAGE)
        return -EBADMSG;
    memcpy(&header, image.data, sizeof(header));
    if (memcmp(header.magic, file_magic, sizeof(file_magic)) != 0 ||
        header.crc != file_crc(&header))
        return -EBADMSG;
    if (header.version != FILE_VERSION || (header.incompatible & ~KNOWN_INCOMPATIBLE) != 0)
        return -ENOTSUP;
    if (writing && (header.read_only & ~KNOWN_READ_ONLY) != 0)
        return -ENOTSUP;
    if (header.kind < RECORD_FILE_SEGMENT || header.kind > RECORD_FILE_CHECKPOINT)
        return -ENOTSUP;
    *ret_file = (struct record_file){
        .kind = (enum record_file_kind)header.kind,
        .part = header.part,
        .id = header.id,
        .size = header.size,
        .created_ns = header.created_ns,
        .features = {header.compatible, header.read_only, header.incompatible},
    };
    return 0;
}

#define RECORD_CRC_FROM offsetof(struct record_header, size)

void record_seal(uint8_t *place, uint16_t type, size_t payload_size, struct span tail)
{
    struct record_header header = {.size = (uint32_t)payload_size, .type = type};
    size_t here;

    CHECK(payload_size <= RECORD_BATCH_MAX);
    CHECK(tail.size <= payload_size);
    here = sizeof(header) + payload_size - tail.size;
    memcpy(place, &header, sizeof(header));
    header.crc = crc_add(0, span_make(place + RECORD_CRC_FROM, here - RECORD_CRC_FROM));
    header.crc = crc_add(header.crc, tail);
    memcpy(place, &header.crc, sizeof(header.crc));
    if (tail.size == 0)
        memset(place + here, 0, record_align(here) - here);
}

int record_read(struct span image, uint64_t offset, struct record *ret_record)
{
    struct record_header header;
    struct span all;

    if (offset % RECORD_ALIGN != 0 || offset > image.size || image.size - offset < sizeof(header))
        return -EBADMSG;
    memcpy(&header, image.data + offset, sizeof(header));
    if (header.size > image.size - offset - sizeof(header))
        return -EBADMSG;
    all = span_make(image.data + offset, sizeof(header) + header.size);
    if (crc_add(0, span_skip(all, RECORD_CRC_FROM)) != header.crc)
        return -EBADMSG;
    *ret_record = (struct record){
        .type = header.type, .offset = offset, .payload = span_skip(all, sizeof(header))};
    return 0;
}

#define BATCH_CRC_FROM offsetof(struct record_batch, body_crc)

static uint32_t batch_crc(const struct record_batch *batch, uint32_t seed)
{
    return crc_add(
        seed, span_make((const uint8_t *)batch + BATCH_CRC_FROM, sizeof(*batch) - BATCH_CRC_FROM));
}

void record_seal_batch(uint8_t *place, struct record_batch batch, struct span tail, uint64_t file,
                       uint64_t offset)
{
    uint32_t seed = crc_seed(file, offset);

    CHECK(batch.size <= RECORD_BATCH_MAX);
    CHECK(tail.size <= batch.size);
    CHECK(batch.watermark <= offset);
    batch.magic = RECORD_BATCH_MAGIC;
    batch.body_crc = crc_add(seed, span_make(place + sizeof(batch), batch.size - tail.size));
    batch.body_crc = crc_add(batch.body_crc, tail);
    batch.header_crc = batch_crc(&batch, seed);
    memcpy(place, &batch, sizeof(batch));
}

int record_read_batch(struct span image, uint64_t file, uint64_t offset,
                      struct record_batch *ret_batch)
{
    struct record_batch batch;
    uint32_t seed;

    if (offset % RECORD_ALIGN != 0 || offset > image.size || image.size - offset < sizeof(batch))
        return -EBADMSG;
    memcpy(&batch, image.data + offset, sizeof(batch));
    if (batch.magic != RECORD_BATCH_MAGIC)
        return -EBADMSG;
    seed = crc_seed(file, offset);
    if (batch.header_crc != batch_crc(&batch, seed) || batch.watermark > offset ||
        batch.size > RECORD_BATCH_MAX || batch.size > image.size - offset - sizeof(batch))
        return -EBADMSG;
    if (batch.body_crc != crc_add(seed, span_make(image.data + offset + sizeof(batch), batch.size)))
        return -EBADMSG;
    *ret_batch = batch;
    return 0;
}
