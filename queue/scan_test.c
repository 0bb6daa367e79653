#include "queue/scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/prng.h"
#include "tests/queue_image.h"

#define FILE_ID 9
#define SIZE ((size_t)32 * 1024)
#define BATCHES_MAX 16
#define PER_BATCH 3

static uint8_t memory[SIZE];
static struct queue_image image;
static uint64_t places[BATCHES_MAX + 1]; /* of the batches, and behind the last */

/* Batches of three records; the record's one number says which batch. A letter each: 's' written
 * and synced, 'w' written only. */
static void build(const char *batches)
{
    uint32_t count = (uint32_t)strlen(batches);

    queue_image_open(&image, (struct span_mut){memory, sizeof(memory)}, RECORD_FILE_JOURNAL,
                     FILE_ID);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < PER_BATCH; k++)
            (void)queue_image_put(&image, (uint16_t)(RECORD_OUTCOME + k), span_make(&i, sizeof(i)));
        places[i] = queue_image_flush(&image, batches[i] == 's');
    }
    places[count] = image.appender.written;
}

static void flip(uint64_t offset)
{
    memory[offset] ^= 0x10;
}

/* What a walk over the image gives: a digit for each batch whose three records were all given,
 * '!' for damage. */
static void walk(struct scan *scan, struct span bytes, char *ret_text)
{
    struct record record;
    uint32_t seen = 0;
    int r;

    scan_init(scan, bytes, FILE_ID, RECORD_PAGE, UINT64_MAX);
    while ((r = scan_next(scan, &record)) != 0) {
        uint32_t number;

        if (r < 0) {
            assert_int_equal(r, -EBADMSG);
            assert_int_equal(seen, 0);
            *ret_text++ = '!';
            continue;
        }
        assert_int_equal(record.payload.size, sizeof(number));
        assert_true(record.payload.data >= bytes.data + RECORD_PAGE);
        assert_true(record.payload.data + record.payload.size <= bytes.data + bytes.size);
        memcpy(&number, record.payload.data, sizeof(number));
        assert_int_equal(record.type, RECORD_OUTCOME + seen);
        seen = (seen + 1) % PER_BATCH;
        if (seen == 0)
            *ret_text++ = (char)('0' + number);
    }
    assert_int_equal(seen, 0);
    *ret_text = '\0';
    assert_int_equal(scan_next(scan, &record), 0); /* the end stays the end */
}

static void expect(const char *wanted, struct scan *scan)
{
    char text[64];

    walk(scan, queue_image_span(&image), text);
    assert_string_equal(text, wanted);
}

static void test_whole_files(void **state)
{
    static const char *const cases[][2] = {
        {"", ""}, {"s", "0"}, {"w", "0"}, {"sss", "012"}, {"www", "012"}, {"wswws", "01234"},
    };
    struct scan scan;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t count = strlen(cases[i][0]);

        build(cases[i][0]);
        expect(cases[i][1], &scan);
        assert_int_equal(scan.batches_count, count);
        assert_int_equal(scan.records_count, count * PER_BATCH);
        assert_int_equal(scan.end, count == 0 ? RECORD_PAGE : places[count]);
        assert_int_equal(scan.torn_bytes, 0);
        assert_int_equal(scan.damages_count, 0);
    }
}

/* 'x': the batch is spoilt. A batch below a later watermark was acknowledged, so it is damage, and
 * nothing but it may be missing; what lies above was not, so the file ends there. */
static void test_damage_and_torn_tails(void **state)
{
    static const struct {
        const char *batches;
        const char *spoilt;
        const char *wanted;
        bool torn;
    } cases[] = {
        {"ssss", "...x", "012", true},   /* the last: nothing says that it was durable */
        {"ssss", "..x.", "01!3", false}, /* the one behind it does */
        {"ssss", "x...", "!123", false}, /* */
        {"ssss", ".x.x", "0!2", true},   /* */
        {"ssss", ".xx.", "0!3", false},  /* one piece of damage */
        {"ssss", "xxxx", "", true},      /* */
        {"swww", ".x..", "0", true},     /* written in any order, and never acknowledged */
        {"swww", "..x.", "01", true},    /* */
        {"swsw", ".x..", "0!23", false}, /* the third was written before the second was durable:
                                            the fourth says that both were */
        {"swwwwsw", ".x.....", "0!23456", false}, /* */
        {"swwwwsw", ".x.x...", "0!2!456", false}, /* */
        {"swwwwsw", "..xx.x.", "01!4!6", false},  /* */
        {"swwwwsw", "..x...x", "01", true},       /* the one that could tell is gone */
        {"wwwwws", "x.....", "", true},           /* the sync's own batch cannot say it */
        {"wwwwwss", "x......", "!123456", false},
    };
    struct scan scan;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t count = strlen(cases[i].batches);

        for (uint32_t where = 0; where < 3; where++) { /* the header, a record, the last byte */
            build(cases[i].batches);
            for (size_t k = 0; k < count; k++)
                if (cases[i].spoilt[k] == 'x')
                    flip(where == 0 ? places[k] : where == 1 ? places[k] + 50 : places[k + 1] - 1);
            expect(cases[i].wanted, &scan);
            assert_int_equal(scan.torn_bytes > 0, cases[i].torn);
        }
    }
}

/* Who knows from elsewhere that all of it was durable gets every batch that is good. */
static void test_known_to_be_durable(void **state)
{
    static const char *const cases[][3] = {
        {"wwwww", ".....", "01234"},
        {"wwwww", ".x...", "0!234"},
        {"wwwww", "x.x..", "!1!34"},
        {"wwwww", "...xx", "012"}, /* nothing behind them says that they ever were */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64], *end = text;
        struct record record;
        uint32_t records = 0;
        struct scan scan;
        int r;

        build(cases[i][0]);
        for (size_t k = 0; k < strlen(cases[i][1]); k++)
            if (cases[i][1][k] == 'x')
                flip(places[k] + 50);
        scan_init(&scan, queue_image_span(&image), FILE_ID, RECORD_PAGE, UINT64_MAX);
        scan_all_durable(&scan);
        while ((r = scan_next(&scan, &record)) != 0)
            if (r < 0)
                *end++ = '!';
            else if (records++ % PER_BATCH == 0)
                *end++ = (char)('0' + record.payload.data[0]);
        *end = '\0';
        assert_string_equal(text, cases[i][2]);
    }
}

static void test_damage_is_measured(void **state)
{
    struct scan scan;

    (void)state;
    build("swwws");
    flip(places[1] + 44);
    (void)queue_image_put(&image, RECORD_SEAL, (struct span){0});
    assert_int_equal(queue_image_flush(&image, true), places[5]);
    scan_init(&scan, queue_image_span(&image), FILE_ID, RECORD_PAGE, UINT64_MAX);
    for (int r = 1; r != 0;) {
        struct record record;

        r = scan_next(&scan, &record);
    }
    assert_int_equal(scan.damages_count, 1);
    assert_int_equal(scan.damage_offset, places[1]);
    assert_int_equal(scan.damage_size, places[2] - places[1]);
    assert_int_equal(scan.records_count, 4 * PER_BATCH + 1);
}

/* Every bit of three acknowledged batches in turn: what is not hit is given. */
static void test_every_bit(void **state)
{
    static const char *const wanted[] = {"!123", "0!23", "01!3", "012"};
    struct scan scan;

    (void)state;
    build("ssss");
    for (uint32_t batch = 0; batch < 4; batch++)
        for (uint64_t bit = 8 * places[batch]; bit < 8 * places[batch + 1]; bit++) {
            memory[bit / 8] ^= (uint8_t)(1U << bit % 8);
            expect(wanted[batch], &scan);
            memory[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    expect("0123", &scan);
}

/* Cut at each byte: the whole batches are given, the rest is the torn tail. */
static void test_every_truncation(void **state)
{
    char text[64];
    struct scan scan;

    (void)state;
    build("sss");
    for (size_t size = 0; size <= places[3]; size++) {
        uint8_t *copy = malloc(size + 1);
        size_t whole = 0;

        assert_non_null(copy);
        memcpy(copy, memory, size);
        walk(&scan, span_make(copy, size), text);
        while (whole < 3 && size >= places[whole + 1])
            whole++;
        assert_int_equal(strlen(text), whole);
        assert_true(scan.torn_bytes <= size);
        free(copy);
    }
}

static void test_limits(void **state)
{
    static const uint64_t bad_starts[] = {0, 8, RECORD_PAGE - 8, RECORD_PAGE + 4, UINT64_MAX};
    struct record record;
    struct scan scan;

    (void)state;
    build("sss");
    for (uint64_t limit = 0; limit <= places[3] + 8; limit++) {
        scan_init(&scan, queue_image_span(&image), FILE_ID, RECORD_PAGE, limit);
        while (scan_next(&scan, &record) > 0)
            assert_true(record.offset + record_cost(record.payload.size) <= limit);
    }
    scan_init(&scan, queue_image_span(&image), FILE_ID, places[1], UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 1);
    assert_int_equal(record.payload.data[0], 1);
    for (size_t i = 0; i < ARRAY_LEN(bad_starts); i++) {
        scan_init(&scan, queue_image_span(&image), FILE_ID, bad_starts[i], UINT64_MAX);
        assert_int_equal(scan_next(&scan, &record), 0);
    }
    scan_init(&scan, queue_image_span(&image), FILE_ID, UINT64_MAX - 7, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0);
    scan_init(&scan, (struct span){0}, FILE_ID, RECORD_PAGE, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0);
    scan_init(&scan, queue_image_span(&image), FILE_ID + 1, RECORD_PAGE, UINT64_MAX);
    assert_int_equal(scan_next(&scan, &record), 0); /* another generation of the same blocks */
    assert_in_range(scan.torn_bytes, places[3] - RECORD_PAGE - 8, places[3] - RECORD_PAGE);
}

/* --- batches that were written wrongly, under good CRCs --- */

/* A batch of one record of `payload_size` bytes at RECORD_PAGE that claims other numbers. */
static void forge(size_t payload_size, uint32_t size, uint32_t count)
{
    const struct record_batch batch = {.size = size, .count = count};
    uint8_t *place = memory + RECORD_PAGE;

    build("");
    memset(place + 52, 'p', payload_size);
    record_seal(place + 40, RECORD_OUTCOME, payload_size, (struct span){0});
    record_seal_batch(place, batch, (struct span){0}, FILE_ID, RECORD_PAGE);
}

static void test_forged_counts(void **state)
{
    static const struct {
        size_t payload_size;
        uint32_t size;
        uint32_t count;
        uint32_t records;
        uint32_t damages;
        uint64_t damage_size;
    } cases[] = {
        {4, 16, 1, 1, 0, 0},          /* as it should be */
        {4, 16, 0, 0, 0, 0},          /* nothing claimed */
        {4, 16, 2, 1, 1, 0},          /* one more than there are */
        {4, 16, UINT32_MAX, 1, 1, 0}, /* */
        {1, 13, 1, 1, 0, 0},          /* without its padding, as large records end */
        {1, 13, 2, 1, 1, 0},          /* the next would begin behind the batch */
        {4, 15, 1, 0, 1, 15},         /* the record ends behind the batch */
        {4, 8, 1, 0, 1, 8},           /* */
        {4, 0, 1, 0, 1, 0},           /* */
        {4, 0, UINT32_MAX, 0, 1, 0},  /* */
        {4, 64, 2, 1, 1, 48},         /* zeroes are no record */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record record;
        struct scan scan;

        forge(cases[i].payload_size, cases[i].size, cases[i].count);
        scan_init(&scan, queue_image_span(&image), FILE_ID, RECORD_PAGE, UINT64_MAX);
        while (scan_next(&scan, &record) != 0)
            continue;
        assert_int_equal(scan.records_count, cases[i].records);
        assert_int_equal(scan.damages_count, cases[i].damages);
        assert_int_equal(scan.damage_size, cases[i].damage_size);
        assert_int_equal(scan.end, record_align(RECORD_PAGE + 40 + cases[i].size));
    }
}

static void test_garbage(void **state)
{
    static const uint32_t magic = RECORD_BATCH_MAGIC;
    struct record record;
    struct scan scan;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    for (uint32_t round = 0; round < 300; round++) {
        build("ss");
        for (uint64_t i = places[1]; i < SIZE; i++)
            memory[i] = (uint8_t)prng_next(&prng);
        for (uint64_t i = places[1]; i + 8 <= SIZE && round % 2 == 0; i += 8)
            memcpy(memory + i, &magic, sizeof(magic)); /* a batch might begin anywhere */
        scan_init(&scan, queue_image_span(&image), FILE_ID, RECORD_PAGE, UINT64_MAX);
        while (scan_next(&scan, &record) != 0)
            assert_true(record.offset < places[1]);
        assert_int_equal(scan.records_count, PER_BATCH);
        assert_int_equal(scan.damages_count, 0);
        assert_in_range(scan.torn_bytes, SIZE - places[1] - 8, SIZE - places[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_files),
        cmocka_unit_test(test_damage_and_torn_tails),
        cmocka_unit_test(test_damage_is_measured),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_known_to_be_durable),
        cmocka_unit_test(test_forged_counts),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
