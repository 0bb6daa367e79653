/* record: what was written reads back; anything else is refused. */
#include "queue/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t page[RECORD_PAGE];

static struct record_file example(void)
{
    return (struct record_file){
        .kind = RECORD_FILE_JOURNAL, .part = 3, .id = 77, .size = 1 << 20, .created_ns = 12345};
}

static void test_file_header(void **state)
{
    struct record_file file = example(), back;

    (void)state;
    record_write_file(&file, page);
    assert_int_equal(record_read_file(span_make(page, sizeof(page)), true, &back), 0);
    assert_int_equal(back.kind, RECORD_FILE_JOURNAL);
    assert_int_equal(back.part, 3);
    assert_int_equal(back.id, 77);
    assert_int_equal(back.size, 1 << 20);
    assert_int_equal(back.created_ns, 12345);
    assert_int_equal(record_read_file(span_make(page, sizeof(page) - 1), true, &back), -EBADMSG);
    for (uint32_t bit = 0; bit < 72 * 8; bit++) {
        page[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(record_read_file(span_make(page, sizeof(page)), true, &back), 0);
        page[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void test_features(void **state)
{
    struct record_file file = example(), back;
    struct span image = span_make(page, sizeof(page));

    (void)state;
    file.features.compatible = 1;
    record_write_file(&file, page);
    assert_int_equal(record_read_file(image, true, &back), 0);
    file.features.read_only = 1;
    record_write_file(&file, page);
    assert_int_equal(record_read_file(image, true, &back), -ENOTSUP);
    assert_int_equal(record_read_file(image, false, &back), 0);
    file.features.incompatible = 1;
    record_write_file(&file, page);
    assert_int_equal(record_read_file(image, false, &back), -ENOTSUP);
}

static size_t make_record(uint8_t *place, const char *payload)
{
    size_t size = strlen(payload);

    memcpy(place + sizeof(struct record_header), payload, size);
    record_seal(place, RECORD_OUTCOME, size, (struct span){0});
    return record_cost(size);
}

static void test_record(void **state)
{
    _Alignas(8) uint8_t image[64];
    struct record record;
    size_t size;

    (void)state;
    memset(image, 0xee, sizeof(image));
    size = make_record(image + 8, "hello");
    assert_int_equal(size, 24);
    assert_int_equal(image[8 + 12 + 5], 0); /* padding is zeroed */
    assert_int_equal(record_read(span_make(image, sizeof(image)), 8, &record), 0);
    assert_int_equal(record.type, RECORD_OUTCOME);
    assert_int_equal(record.offset, 8);
    assert_true(span_equal(record.payload, SPAN("hello")));
    assert_int_equal(record_read(span_make(image, sizeof(image)), 9, &record), -EBADMSG);
    assert_int_equal(record_read(span_make(image, sizeof(image)), 16, &record), -EBADMSG);
    assert_int_equal(record_read(span_make(image, sizeof(image)), 64, &record), -EBADMSG);
    assert_int_equal(record_read(span_make(image, sizeof(image)), UINT64_MAX - 7, &record),
                     -EBADMSG);
    for (size_t cut = 0; cut < 8 + 12 + 5; cut++)
        assert_int_equal(record_read(span_make(image, cut), 8, &record), -EBADMSG);
    for (uint32_t bit = 8 * 8; bit < (8 + 12 + 5) * 8; bit++) {
        image[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(record_read(span_make(image, sizeof(image)), 8, &record), -EBADMSG);
        image[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void test_tail(void **state)
{
    _Alignas(8) uint8_t image[64];
    struct record record;

    (void)state;
    memcpy(image + 12, "head", 4);
    record_seal(image, RECORD_CONTENT, 8, SPAN("tail"));
    memcpy(image + 16, "tail", 4);
    assert_int_equal(record_read(span_make(image, sizeof(image)), 0, &record), 0);
    assert_true(span_equal(record.payload, SPAN("headtail")));
    image[19] = 'k';
    assert_int_equal(record_read(span_make(image, sizeof(image)), 0, &record), -EBADMSG);
}

static void test_batch(void **state)
{
    _Alignas(8) uint8_t image[8192] = {0};
    struct record_batch batch = {.count = 1, .watermark = 4096, .sequence = 9}, back;
    struct span span = span_make(image, sizeof(image));

    (void)state;
    batch.size = (uint32_t)make_record(image + 4104 + sizeof(batch), "payload");
    record_seal_batch(image + 4104, batch, (struct span){0}, 5, 4104);
    assert_int_equal(record_read_batch(span, 5, 4104, &back), 0);
    assert_int_equal(back.watermark, 4096);
    assert_int_equal(back.sequence, 9);
    assert_int_equal(record_read_batch(span, 6, 4104, &back), -EBADMSG); /* another file's */
    memmove(image + 4096, image + 4104, 256);
    assert_int_equal(record_read_batch(span, 5, 4096, &back), -EBADMSG); /* another place's */
    memmove(image + 4104, image + 4096, 256);
    assert_int_equal(record_read_batch(span, 5, 4104, &back), 0);
    assert_int_equal(record_read_batch(span_make(image, 4150), 5, 4104, &back), -EBADMSG);
    for (uint32_t bit = 4104 * 8; bit < (4104 + sizeof(batch) + batch.size) * 8; bit++) {
        image[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(record_read_batch(span, 5, 4104, &back), -EBADMSG);
        image[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_header), cmocka_unit_test(test_features),
        cmocka_unit_test(test_record),      cmocka_unit_test(test_tail),
        cmocka_unit_test(test_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
