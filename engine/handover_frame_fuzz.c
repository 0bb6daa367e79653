/* Any octets as a stream of frames: what is taken apart can be put together again, to the same
 * octets. */
#include <string.h>

#include "base/check.h"
#include "engine/handover_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bytes[HANDOVER_FRAME_MAX];

static void check_same(const struct text *out, struct span frame)
{
    CHECK(!out->overflow && span_equal(text_span(out), frame));
}

static void check_frame(const struct handover_frame *frame, struct span whole)
{
    struct campaign_descriptor descriptor;
    struct span values[QUEUE_VALUES_MAX];
    uint8_t digest[CAMPAIGN_DIGEST_SIZE];
    struct store_recipient recipient;
    uint64_t content_size;
    struct text out;

    text_init(&out, bytes, sizeof(bytes));
    switch (frame->kind) {
    case HANDOVER_FRAME_CAMPAIGN:
        if (handover_frame_read_campaign(frame->payload, &descriptor, &content_size) < 0)
            return;
        CHECK(handover_frame_add_campaign(&out, &descriptor, content_size) == 0);
        check_same(&out, whole);
        return;
    case HANDOVER_FRAME_CONTENT:
        if (handover_frame_add_content(&out, frame->payload) == 0)
            check_same(&out, whole);
        return;
    case HANDOVER_FRAME_RECIPIENT:
        if (handover_frame_read_recipient(frame->payload, values, &recipient) < 0)
            return;
        CHECK(handover_frame_add_recipient(&out, &recipient) == 0);
        check_same(&out, whole);
        return;
    case HANDOVER_FRAME_COMMIT:
        if (handover_frame_read_commit(frame->payload, digest) < 0)
            return;
        CHECK(handover_frame_add_commit(&out, digest) == 0);
        check_same(&out, whole);
        return;
    }
    UNREACHABLE("no such kind");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct handover_frame frame;
    size_t taken = 0;

    while (handover_frame_read(rest, &frame, &taken) == 1) {
        CHECK(taken > 0 && taken <= rest.size && taken <= HANDOVER_FRAME_MAX);
        check_frame(&frame, span_first(rest, taken));
        rest = span_skip(rest, taken);
    }
    return 0;
}
