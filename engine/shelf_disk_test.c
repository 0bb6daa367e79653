/* The shelf on a real disk: a process that dies between the journal and the shelf, damage of every
 * kind, other versions. What is suppressed must be so after each of them, and explained. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/prng.h"
#include "engine/hygiene_store.h"
#include "engine/tag.h"

#define NOW UINT64_C(1800000000)
#define MANY 3000

static char root[64];
static char data_path[128];
static struct arena arena;
static struct io *io;
static struct hygiene_store *hygiene;

static void begin_life(void)
{
    struct io_options ring = {.entries = 64, .handles_max = 64, .buffers_count = 16};
    struct hygiene_store_options options = {
        .folder = root, .durability = STORE_DURABLE, .addresses_max = 10000};
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, hygiene_store_cost(&options)), 0);
    assert_int_equal(hygiene_store_open(&hygiene, io, &arena, &options, &error), 0);
}

static void end_life(void)
{
    assert_int_equal(hygiene_store_close(hygiene), 0);
    io_close(io);
    arena_close(&arena);
}

static int change(uint32_t number, enum hygiene_change_kind kind)
{
    char key[48];
    struct hygiene_change change = {.kind = kind,
                                    .source = HYGIENE_FROM_REPORT,
                                    .class =
                                        kind == HYGIENE_COUNT ? BOUNCE_INACTIVE : BOUNCE_NO_USER,
                                    .time_s = NOW,
                                    .until_s = HYGIENE_CHANGE_FOREVER,
                                    .tenant = number % 3 == 1 ? SPAN("t1") : SPAN(""),
                                    .note = SPAN("550 5.1.1 no such user")};

    (void)snprintf(key, sizeof(key), "user%u@example.com", number);
    change.key = span_cstr(key);
    return hygiene_store_change(hygiene, &change, NULL);
}

static void turn(void)
{
    struct io_event events[16];
    uint32_t count =
        io_wait(io, min_u64(hygiene_store_deadline_ns(hygiene), io_now_ns(io) + NS_PER_MS), events,
                ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(hygiene, &events[i]);
    hygiene_store_turn(hygiene, NULL, false);
}

static void must_change(uint32_t number, enum hygiene_change_kind kind)
{
    int result;

    while ((result = change(number, kind)) == -EAGAIN)
        turn();
    assert_int_equal(result, 0);
}

static void make_durable(void)
{
    while (hygiene_store_durable_count(hygiene) < hygiene_store_ticket(hygiene))
        turn();
}

/* Numbers below `count` are suppressed and explained, nobody else is. */
static void check(uint32_t count)
{
    struct hygiene *tables = hygiene_store_tables(hygiene);
    struct hygiene_entry entry;
    char key[48];

    assert_int_equal(hygiene_shelf_error(tables), 0);
    for (uint32_t i = 0; i < count + 3; i++) {
        struct hygiene_target target = {.tenant = SPAN("t1"), .stream = SPAN("bulk")};
        uint32_t next = HYGIENE_FIND_FIRST;

        (void)snprintf(key, sizeof(key), "user%u@example.com", i);
        target.key = span_cstr(key);
        assert_int_equal(hygiene_blocks(tables, &target, NOW), i < count);
        assert_int_equal(hygiene_find(tables, target.key, &next, &entry), i < count ? 0 : -ENOENT);
        if (i < count)
            assert_true(entry.until_s == HYGIENE_CHANGE_FOREVER && entry.class == BOUNCE_NO_USER &&
                        span_equal(entry.note, SPAN("550 5.1.1 no such user")) &&
                        entry.tenant.size == (i % 3 == 1 ? 2 : 0));
    }
}

static const struct hygiene_store_recovery *recovery(void)
{
    return hygiene_store_recovery(hygiene);
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "shelf_disk_test.XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    (void)snprintf(data_path, sizeof(data_path), "%s/derived/data.mdb", root);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command) == 0 ? 0 : -1;
}

static void fill(uint32_t count)
{
    begin_life();
    for (uint32_t i = 0; i < count; i++)
        must_change(i, HYGIENE_SUPPRESS);
    end_life();
}

static void test_a_closed_shelf_is_believed(void **state)
{
    struct hygiene_score score;

    (void)state;
    begin_life();
    assert_int_equal(recovery()->shelf, SHELF_DISK_MISSING);
    for (uint32_t i = 0; i < MANY; i++)
        must_change(i, HYGIENE_SUPPRESS);
    must_change(MANY + 5, HYGIENE_COUNT);
    check(MANY);
    end_life();
    for (int round = 0; round < 2; round++) {
        begin_life();
        assert_int_equal(recovery()->shelf, SHELF_DISK_SOUND);
        assert_false(recovery()->shelf_made);
        assert_int_equal(recovery()->shelved_count, 0);
        check(MANY);
        assert_int_equal(
            hygiene_score_of(hygiene_store_tables(hygiene), SPAN("user3005@example.com"), &score),
            0);
        assert_int_equal(score.history_count, 1);
        end_life();
    }
}

/* The child dies as by SIGKILL: `durable` changes are in the journal, of them the shelf has those
 * up to its last mark. */
static void die_after(uint32_t from, uint32_t count, bool committing)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        begin_life();
        for (uint32_t i = from; i < from + count; i++)
            must_change(i, HYGIENE_SUPPRESS);
        make_durable();
        if (committing) { /* turns write the mark, and commit */
            uint64_t end_ns = io_now_ns(io) + 3 * NS_PER_S / 2;

            while (io_now_ns(io) < end_ns)
                turn();
        }
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static void test_death_between_journal_and_shelf(void **state)
{
    (void)state;
    die_after(0, 500, false);
    begin_life();
    assert_true(recovery()->shelf_made); /* nothing was ever committed */
    check(500);
    end_life();
    die_after(500, 400, true);
    die_after(900, 300, false);
    begin_life();
    assert_int_equal(recovery()->shelf, SHELF_DISK_SOUND);
    assert_false(recovery()->shelf_made);
    assert_int_equal(recovery()->shelved_count, 300); /* the second one committed before it died */
    check(1200);
    end_life();
}

/* No change waits for a commit, whatever it is and whenever it comes; each is told at last. */
static void come_in_between(uint32_t count)
{
    uint64_t end_ns = io_now_ns(io) + 5 * NS_PER_S / 2;
    uint32_t done = 0;

    while (done < count || io_now_ns(io) < end_ns) {
        for (uint32_t i = 0; i < 4 && done < count; i++, done++)
            assert_int_equal(change(done, HYGIENE_SUPPRESS), 0);
        assert_int_equal(change(done - 1, HYGIENE_WITHDRAW), 0);
        assert_int_equal(change(done - 1, HYGIENE_SUPPRESS), 0);
        assert_int_equal(change(20000 + done % 7, HYGIENE_COUNT), 0);
        assert_int_equal(change(20000 + done % 5, HYGIENE_WITHDRAW), 0);
        turn();
    }
}

static void test_changes_while_it_is_committed(void **state)
{
    int status = -1;
    pid_t child;

    (void)state;
    begin_life();
    come_in_between(3000);
    while (!hygiene_is_shelving(hygiene_store_tables(hygiene)))
        turn();
    check(3000);
    end_life();
    begin_life();
    assert_true(recovery()->shelf == SHELF_DISK_SOUND && !recovery()->shelf_made);
    check(3000);
    end_life();
    child = fork();
    if (child == 0) { /* dies with changes that wait for a commit */
        begin_life();
        come_in_between(3000);
        make_durable();
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    begin_life();
    assert_true(recovery()->shelf == SHELF_DISK_SOUND && !recovery()->shelf_made);
    check(3000);
    end_life();
}

/* A shelf of an earlier day. */
static void test_what_the_shelf_lacks_is_put_there(void **state)
{
    char kept[160], command[600];

    (void)state;
    fill(600);
    (void)snprintf(kept, sizeof(kept), "%s/kept.mdb", root);
    (void)snprintf(command, sizeof(command), "cp %s %s", data_path, kept);
    assert_int_equal(system(command), 0);
    begin_life();
    for (uint32_t i = 600; i < 1000; i++)
        must_change(i, HYGIENE_SUPPRESS);
    end_life();
    assert_int_equal(rename(kept, data_path), 0);
    begin_life();
    assert_int_equal(recovery()->shelf, SHELF_DISK_SOUND);
    assert_false(recovery()->shelf_made);
    assert_int_equal(recovery()->shelved_count, 400);
    check(1000);
    end_life();
}

/* A shelf whose mark the journals do not have: theirs were restored from elsewhere. */
static void test_a_stranger_is_thrown_away(void **state)
{
    char kept[160], command[600];

    (void)state;
    fill(600);
    (void)snprintf(kept, sizeof(kept), "%s.kept", root);
    (void)snprintf(command, sizeof(command), "mv %s %s && rm -rf %s && mkdir %s", data_path, kept,
                   root, root);
    assert_int_equal(system(command), 0);
    fill(50);
    assert_int_equal(rename(kept, data_path), 0);
    begin_life();
    assert_int_equal(recovery()->shelf, SHELF_DISK_SOUND);
    assert_true(recovery()->shelf_made);
    check(50);
    end_life();
}

static void damage_by(int (*how)(int file, off_t size, struct prng *prng), uint64_t seed)
{
    struct prng prng;
    struct stat stat = {0};
    int file = open(data_path, O_RDWR | O_CLOEXEC);

    assert_true(file >= 0 && fstat(file, &stat) == 0);
    prng_seed(&prng, seed);
    assert_int_equal(how(file, stat.st_size, &prng), 0);
    assert_int_equal(close(file), 0);
}

static int truncate_it(int file, off_t size, struct prng *prng)
{
    return ftruncate(file, (off_t)prng_below(prng, (uint64_t)size));
}

static int zero_a_page(int file, off_t size, struct prng *prng)
{
    static const char zeros[4096];
    off_t page = (off_t)prng_below(prng, (uint64_t)size / 4096);

    return pwrite(file, zeros, sizeof(zeros), page * 4096) == sizeof(zeros) ? 0 : -1;
}

static int flip_bits(int file, off_t size, struct prng *prng)
{
    for (int i = 0; i < 4; i++) {
        off_t at = (off_t)prng_below(prng, (uint64_t)size);
        uint8_t byte;

        if (pread(file, &byte, 1, at) != 1)
            return -1;
        byte ^= (uint8_t)(1u << prng_below(prng, 8));
        if (pwrite(file, &byte, 1, at) != 1)
            return -1;
    }
    return 0;
}

/* Where it hurts most: the head of a page, and the offsets of its nodes. */
static int flip_a_head(int file, off_t size, struct prng *prng)
{
    off_t at = (off_t)prng_below(prng, (uint64_t)size / 4096) * 4096 + (off_t)prng_below(prng, 160);
    uint8_t byte;

    if (pread(file, &byte, 1, at) != 1)
        return -1;
    byte ^= (uint8_t)(1u << prng_below(prng, 8));
    return pwrite(file, &byte, 1, at) == 1 ? 0 : -1;
}

static int zero_all(int file, off_t size, struct prng *prng)
{
    (void)prng;
    return ftruncate(file, 0) == 0 ? ftruncate(file, size) : -1;
}

static void test_damage_is_made_good(void **state)
{
    static int (*const ways[])(int, off_t, struct prng *) = {truncate_it, zero_a_page, flip_bits,
                                                             flip_a_head, flip_a_head, zero_all};
    uint32_t made = 0, lives = 48;

    (void)state;
    fill(MANY);
    for (uint32_t i = 0; i < lives; i++) {
        damage_by(ways[i % ARRAY_LEN(ways)], i);
        begin_life();
        made += recovery()->shelf_made;
        check(MANY);
        must_change(i, HYGIENE_SUPPRESS); /* and it can be written */
        end_life();
    }
    assert_true(made > lives / 3); /* what hits nothing that is in use need not be seen */
}

static void test_without_a_shelf(void **state)
{
    struct hygiene_target target = {.key = SPAN("user0@example.com")};
    char command[256];
    struct hygiene_entry entry;
    uint32_t next = HYGIENE_FIND_FIRST;

    (void)state;
    fill(100);
    (void)snprintf(command, sizeof(command), "rm -r %s/derived && touch %s/derived", root, root);
    assert_int_equal(system(command), 0);
    begin_life();
    assert_true(hygiene_shelf_error(hygiene_store_tables(hygiene)) < 0);
    assert_true(hygiene_blocks(hygiene_store_tables(hygiene), &target, NOW));
    assert_true(hygiene_find(hygiene_store_tables(hygiene), target.key, &next, &entry) < 0);
    for (uint32_t i = 100; i < 200; i++)
        must_change(i, HYGIENE_SUPPRESS);
    end_life();
    (void)snprintf(command, sizeof(command), "rm %s/derived", root);
    assert_int_equal(system(command), 0);
    begin_life();
    assert_true(recovery()->shelf_made);
    check(200);
    end_life();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_closed_shelf_is_believed, begin, end),
        cmocka_unit_test_setup_teardown(test_death_between_journal_and_shelf, begin, end),
        cmocka_unit_test_setup_teardown(test_changes_while_it_is_committed, begin, end),
        cmocka_unit_test_setup_teardown(test_what_the_shelf_lacks_is_put_there, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stranger_is_thrown_away, begin, end),
        cmocka_unit_test_setup_teardown(test_damage_is_made_good, begin, end),
        cmocka_unit_test_setup_teardown(test_without_a_shelf, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
