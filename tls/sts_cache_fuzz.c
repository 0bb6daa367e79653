/* Any bytes as a record with a good checksum: refused, or what was read is written and read again
 * as the same. And any bytes as the whole file. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "tls/sts_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW UINT64_C(1700000000)

static const struct sts_cache_options options = {
    .domains_max = 4, .policies_max = 4, .seed = {{1, 2}}};

static struct span write_file(const struct sts_cache *cache, struct text *out)
{
    uint32_t cursor = 0;

    CHECK(sts_cache_write(cache, &cursor, NOW, out));
    return text_span(out);
}

static void check_record(struct arena *arenas, struct span record)
{
    static uint8_t buffers[3][STS_CACHE_RECORD_MAX + 256];
    struct sts_cache first, second;
    struct text texts[3];

    for (uint32_t i = 0; i < 3; i++)
        text_init(&texts[i], buffers[i], sizeof(buffers[i]));
    text_add_cstr(&texts[0], "ringpost-sts 1\npolicy ");
    text_add_u64(&texts[0], record.size);
    text_add_byte(&texts[0], ' ');
    text_add_u64(&texts[0], crc_add(crc_seed(record.size, 1), record));
    text_add_byte(&texts[0], '\n');
    text_add(&texts[0], record);
    sts_cache_init(&first, &arenas[0], &options);
    sts_cache_init(&second, &arenas[1], &options);
    if (texts[0].overflow || sts_cache_read(&first, text_span(&texts[0]), NOW, NULL, NULL) != 0) {
        CHECK(first.entries.claimed_count == 0);
        return;
    }
    CHECK(sts_cache_read(&second, write_file(&first, &texts[1]), NOW, NULL, NULL) == 0);
    CHECK(span_equal(write_file(&second, &texts[2]), text_span(&texts[1])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arenas[3];
    struct sts_cache cache;
    int status;

    for (uint32_t i = 0; i < 3; i++)
        CHECK(arena_open(&arenas[i], sts_cache_cost(&options)) == 0);
    check_record(arenas, span_make(data, size));
    sts_cache_init(&cache, &arenas[2], &options);
    status = sts_cache_read(&cache, span_make(data, size), NOW, NULL, NULL);
    CHECK(status == 0 || status == -EBADMSG);
    for (uint32_t i = 0; i < 3; i++)
        arena_close(&arenas[i]);
    return 0;
}
