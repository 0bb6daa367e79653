#include "queue/scan.h"

#include <errno.h>
#include <string.h>

void scan_init(struct scan *scan, struct span image, uint64_t file, uint64_t from, uint64_t limit)
{
    *scan = (struct scan){
        .image = span_first(image, (size_t)min_u64(limit, image.size)),
        .file = file,
        .offset = from,
        .end = from,
    };
    scan->limit = scan->image.size;
    scan->ended = from % RECORD_ALIGN != 0 || from < RECORD_PAGE;
}

void scan_all_durable(struct scan *scan)
{
    scan->proven = UINT64_MAX;
}

static uint32_t load_u32(const uint8_t *data)
{
    uint32_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

/* The next good batch at or behind `offset`. */
static bool find_batch(const struct scan *scan, uint64_t *offset, struct record_batch *ret_batch)
{
    for (; *offset < scan->limit && scan->limit - *offset >= sizeof(*ret_batch);
         *offset += RECORD_ALIGN)
        if (load_u32(scan->image.data + *offset) == RECORD_BATCH_MAGIC &&
            record_read_batch(scan->image, scan->file, *offset, ret_batch) == 0)
            return true;
    return false;
}

static void enter_batch(struct scan *scan, uint64_t offset, const struct record_batch *batch)
{
    scan->next = offset + sizeof(*batch);
    scan->batch_end = scan->next + batch->size;
    scan->offset = record_align(scan->batch_end);
    scan->end = scan->offset;
    scan->count_left = batch->count;
    scan->watermark = max_u64(scan->watermark, batch->watermark);
    scan->batches_count++;
}

/* The bytes of a tail that was never acknowledged, without the zeroes behind it. */
static uint64_t tail_bytes(struct span image, uint64_t from)
{
    uint64_t end = image.size;

    while (end > from && image.data[end - 1] == 0)
        end--;
    return end - from;
}

/* Whether a good batch at or behind `at` says that everything below scan->offset and more was
 * durable. */
static bool was_durable(struct scan *scan, uint64_t at)
{
    struct record_batch batch;

    while (scan->proven <= scan->offset) {
        if (!find_batch(scan, &at, &batch))
            return false;
        scan->proven = max_u64(scan->proven, batch.watermark);
        at = record_align(at + sizeof(batch) + batch.size);
    }
    return true;
}

/* There is no good batch at scan->offset: damage if a later one says that it was durable. The walk
 * goes on at the next good batch, which may have been written before that was known. */
static int step_over(struct scan *scan)
{
    uint64_t bad = scan->offset, at = bad;
    struct record_batch batch;

    if (find_batch(scan, &at, &batch) && was_durable(scan, at)) {
        scan->damage_offset = bad;
        scan->damage_size = at - bad;
        scan->damages_count++;
        enter_batch(scan, at, &batch);
        return -EBADMSG;
    }
    scan->ended = true;
    scan->torn_bytes = bad < scan->limit ? tail_bytes(scan->image, bad) : 0;
    return 0;
}

static int next_batch(struct scan *scan)
{
    struct record_batch batch;

    if (record_read_batch(scan->image, scan->file, scan->offset, &batch) != 0)
        return step_over(scan);
    enter_batch(scan, scan->offset, &batch);
    return 1;
}

int scan_next(struct scan *scan, struct record *ret_record)
{
    while (!scan->ended) {
        struct span batch = span_first(scan->image, (size_t)scan->batch_end);
        int r;

        if (scan->count_left == 0) {
            r = next_batch(scan);
            if (r < 0)
                return r;
            continue;
        }
        scan->count_left--;
        r = record_read(batch, scan->next, ret_record);
        if (r < 0) { /* a good batch with a bad record: it was written so */
            scan->damage_offset = scan->next;
            scan->damage_size = scan->batch_end - min_u64(scan->next, scan->batch_end);
            scan->damages_count++;
            scan->count_left = 0;
            return r;
        }
        scan->next += record_cost(ret_record->payload.size);
        scan->records_count++;
        return 1;
    }
    return 0;
}
