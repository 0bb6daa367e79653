/* disk_sim: what survives a power loss must be what may survive, and all of that must happen. */
#include "sim/disk_sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct disk_options no_faults;

static struct disk_file *make(struct disk_sim *disk, const char *path, uint64_t preallocate)
{
    struct disk_file *file = NULL;

    assert_int_equal(disk_sim_create(disk, path, preallocate, &file), 0);
    return file;
}

static void fill(struct disk_sim *disk, struct disk_file *file, uint8_t byte, uint64_t offset,
                 size_t size)
{
    static uint8_t bytes[64 * 4096];

    assert_true(size <= sizeof(bytes));
    memset(bytes, byte, size);
    assert_int_equal(disk_sim_write(disk, file, span_make(bytes, size), offset), (int)size);
}

static void sync_whole(struct disk_sim *disk, struct disk_file *file)
{
    assert_int_equal(disk_sim_sync_end(disk, file, disk_sim_sync_begin(disk, file)), 0);
}

static void sync_folder(struct disk_sim *disk, const char *path)
{
    struct disk_file *folder = NULL;

    assert_int_equal(disk_sim_find(disk, path, true, &folder), 0);
    sync_whole(disk, folder);
    disk_sim_release(disk, folder);
}

static uint8_t byte_at(struct disk_sim *disk, const char *path, uint64_t offset)
{
    struct disk_file *file = NULL;
    uint8_t byte = 0xee;

    assert_int_equal(disk_sim_find(disk, path, false, &file), 0);
    assert_int_equal(disk_sim_read(disk, file, (struct span_mut){&byte, 1}, offset), 1);
    disk_sim_release(disk, file);
    return byte;
}

static bool exists(struct disk_sim *disk, const char *path)
{
    struct disk_file *file = NULL;

    if (disk_sim_find(disk, path, false, &file) < 0)
        return false;
    disk_sim_release(disk, file);
    return true;
}

static void test_names_and_errors(void **state)
{
    struct disk_sim *disk = disk_sim_open(1, &no_faults);
    struct disk_file *file = NULL;
    char buffer[64];
    struct text names;

    (void)state;
    assert_int_equal(disk_sim_find(disk, "a", false, &file), -ENOENT);
    assert_int_equal(disk_sim_create(disk, "no/a", 0, &file), -ENOENT);
    assert_int_equal(disk_sim_folder(disk, "spool"), 0);
    assert_int_equal(disk_sim_folder(disk, "spool/"), 0);
    disk_sim_release(disk, make(disk, "spool/b", 0));
    disk_sim_release(disk, make(disk, "./spool//a", 0));
    disk_sim_release(disk, make(disk, "spool/.hidden", 0));
    assert_int_equal(disk_sim_folder(disk, "spool/inner"), 0);
    assert_int_equal(disk_sim_create(disk, "spool/a", 0, &file), -EEXIST);
    assert_int_equal(disk_sim_find(disk, "spool", false, &file), -EISDIR);
    assert_int_equal(disk_sim_find(disk, "spool/a", true, &file), -ENOTDIR);
    text_init(&names, buffer, sizeof(buffer));
    assert_int_equal(disk_sim_list(disk, "spool", &names), 0);
    assert_true(span_equal(text_span(&names), SPAN("a\0b\0")));
    assert_int_equal(disk_sim_rename(disk, "spool/x", "spool/y"), -ENOENT);
    assert_int_equal(disk_sim_rename(disk, "spool/a", "spool/b"), 0);
    assert_false(exists(disk, "spool/a"));
    assert_int_equal(disk_sim_unlink(disk, "spool/b"), 0);
    assert_int_equal(disk_sim_unlink(disk, "spool/b"), -ENOENT);
    text_init(&names, buffer, 1);
    disk_sim_release(disk, make(disk, "spool/long", 0));
    assert_int_equal(disk_sim_list(disk, "spool", &names), -ENOSPC);
    disk_sim_close(disk);
}

/* What was synced stays whatever is drawn; what came later is there, not there, or torn. */
static void test_synced_data_stays(void **state)
{
    uint32_t new_pages = 0;
    uint32_t old_pages = 0;
    uint32_t torn_pages = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "f", 256 * 1024);

        fill(disk, file, 'a', 0, 20 * 4096);
        sync_whole(disk, file);
        sync_folder(disk, ".");
        fill(disk, file, 'b', 4096, 10 * 4096);
        disk_sim_power_loss(disk);
        assert_int_equal(byte_at(disk, "f", 0), 'a');
        assert_int_equal(byte_at(disk, "f", 11 * 4096), 'a');
        for (uint32_t page = 1; page < 11; page++) {
            uint32_t found = 0;

            for (uint32_t sector = 0; sector < 8; sector++) {
                uint8_t byte = byte_at(disk, "f", page * 4096 + sector * 512);

                assert_true(byte == 'a' || byte == 'b');
                assert_int_equal(byte_at(disk, "f", page * 4096 + sector * 512 + 511), byte);
                found += byte == 'b';
            }
            new_pages += found == 8;
            old_pages += found == 0;
            torn_pages += found > 0 && found < 8;
        }
        disk_sim_close(disk);
    }
    assert_true(new_pages > 500);
    assert_true(old_pages > 500);
    assert_true(torn_pages > 100);
}

/* A sync promises what was there when it began, even if the page changes before it ends. */
static void test_write_during_sync(void **state)
{
    uint32_t newer = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "f", 8192);
        struct disk_sync sync;

        sync_folder(disk, ".");
        fill(disk, file, 'a', 0, 4096);
        sync = disk_sim_sync_begin(disk, file);
        fill(disk, file, 'b', 2048, 2048);
        assert_int_equal(disk_sim_sync_end(disk, file, sync), 0);
        disk_sim_power_loss(disk);
        assert_int_equal(byte_at(disk, "f", 0), 'a');
        assert_int_not_equal(byte_at(disk, "f", 2048), 0);
        newer += byte_at(disk, "f", 4095) == 'b';
        disk_sim_close(disk);
    }
    assert_true(newer > 20 && newer < 180);
}

/* Names become durable with their folder, and a lost change takes its followers with it. */
static void test_names_at_power_loss(void **state)
{
    uint32_t kept = 0;
    uint32_t renamed = 0;
    uint32_t back = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "old", 0);

        fill(disk, file, 'o', 0, 10);
        sync_whole(disk, file);
        (void)make(disk, "gone", 0);
        sync_folder(disk, ".");
        file = make(disk, "new.tmp", 0);
        fill(disk, file, 'n', 0, 10);
        sync_whole(disk, file);
        assert_int_equal(disk_sim_rename(disk, "new.tmp", "old"), 0);
        assert_int_equal(disk_sim_unlink(disk, "gone"), 0);
        (void)make(disk, "fresh", 0);
        disk_sim_power_loss(disk);
        kept += exists(disk, "fresh");
        back += exists(disk, "gone");
        assert_true(exists(disk, "old"));
        renamed += byte_at(disk, "old", 0) == 'n';
        assert_true(byte_at(disk, "old", 0) == 'n' || byte_at(disk, "old", 0) == 'o');
        if (byte_at(disk, "old", 0) == 'n')
            assert_false(exists(disk, "new.tmp"));
        disk_sim_close(disk);
    }
    assert_true(kept > 50 && kept < 250);
    assert_true(renamed > 50 && renamed < 250);
    assert_true(back > 50 && back < 250);
}

/* A new file under an old name cannot be there before the old one has gone elsewhere. */
static void test_causes_before_effects(void **state)
{
    uint32_t moved = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "a", 0);

        fill(disk, file, 'o', 0, 10);
        sync_whole(disk, file);
        sync_folder(disk, ".");
        assert_int_equal(disk_sim_rename(disk, "a", "b"), 0);
        file = make(disk, "a", 0);
        fill(disk, file, 'n', 0, 10);
        sync_whole(disk, file);
        disk_sim_power_loss(disk);
        assert_true(exists(disk, "a") || exists(disk, "b"));
        moved += exists(disk, "b");
        if (exists(disk, "b"))
            assert_int_equal(byte_at(disk, "b", 0), 'o');
        else
            assert_int_equal(byte_at(disk, "a", 0), 'o');
        disk_sim_close(disk);
    }
    assert_true(moved > 50 && moved < 250);
}

static void test_size_that_was_not_synced(void **state)
{
    uint32_t sizes[3] = {0};

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "f", 0);
        uint64_t size;

        fill(disk, file, 'a', 0, 100);
        sync_whole(disk, file);
        sync_folder(disk, ".");
        fill(disk, file, 'b', 100, 9000);
        disk_sim_power_loss(disk);
        assert_int_equal(disk_sim_find(disk, "f", false, &file), 0);
        assert_true(file->size >= 100 && file->size <= 9100);
        sizes[file->size == 100 ? 0 : file->size == 9100 ? 1 : 2]++;
        assert_int_equal(byte_at(disk, "f", 99), 'a');
        /* What is appended now must not bring old bytes back. */
        size = file->size;
        fill(disk, file, 'c', 20000, 1);
        if (size < 9100)
            assert_int_equal(byte_at(disk, "f", 9099), 0);
        disk_sim_close(disk);
    }
    assert_true(sizes[0] > 20 && sizes[1] > 20 && sizes[2] > 10);
}

/* After a failed sync the pages are clean: the next one says yes and writes nothing. */
static void test_failed_sync_lies_later(void **state)
{
    uint32_t lost = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct disk_sim *disk = disk_sim_open(seed, &no_faults);
        struct disk_file *file = make(disk, "f", 4096);

        sync_whole(disk, file);
        sync_folder(disk, ".");
        fill(disk, file, 'a', 0, 4096);
        disk_sim_options(disk)->sync_failure_permille = 1000;
        assert_int_equal(disk_sim_sync_end(disk, file, disk_sim_sync_begin(disk, file)), -EIO);
        disk_sim_options(disk)->sync_failure_permille = 0;
        sync_whole(disk, file);
        assert_int_equal(byte_at(disk, "f", 0), 'a');
        disk_sim_power_loss(disk);
        lost += byte_at(disk, "f", 0) == 0;
        disk_sim_close(disk);
    }
    assert_true(lost > 20 && lost < 80);
}

static void test_full_disk(void **state)
{
    struct disk_sim *disk = disk_sim_open(7, &(struct disk_options){.capacity = 10000});
    struct disk_file *file = make(disk, "f", 8000);
    struct disk_file *more = NULL;
    uint8_t bytes[4000] = {0};

    (void)state;
    assert_int_equal(disk_sim_create(disk, "g", 8000, &more), -ENOSPC);
    assert_false(exists(disk, "g"));
    assert_int_equal(disk_sim_write(disk, file, span_make(bytes, 4000), 4000), 4000);
    assert_int_equal(disk_sim_write(disk, file, span_make(bytes, 4000), 8000), -ENOSPC);
    assert_int_equal(file->size, 10000); /* what fitted was written */
    assert_int_equal(disk_sim_write(disk, file, span_make(bytes, 4000), 10000), -ENOSPC);
    disk_sim_release(disk, file);
    assert_int_equal(disk_sim_unlink(disk, "f"), 0);
    sync_folder(disk, ".");
    assert_int_equal(disk_sim_used(disk), 0);
    disk_sim_release(disk, make(disk, "g", 8000));
    disk_sim_close(disk);
}

/* Early write-back lets an older version of a page survive. */
static void test_early_write_back(void **state)
{
    uint32_t middle = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct disk_sim *disk =
            disk_sim_open(seed, &(struct disk_options){.write_back_percent = 50});
        struct disk_file *file = make(disk, "f", 4096);

        sync_whole(disk, file);
        sync_folder(disk, ".");
        for (uint8_t byte = 'a'; byte < 'h'; byte++)
            fill(disk, file, byte, 0, 4096);
        disk_sim_power_loss(disk);
        middle += byte_at(disk, "f", 0) >= 'a' && byte_at(disk, "f", 0) < 'g';
        disk_sim_close(disk);
    }
    assert_true(middle > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_errors),
        cmocka_unit_test(test_synced_data_stays),
        cmocka_unit_test(test_write_during_sync),
        cmocka_unit_test(test_names_at_power_loss),
        cmocka_unit_test(test_causes_before_effects),
        cmocka_unit_test(test_size_that_was_not_synced),
        cmocka_unit_test(test_failed_sync_lies_later),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_early_write_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
