/* appender: batches follow each other, durable_offset moves with syncs only, failures lose nothing
 * that is still in memory. */
#include "queue/appender.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queue/scan.h"

#define CAPACITY 4096
#define FILE_SIZE 16384

static uint8_t buffers[2][CAPACITY];
static uint8_t image[FILE_SIZE];
static struct appender appender;

static void setup(uint64_t file)
{
    memset(image, 0, sizeof(image));
    appender_init(&appender, buffers[0], buffers[1], CAPACITY);
    appender_open(&appender, file, FILE_SIZE);
}

static bool add(const char *text, uint64_t *ret_offset)
{
    size_t size = strlen(text);
    uint8_t *place = appender_add(&appender, size, ret_offset);

    if (place == NULL)
        return false;
    memcpy(place, text, size);
    appender_added(&appender, RECORD_OUTCOME, size);
    return true;
}

static void write_batch(void)
{
    struct span parts[2];
    uint64_t offset;

    appender_take(&appender, parts, &offset);
    memcpy(image + offset, parts[0].data, parts[0].size);
    if (parts[1].size > 0)
        memcpy(image + offset + parts[0].size, parts[1].data, parts[1].size);
    appender_wrote(&appender);
}

static void commit(void)
{
    write_batch();
    appender_sync(&appender);
    appender_synced(&appender);
}

/* The payloads in the image, joined by commas. */
static const char *contents(uint64_t file)
{
    static char all[512];
    struct record record;
    struct scan scan;
    size_t used = 0;

    scan_init(&scan, span_make(image, sizeof(image)), file, RECORD_PAGE, UINT64_MAX);
    while (scan_next(&scan, &record) == 1) {
        memcpy(all + used, record.payload.data, record.payload.size);
        used += record.payload.size;
        all[used++] = ',';
    }
    all[used] = 0;
    return all;
}

static void test_batches(void **state)
{
    struct record record;
    uint64_t offset;

    (void)state;
    setup(1);
    assert_true(appender_quiet(&appender));
    assert_true(add("one", &offset));
    assert_int_equal(offset, RECORD_PAGE + sizeof(struct record_batch));
    assert_false(appender_quiet(&appender));
    write_batch();
    assert_true(add("two", &offset)); /* while the first is under way */
    assert_int_equal(appender.durable_offset, RECORD_PAGE);
    appender_sync(&appender);
    assert_int_equal(appender.durable_offset, RECORD_PAGE);
    appender_synced(&appender);
    assert_int_equal(appender.durable_count, 1);
    commit();
    assert_int_equal(appender.durable_count, 2);
    assert_true(appender_quiet(&appender));
    assert_string_equal(contents(1), "one,two,");
    assert_int_equal(record_read(span_make(image, sizeof(image)), offset, &record), 0);
    assert_true(span_equal(record.payload, SPAN("two")));
}

static void test_forget_then_sync(void **state)
{
    (void)state;
    setup(1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(add("x", NULL));
        write_batch();
        appender_forget(&appender);
    }
    assert_int_equal(appender.durable_count, 0);
    assert_int_equal(appender.written_count, 3);
    assert_false(appender_quiet(&appender));
    appender_sync(&appender);
    appender_synced(&appender);
    assert_int_equal(appender.durable_count, 3);
    assert_int_equal(appender.durable_offset, appender.written);
    assert_true(appender_quiet(&appender));
}

static void test_watermark(void **state)
{
    struct record_batch batch;
    uint64_t second;

    (void)state;
    setup(1);
    assert_true(add("x", NULL));
    commit();
    second = appender.offset;
    assert_true(add("y", NULL));
    write_batch();
    assert_int_equal(record_read_batch(span_make(image, sizeof(image)), 1, second, &batch), 0);
    assert_int_equal(batch.watermark, second);
    assert_int_equal(batch.sequence, 1);
}

static void test_full(void **state)
{
    char text[1001];
    uint32_t count = 0;

    (void)state;
    setup(1);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    while (add(text, &(uint64_t){0}))
        count++;
    assert_int_equal(count, 3); /* the buffer */
    commit();
    while (add(text, &(uint64_t){0}) || appender_pending(&appender))
        commit();
    assert_true(appender.offset <= FILE_SIZE); /* the file */
    assert_null(appender_add(&appender, 1000, &(uint64_t){0}));
    assert_non_null(appender_add(&appender, 1000, NULL)); /* for the next file */
}

static void test_large(void **state)
{
    static char text[6100];
    struct record record;
    uint64_t offset;

    (void)state;
    setup(1);
    memset(text, 't', sizeof(text));
    assert_true(add("before", NULL));
    assert_false(appender_add_large(&appender, RECORD_CONTENT, SPAN("head"),
                                    span_make(text, sizeof(text)), &offset));
    commit();
    assert_true(appender_add_large(&appender, RECORD_CONTENT, SPAN("head"),
                                   span_make(text, sizeof(text)), &offset));
    assert_int_equal(appender_room(&appender), 0);
    assert_false(add("not in that batch", NULL));
    write_batch();
    assert_true(add("after", NULL));
    appender_sync(&appender);
    appender_synced(&appender);
    commit();
    assert_int_equal(record_read(span_make(image, sizeof(image)), offset, &record), 0);
    assert_int_equal(record.payload.size, 6104);
    assert_int_equal(record.payload.data[6103], 't');
    assert_false(appender_add_large(&appender, RECORD_CONTENT, SPAN("head"),
                                    span_make(text, sizeof(text)), &offset)); /* no room left */
}

/* A failed write or sync is final for the file; what it should have made durable goes to the next,
 * in the same order. */
static void test_failure(void **state)
{
    (void)state;
    for (uint32_t at_sync = 0; at_sync < 2; at_sync++) {
        setup(1);
        assert_true(add("durable", NULL));
        commit();
        assert_true(add("lost", NULL));
        if (at_sync) {
            write_batch();
            appender_sync(&appender);
        } else {
            struct span parts[2];
            uint64_t offset;

            appender_take(&appender, parts, &offset);
        }
        assert_true(add("gathered", NULL));
        appender_fail(&appender);
        assert_int_equal(appender.durable_count, 1);
        memset(image, 0, sizeof(image));
        appender_open(&appender, 2, FILE_SIZE);
        assert_true(appender_pending(&appender));
        commit();
        assert_int_equal(appender.durable_count, 2);
        commit();
        assert_int_equal(appender.durable_count, 3);
        assert_true(appender_quiet(&appender));
        assert_string_equal(contents(2), "lost,gathered,");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),   cmocka_unit_test(test_forget_then_sync),
        cmocka_unit_test(test_watermark), cmocka_unit_test(test_full),
        cmocka_unit_test(test_large),     cmocka_unit_test(test_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
