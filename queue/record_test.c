#include "queue/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "tests/expect_abort.h"

#define FILE_HEADER 72
#define CRC_PLACE 8 /* in the file's header, of [12, 72) */

static const struct record_file plain_file = {
    .kind = RECORD_FILE_SEGMENT,
    .part = 1,
    .id = 0x1122334455667788,
    .size = 1 << 20,
    .created_ns = 42,
};

/* --- the file's header --- */

static void test_file_round_trip(void **state)
{
    static const enum record_file_kind kinds[] = {RECORD_FILE_SEGMENT, RECORD_FILE_JOURNAL,
                                                  RECORD_FILE_CHECKPOINT};
    uint8_t page[RECORD_PAGE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct record_file file = plain_file, read;

        file.kind = kinds[i];
        file.part = i == 1 ? RECORD_PART_CONTROL : 3;
        file.features.compatible = UINT64_MAX; /* never a reason to refuse */
        memset(page, 0xff, sizeof(page));
        record_write_file(&file, page);
        assert_int_equal(record_read_file(span_make(page, sizeof(page)), true, &read), 0);
        assert_int_equal(read.kind, file.kind);
        assert_int_equal(read.part, file.part);
        assert_true(read.id == file.id && read.size == file.size);
        assert_true(read.created_ns == file.created_ns);
        assert_true(read.features.compatible == UINT64_MAX);
        for (size_t k = FILE_HEADER; k < sizeof(page); k++)
            assert_int_equal(page[k], 0);
    }
}

static void test_file_with_one_bit_flipped(void **state)
{
    uint8_t page[RECORD_PAGE];
    struct record_file read;

    (void)state;
    record_write_file(&plain_file, page);
    for (size_t bit = 0; bit < (size_t)8 * FILE_HEADER; bit++) {
        page[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(record_read_file(span_make(page, sizeof(page)), false, &read), -EBADMSG);
        page[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(record_read_file(span_make(page, sizeof(page)), false, &read), 0);
}

static void test_file_truncated(void **state)
{
    uint8_t page[RECORD_PAGE];
    struct record_file read;

    (void)state;
    record_write_file(&plain_file, page);
    for (size_t size = 0; size < sizeof(page); size++) {
        uint8_t *copy = malloc(size + 1); /* its own, so that a sanitizer sees a read behind it */

        assert_non_null(copy);
        memcpy(copy, page, size);
        assert_int_equal(record_read_file(span_make(copy, size), false, &read), -EBADMSG);
        free(copy);
    }
    assert_int_equal(record_read_file((struct span){0}, false, &read), -EBADMSG);
}

static void test_file_of_another_program(void **state)
{
    /* What is changed at `offset`, the CRC being right. */
    static const struct {
        size_t offset;
        uint8_t byte;
        bool writing;
        int result;
    } cases[] = {
        {12, 2, false, -ENOTSUP},  /* version */
        {12, 0, false, -ENOTSUP},  /* */
        {14, 0, false, -ENOTSUP},  /* kind */
        {14, 4, false, -ENOTSUP},  /* */
        {15, 1, false, -ENOTSUP},  /* */
        {48, 1, true, 0},          /* compatible: ignored */
        {56, 1, true, 0},          /* stops: read only, and known */
        {56, 2, false, 0},         /* read only: reading is allowed */
        {56, 2, true, -ENOTSUP},   /* ...writing is not */
        {63, 128, true, -ENOTSUP}, /* the last bit counts as well */
        {64, 1, true, 0},          /* REQUIRETLS: incompatible, and known */
        {64, 2, false, -ENOTSUP},  /* incompatible */
        {71, 128, false, -ENOTSUP} /* */
    };
    uint8_t page[RECORD_PAGE];
    struct record_file read;
    uint32_t crc;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        record_write_file(&plain_file, page);
        page[cases[i].offset] = cases[i].byte;
        crc = crc_add(0, span_make(page + CRC_PLACE + 4, FILE_HEADER - CRC_PLACE - 4));
        memcpy(page + CRC_PLACE, &crc, sizeof(crc));
        assert_int_equal(record_read_file(span_make(page, sizeof(page)), cases[i].writing, &read),
                         cases[i].result);
    }
}

/* --- records --- */

static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + 1);
}

static void test_record_round_trip(void **state)
{
    static const size_t sizes[] = {0, 1, 3, 4, 5, 7, 8, 11, 12, 13, 255, 4096};
    static uint8_t place[8192];
    struct record record;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t cost = record_cost(sizes[i]);

        assert_int_equal(cost % RECORD_ALIGN, 0);
        assert_in_range(cost, sizes[i] + 12, sizes[i] + 19);
        memset(place, 0xff, sizeof(place));
        fill(place + 8 + 12, sizes[i]);
        record_seal(place + 8, RECORD_OUTCOME, sizes[i], (struct span){0});
        for (size_t k = 12 + sizes[i]; k < cost; k++)
            assert_int_equal(place[8 + k], 0); /* nothing of the last batch is left in between */
        assert_int_equal(place[8 + cost], 0xff);
        assert_int_equal(record_read(span_make(place, 8 + cost), 8, &record), 0);
        assert_int_equal(record.type, RECORD_OUTCOME);
        assert_int_equal(record.offset, 8);
        assert_int_equal(record.payload.size, sizes[i]);
        assert_ptr_equal(record.payload.data, place + 20);
    }
}

static void test_record_flipped_and_truncated(void **state)
{
    uint8_t place[64];
    struct record record;

    (void)state;
    fill(place + 12, 21);
    record_seal(place, RECORD_RECIPIENT, 21, (struct span){0});
    for (size_t bit = 0; bit < (size_t)8 * (12 + 21); bit++) {
        place[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(record_read(span_make(place, sizeof(place)), 0, &record), -EBADMSG);
        place[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t size = 0; size < 12 + 21; size++)
        assert_int_equal(record_read(span_make(place, size), 0, &record), -EBADMSG);
    assert_int_equal(record_read(span_make(place, 12 + 21), 0, &record), 0);
}

static void test_record_offsets_from_outside(void **state)
{
    static const uint64_t offsets[] = {
        1, 4, 7, 9, 48, 56, 64, 72, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63, SIZE_MAX / 2 + 1,
    };
    uint8_t place[64] = {0};
    struct record record;

    (void)state;
    fill(place + 12, 21);
    record_seal(place, RECORD_RECIPIENT, 21, (struct span){0});
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
        assert_int_equal(record_read(span_make(place, sizeof(place)), offsets[i], &record),
                         -EBADMSG);
    memmove(place + 4, place, 40); /* whole, but where no record begins */
    assert_int_equal(record_read(span_make(place, sizeof(place)), 4, &record), -EBADMSG);
    for (uint32_t size = UINT32_MAX; size > 52; size /= 2) {
        memcpy(place + 4, &size, sizeof(size));
        assert_int_equal(record_read(span_make(place, sizeof(place)), 0, &record), -EBADMSG);
    }
}

static void test_zeroes_are_no_record(void **state)
{
    static const uint8_t zeroes[128];
    struct record_batch batch;
    struct record record;

    (void)state;
    /* Preallocated space reads as zeroes. The CRC of nothing over an all-zero header is not 0. */
    assert_int_equal(record_read(span_make(zeroes, sizeof(zeroes)), 0, &record), -EBADMSG);
    assert_int_equal(record_read_batch(span_make(zeroes, sizeof(zeroes)), 0, 0, &batch), -EBADMSG);
}

/* A record whose end stands in other memory is the same on disk. */
static void test_record_with_tail(void **state)
{
    uint8_t whole[64], parted[64];

    (void)state;
    memset(whole, 0xff, sizeof(whole));
    memset(parted, 0xff, sizeof(parted));
    fill(whole + 12, 21);
    fill(parted + 12, 21);
    record_seal(whole, RECORD_CONTENT, 21, (struct span){0});
    record_seal(parted, RECORD_CONTENT, 21, span_make(whole + 12 + 8, 13));
    assert_memory_equal(whole, parted, 12 + 21);
    assert_int_equal(parted[12 + 21], 0xff); /* what is behind the head is not ours */
}

static void seal_tail_too_long(void *context)
{
    record_seal(context, RECORD_CONTENT, 5, span_make(context, 6));
}

static void seal_too_large(void *context)
{
    record_seal(context, RECORD_CONTENT, RECORD_BATCH_MAX + 1, (struct span){0});
}

static void seal_batch_of_the_future(void *context)
{
    record_seal_batch(context, (struct record_batch){.watermark = 4104}, (struct span){0}, 1, 4096);
}

static void test_misuse_is_caught(void **state)
{
    uint8_t place[64] = {0};

    (void)state;
    assert_true(expect_abort(seal_tail_too_long, place));
    assert_true(expect_abort(seal_too_large, place));
    assert_true(expect_abort(seal_batch_of_the_future, place));
}

/* --- batches --- */

#define BODY 48
#define FILE_ID 77

#define IMAGE (3 * RECORD_PAGE)

/* There is memory behind the image, so that a look past its end would find what it wants. */
static uint8_t image[4 * RECORD_PAGE];

static void make_batch(uint64_t offset, uint64_t watermark)
{
    const struct record_batch batch = {
        .size = BODY, .count = 3, .watermark = watermark, .sequence = 9};

    memset(image, 0, sizeof(image));
    fill(image + offset + sizeof(batch), BODY);
    record_seal_batch(image + offset, batch, (struct span){0}, FILE_ID, offset);
}

static int read_batch(uint64_t file, uint64_t offset, struct record_batch *ret)
{
    return record_read_batch(span_make(image, IMAGE), file, offset, ret);
}

static void test_batch_round_trip(void **state)
{
    struct record_batch batch;

    (void)state;
    make_batch(RECORD_PAGE, RECORD_PAGE);
    assert_int_equal(read_batch(FILE_ID, RECORD_PAGE, &batch), 0);
    assert_int_equal(batch.magic, RECORD_BATCH_MAGIC);
    assert_int_equal(batch.size, BODY);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.watermark, RECORD_PAGE);
    assert_int_equal(batch.sequence, 9);
}

/* Recycled blocks: the same bytes at another place or in another file are no batch. */
static void test_batch_at_another_place(void **state)
{
    struct record_batch batch;

    (void)state;
    make_batch(RECORD_PAGE, RECORD_PAGE);
    memcpy(image + RECORD_PAGE + 256, image + RECORD_PAGE, sizeof(batch) + BODY);
    assert_int_equal(read_batch(FILE_ID, RECORD_PAGE + 256, &batch), -EBADMSG);
    assert_int_equal(read_batch(FILE_ID + 1, RECORD_PAGE, &batch), -EBADMSG);
    assert_int_equal(read_batch(RECORD_PAGE, FILE_ID, &batch), -EBADMSG);
    assert_int_equal(read_batch(FILE_ID, RECORD_PAGE, &batch), 0);
}

static void test_batch_flipped(void **state)
{
    const size_t end = 8 * (sizeof(struct record_batch) + BODY);
    struct record_batch batch;

    (void)state;
    make_batch(RECORD_PAGE, RECORD_PAGE);
    for (size_t bit = 0; bit < end; bit++) {
        image[RECORD_PAGE + bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(read_batch(FILE_ID, RECORD_PAGE, &batch), -EBADMSG);
        image[RECORD_PAGE + bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void test_batch_truncated(void **state)
{
    const size_t end = sizeof(struct record_batch) + BODY;
    struct record_batch batch;

    (void)state;
    make_batch(0, 0);
    for (size_t size = 0; size < end; size++) {
        uint8_t *copy = malloc(size + 1);

        assert_non_null(copy);
        memcpy(copy, image, size);
        assert_int_equal(record_read_batch(span_make(copy, size), FILE_ID, 0, &batch), -EBADMSG);
        free(copy);
    }
    assert_int_equal(record_read_batch(span_make(image, end), FILE_ID, 0, &batch), 0);
    for (uint64_t offset = 1; offset < 64; offset++)
        assert_int_equal(read_batch(FILE_ID, offset, &batch), -EBADMSG);
    assert_int_equal(read_batch(FILE_ID, UINT64_MAX - 7, &batch), -EBADMSG);
    assert_int_equal(read_batch(FILE_ID, IMAGE, &batch), -EBADMSG);
    assert_int_equal(read_batch(FILE_ID, IMAGE + 8, &batch), -EBADMSG);
}

/* Both CRCs are right, and yet what it says cannot be. */
static void test_batch_with_good_crc_and_bad_words(void **state)
{
    static const struct {
        uint32_t size;
        uint64_t watermark;
        int result;
    } cases[] = {
        {BODY, RECORD_PAGE, 0},
        {BODY, 0, 0},
        {BODY, RECORD_PAGE + 1, -EBADMSG}, /* not written yet, and durable already */
        {BODY, UINT64_MAX, -EBADMSG},
        {2 * RECORD_PAGE - 40, 0, 0}, /* to the end of the image */
        {2 * RECORD_PAGE - 39, 0, -EBADMSG},
        {2 * RECORD_PAGE, 0, -EBADMSG},
        {(uint32_t)RECORD_BATCH_MAX + 1, 0, -EBADMSG},
        {UINT32_MAX, 0, -EBADMSG},
        {UINT32_MAX - 39, 0, -EBADMSG},
    };
    uint32_t seed = crc_seed(FILE_ID, RECORD_PAGE);
    struct record_batch batch;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *place = image + RECORD_PAGE;

        make_batch(RECORD_PAGE, 0);
        memcpy(&batch, place, sizeof(batch));
        batch.size = cases[i].size;
        batch.watermark = cases[i].watermark;
        batch.body_crc =
            crc_add(seed, span_make(place + 40, min_size(batch.size, 3 * RECORD_PAGE - 40)));
        batch.header_crc = crc_add(seed, span_make((const uint8_t *)&batch + 8, sizeof(batch) - 8));
        memcpy(place, &batch, sizeof(batch));
        assert_int_equal(read_batch(FILE_ID, RECORD_PAGE, &batch), cases[i].result);
    }
}

static void test_batch_too_large(void **state)
{
    const size_t size = RECORD_BATCH_MAX + 1;
    uint8_t *large = calloc(1, sizeof(struct record_batch) + size);
    struct record_batch batch = {.size = RECORD_BATCH_MAX};
    struct span span = span_make(large, sizeof(batch) + size);

    (void)state;
    assert_non_null(large);
    record_seal_batch(large, batch, (struct span){0}, FILE_ID, 0);
    assert_int_equal(record_read_batch(span, FILE_ID, 0, &batch), 0);
    batch.size = (uint32_t)size;
    batch.body_crc = crc_add(crc_seed(FILE_ID, 0), span_skip(span, sizeof(batch)));
    batch.header_crc =
        crc_add(crc_seed(FILE_ID, 0), span_make((const uint8_t *)&batch + 8, sizeof(batch) - 8));
    memcpy(large, &batch, sizeof(batch));
    assert_int_equal(record_read_batch(span, FILE_ID, 0, &batch), -EBADMSG);
    free(large);
}

static void test_batch_with_tail(void **state)
{
    struct record_batch batch = {.size = BODY, .count = 1};
    uint8_t parted[128] = {0}, tail[16];

    (void)state;
    make_batch(0, 0);
    memcpy(tail, image + sizeof(batch) + BODY - sizeof(tail), sizeof(tail));
    memcpy(parted, image, sizeof(batch) + BODY - sizeof(tail));
    batch.sequence = 9;
    batch.count = 3;
    record_seal_batch(parted, batch, span_make(tail, sizeof(tail)), FILE_ID, 0);
    assert_memory_equal(parted, image, sizeof(batch) + BODY - sizeof(tail));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_round_trip),
        cmocka_unit_test(test_file_with_one_bit_flipped),
        cmocka_unit_test(test_file_truncated),
        cmocka_unit_test(test_file_of_another_program),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_flipped_and_truncated),
        cmocka_unit_test(test_record_offsets_from_outside),
        cmocka_unit_test(test_zeroes_are_no_record),
        cmocka_unit_test(test_record_with_tail),
        cmocka_unit_test(test_misuse_is_caught),
        cmocka_unit_test(test_batch_round_trip),
        cmocka_unit_test(test_batch_at_another_place),
        cmocka_unit_test(test_batch_flipped),
        cmocka_unit_test(test_batch_truncated),
        cmocka_unit_test(test_batch_with_good_crc_and_bad_words),
        cmocka_unit_test(test_batch_too_large),
        cmocka_unit_test(test_batch_with_tail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
