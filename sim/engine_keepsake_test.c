/* What a shard keeps for its next life: which files are read, when its own is written, and what
 * becomes of it on a disk that fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/keepsake.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define FOLDER "spool/things"
#define NUMBER 3
#define INTERVAL_NS (20 * NS_PER_S)

struct process {
    struct arena arena;
    struct io *io;
    uint64_t changes;
    uint8_t value; /* what the producer writes */
    char taken[512];
    struct text taken_text; /* what the taker was given, '|' behind each */
    struct keepsake keepsake;
};

static struct process process;

/* NOLINTNEXTLINE(readability-non-const-parameter): as snapshot_producer has it */
static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    const struct process *source = context;

    (void)cursor;
    text_add_byte(out, source->value);
    return true;
}

static void take(void *context, struct span bytes)
{
    struct process *into = context;

    text_add(&into->taken_text, bytes);
    text_add_byte(&into->taken_text, '|');
    into->changes++; /* as what is learned otherwise */
}

static void start(const char *folder, bool waits_at_start)
{
    const struct io_options io_options = {0};
    struct keepsake_place place = {.folder = span_cstr(folder), .shard = 1, .sync = true};
    const struct keepsake_options options = {.prefix = "thing.",
                                             .number = NUMBER,
                                             .interval_ns = INTERVAL_NS,
                                             .waits_at_start = waits_at_start,
                                             .changes = &process.changes,
                                             .producer = produce,
                                             .taker = take,
                                             .context = &process};
    char message[256];
    struct text error;

    memset(&process, 0, sizeof(process));
    text_init(&process.taken_text, process.taken, sizeof(process.taken));
    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(io_folder(process.io, "spool"), 0);
    assert_int_equal(arena_open(&process.arena, keepsake_cost()), 0);
    place.io = process.io;
    keepsake_init(&process.keepsake, &process.arena, &options, &place);
}

static void end(void)
{
    arena_close(&process.arena);
    io_close(process.io);
}

static void learn(uint8_t value)
{
    process.value = value;
    process.changes++;
}

/* What happens until then. */
static void pass(uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    while (sim_world_now_ns() < until_ns) {
        struct io_event events[4];
        uint64_t due_ns =
            process.keepsake.ending ? until_ns : keepsake_deadline_ns(&process.keepsake);
        uint32_t count = io_wait(process.io, min_u64(until_ns, due_ns), events, ARRAY_LEN(events));

        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(tag_op_of(events[i].tag), TAG_SNAPSHOT);
            assert_int_equal(tag_handle(events[i].tag).index, NUMBER);
            keepsake_event(&process.keepsake, &events[i]);
        }
        if (!process.keepsake.ending)
            keepsake_turn(&process.keepsake);
    }
}

/* What its own file says; '-': there is none. */
static char content(void)
{
    uint8_t byte = 0;
    uint64_t size;

    if (sim_world_file_size(FOLDER "/thing.1", &size) == -ENOENT)
        return '-';
    assert_int_equal(size, 1);
    assert_int_equal(sim_world_file_read(FOLDER "/thing.1", (struct span_mut){&byte, 1}, 0), 1);
    return (char)byte;
}

/* A minute's turns are enough for an end that comes at all. */
static bool stop(void)
{
    for (uint32_t i = 0; i < 60 && !keepsake_stop(&process.keepsake); i++)
        pass(NS_PER_S);
    return keepsake_stop(&process.keepsake);
}

static void test_reads_all_shards(void **state)
{
    static const struct {
        const char *name, *content;
        bool taken;
    } cases[] = {
        {"other.1", "a", false},        {"thing", "b", false},
        {"thing.", "c", false},         {"thing.0", "d", true},
        {"thing.1", "e", true},         {"thing.1.new", "f", false},
        {"thing.4294967295", "", true}, {"thing.4294967296", "g", false},
        {"thing.7", "h", true},         {"thing.x", "i", false},
        {"things.1", "j", false},
    };
    char expected[64];
    struct text text;

    (void)state;
    sim_world_open(1, NULL);
    start("", false); /* makes the spool */
    assert_int_equal(io_folder(process.io, FOLDER), 0);
    text_init(&text, expected, sizeof(expected));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[64];
        struct text path;

        text_init(&path, buffer, sizeof(buffer));
        text_add_format(&path, FOLDER "/%s", cases[i].name);
        assert_int_equal(sim_world_file_make(text_cstr_end(&path), span_cstr(cases[i].content)), 0);
        if (cases[i].taken)
            text_add_format(&text, "%s|", cases[i].content);
    }
    end();
    start(FOLDER, false);
    assert_string_equal(text_cstr_end(&process.taken_text), text_cstr_end(&text));
    /* What was read is no news. */
    assert_true(keepsake_deadline_ns(&process.keepsake) == UINT64_MAX);
    pass(10 * INTERVAL_NS);
    assert_int_equal(content(), 'e');
    assert_true(stop());
    assert_int_equal(content(), 'e');
    end();
    sim_world_close();
}

/* Nothing is kept, and nothing stands in the way of the end. */
static void test_no_place(void **state)
{
    char folder[SNAPSHOT_PATH_MAX + 1];
    const char *folders[] = {"", folder, "spool/file"};

    (void)state;
    memset(folder, 'x', sizeof(folder) - 1);
    folder[sizeof(folder) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        sim_world_open(1, NULL);
        start("", false);
        assert_int_equal(sim_world_file_make("spool/file", SPAN("x")), 0);
        end();
        start(folders[i], true);
        learn('a');
        assert_true(keepsake_deadline_ns(&process.keepsake) == UINT64_MAX);
        pass(2 * INTERVAL_NS);
        assert_int_equal(process.keepsake.snapshot.written_count, 0);
        assert_true(keepsake_stop(&process.keepsake));
        assert_int_equal(sim_world_in_flight(), 0);
        end();
        sim_world_close();
    }
}

/* Some time after a change, not before, and not again without one. */
static void test_when(void **state)
{
    (void)state;
    for (uint32_t waits = 0; waits < 2; waits++) {
        sim_world_open(1, NULL);
        start(FOLDER, waits != 0);
        assert_true(keepsake_deadline_ns(&process.keepsake) == UINT64_MAX);
        learn('a');
        if (waits != 0) {
            pass(INTERVAL_NS - NS_PER_S);
            assert_int_equal(content(), '-');
        }
        pass(2 * NS_PER_S);
        assert_int_equal(content(), 'a');
        learn('b');
        learn('c');
        pass(INTERVAL_NS - 4 * NS_PER_S);
        assert_int_equal(content(), 'a');
        pass(5 * NS_PER_S);
        assert_int_equal(content(), 'c');
        process.value = 'd'; /* which nobody was told of */
        pass(10 * INTERVAL_NS);
        assert_int_equal(content(), 'c');
        assert_true(keepsake_deadline_ns(&process.keepsake) == UINT64_MAX);
        assert_true(stop());
        assert_int_equal(content(), 'c');
        end();
        start(FOLDER, waits != 0);
        assert_string_equal(text_cstr_end(&process.taken_text), "c|");
        end();
        sim_world_close();
    }
}

/* A failure is tried again, without another change. */
static void test_tried_again(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start(FOLDER, false);
    learn('a');
    pass(NS_PER_S);
    assert_int_equal(content(), 'a');
    sim_world_disk_options()->write_failure_permille = 1000;
    learn('b');
    pass(INTERVAL_NS + NS_PER_S);
    assert_int_equal(process.keepsake.snapshot.error, -EIO);
    assert_int_equal(content(), 'a');
    sim_world_disk_options()->write_failure_permille = 0;
    pass(SNAPSHOT_RETRY_NS - 5 * NS_PER_S);
    assert_int_equal(content(), 'a'); /* not at once */
    pass(10 * NS_PER_S);
    assert_int_equal(content(), 'b');
    assert_int_equal(process.keepsake.snapshot.written_count, 2);
    assert_true(stop());
    end();
    sim_world_close();
}

/* What is not in the file yet is written at the end, and the end waits for it: once. */
static void test_stop(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    sim_world_options()->delay.file_max_ns = NS_PER_S;
    start(FOLDER, true);
    learn('a');
    assert_false(keepsake_stop(&process.keepsake)); /* before its time */
    learn('b');                                     /* while it is being written */
    assert_true(stop());
    assert_int_equal(content(), 'b');
    assert_int_equal(process.keepsake.snapshot.written_count, 2);
    end();
    sim_world_close();
}

static void test_stop_without_disk(void **state)
{
    (void)state;
    for (uint32_t tried = 0; tried < 2; tried++) {
        sim_world_open(1, NULL);
        start(FOLDER, false);
        sim_world_disk_options()->write_failure_permille = 1000;
        learn('a');
        if (tried != 0) {
            pass(NS_PER_S);
            assert_int_equal(process.keepsake.snapshot.error, -EIO);
        }
        /* Whether it failed before the end or then: that is no reason to stay. */
        for (uint32_t i = 0; i < 10 && !keepsake_stop(&process.keepsake); i++)
            pass(NS_PER_S);
        assert_true(keepsake_stop(&process.keepsake));
        pass(2 * SNAPSHOT_RETRY_NS); /* others are not done yet */
        assert_true(keepsake_stop(&process.keepsake));
        assert_int_equal(process.keepsake.snapshot.error, -EIO);
        assert_int_equal(content(), '-');
        end();
        sim_world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_all_shards),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_tried_again),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_without_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
