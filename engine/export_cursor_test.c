#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/export_cursor.h"

static uint8_t file[EXPORT_CURSOR_FILE_SIZE];

static struct export_cursor sample(uint64_t sequence)
{
    struct export_cursor cursor = {.sequence = sequence,
                                   .file_number = (uint32_t)sequence + 3,
                                   .file_offset = sequence * 1000};

    for (uint32_t i = 0; i < STORE_SHARDS_MAX; i++) { /* the longest there can be */
        cursor.store.parts[i].journal = UINT64_MAX - i;
        cursor.store.parts[i].offset = UINT64_MAX - sequence;
    }
    return cursor;
}

static void put(uint64_t sequence)
{
    struct export_cursor cursor = sample(sequence);

    export_cursor_write(&cursor, file + export_cursor_place(&cursor));
}

static void expect(uint64_t sequence)
{
    struct export_cursor read = {0}, wanted = sample(sequence);

    assert_true(export_cursor_read(span_make(file, sizeof(file)), &read));
    assert_int_equal(read.sequence, wanted.sequence);
    assert_int_equal(read.file_number, wanted.file_number);
    assert_int_equal(read.file_offset, wanted.file_offset);
    assert_memory_equal(&read.store, &wanted.store, sizeof(read.store));
}

static void test_newer_counts(void **state)
{
    (void)state;
    memset(file, 0, sizeof(file));
    for (uint64_t sequence = 1; sequence < 6; sequence++) {
        put(sequence);
        expect(sequence);
    }
}

static void test_torn_slot_leaves_the_other(void **state)
{
    (void)state;
    memset(file, 0, sizeof(file));
    put(4);
    put(5);
    for (size_t at = 0; at < 200; at++) { /* every octet of the head and the first of the body */
        file[EXPORT_CURSOR_SLOT_SIZE + at] ^= 1;
        expect(4);
        file[EXPORT_CURSOR_SLOT_SIZE + at] ^= 1;
    }
    expect(5);
    memset(file + EXPORT_CURSOR_SLOT_SIZE + 512, 0, 512); /* a sector that was not written */
    expect(4);
}

static void test_nothing_good(void **state)
{
    static const char *const bad[] = {"",
                                      "ringpost-cursor 1 ",
                                      "ringpost-cursor 2 1 1 1 1\n1\n",
                                      "ringpost-cursor 1 1 1 1 x\n1\n",
                                      "ringpost-cursor 1 0 0 0 0\n1\n",
                                      "ringpost-cursor 1 99999999999999999999999 1 1 1\n1\n",
                                      "\n\n\n"};
    struct export_cursor cursor = {.sequence = 77};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        memset(file, 0, sizeof(file));
        memcpy(file, bad[i], strlen(bad[i]));
        assert_false(export_cursor_read(span_make(file, sizeof(file)), &cursor));
    }
    assert_false(export_cursor_read(span_make(file, 0), &cursor));
    assert_false(export_cursor_read(span_make(file, 100), &cursor));
    assert_int_equal(cursor.sequence, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_counts),
        cmocka_unit_test(test_torn_slot_leaves_the_other),
        cmocka_unit_test(test_nothing_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
