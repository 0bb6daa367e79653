#include "queue/segment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t long_bytes[SEGMENT_RECIPIENT_MAX + 1];

static void put_u16(uint8_t *place, uint16_t number)
{
    memcpy(place, &number, sizeof(number));
}

static void put_u32(uint8_t *place, uint32_t number)
{
    memcpy(place, &number, sizeof(number));
}

/* --- campaigns --- */

static struct campaign_descriptor full_descriptor(void)
{
    struct campaign_descriptor descriptor = {
        .id = 0x0102030405060708,
        .name = SPAN("spring"),
        .tenant = SPAN("acme"),
        .stream = SPAN("news"),
        .egress_pool = SPAN("blue"),
        .sender = SPAN("news@example.com"),
        .lane = LANE_BULK,
        .kind = CAMPAIGN_MESSAGE,
        .duplicates = CAMPAIGN_DUPLICATES_DROP,
        .require_tls = true,
        .weight = 3,
        .rate = 100000,
        .not_before_s = 1800000000,
        .lifetime_s = 86400,
        .created_s = 1790000000,
    };

    memset(descriptor.content_digest, 0xd1, CAMPAIGN_DIGEST_SIZE);
    return descriptor;
}

static void check_equal(const struct campaign_descriptor *a, const struct campaign_descriptor *b)
{
    assert_true(span_equal(a->name, b->name) && span_equal(a->tenant, b->tenant));
    assert_true(span_equal(a->stream, b->stream) && span_equal(a->sender, b->sender));
    assert_true(span_equal(a->egress_pool, b->egress_pool));
    assert_true(a->id == b->id && a->rate == b->rate && a->weight == b->weight);
    assert_true(a->not_before_s == b->not_before_s && a->lifetime_s == b->lifetime_s);
    assert_true(a->created_s == b->created_s && a->lane == b->lane && a->kind == b->kind);
    assert_int_equal(a->duplicates, b->duplicates);
    assert_int_equal(a->require_tls, b->require_tls);
    assert_memory_equal(a->content_digest, b->content_digest, CAMPAIGN_DIGEST_SIZE);
}

static void test_campaign_round_trip(void **state)
{
    uint8_t payload[SEGMENT_CAMPAIGN_MAX];

    (void)state;
    memset(long_bytes, 'n', sizeof(long_bytes));
    for (int i = 0; i < 3; i++) {
        struct campaign_descriptor descriptor = full_descriptor(), read;
        size_t size;

        if (i == 1)
            descriptor = (struct campaign_descriptor){.id = 1}; /* everything empty */
        if (i == 2) {
            descriptor.name = descriptor.tenant = descriptor.stream = descriptor.egress_pool =
                descriptor.sender = span_make(long_bytes, CAMPAIGN_NAME_MAX);
            descriptor.id = descriptor.rate = descriptor.not_before_s = UINT64_MAX;
        }
        size = segment_campaign_size(&descriptor);
        assert_in_range(size, 96, SEGMENT_CAMPAIGN_MAX);
        segment_write_campaign(&descriptor, payload);
        assert_int_equal(segment_read_campaign(span_make(payload, size), &read), 0);
        check_equal(&descriptor, &read);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(segment_read_campaign(span_make(payload, cut), &read), -EBADMSG);
    }
}

static void test_campaign_names_too_long(void **state)
{
    struct span too_long = span_make(long_bytes, CAMPAIGN_NAME_MAX + 1);

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct campaign_descriptor descriptor = full_descriptor();
        struct span *const names[] = {&descriptor.name, &descriptor.tenant, &descriptor.stream,
                                      &descriptor.egress_pool, &descriptor.sender};

        *names[i] = too_long;
        assert_int_equal(segment_campaign_size(&descriptor), 0);
    }
}

static void test_campaign_from_hostile_bytes(void **state)
{
    static const struct {
        size_t offset;
        uint8_t bytes[2];
        int result;
    } cases[] = {
        {44, {1, 1}, 0},          /* lane, kind */
        {44, {2, 0}, -EBADMSG},   /* no such lane */
        {44, {0, 2}, -EBADMSG},   /* no such kind */
        {44, {255, 0}, -EBADMSG}, /* */
        {46, {2, 0}, -EBADMSG},   /* no such policy of duplicates */
        {46, {1, 1}, 0},          /* the last duplicates, every flag that there is */
        {46, {1, 2}, -EBADMSG},   /* a flag that is not known */
        {46, {1, 128}, -EBADMSG}, /* */
        {80, {0, 1}, -EBADMSG},   /* a name of 256 */
        {80, {255, 0}, -EBADMSG}, /* within the limit, but not within the payload */
        {80, {255, 255}, -EBADMSG},
        {88, {255, 0}, -EBADMSG}, /* the last string */
        {88, {15, 0}, 0},         /* shorter: what follows is left for newer programs */
    };
    struct campaign_descriptor descriptor = full_descriptor(), read;
    uint8_t payload[SEGMENT_CAMPAIGN_MAX];
    size_t size = segment_campaign_size(&descriptor);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        segment_write_campaign(&descriptor, payload);
        memcpy(payload + cases[i].offset, cases[i].bytes, 2);
        assert_int_equal(segment_read_campaign(span_make(payload, size), &read), cases[i].result);
    }
    for (uint16_t name = CAMPAIGN_NAME_MAX; name <= CAMPAIGN_NAME_MAX + 1; name++) {
        segment_write_campaign(&descriptor, payload); /* and bytes enough behind it */
        put_u16(payload + 80, name);
        assert_int_equal(segment_read_campaign(span_make(payload, sizeof(payload)), &read),
                         name <= CAMPAIGN_NAME_MAX ? 0 : -EBADMSG);
    }
    segment_write_campaign(&descriptor, payload);
    memset(payload, 0, 8); /* id 0 is no campaign */
    assert_int_equal(segment_read_campaign(span_make(payload, size), &read), -EBADMSG);
}

/* --- content --- */

static void test_content(void **state)
{
    static const struct {
        uint64_t size; /* claimed; there are 5 bytes */
        int result;
    } cases[] = {
        {5, 0},         {4, -EBADMSG},          {6, -EBADMSG},
        {0, -EBADMSG},  {UINT64_MAX, -EBADMSG}, {UINT64_MAX - 15, -EBADMSG},
        {21, -EBADMSG},
    };
    uint8_t payload[SEGMENT_CONTENT_HEAD + 5];
    struct span content;
    uint64_t campaign;

    (void)state;
    memcpy(payload + SEGMENT_CONTENT_HEAD, "hello", 5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        segment_write_content(77, cases[i].size, payload);
        assert_int_equal(
            segment_read_content(span_make(payload, sizeof(payload)), &campaign, &content),
            cases[i].result);
    }
    segment_write_content(77, 5, payload);
    assert_int_equal(segment_read_content(span_make(payload, sizeof(payload)), &campaign, &content),
                     0);
    assert_int_equal(campaign, 77);
    assert_true(span_equal(content, SPAN("hello")));
    for (size_t cut = 0; cut < sizeof(payload); cut++)
        assert_int_equal(segment_read_content(span_make(payload, cut), &campaign, &content),
                         -EBADMSG);
    segment_write_content(78, 0, payload); /* empty content is content */
    assert_int_equal(
        segment_read_content(span_make(payload, SEGMENT_CONTENT_HEAD), &campaign, &content), 0);
    assert_int_equal(content.size, 0);
    assert_non_null(content.data);
}

static void test_content_too_large(void **state)
{
    const size_t size = CAMPAIGN_CONTENT_MAX + 1;
    uint8_t *payload = calloc(1, SEGMENT_CONTENT_HEAD + size);
    struct span content;
    uint64_t campaign;

    (void)state;
    assert_non_null(payload);
    segment_write_content(1, size - 1, payload);
    assert_int_equal(segment_read_content(span_make(payload, SEGMENT_CONTENT_HEAD + size - 1),
                                          &campaign, &content),
                     0);
    segment_write_content(1, size, payload);
    assert_int_equal(
        segment_read_content(span_make(payload, SEGMENT_CONTENT_HEAD + size), &campaign, &content),
        -EBADMSG);
    free(payload);
}

/* --- domains --- */

static void test_domain(void **state)
{
    static const struct {
        size_t size; /* of the payload */
        int result;
    } cases[] = {{0, -EBADMSG}, {3, -EBADMSG}, {4, -EBADMSG}, {5, 0}, {259, 0}, {260, -EBADMSG}};
    uint8_t payload[300];
    struct span name;
    uint32_t number;

    (void)state;
    memset(payload, 'd', sizeof(payload));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(segment_read_domain(span_make(payload, cases[i].size), &number, &name),
                         cases[i].result);
    assert_int_equal(segment_domain_size(SPAN("example.org")), 15);
    segment_write_domain(UINT32_MAX, SPAN("example.org"), payload);
    assert_int_equal(segment_read_domain(span_make(payload, 15), &number, &name), 0);
    assert_int_equal(number, UINT32_MAX);
    assert_true(span_equal(name, SPAN("example.org")));
}

/* --- recipients --- */

static const struct span three_values[] = {SPAN_INIT("Ada"), SPAN_INIT(""),
                                           SPAN_INIT("line\r\n\0break")};

static struct segment_recipient full_recipient(void)
{
    return (struct segment_recipient){
        .identity = {42, 7},
        .domain = 3,
        .address = SPAN("ada@example.org"),
        .metadata = SPAN("{\"k\":1}"),
        .values_count = ARRAY_LEN(three_values),
    };
}

static void test_recipient_round_trip(void **state)
{
    struct segment_recipient recipient = full_recipient(), read;
    size_t size = segment_recipient_size(&recipient, three_values);
    uint8_t payload[128];
    struct span values, value;

    (void)state;
    assert_int_equal(size, 28 + 15 + 7 + 3 * 4 + 3 + 0 + 12);
    segment_write_recipient(&recipient, three_values, payload);
    assert_int_equal(segment_read_recipient(span_make(payload, size), &read), 0);
    assert_true(read.identity.campaign == 42 && read.identity.ordinal == 7 && read.domain == 3);
    assert_true(span_equal(read.address, recipient.address));
    assert_true(span_equal(read.metadata, recipient.metadata));
    assert_int_equal(read.values_count, 3);
    values = read.values;
    for (size_t i = 0; i < 3; i++) {
        assert_true(segment_next_value(&values, &value));
        assert_true(span_equal(value, three_values[i]));
    }
    assert_false(segment_next_value(&values, &value));
    assert_int_equal(values.size, 0);
    for (size_t cut = 0; cut < sizeof(payload); cut++)
        if (cut != size)
            assert_int_equal(segment_read_recipient(span_make(payload, cut), &read), -EBADMSG);
}

static void test_recipient_sizes(void **state)
{
    static const struct {
        size_t address;
        size_t metadata;
        uint32_t values;
        size_t value;
        bool fits;
    } cases[] = {
        {1, 0, 0, 0, true},
        {0, 0, 0, 0, false},
        {SEGMENT_ADDRESS_MAX, 0, 0, 0, true},
        {SEGMENT_ADDRESS_MAX + 1, 0, 0, 0, false},
        {1, SEGMENT_RECIPIENT_MAX - 29, 0, 0, true},
        {1, SEGMENT_RECIPIENT_MAX - 28, 0, 0, false},
        {1, SEGMENT_RECIPIENT_MAX + 1, 0, 0, false},
        {1, 0, SEGMENT_VALUES_MAX, 763, true},
        {1, 0, SEGMENT_VALUES_MAX, 764, false},
        {1, 0, SEGMENT_VALUES_MAX + 1, 0, false},
        {1, 0, 1, SEGMENT_RECIPIENT_MAX - 33, true},
        {1, 0, 1, SEGMENT_RECIPIENT_MAX - 32, false},
        {1, 0, 1, SEGMENT_RECIPIENT_MAX + 1, false},
    };
    static uint8_t payload[SEGMENT_RECIPIENT_MAX];
    static struct span values[SEGMENT_VALUES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct segment_recipient recipient = {
            .address = span_make(long_bytes, cases[i].address),
            .metadata = span_make(long_bytes, cases[i].metadata),
            .values_count = cases[i].values,
        };
        struct segment_recipient read;
        size_t size;

        for (uint32_t k = 0; k < cases[i].values; k++)
            values[k] = span_make(long_bytes, cases[i].value);
        size = segment_recipient_size(&recipient, values);
        assert_int_equal(size > 0, cases[i].fits);
        if (size == 0)
            continue;
        assert_true(size <= SEGMENT_RECIPIENT_MAX);
        segment_write_recipient(&recipient, values, payload);
        assert_int_equal(segment_read_recipient(span_make(payload, size), &read), 0);
        assert_int_equal(read.metadata.size, cases[i].metadata);
    }
    {
        struct segment_recipient recipient = {.address = SPAN("a"),
                                              .metadata = span_make(long_bytes, SIZE_MAX)};

        assert_int_equal(segment_recipient_size(&recipient, values), 0);
        recipient.metadata = (struct span){0};
        recipient.values_count = 2; /* whose sizes wrap around to something small */
        values[0] = values[1] = span_make(long_bytes, SIZE_MAX / 2 + 1);
        assert_int_equal(segment_recipient_size(&recipient, values), 0);
        recipient.values_count = UINT32_MAX;
        assert_int_equal(segment_recipient_size(&recipient, values), 0);
    }
}

static void test_recipient_from_hostile_bytes(void **state)
{
    /* Payload of 28 + 15 + 7 + 27: address, metadata and values must fill it exactly. */
    static const struct {
        uint16_t address;
        uint32_t metadata;
        uint32_t values;
        uint16_t count;
        int result;
    } cases[] = {
        {15, 7, 27, 3, 0},
        {16, 6, 27, 3, 0}, /* other parts, but within */
        {0, 22, 27, 3, -EBADMSG},
        {15, 7, 26, 3, -EBADMSG},
        {15, 7, 28, 3, -EBADMSG},
        {15, 8, 27, 3, -EBADMSG},
        {321, 0, 0, 0, -EBADMSG},
        {15, UINT32_MAX, 27, 3, -EBADMSG},
        {15, 34, UINT32_MAX, 3, -EBADMSG},
        {15, UINT32_MAX - 14, 49, 3, -EBADMSG}, /* the sum wraps to 49 in 32 bits */
        {15, UINT32_MAX, UINT32_MAX, 3, -EBADMSG},
        {15, 7, 27, 256, 0},
        {15, 7, 27, 257, -EBADMSG},
        {15, 7, 27, UINT16_MAX, -EBADMSG},
    };
    struct segment_recipient recipient = full_recipient(), read;
    size_t size = segment_recipient_size(&recipient, three_values);
    uint8_t payload[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        segment_write_recipient(&recipient, three_values, payload);
        put_u32(payload + 16, cases[i].values);
        put_u32(payload + 20, cases[i].metadata);
        put_u16(payload + 24, cases[i].address);
        put_u16(payload + 26, cases[i].count);
        assert_int_equal(segment_read_recipient(span_make(payload, size), &read), cases[i].result);
        if (cases[i].result != 0)
            continue;
        assert_ptr_equal(read.address.data, payload + 28);
        assert_ptr_equal(read.values.data + read.values.size, payload + size);
    }
}

static void test_values_from_hostile_bytes(void **state)
{
    static const struct {
        struct span bytes;
        uint32_t count;
    } cases[] = {
        {SPAN_INIT(""), 0},
        {SPAN_INIT("\0\0\0"), 0},
        {SPAN_INIT("\0\0\0\0"), 1},
        {SPAN_INIT("\1\0\0\0"), 0},
        {SPAN_INIT("\1\0\0\0x"), 1},
        {SPAN_INIT("\1\0\0\0x\0"), 1},
        {SPAN_INIT("\1\0\0\0x\2\0\0\0y"), 1},
        {SPAN_INIT("\xff\xff\xff\xffxxxxxxxx"), 0},
        {SPAN_INIT("\xfc\xff\xff\xffxxxxxxxx"), 0},
        {SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\0\0"), 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span values = cases[i].bytes, value;
        uint32_t count = 0;

        while (segment_next_value(&values, &value)) {
            assert_true(value.data + value.size <= cases[i].bytes.data + cases[i].bytes.size);
            count++;
        }
        assert_int_equal(count, cases[i].count);
        assert_false(segment_next_value(&values, &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaign_round_trip),
        cmocka_unit_test(test_campaign_names_too_long),
        cmocka_unit_test(test_campaign_from_hostile_bytes),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_content_too_large),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_recipient_round_trip),
        cmocka_unit_test(test_recipient_sizes),
        cmocka_unit_test(test_recipient_from_hostile_bytes),
        cmocka_unit_test(test_values_from_hostile_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
