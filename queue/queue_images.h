/* queue_images.h - for tests and fuzz targets: images of segments and journals, made in memory. */
#ifndef QUEUE_QUEUE_IMAGES_H
#define QUEUE_QUEUE_IMAGES_H

#include "queue/appender.h"
#include "queue/journal.h"
#include "queue/queue_append.h"

#define QUEUE_IMAGES_SIZE ((size_t)128 * 1024)

struct queue_images_file {
    _Alignas(8) uint8_t bytes[QUEUE_IMAGES_SIZE];
    uint8_t buffers[2][8192];
    struct appender appender;
    struct span image;
};

void queue_images_open(struct queue_images_file *file, enum record_file_kind kind, uint64_t id);
/* What was added goes to the image as one batch, durable. */
void queue_images_commit(struct queue_images_file *file);
void queue_images_campaign(struct queue_images_file *file, uint64_t id, const char *name);
void queue_images_domain(struct queue_images_file *file, uint32_t number, const char *name);
/* Returns the record's offset. */
uint64_t queue_images_recipient(struct queue_images_file *file, struct identity identity,
                                uint32_t domain, const char *address);
void queue_images_outcome(struct queue_images_file *file, struct identity identity, uint32_t number,
                          enum outcome_kind kind, uint64_t due_s);
void queue_images_state(struct queue_images_file *file, uint64_t campaign, uint32_t sequence,
                        enum campaign_state state, uint32_t count);

struct queue_limits queue_images_limits(uint32_t shards_count);

#endif
