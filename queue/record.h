/* record.h - the layout on disk that segments and journals share: file header, batch, record.
 *
 * Knows nothing of what a record says. Numbers are little-endian. A file is one header page and
 * then batches, each aligned to 8; a batch is its header and records, each aligned to 8. Every
 * batch is checked under a CRC-32C that is seeded with file id and offset, so that a batch at any
 * other place fails; every record carries a CRC of its own, so that one can be read alone later.
 * docs/queue-format.md describes it in full. */
#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include "base/span.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

#define RECORD_ALIGN 8
#define RECORD_PAGE 4096 /* the header's; batches begin behind it */
#define RECORD_BATCH_MAGIC UINT32_C(0x48435442)
/* The most that one batch may hold: a content record and its headers. */
#define RECORD_BATCH_MAX ((size_t)40 * 1024 * 1024)

enum record_file_kind {
    RECORD_FILE_SEGMENT = 1,
    RECORD_FILE_JOURNAL = 2,
    RECORD_FILE_CHECKPOINT = 3,
};

enum record_type {
    RECORD_CAMPAIGN = 1, /* segment: a campaign's descriptor */
    RECORD_CONTENT,      /* segment: its template or message */
    RECORD_DOMAIN,       /* segment: a number for a domain name in this segment */
    RECORD_RECIPIENT,    /* segment */
    RECORD_OUTCOME = 16, /* journal: one attempt */
    RECORD_STATE,        /* journal: a campaign's state */
    RECORD_SEAL,         /* journal: closed in good order, nothing follows */
    RECORD_STOP,         /* control journal: mail to a domain is stopped, or goes on */
};

/* A newer program marks a file so: an older one may ignore, may only read, or must refuse it. */
struct record_features {
    uint64_t compatible;
    uint64_t read_only;
    uint64_t incompatible;
};

struct record_file {
    enum record_file_kind kind;
    uint32_t part; /* segment: the lane; journal: the shard, or RECORD_PART_CONTROL */
    uint64_t id;   /* unique in the spool for ever, also in the file's name */
    uint64_t size; /* preallocated */
    uint64_t created_ns;
    struct record_features features;
};

#define RECORD_PART_CONTROL UINT32_MAX

/* Incompatible: a campaign in this segment may demand REQUIRETLS. */
#define RECORD_FEATURE_REQUIRE_TLS UINT64_C(1)
/* Read-only: stops of domains (RECORD_STOP) may stand in this control journal: who does not know
 * them would mail whom an operator has cancelled. */
#define RECORD_FEATURE_STOPS UINT64_C(1)

struct record_batch {
    uint32_t magic;
    uint32_t header_crc; /* of the fields below, seeded with file id and offset */
    uint32_t body_crc;   /* of `size` bytes behind this header, same seed */
    uint32_t size;       /* the next batch begins behind it at the next multiple of 8 */
    uint32_t count;      /* records */
    uint32_t spare;
    uint64_t watermark; /* every byte of the file below this offset was durable before */
    uint64_t sequence;  /* batches before this one */
};

struct record_header {
    uint32_t crc;  /* of the fields below and the payload, start value 0 */
    uint32_t size; /* payload bytes; the next record begins at the next multiple of 8 */
    uint16_t type; /* enum record_type */
    uint16_t flags;
};

static_assert(sizeof(struct record_batch) == 40, "on disk");
static_assert(sizeof(struct record_header) == 12, "on disk");

/* A record found in an image. */
struct record {
    uint16_t type;
    uint64_t offset; /* of its header in the file */
    struct span payload;
};

static inline size_t record_align(size_t size)
{
    return (size + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

/* Bytes that a payload takes in a batch. */
static inline size_t record_cost(size_t payload_size)
{
    return record_align(sizeof(struct record_header) + payload_size);
}

/* Writes the header page (RECORD_PAGE bytes) of a file. */
void record_write_file(const struct record_file *file, uint8_t *page);
/* 0; -EBADMSG not a header of ours or damaged; -ENOTSUP a newer format (an incompatible feature, or
 * a read-only one when `writing`). */
MUST_USE int record_read_file(struct span image, bool writing, struct record_file *ret_file);

/* Fills in the header in front of a record whose payload stands at place + 12; zeroes the padding.
 * The payload may end in `tail`, which is written elsewhere (size counts both). */
void record_seal(uint8_t *place, uint16_t type, size_t payload_size, struct span tail);
/* The record at `offset`, checked against `image` and its CRC. 0 or -EBADMSG. */
MUST_USE int record_read(struct span image, uint64_t offset, struct record *ret_record);

/* Fills in the header in front of `body_size` bytes at place + 40, followed on disk by `tail`. */
void record_seal_batch(uint8_t *place, struct record_batch batch, struct span tail, uint64_t file,
                       uint64_t offset);
/* The batch at `offset`. 0 or -EBADMSG. */
MUST_USE int record_read_batch(struct span image, uint64_t file, uint64_t offset,
                               struct record_batch *ret_batch);

#endif
