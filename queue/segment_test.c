/* segment: payloads read back as they were written; broken ones are refused. */
#include "queue/segment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t payload[SEGMENT_RECIPIENT_MAX];

static struct campaign_descriptor example(void)
{
    struct campaign_descriptor descriptor = {
        .id = 42,
        .name = SPAN("spring"),
        .tenant = SPAN("tenant"),
        .stream = SPAN("news"),
        .egress_pool = {0},
        .sender = SPAN("a@example.org"),
        .lane = LANE_BULK,
        .kind = CAMPAIGN_MESSAGE,
        .duplicates = CAMPAIGN_DUPLICATES_DROP,
        .weight = 7,
        .rate = 100000,
        .not_before_s = 1,
        .lifetime_s = 2,
        .created_s = 3,
    };

    memset(descriptor.content_digest, 0xab, CAMPAIGN_DIGEST_SIZE);
    return descriptor;
}

static void test_campaign(void **state)
{
    struct campaign_descriptor descriptor = example(), back;
    size_t size = segment_campaign_size(&descriptor);

    (void)state;
    segment_write_campaign(&descriptor, payload);
    assert_int_equal(segment_read_campaign(span_make(payload, size), &back), 0);
    assert_int_equal(back.id, 42);
    assert_true(span_equal(back.name, descriptor.name));
    assert_true(span_equal(back.tenant, descriptor.tenant));
    assert_true(span_equal(back.stream, descriptor.stream));
    assert_int_equal(back.egress_pool.size, 0);
    assert_true(span_equal(back.sender, descriptor.sender));
    assert_int_equal(back.kind, CAMPAIGN_MESSAGE);
    assert_int_equal(back.duplicates, CAMPAIGN_DUPLICATES_DROP);
    assert_int_equal(back.weight, 7);
    assert_int_equal(back.rate, 100000);
    assert_int_equal(back.not_before_s, 1);
    assert_int_equal(back.lifetime_s, 2);
    assert_int_equal(back.created_s, 3);
    assert_memory_equal(back.content_digest, descriptor.content_digest, CAMPAIGN_DIGEST_SIZE);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(segment_read_campaign(span_make(payload, cut), &back), -EBADMSG);
}

static void test_campaign_out_of_range(void **state)
{
    static const char long_name[CAMPAIGN_NAME_MAX + 1];
    struct campaign_descriptor descriptor = example(), back;
    size_t size;

    (void)state;
    descriptor.name = span_make(long_name, sizeof(long_name));
    assert_int_equal(segment_campaign_size(&descriptor), 0);
    descriptor.name.size--;
    assert_int_not_equal(segment_campaign_size(&descriptor), 0);
    for (uint32_t what = 0; what < 4; what++) {
        descriptor = example();
        size = segment_campaign_size(&descriptor);
        segment_write_campaign(&descriptor, payload);
        if (what == 0)
            memset(payload, 0, 8); /* id */
        else
            payload[43 + what] = 200; /* lane, kind, duplicates */
        assert_int_equal(segment_read_campaign(span_make(payload, size), &back), -EBADMSG);
    }
}

static void test_content(void **state)
{
    uint8_t head[SEGMENT_CONTENT_HEAD + 5];
    struct span content;
    uint64_t campaign;

    (void)state;
    segment_write_content(9, 5, head);
    memcpy(head + SEGMENT_CONTENT_HEAD, "hello", 5);
    assert_int_equal(segment_read_content(span_make(head, sizeof(head)), &campaign, &content), 0);
    assert_int_equal(campaign, 9);
    assert_true(span_equal(content, SPAN("hello")));
    for (size_t cut = 0; cut < sizeof(head); cut++)
        assert_int_equal(segment_read_content(span_make(head, cut), &campaign, &content), -EBADMSG);
}

static void test_domain(void **state)
{
    static const uint8_t long_name[SEGMENT_DOMAIN_MAX + 1];
    uint32_t number;
    struct span name;

    (void)state;
    segment_write_domain(3, SPAN("example.org"), payload);
    assert_int_equal(segment_read_domain(span_make(payload, 15), &number, &name), 0);
    assert_int_equal(number, 3);
    assert_true(span_equal(name, SPAN("example.org")));
    assert_int_equal(segment_read_domain(span_make(payload, 4), &number, &name), -EBADMSG);
    segment_write_domain(3, span_make(long_name, sizeof(long_name)), payload);
    assert_int_equal(segment_read_domain(span_make(payload, 4 + sizeof(long_name)), &number, &name),
                     -EBADMSG);
}

static void test_recipient(void **state)
{
    const struct span values[] = {SPAN("Ann"), {0}, SPAN("x")};
    const struct segment_recipient recipient = {
        .identity = {5, 6},
        .domain = 7,
        .address = SPAN("ann@example.org"),
        .metadata = SPAN("{}"),
        .values_count = 3,
    };
    size_t size = segment_recipient_size(&recipient, values);
    struct segment_recipient back;
    struct span rest, value;

    (void)state;
    segment_write_recipient(&recipient, values, payload);
    assert_int_equal(segment_read_recipient(span_make(payload, size), &back), 0);
    assert_int_equal(back.identity.campaign, 5);
    assert_int_equal(back.identity.ordinal, 6);
    assert_int_equal(back.domain, 7);
    assert_true(span_equal(back.address, recipient.address));
    assert_true(span_equal(back.metadata, recipient.metadata));
    rest = back.values;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(segment_next_value(&rest, &value));
        assert_true(span_equal(value, values[i]));
    }
    assert_false(segment_next_value(&rest, &value));
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(segment_read_recipient(span_make(payload, cut), &back), -EBADMSG);
}

static void test_recipient_limits(void **state)
{
    static const uint8_t big[SEGMENT_RECIPIENT_MAX];
    struct span values[SEGMENT_VALUES_MAX + 1] = {{0}};
    struct segment_recipient recipient = {.address = SPAN("a@b"), .values_count = 1};

    (void)state;
    assert_int_not_equal(segment_recipient_size(&recipient, values), 0);
    values[0] = span_make(big, sizeof(big));
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
    values[0] = (struct span){big, SIZE_MAX};
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
    values[0] = (struct span){0};
    recipient.values_count = SEGMENT_VALUES_MAX + 1;
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
    recipient.values_count = SEGMENT_VALUES_MAX;
    assert_int_not_equal(segment_recipient_size(&recipient, values), 0);
    recipient.metadata = span_make(big, sizeof(big));
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
    recipient.metadata = (struct span){0};
    recipient.address = (struct span){0};
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
    recipient.address = span_make(big, SEGMENT_ADDRESS_MAX + 1);
    assert_int_equal(segment_recipient_size(&recipient, values), 0);
}

static void test_broken_values(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"\3\0\0", 3}, {"\4\0\0\0abc", 7}, {"\377\377\377\377abc", 7}};
    struct span value;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span rest = span_make(cases[i].bytes, cases[i].size);

        assert_false(segment_next_value(&rest, &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaign),      cmocka_unit_test(test_campaign_out_of_range),
        cmocka_unit_test(test_content),       cmocka_unit_test(test_domain),
        cmocka_unit_test(test_recipient),     cmocka_unit_test(test_recipient_limits),
        cmocka_unit_test(test_broken_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
