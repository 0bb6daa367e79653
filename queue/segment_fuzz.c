/* A segment's image and a journal's, both from the disk: recovery always ends, and whatever is
 * queued can be claimed and settled. The first two bytes are the size of the journal in units of
 * 32; bit 15: checksums are put right first, so that the fuzzer reaches what stands behind them. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "queue/queue_images.h"
#include "queue/queue_recover.h"
#include "queue/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMAGE_MAX ((size_t)64 * 1024)

/* Makes the batch headers and records of an image pass their checks, where their sizes allow. */
static void put_right(uint8_t *image, size_t size, uint64_t file)
{
    uint64_t offset = RECORD_PAGE;

    while (offset + sizeof(struct record_batch) < size) {
        struct record_batch batch;
        uint64_t at = offset + sizeof(batch), end;

        memcpy(&batch, image + offset, sizeof(batch));
        batch.size = (uint32_t)min_u64(batch.size, size - at);
        batch.watermark = min_u64(batch.watermark, offset);
        end = at + batch.size;
        for (uint32_t i = 0; i < batch.count && at + sizeof(struct record_header) < end; i++) {
            struct record_header header;

            memcpy(&header, image + at, sizeof(header));
            header.size = (uint32_t)min_u64(header.size, end - at - sizeof(header));
            memcpy(image + at, &header, sizeof(header));
            header.crc = crc_add(0, span_make(image + at + 4, sizeof(header) - 4 + header.size));
            memcpy(image + at, &header.crc, sizeof(header.crc));
            at += record_cost(header.size);
        }
        record_seal_batch(image + offset, batch, (struct span){0}, file, offset);
        offset = record_align(end);
    }
}

static void claim_all(struct queue *queue)
{
    struct queue_shard *shard = queue_shard(queue, 0);
    struct queue_notice notice = {.kind = QUEUE_NOTICE_STATE, .state = CAMPAIGN_READY};
    const struct attempt attempt = {.outcome = {.kind = OUTCOME_DELIVERED}, .counted = true};

    notice.runs_count = queue_append_runs_count(queue);
    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        notice.campaign_index = i;
        queue_notice(shard, &notice);
    }
    notice.kind = QUEUE_NOTICE_RECIPIENTS;
    notice.campaign_index = QUEUE_NONE;
    queue_notice(shard, &notice);
    (void)!queue_due(shard, UINT32_MAX, UINT32_MAX / 2);
    for (uint32_t flow; (flow = queue_ready(shard)) != QUEUE_NONE;)
        for (uint32_t record; (record = queue_claim(shard, flow)) != QUEUE_NONE;) {
            struct queue_recipient recipient;

            if (queue_view(shard, record, &recipient) != 0) {
                queue_damaged(shard, record);
                continue;
            }
            (void)queue_values(recipient.values, NULL, 0);
            CHECK(queue_identity(shard, record).ordinal == recipient.identity.ordinal);
            queue_settle(shard, record, &attempt);
        }
    CHECK(queue_waiting_count(shard) == 0);
    CHECK(queue_claimed_count(shard) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct queue_limits limits = queue_images_limits(1);
    struct queue_recovered found;
    struct arena arena;
    struct queue *queue;
    uint8_t *images, *journal;
    uint16_t head;
    size_t journal_size;
    uint32_t slot;

    if (size < 2 || size > IMAGE_MAX)
        return 0;
    memcpy(&head, data, sizeof(head));
    size -= sizeof(head);
    images = malloc(size + 1);
    CHECK(images != NULL);
    memcpy(images, data + sizeof(head), size);
    journal_size = min_size((size_t)(head & 0x7fff) * 32, size);
    journal = images + (size - journal_size);
    if ((head & 0x8000) != 0) {
        put_right(images, size - journal_size, 1);
        put_right(journal, journal_size, 10);
    }
    CHECK(arena_open(&arena, queue_cost(&limits)) == 0);
    queue = queue_open(&arena, &limits);
    CHECK(queue_append_segment(queue, 1, span_make(images, size - journal_size), 0, &slot) == 0);
    if (queue_recover_segment(queue, slot, 0, &found) == 0) {
        queue_recover_journal(queue, span_make(journal, journal_size), 10, RECORD_PAGE, &found);
        queue_recover_finish(queue);
        claim_all(queue);
    }
    arena_close(&arena);
    free(images);
    return 0;
}
