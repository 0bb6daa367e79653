/* Frames: what is written is read again; what is cut, too long or something else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/handover_frame.h"

static uint8_t bytes[HANDOVER_FRAME_MAX * 2];
static uint8_t large[STORE_RECIPIENT_MAX + 8192];

static const struct campaign_descriptor draft = {
    .name = SPAN_INIT("spring"),
    .tenant = SPAN_INIT("acme"),
    .sender = SPAN_INIT("news@ringel.example"),
    .lane = LANE_BULK,
    .kind = CAMPAIGN_TEMPLATE,
    .require_tls = true,
    .weight = 3,
    .rate = UINT64_C(1) << 40,
    .not_before_s = 1795311467,
    .created_s = 1795311400,
    .content_digest = {1, 2, 3, [31] = 255},
};

static const struct span some[] = {SPAN_INIT("Anna"), SPAN_INIT(""), SPAN_INIT("\0\n")};

static struct handover_frame only_frame(const struct text *out)
{
    struct handover_frame frame = {.payload = {NULL, 0}};
    size_t size = 0;

    assert_int_equal(handover_frame_read(text_span(out), &frame, &size), 1);
    assert_int_equal(size, out->size);
    return frame;
}

static void test_a_campaign_comes_back(void **state)
{
    struct campaign_descriptor read;
    struct handover_frame frame;
    uint64_t content_size = 0;
    struct text out;

    (void)state;
    text_init(&out, bytes, sizeof(bytes));
    assert_int_equal(handover_frame_add_campaign(&out, &draft, 12345), 0);
    frame = only_frame(&out);
    assert_int_equal(frame.kind, HANDOVER_FRAME_CAMPAIGN);
    assert_int_equal(handover_frame_read_campaign(frame.payload, &read, &content_size), 0);
    assert_int_equal(content_size, 12345);
    assert_true(span_equal(read.name, draft.name) && span_equal(read.tenant, draft.tenant) &&
                span_equal(read.sender, draft.sender) && read.stream.size == 0);
    assert_int_equal(read.lane, LANE_BULK);
    assert_int_equal(read.kind, CAMPAIGN_TEMPLATE);
    assert_int_equal(read.weight, 3);
    assert_true(read.require_tls);
    assert_true(read.rate == draft.rate && read.not_before_s == draft.not_before_s &&
                read.created_s == draft.created_s);
    assert_memory_equal(read.content_digest, draft.content_digest, CAMPAIGN_DIGEST_SIZE);
    /* Cut anywhere, it is none; nor with something behind it. */
    for (size_t i = 0; i < frame.payload.size; i++)
        assert_int_equal(
            handover_frame_read_campaign(span_first(frame.payload, i), &read, &content_size),
            -EBADMSG);
    text_add_byte(&out, 0);
    frame.payload.size++;
    assert_int_equal(handover_frame_read_campaign(frame.payload, &read, &content_size), -EBADMSG);
}

static void test_a_campaign_of_another_kind_is_refused(void **state)
{
    static const struct {
        const char *label;
        size_t at;
        uint8_t octet;
    } cases[] = {
        {"version", 0, 2},
        {"lane", 1, LANES_COUNT},
        {"kind", 2, CAMPAIGN_CONTENT_COUNT},
        {"duplicates", 3, CAMPAIGN_DUPLICATES_COUNT},
        {"flags", 4, 2},
        {"size of the content", 41, 1}, /* in its high octets */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct campaign_descriptor read;
        struct handover_frame frame;
        uint64_t content_size;
        struct text out;

        text_init(&out, bytes, sizeof(bytes));
        assert_int_equal(handover_frame_add_campaign(&out, &draft, 1), 0);
        frame = only_frame(&out);
        bytes[HANDOVER_FRAME_HEAD + cases[i].at] = cases[i].octet;
        if (handover_frame_read_campaign(frame.payload, &read, &content_size) != -EBADMSG)
            fail_msg("%s: is taken", cases[i].label);
    }
}

static void test_a_recipient_comes_back(void **state)
{
    const struct store_recipient recipient = {.address = SPAN("a@one.test"),
                                              .domain = SPAN("one.test"),
                                              .values = some,
                                              .values_count = ARRAY_LEN(some),
                                              .metadata = SPAN("{\"n\":1}")};
    struct span values[QUEUE_VALUES_MAX];
    struct handover_frame frame;
    struct store_recipient read;
    struct text out;

    (void)state;
    text_init(&out, bytes, sizeof(bytes));
    assert_int_equal(handover_frame_add_recipient(&out, &recipient), 0);
    frame = only_frame(&out);
    assert_int_equal(handover_frame_read_recipient(frame.payload, values, &read), 0);
    assert_true(span_equal(read.address, recipient.address));
    assert_true(span_equal(read.domain, recipient.domain));
    assert_true(span_equal(read.metadata, recipient.metadata));
    assert_int_equal(read.values_count, ARRAY_LEN(some));
    for (size_t i = 0; i < ARRAY_LEN(some); i++)
        assert_true(span_equal(values[i], some[i]));
    for (size_t i = 0; i < frame.payload.size; i++)
        assert_int_equal(handover_frame_read_recipient(span_first(frame.payload, i), values, &read),
                         -EBADMSG);
}

static void test_what_is_too_long_is_not_written(void **state)
{
    struct span values[QUEUE_VALUES_MAX + 1] = {{NULL, 0}};
    struct store_recipient recipient = {.address = SPAN("a@one.test"),
                                        .domain = SPAN("one.test"),
                                        .values = values,
                                        .values_count = 1};
    struct campaign_descriptor long_name = draft;
    struct text out;

    (void)state;
    memset(large, 'x', sizeof(large));
    text_init(&out, bytes, sizeof(bytes));
    values[0] = span_make(large, HANDOVER_FRAME_PAYLOAD_MAX);
    assert_int_equal(handover_frame_add_recipient(&out, &recipient), -EINVAL);
    values[0] = span_make(large, 1);
    recipient.values_count = QUEUE_VALUES_MAX + 1;
    assert_int_equal(handover_frame_add_recipient(&out, &recipient), -EINVAL);
    long_name.name = span_make(large, CAMPAIGN_NAME_MAX + 1);
    assert_int_equal(handover_frame_add_campaign(&out, &long_name, 1), -EINVAL);
    assert_int_equal(
        handover_frame_add_content(&out, span_make(large, HANDOVER_FRAME_CONTENT_MAX + 1)),
        -EINVAL);
    assert_int_equal(out.size, 0);
    text_init(&out, bytes, 10);
    assert_int_equal(handover_frame_add_content(&out, span_make(large, 6)), -ENOSPC);
    assert_int_equal(handover_frame_add_commit(&out, draft.content_digest), -ENOSPC);
    assert_int_equal(handover_frame_add_campaign(&out, &draft, 1), -ENOSPC);
    assert_int_equal(out.size, 0);
    /* As many values as there may be. */
    text_init(&out, bytes, sizeof(bytes));
    recipient.values_count = QUEUE_VALUES_MAX;
    assert_int_equal(handover_frame_add_recipient(&out, &recipient), 0);
}

static void test_a_head_that_promises_too_much_is_refused(void **state)
{
    static const struct {
        const char *label;
        uint8_t head[HANDOVER_FRAME_HEAD];
        int result;
    } cases[] = {
        {"whole and empty", {0, 0, 0, 0, 2}, 1},
        {"kind 0", {0, 0, 0, 0, 0}, -EBADMSG},
        {"kind 5", {0, 0, 0, 0, 5}, -EBADMSG},
        {"4 GiB", {255, 255, 255, 255, 2}, -EBADMSG},
        {"an octet too much", {0, 3, 0x10, 1, 2}, -EBADMSG},
        {"not yet", {0, 0, 0, 1, 2}, 0},
        {"the most", {0, 3, 0x10, 0, 2}, 0},
    };

    (void)state;
    assert_int_equal(HANDOVER_FRAME_PAYLOAD_MAX, 0x31000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct handover_frame frame;
        size_t size = 0;
        int result =
            handover_frame_read(span_make(cases[i].head, HANDOVER_FRAME_HEAD), &frame, &size);

        if (result != cases[i].result)
            fail_msg("%s: %d", cases[i].label, result);
        for (size_t cut = 0; cut < HANDOVER_FRAME_HEAD; cut++)
            assert_int_equal(handover_frame_read(span_make(cases[i].head, cut), &frame, &size), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_campaign_comes_back),
        cmocka_unit_test(test_a_campaign_of_another_kind_is_refused),
        cmocka_unit_test(test_a_recipient_comes_back),
        cmocka_unit_test(test_what_is_too_long_is_not_written),
        cmocka_unit_test(test_a_head_that_promises_too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
