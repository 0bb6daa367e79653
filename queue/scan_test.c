/* scan: damage is told from a torn tail by the watermarks behind it. */
#include "queue/scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FILE_ID 9
#define SIZE 16384

static uint8_t image[SIZE];
static uint64_t offsets[8];
static uint64_t end;

/* A batch of two records; says that everything below `watermark` is durable. */
static void add_batch(uint32_t index, uint64_t watermark)
{
    struct record_batch batch = {.count = 2, .watermark = watermark, .sequence = index};
    uint8_t *place = image + end + sizeof(batch);

    offsets[index] = end;
    for (uint32_t i = 0; i < 2; i++) {
        place[sizeof(struct record_header)] = (uint8_t)(index * 2 + i);
        record_seal(place, RECORD_OUTCOME, 1, (struct span){0});
        place += record_cost(1);
    }
    batch.size = (uint32_t)(2 * record_cost(1));
    record_seal_batch(image + end, batch, (struct span){0}, FILE_ID, end);
    end = record_align(end + sizeof(batch) + batch.size);
}

static void make(void)
{
    memset(image, 0, sizeof(image));
    end = RECORD_PAGE;
    for (uint32_t i = 0; i < 6; i++)
        add_batch(i, i < 1 ? RECORD_PAGE : offsets[i - 1]);
}

/* Counts what is given out, and damages. */
static uint32_t walk(struct scan *scan, uint32_t *ret_damages)
{
    struct record record;
    uint32_t records = 0;
    int r;

    *ret_damages = 0;
    scan_init(scan, span_make(image, sizeof(image)), FILE_ID, RECORD_PAGE, UINT64_MAX);
    while ((r = scan_next(scan, &record)) != 0) {
        assert_true(r == 1 || r == -EBADMSG);
        if (r == 1)
            records++;
        else
            ++*ret_damages;
    }
    return records;
}

static void test_whole(void **state)
{
    struct scan scan;
    uint32_t damages;

    (void)state;
    make();
    assert_int_equal(walk(&scan, &damages), 12);
    assert_int_equal(damages, 0);
    assert_int_equal(scan.end, end);
    assert_int_equal(scan.torn_bytes, 0);
    assert_int_equal(scan.batches_count, 6);
}

static void test_damage_and_tear(void **state)
{
    static const struct {
        uint32_t batch; /* that is broken */
        uint32_t records;
        uint32_t damages;
        bool torn;
    } cases[] = {
        {0, 10, 1, false},
        {1, 10, 1, false},
        {3, 10, 1, false},
        /* Behind the highest watermark: nothing tells that it was ever durable. */
        {4, 8, 0, true},
        {5, 10, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scan scan;
        uint32_t damages;

        make();
        image[offsets[cases[i].batch] + sizeof(struct record_batch) + 12] ^= 1;
        assert_int_equal(walk(&scan, &damages), cases[i].records);
        assert_int_equal(damages, cases[i].damages);
        assert_int_equal(scan.damages_count, cases[i].damages);
        assert_int_equal(scan.torn_bytes > 0, cases[i].torn);
        if (damages > 0) {
            assert_int_equal(scan.damage_offset, offsets[cases[i].batch]);
            assert_int_equal(scan.damage_size,
                             offsets[cases[i].batch + 1] - offsets[cases[i].batch]);
        }
    }
}

/* Two bad ones in a row, and a size that was made up. */
static void test_resynchronises(void **state)
{
    struct scan scan;
    uint32_t damages, huge = UINT32_MAX;

    (void)state;
    make();
    memset(image + offsets[1], 0xff, offsets[3] - offsets[1]);
    memcpy(image + offsets[1] + offsetof(struct record_batch, size), &huge, sizeof(huge));
    assert_int_equal(walk(&scan, &damages), 8);
    assert_int_equal(damages, 1);
}

static void test_limit(void **state)
{
    struct record record;
    struct scan scan;
    uint32_t count = 0;

    (void)state;
    make();
    scan_init(&scan, span_make(image, sizeof(image)), FILE_ID, offsets[1], offsets[3]);
    while (scan_next(&scan, &record) == 1)
        count++;
    assert_int_equal(count, 4);
    assert_int_equal(scan.end, offsets[3]);
    scan_init(&scan, span_make(image, sizeof(image)), FILE_ID, 3, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0); /* not a place where a batch can be */
    scan_init(&scan, (struct span){0}, FILE_ID, RECORD_PAGE, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0);
    scan_init(&scan, span_make(image, sizeof(image)), FILE_ID, UINT64_MAX - 7, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_damage_and_tear),
        cmocka_unit_test(test_resynchronises),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
