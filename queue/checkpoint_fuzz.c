/* A checkpoint's image beside a sound segment: it is refused, or every table in it makes sense. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "queue/checkpoint.h"
#include "queue/queue_images.h"
#include "queue/queue_recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMAGE_MAX ((size_t)256 * 1024)

static struct queue_images_file segment;

/* Makes the header pass its checks, so that the fuzzer reaches the tables. */
static void put_right(uint8_t *image, size_t size)
{
    uint32_t crc;

    if (size < RECORD_PAGE)
        return;
    crc = crc_add(0, span_make(image + 12, 60));
    memcpy(image + 8, &crc, sizeof(crc));
    crc = crc_add(0, span_make(image + 1028, 84));
    memcpy(image + 1024, &crc, sizeof(crc));
}

static void walk(const struct queue *queue)
{
    struct queue_recipient recipient;
    struct queue_standing standing;

    for (uint32_t i = 0; i < queue_recipients_count(queue); i++) {
        (void)!queue_read(queue, i, &recipient);
        CHECK(queue_standing(queue, i, &standing) == 0);
    }
    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++)
        CHECK(queue_find_campaign_id(queue, queue_campaign(queue, i)->descriptor.id) == i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct queue_limits limits = queue_images_limits(1);
    struct checkpoint_loaded loaded;
    struct arena arena;
    struct queue *queue;
    uint8_t *image;
    uint32_t slot;

    if (size == 0 || size > IMAGE_MAX)
        return 0;
    if (segment.image.data == NULL) {
        queue_images_open(&segment, RECORD_FILE_SEGMENT, 1);
        queue_images_campaign(&segment, 5, "first");
        queue_images_commit(&segment);
    }
    image = malloc(size);
    CHECK(image != NULL);
    memcpy(image, data, size);
    if (data[0] == 'r')
        image[0] = 'R';
    if (data[0] == 'r')
        put_right(image, size);
    (void)!checkpoint_read(span_make(image, size), &loaded);
    CHECK(arena_open(&arena, queue_cost(&limits)) == 0);
    queue = queue_open(&arena, &limits);
    CHECK(queue_append_segment(queue, 1, segment.image, 0, &slot) == 0);
    if (checkpoint_load(queue, span_make(image, size)) == 0) {
        queue_recover_finish(queue);
        walk(queue);
    }
    arena_close(&arena);
    free(image);
    return 0;
}
