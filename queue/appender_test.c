#include "queue/appender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "queue/scan.h"
#include "tests/expect_abort.h"

#define CAPACITY 8192
#define FILE_SIZE ((size_t)64 * 1024)
#define BATCH_HEADER sizeof(struct record_batch)

/* An appender and the file that it fills. */
struct desk {
    struct appender appender;
    uint8_t buffers[2][CAPACITY];
    uint8_t file[FILE_SIZE];
    struct span parts[2];
    uint64_t offset;
};

static struct desk desk;

static void open_desk(uint64_t file, uint64_t size)
{
    memset(desk.file, 0, sizeof(desk.file));
    appender_init(&desk.appender, desk.buffers[0], desk.buffers[1], CAPACITY);
    appender_open(&desk.appender, file, size);
}

/* Adds a record of `size` bytes, each `byte`; false when there is no room. */
static bool add(size_t size, uint8_t byte, uint64_t *ret_offset)
{
    uint8_t *place = appender_add(&desk.appender, size, ret_offset);

    if (place == NULL)
        return false;
    memset(place, byte, size);
    appender_added(&desk.appender, RECORD_RECIPIENT, size);
    return true;
}

static void take(void)
{
    appender_take(&desk.appender, desk.parts, &desk.offset);
    assert_true(desk.offset % RECORD_ALIGN == 0);
    assert_true(desk.offset + desk.parts[0].size + desk.parts[1].size <= desk.appender.file_size);
}

static void land(void)
{
    memcpy(desk.file + desk.offset, desk.parts[0].data, desk.parts[0].size);
    if (desk.parts[1].size > 0)
        memcpy(desk.file + desk.offset + desk.parts[0].size, desk.parts[1].data,
               desk.parts[1].size);
    appender_wrote(&desk.appender);
}

static void write_and_forget(void)
{
    take();
    land();
    appender_forget(&desk.appender);
}

static void write_and_sync(void)
{
    take();
    land();
    appender_sync(&desk.appender);
    appender_synced(&desk.appender);
}

static struct record_batch batch_at(uint64_t offset)
{
    struct record_batch batch;

    assert_int_equal(record_read_batch(span_make(desk.file, sizeof(desk.file)), desk.appender.file,
                                       offset, &batch),
                     0);
    return batch;
}

static void check_record(uint64_t offset, size_t size, uint8_t byte)
{
    struct record record;

    assert_int_equal(record_read(span_make(desk.file, sizeof(desk.file)), offset, &record), 0);
    assert_int_equal(record.payload.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(record.payload.data[i], byte);
}

/* Places that were promised while another batch was under way are kept. */
static void test_offsets_are_known_before_the_write(void **state)
{
    uint64_t first, second, third;

    (void)state;
    open_desk(5, FILE_SIZE);
    assert_true(add(13, 'a', &first));
    assert_int_equal(first, RECORD_PAGE + BATCH_HEADER);
    take();
    assert_true(add(1, 'b', &second)); /* while the first is being written */
    assert_true(add(0, 'c', &third));
    land();
    appender_sync(&desk.appender);
    appender_synced(&desk.appender);
    write_and_sync();
    check_record(first, 13, 'a');
    check_record(second, 1, 'b');
    check_record(third, 0, 'c');
    assert_int_equal(batch_at(RECORD_PAGE).count, 1);
    assert_int_equal(batch_at(second - BATCH_HEADER).count, 2);
    assert_int_equal(batch_at(second - BATCH_HEADER).sequence, 1);
}

static void test_durable_only_after_the_sync(void **state)
{
    struct appender *appender = &desk.appender;
    uint64_t end;

    (void)state;
    open_desk(5, FILE_SIZE);
    assert_true(appender_quiet(appender));
    assert_false(appender_pending(appender));
    assert_true(add(100, 'a', NULL));
    assert_true(appender_pending(appender));
    take();
    assert_int_equal(appender->state, APPENDER_WRITING);
    assert_false(appender_pending(appender));
    assert_false(appender_quiet(appender));
    land();
    assert_int_equal(appender->durable_offset, RECORD_PAGE);
    assert_int_equal(appender->durable_count, 0);
    appender_sync(appender);
    assert_true(add(7, 'b', NULL)); /* comes too late for this sync */
    assert_int_equal(appender->durable_offset, RECORD_PAGE);
    appender_synced(appender);
    end = RECORD_PAGE + BATCH_HEADER + record_cost(100);
    assert_int_equal(appender->durable_offset, end);
    assert_int_equal(appender->durable_count, 1);
    assert_int_equal(appender->added_count, 2);
    assert_false(appender_quiet(appender));
    write_and_sync();
    assert_int_equal(batch_at(RECORD_PAGE).watermark, RECORD_PAGE);
    assert_int_equal(batch_at(end).watermark, end);
    assert_true(appender_quiet(appender));
}

static void test_forgotten_batches_are_synced_later(void **state)
{
    struct appender *appender = &desk.appender;

    (void)state;
    open_desk(5, FILE_SIZE);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(add(50, 'a', NULL));
        write_and_forget();
        assert_int_equal(appender->state, APPENDER_IDLE);
        assert_int_equal(appender->durable_count, 0);
        assert_false(appender_quiet(appender));
    }
    appender_sync(appender);
    assert_true(add(50, 'b', NULL));
    appender_synced(appender);
    assert_int_equal(appender->durable_count, 3);
    assert_int_equal(appender->durable_offset, appender->written);
    assert_int_equal(batch_at(RECORD_PAGE + 2 * (BATCH_HEADER + record_cost(50))).watermark,
                     RECORD_PAGE);
    write_and_forget();
    assert_int_equal(batch_at(appender->durable_offset).watermark, appender->durable_offset);
}

/* A batch whose write or sync failed goes into the next file, with what was gathered behind it. */
static void test_failed_batch_goes_to_another_file(void **state)
{
    struct appender *appender = &desk.appender;
    struct record_batch batch;

    (void)state;
    for (int sync_fails = 0; sync_fails < 2; sync_fails++) {
        open_desk(5, FILE_SIZE);
        assert_true(add(9, 'a', NULL));
        write_and_sync();
        assert_true(add(10, 'b', NULL));
        assert_true(add(11, 'c', NULL));
        take();
        assert_true(add(12, 'd', NULL));
        if (sync_fails) {
            land();
            appender_sync(appender);
        }
        appender_fail(appender);
        assert_int_equal(appender->state, APPENDER_FAILED);
        assert_int_equal(appender->durable_count, 1);
        memset(desk.file, 0, sizeof(desk.file));
        appender_open(appender, 6, FILE_SIZE);
        assert_true(appender_pending(appender));
        assert_true(add(13, 'e', NULL));
        write_and_sync();
        batch = batch_at(RECORD_PAGE);
        assert_int_equal(batch.count, 2);
        assert_int_equal(batch.watermark, RECORD_PAGE); /* of this file */
        assert_int_equal(batch.sequence, 0);
        assert_int_equal(appender->durable_count, 3);
        write_and_sync();
        assert_int_equal(batch_at(record_align(RECORD_PAGE + BATCH_HEADER + batch.size)).count, 2);
        assert_int_equal(appender->durable_count, 5);
        assert_true(appender_quiet(appender));
    }
}

/* The place of a record that is added while another batch has to be written again. */
static void test_offset_behind_a_batch_to_be_retried(void **state)
{
    uint64_t offset;

    (void)state;
    open_desk(5, FILE_SIZE);
    assert_true(add(10, 'b', NULL));
    take();
    appender_fail(&desk.appender);
    appender_open(&desk.appender, 6, FILE_SIZE);
    assert_true(add(20, 'c', &offset));
    write_and_sync();
    write_and_sync();
    check_record(offset, 20, 'c');
}

static void test_room_shrinks_to_nothing(void **state)
{
    struct appender *appender = &desk.appender;
    size_t room, last = CAPACITY;

    (void)state;
    open_desk(5, FILE_SIZE);
    while ((room = appender_room(appender)) > 0) {
        assert_true(room < last);
        assert_null(appender_add(appender, room + 1, NULL));
        assert_null(appender_add(appender, SIZE_MAX, NULL));
        assert_null(appender_add(appender, SIZE_MAX - 19, NULL));
        assert_non_null(appender_add(appender, room, NULL));
        last = room;
        assert_true(add(min_size(room, 61), 'x', NULL));
    }
    assert_true(appender->buffers[appender->filling].used <= CAPACITY);
    take();
    assert_int_equal(appender_room(appender), CAPACITY - BATCH_HEADER - 20);
    land();
    appender_forget(appender);
    assert_int_equal(batch_at(RECORD_PAGE).count, (CAPACITY - BATCH_HEADER) / record_cost(61) + 1);
}

/* However full the file is: what was given a place in it fits, and what fits is written whole. An
 * empty record counts too: a seal that did not fit once hung a load. */
static void test_what_has_a_place_fits(void **state)
{
    (void)state;
    for (size_t rest = 0; rest < 160; rest++) {
        for (size_t size = 0; size < 24; size++) {
            uint64_t offset;
            uint32_t count = 0;

            open_desk(5, RECORD_PAGE + rest);
            while (add(size, 'r', &offset)) {
                assert_true(offset + record_cost(size) <= RECORD_PAGE + rest);
                count++;
            }
            assert_int_equal(appender_pending(&desk.appender), count > 0);
            if (count == 0)
                continue;
            assert_true(appender_fits(&desk.appender));
            write_and_sync();
            assert_int_equal(batch_at(RECORD_PAGE).count, count);
            check_record(offset, size, 'r');
        }
    }
}

/* The same behind batches that fill the file to its last byte and beyond. */
static void test_empty_record_at_the_end_of_a_full_file(void **state)
{
    (void)state;
    for (size_t rest = 8; rest < 120; rest++) { /* 8: the first one asks for so much more */
        uint64_t offset, end = RECORD_PAGE + BATCH_HEADER + record_cost(1000);

        open_desk(5, end + rest);
        assert_true(add(1000, 'a', &offset));
        write_and_sync();
        if (!add(0, 0, &offset)) {
            assert_true(rest < BATCH_HEADER + 20);
            assert_false(appender_pending(&desk.appender));
            continue;
        }
        assert_true(rest >= BATCH_HEADER + 12);
        assert_true(appender_fits(&desk.appender));
        write_and_sync();
        check_record(offset, 0, 0);
    }
}

/* Without a place asked for, the batch is gathered and does not fit: another file takes it. */
static void test_batch_that_does_not_fit(void **state)
{
    (void)state;
    open_desk(5, RECORD_PAGE + 64);
    assert_true(add(200, 'a', NULL));
    assert_false(appender_fits(&desk.appender));
    appender_open(&desk.appender, 6, FILE_SIZE);
    assert_true(appender_fits(&desk.appender));
    write_and_sync();
    check_record(RECORD_PAGE + BATCH_HEADER, 200, 'a');
}

/* --- large records --- */

static uint8_t content[20000];

static void test_large_record(void **state)
{
    struct appender *appender = &desk.appender;
    uint64_t offset, next;
    struct record record;

    (void)state;
    memset(content, 'z', sizeof(content));
    open_desk(5, FILE_SIZE);
    assert_true(appender_add_large(appender, RECORD_CONTENT, SPAN("0123456789abcdef"),
                                   span_make(content, sizeof(content)), &offset));
    assert_int_equal(appender_room(appender), 0);
    assert_null(appender_add(appender, 0, NULL));
    assert_false(appender_add_large(appender, RECORD_CONTENT, SPAN("x"), SPAN("y"), &next));
    take();
    assert_int_equal(desk.parts[1].size, sizeof(content));
    assert_ptr_equal(desk.parts[1].data, content); /* not copied */
    assert_true(add(3, 'n', &next));
    land();
    appender_forget(appender);
    write_and_sync();
    assert_int_equal(record_read(span_make(desk.file, FILE_SIZE), offset, &record), 0);
    assert_int_equal(record.type, RECORD_CONTENT);
    assert_int_equal(record.payload.size, 16 + sizeof(content));
    assert_memory_equal(record.payload.data, "0123456789abcdef", 16);
    assert_memory_equal(record.payload.data + 16, content, sizeof(content));
    assert_int_equal(batch_at(RECORD_PAGE).count, 1);
    check_record(next, 3, 'n');
}

static void test_large_record_that_does_not_fit(void **state)
{
    struct appender *appender = &desk.appender;
    struct span head = SPAN("0123456789abcdef");
    uint64_t offset;

    (void)state;
    for (size_t rest = 0; rest < 400; rest++) {
        open_desk(5, RECORD_PAGE + rest);
        if (appender_add_large(appender, RECORD_CONTENT, head, span_make(content, 250), &offset)) {
            assert_true(appender_fits(appender));
            write_and_sync();
            assert_int_equal(batch_at(RECORD_PAGE).count, 1);
        } else {
            assert_true(rest < BATCH_HEADER + 20 + 16 + 250);
            assert_false(appender_pending(appender));
        }
    }
    open_desk(5, FILE_SIZE);
    assert_true(add(1, 'a', NULL));
    assert_false(
        appender_add_large(appender, RECORD_CONTENT, head, span_make(content, 9), &offset));
}

/* A retried large record carries its tail into the new file. */
static void test_large_record_again(void **state)
{
    struct appender *appender = &desk.appender;
    uint64_t offset;

    (void)state;
    open_desk(5, FILE_SIZE);
    assert_true(appender_add_large(appender, RECORD_CONTENT, SPAN("head"),
                                   span_make(content, sizeof(content)), &offset));
    take();
    appender_fail(appender);
    appender_open(appender, 6, RECORD_PAGE + 100);
    assert_false(appender_fits(appender)); /* the tail counts */
    appender_open(appender, 7, FILE_SIZE);
    assert_true(appender_fits(appender));
    write_and_sync();
    assert_int_equal(batch_at(RECORD_PAGE).size, 12 + 4 + sizeof(content));
}

/* Whatever the sizes are, what comes behind it in the batch begins where a record may begin. */
static void test_large_record_without_tail(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 16; size++) {
        uint64_t first, second;

        open_desk(5, FILE_SIZE);
        memset(desk.buffers, 0xff, sizeof(desk.buffers));
        assert_true(appender_add_large(&desk.appender, RECORD_CONTENT, span_make(content, size),
                                       (struct span){0}, &first));
        assert_true(add(5, 'n', &second));
        write_and_sync();
        check_record(second, 5, 'n');
        for (uint64_t at = first + 12 + size; at < second; at++)
            assert_int_equal(desk.file[at], 0);
    }
    for (size_t rest = 0; rest < BATCH_HEADER + 40; rest++) {
        uint64_t offset;

        open_desk(5, RECORD_PAGE + rest);
        if (appender_add_large(&desk.appender, RECORD_CONTENT, (struct span){0}, (struct span){0},
                               &offset))
            assert_true(appender_fits(&desk.appender));
    }
}

/* --- misuse --- */

static void take_nothing(void *context)
{
    (void)context;
    take();
}

static void take_twice(void *context)
{
    (void)context;
    assert_true(add(1, 'a', NULL));
    take();
    assert_true(add(1, 'a', NULL));
    take();
}

static void sync_while_writing(void *context)
{
    (void)context;
    assert_true(add(1, 'a', NULL));
    take();
    appender_sync(&desk.appender);
}

static void open_while_writing(void *context)
{
    (void)context;
    assert_true(add(1, 'a', NULL));
    take();
    appender_open(&desk.appender, 6, FILE_SIZE);
}

static void sync_before_the_retry(void *context)
{
    (void)context;
    assert_true(add(1, 'a', NULL));
    take();
    appender_fail(&desk.appender);
    appender_open(&desk.appender, 6, FILE_SIZE);
    appender_sync(&desk.appender);
}

static void take_more_than_fits(void *context)
{
    (void)context;
    open_desk(5, RECORD_PAGE + 16);
    assert_true(add(1, 'a', NULL));
    take();
}

static void add_more_than_asked(void *context)
{
    (void)context;
    appender_added(&desk.appender, RECORD_RECIPIENT, CAPACITY);
}

static void test_misuse_is_caught(void **state)
{
    static void (*const misuses[])(void *) = {
        take_nothing,          take_twice,          sync_while_writing,  open_while_writing,
        sync_before_the_retry, take_more_than_fits, add_more_than_asked,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(misuses); i++) {
        open_desk(5, FILE_SIZE);
        assert_true(expect_abort(misuses[i], NULL));
    }
}

/* --- any order of events --- */

#define RECORDS_MAX 512

/* Every record says its number. Files that failed keep what was synced in them. */
static bool found[RECORDS_MAX];

static void read_back(uint64_t limit)
{
    struct record record;
    struct scan scan;

    scan_init(&scan, span_make(desk.file, sizeof(desk.file)), desk.appender.file, RECORD_PAGE,
              limit);
    while (scan_next(&scan, &record) > 0) {
        uint32_t number;

        assert_true(record.payload.size >= sizeof(number));
        memcpy(&number, record.payload.data, sizeof(number));
        assert_true(number < RECORDS_MAX);
        found[number] = true;
    }
    assert_int_equal(scan.damages_count, 0);
}

static void one_move(struct prng *prng, uint32_t *added)
{
    struct appender *appender = &desk.appender;
    uint32_t draw = (uint32_t)prng_below(prng, 100);
    size_t size = sizeof(*added) + (size_t)prng_below(prng, 300);

    if (draw < 40 && *added < RECORDS_MAX) {
        uint8_t *place = appender_add(appender, size, NULL);

        if (place == NULL)
            return;
        memset(place, 0, size);
        memcpy(place, added, sizeof(*added));
        appender_added(appender, RECORD_OUTCOME, size);
        ++*added;
        return;
    }
    if (draw >= 97 && (appender->state == APPENDER_WRITING || appender->state == APPENDER_SYNCING))
        appender_fail(appender);
    else if (appender->state == APPENDER_WRITING)
        land();
    else if (appender->state == APPENDER_WRITTEN)
        appender_sync(appender);
    else if (appender->state == APPENDER_SYNCING)
        appender_synced(appender);
    else if (appender->state == APPENDER_IDLE && appender_pending(appender) &&
             appender_fits(appender))
        take();
    else if (appender->state == APPENDER_FAILED || appender_pending(appender)) {
        read_back(appender->durable_offset);
        memset(desk.file, 0, sizeof(desk.file));
        appender_open(appender, appender->file + 1, FILE_SIZE / 4);
    }
}

static void test_what_is_counted_durable_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng prng;
        uint32_t added = 0;

        prng_seed(&prng, seed);
        memset(found, 0, sizeof(found));
        open_desk(1, FILE_SIZE / 4);
        for (uint32_t i = 0; i < 3000 || !appender_quiet(&desk.appender); i++)
            one_move(&prng, &added);
        read_back(desk.appender.durable_offset);
        assert_int_equal(desk.appender.durable_count, added);
        for (uint32_t i = 0; i < added; i++)
            assert_true(found[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_known_before_the_write),
        cmocka_unit_test(test_durable_only_after_the_sync),
        cmocka_unit_test(test_forgotten_batches_are_synced_later),
        cmocka_unit_test(test_failed_batch_goes_to_another_file),
        cmocka_unit_test(test_offset_behind_a_batch_to_be_retried),
        cmocka_unit_test(test_room_shrinks_to_nothing),
        cmocka_unit_test(test_what_has_a_place_fits),
        cmocka_unit_test(test_empty_record_at_the_end_of_a_full_file),
        cmocka_unit_test(test_batch_that_does_not_fit),
        cmocka_unit_test(test_large_record),
        cmocka_unit_test(test_large_record_that_does_not_fit),
        cmocka_unit_test(test_large_record_again),
        cmocka_unit_test(test_large_record_without_tail),
        cmocka_unit_test(test_misuse_is_caught),
        cmocka_unit_test(test_what_is_counted_durable_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
