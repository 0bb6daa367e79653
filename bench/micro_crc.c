#include <string.h>

#include "base/crc.h"
#include "base/json_put.h"
#include "bench/micro_small.h"

struct crc_work {
    uint8_t bytes[4096];
    size_t size;
    uint32_t sum;
};

static void by_hardware(void *context)
{
    struct crc_work *work = context;

    work->sum = crc_add(work->sum, span_make(work->bytes, work->size));
}

static void portably(void *context)
{
    struct crc_work *work = context;

    work->sum = crc_add_portable(work->sum, span_make(work->bytes, work->size));
}

int micro_small_crc(struct text *out)
{
    struct crc_work work = {.size = 256};

    for (size_t i = 0; i < sizeof(work.bytes); i++)
        work.bytes[i] = (uint8_t)(i * 31);
    micro_small_put(out, "record_256", micro_small_rate(by_hardware, &work, 1));
    work.size = sizeof(work.bytes);
    json_put_key_double(out, "bytes_per_s", micro_small_rate(by_hardware, &work, (double)work.size),
                        0);
    json_put_key_double(out, "portable_bytes_per_s",
                        micro_small_rate(portably, &work, (double)work.size), 0);
    json_put_key_u64(out, "checksum", work.sum);
    return 0;
}
