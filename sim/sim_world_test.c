/* sim_world: files through io.h on the simulated disk, in virtual time, killed and without power.
 */
#include "sim/sim_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "io/io.h"

static struct io *open_ring(void)
{
    struct io *io = NULL;

    assert_int_equal(io_open(&io, &(struct io_options){0}, NULL), 0);
    return io;
}

static struct io_event wait_one(struct io *io)
{
    struct io_event event = {0};

    for (int i = 0; i < 100000; i++) {
        if (io_wait(io, UINT64_MAX, &event, 1) == 1)
            return event;
        assert_false(sim_world_is_stuck());
    }
    fail_msg("no event");
    return event;
}

static int open_file(struct io *io, const char *path, enum io_file_mode mode, uint64_t preallocate)
{
    io_file(io, 1,
            &(struct io_file_options){.path = path, .mode = mode, .preallocate = preallocate});
    return wait_one(io).result;
}

static int write_at(struct io *io, int file, struct span data, uint64_t offset)
{
    io_write(io, 2, file, data, offset);
    return wait_one(io).result;
}

static int sync_file(struct io *io, int file)
{
    io_sync(io, 3, file);
    return wait_one(io).result;
}

static void test_files(void **state)
{
    struct io *io;
    struct io_mapping map;
    struct io_mapping private;
    uint8_t bytes[16];
    int file;

    (void)state;
    sim_world_open(1, NULL);
    io = open_ring();
    assert_int_equal(io_folder(io, "spool"), 0);
    assert_int_equal(open_file(io, "spool/a", IO_FILE_READ, 0), -ENOENT);
    file = open_file(io, "spool/a", IO_FILE_CREATE, 65536);
    assert_true(file >= 0);
    assert_int_equal(open_file(io, "spool/a", IO_FILE_CREATE, 0), -EEXIST);
    assert_int_equal(io_map(io, "spool/a", IO_MAP_READ, &map), 0);
    assert_int_equal(map.size, 65536);
    assert_int_equal(io_map(io, "spool/a", IO_MAP_PRIVATE, &private), 0);
    private.data[0] = 'x';
    assert_int_equal(write_at(io, file, SPAN("hello"), 0), 5);
    assert_memory_equal(map.data, "hello", 5); /* a shared mapping sees the ring's writes */
    assert_int_equal(private.data[0], 'x');
    io_read(io, 9, file, (struct span_mut){bytes, sizeof(bytes)}, 65530);
    assert_int_equal(wait_one(io).result, 6);
    assert_int_equal(sync_file(io, file), 0);
    io_shut(io, 4, file);
    assert_int_equal(wait_one(io).result, 0);
    assert_int_equal(write_at(io, file, SPAN("x"), 0), -EBADF);
    io_unmap(io, &map);
    assert_null(map.data);
    io_close(io);
    sim_world_close();
}

static void test_clock_jumps_to_the_deadline(void **state)
{
    struct io *io;
    struct io_event event;
    uint64_t start;

    (void)state;
    sim_world_open(1, NULL);
    io = open_ring();
    start = io_now_ns(io);
    assert_int_equal(io_wait(io, start + NS_PER_S * 3600, &event, 1), 0);
    assert_int_equal(io_now_ns(io), start + NS_PER_S * 3600);
    assert_int_equal(io_wait(io, 0, &event, 1), 0);
    assert_int_equal(io_now_ns(io), start + NS_PER_S * 3600);
    io_unlink(io, 7, "absent");
    assert_int_equal(io_wait(io, start + NS_PER_S * 7200, &event, 1), 1);
    assert_true(io_now_ns(io) < start + NS_PER_S * 3601); /* an event ends the wait */
    assert_int_equal(io_wait(io, UINT64_MAX, &event, 1), 0);
    assert_true(sim_world_is_stuck());
    sim_world_close();
}

static void test_lock_is_gone_with_its_process(void **state)
{
    struct io *first;
    struct io *second;
    uint32_t pid = 0;

    (void)state;
    sim_world_open(1, NULL);
    first = open_ring();
    second = open_ring();
    assert_int_equal(io_lock(first, "lock", NULL), 0);
    assert_int_equal(io_lock(second, "lock", &pid), -EWOULDBLOCK);
    assert_int_equal(pid, 1000);
    sim_world_kill();
    io_close(first);
    second = open_ring();
    assert_int_equal(io_lock(second, "lock", NULL), 0);
    sim_world_close();
}

/* Cuts at every event of a small history: what was acknowledged by a sync is there afterwards. */
static void test_cut_at_every_event(void **state)
{
    (void)state;
    for (uint64_t cut = 1; cut < 12; cut++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct io *io;
            struct io_event event;
            int file = -1;
            uint32_t steps = 0;
            uint64_t size = 0;

            sim_world_open(seed, NULL);
            sim_world_cut_after(cut);
            io = open_ring();
            io_file(io, 0, &(struct io_file_options){.path = "f", .mode = IO_FILE_CREATE});
            while (!sim_world_is_cut()) {
                if (io_wait(io, UINT64_MAX, &event, 1) == 0)
                    continue;
                assert_true(event.result >= 0);
                assert_int_equal(event.tag, steps);
                steps++;
                if (event.tag == 0)
                    file = event.result;
                else if (event.tag == 1)
                    io_file(io, 2, &(struct io_file_options){.path = ".", .mode = IO_FILE_FOLDER});
                if (event.tag == 0)
                    io_write(io, 1, file, SPAN("abcd"), 0);
                else if (event.tag == 2)
                    io_sync(io, 3, event.result);
                else if (event.tag >= 3 && event.tag % 2 == 1)
                    io_sync(io, steps, file);
                else if (event.tag >= 3)
                    io_write(io, steps, file, SPAN("abcd"), (uint64_t)event.tag * 4);
            }
            if (seed % 2 == 0)
                sim_world_kill();
            else
                sim_world_power_loss();
            io_close(io);
            if (seed % 2 == 0) {
                assert_int_equal(sim_world_file_size("f", &size), 0);
                assert_true(size >= (cut >= 2 ? 4 : 0));
            } else if (cut >= 5) {
                assert_int_equal(sim_world_file_size("f", &size), 0);
                assert_true(size >= 4);
            }
            sim_world_close();
        }
    }
}

static void test_wakes_and_signals(void **state)
{
    struct io_group *group = NULL;
    struct io *rings[2];
    struct io_event event;

    (void)state;
    sim_world_open(5, NULL);
    assert_int_equal(io_group_open(&group, 2), 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(
            io_open(&rings[i], &(struct io_options){.group = group, .index = i, .wake_tag = 70 + i},
                    NULL),
            0);
    io_signals(rings[0], 5, IO_SIGNAL_STOP);
    io_wake(rings[0], 1);
    event = wait_one(rings[1]);
    assert_int_equal(event.tag, 71);
    sim_world_signal(IO_SIGNAL_RELOAD);
    sim_world_signal(IO_SIGNAL_STOP);
    event = wait_one(rings[0]);
    assert_int_equal(event.tag, 5);
    assert_int_equal(event.result, IO_SIGNAL_STOP);
    assert_int_equal(event.flags, IO_EVENT_MORE);
    io_cancel(rings[0], 6, 5);
    event = wait_one(rings[0]);
    assert_true(event.tag == 5 || event.tag == 6);
    assert_int_equal(event.result, event.tag == 5 ? -ECANCELED : 0);
    event = wait_one(rings[0]);
    assert_int_equal(event.result, event.tag == 5 ? -ECANCELED : 0);
    io_cancel(rings[0], 6, 5);
    assert_int_equal(wait_one(rings[0]).result, -ENOENT);
    assert_int_equal(sim_world_in_flight(), 0);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_clock_jumps_to_the_deadline),
        cmocka_unit_test(test_lock_is_gone_with_its_process),
        cmocka_unit_test(test_cut_at_every_event),
        cmocka_unit_test(test_wakes_and_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
