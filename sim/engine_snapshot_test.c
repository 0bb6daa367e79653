/* Snapshots on a disk that loses power and fails: whatever happens, the file is the last one or an
 * earlier one, whole, and what was left half-written is no hindrance. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "engine/snapshot.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define PATH "spool/things"
#define PIECES 5
#define FILE_SIZE (PIECES * SNAPSHOT_BUFFER_SIZE)

struct process {
    struct io *io;
    struct snapshot snapshot;
    uint64_t generation; /* what the producer writes */
    uint8_t buffer[SNAPSHOT_BUFFER_SIZE];
};

static struct process process;

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    const struct process *source = context;

    text_add_fill(out, (uint8_t)('a' + source->generation % 26), SNAPSHOT_BUFFER_SIZE);
    return ++*cursor == PIECES;
}

static void start(void)
{
    const struct io_options io_options = {0};
    const struct snapshot_options options = {
        .number = 3,
        .sync = true,
        .path = SPAN(PATH),
        .buffer = process.buffer,
        .producer = produce,
        .context = &process,
    };
    struct snapshot_options with_io = options;
    char message[256];
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(io_folder(process.io, "spool"), 0);
    with_io.io = process.io;
    assert_int_equal(snapshot_init(&process.snapshot, &with_io), 0);
}

/* False: the world was cut. */
static bool write_one(void)
{
    uint64_t before = process.snapshot.written_count;
    bool told = false;

    process.generation++;
    snapshot_start(&process.snapshot);
    while (!snapshot_is_idle(&process.snapshot)) {
        struct io_event events[4];
        uint32_t count = io_wait(process.io, UINT64_MAX, events, ARRAY_LEN(events));

        if (count == 0 && sim_world_is_cut())
            return false;
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(tag_op_of(events[i].tag), TAG_SNAPSHOT);
            assert_int_equal(tag_handle(events[i].tag).index, 3);
            told = snapshot_event(&process.snapshot, &events[i]);
        }
    }
    assert_true(told == (process.snapshot.written_count > before));
    return true;
}

/* The generation in the file modulo 26, or -1 when there is none. Fails when it is mixed. */
static int content(void)
{
    static uint8_t bytes[FILE_SIZE];
    uint64_t size;

    if (sim_world_file_size(PATH, &size) == -ENOENT)
        return -1;
    assert_int_equal(size, FILE_SIZE);
    assert_int_equal(sim_world_file_read(PATH, (struct span_mut){bytes, sizeof(bytes)}, 0),
                     FILE_SIZE);
    for (size_t i = 1; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], bytes[0]);
    return bytes[0] - 'a';
}

static void test_power_cut_anywhere(void **state)
{
    uint32_t cuts = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        for (uint64_t events = 1; events <= 40; events++) {
            int found;

            memset(&process, 0, sizeof(process));
            sim_world_open(seed * 1000 + events, NULL);
            start();
            sim_world_cut_after(events);
            while (process.generation < 3 && write_one())
                ;
            cuts += sim_world_is_cut() ? 1 : 0;
            sim_world_power_loss();
            io_close(process.io);
            found = content();
            assert_true(found <= (int)process.generation);
            start();
            process.generation = 9;
            assert_true(write_one());
            assert_int_equal(content(), 10);
            io_close(process.io);
            sim_world_close();
        }
    assert_true(cuts > 200);
}

static void test_failing_disk(void **state)
{
    uint32_t failures = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sim_world_options options = {
            .disk = {.write_failure_permille = 100, .sync_failure_permille = 100}};

        memset(&process, 0, sizeof(process));
        sim_world_open(seed, &options);
        start();
        for (uint32_t i = 0; i < 5; i++) {
            int before = content();

            assert_true(write_one());
            if (process.snapshot.error == 0) {
                assert_int_equal(content(), process.generation % 26);
                continue;
            }
            failures++;
            assert_int_equal(content(), before);
            snapshot_start(&process.snapshot); /* not at once */
            assert_true(snapshot_is_idle(&process.snapshot));
            process.snapshot.retry_ns = 0;
        }
        io_close(process.io);
        sim_world_close();
    }
    assert_in_range(failures, 50, 250);
}

static void test_full_disk(void **state)
{
    (void)state;
    memset(&process, 0, sizeof(process));
    sim_world_open(1, NULL);
    start();
    assert_true(write_one());
    sim_world_disk_options()->capacity = FILE_SIZE + FILE_SIZE / 2;
    assert_true(write_one());
    assert_int_equal(process.snapshot.error, -ENOSPC);
    assert_int_equal(content(), 1);
    sim_world_disk_options()->capacity = 0;
    process.snapshot.retry_ns = 0;
    assert_true(write_one());
    assert_int_equal(content(), 3);
    io_close(process.io);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cut_anywhere),
        cmocka_unit_test(test_failing_disk),
        cmocka_unit_test(test_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
