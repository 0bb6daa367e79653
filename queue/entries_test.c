#include "queue/entries.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/expect_abort.h"

#define COUNT_MAX 4

static struct arena arena;
static struct entries entries;

static int open_table(void **state)
{
    (void)state;
    if (arena_open(&arena, entries_cost(COUNT_MAX)) < 0)
        return -1;
    entries_init(&entries, &arena, COUNT_MAX);
    arena_seal(&arena);
    return 0;
}

static int close_table(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_fresh_entries(void **state)
{
    uint32_t index;

    (void)state;
    for (uint32_t i = 0; i < COUNT_MAX; i++) {
        assert_int_equal(entries_add(&entries, (struct entry){.place = i + 10}, &index), 0);
        assert_int_equal(index, i);
    }
    assert_int_equal(entries_add(&entries, (struct entry){0}, &index), -ENOSPC);
    assert_int_equal(entries.count, COUNT_MAX);
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        assert_int_equal(entries_at(&entries, i)->place, i + 10);
}

static void test_added_behind_adopted(void **state)
{
    struct entry adopted[2] = {{.place = 1}, {.place = 2}};
    uint32_t index;

    (void)state;
    assert_int_equal(entries_adopt(&entries, adopted, 2, 1), 0);
    memset(adopted, 0xff, sizeof(adopted)); /* the file is unmapped */
    for (uint32_t i = 2; i < COUNT_MAX; i++) {
        assert_int_equal(entries_add(&entries, (struct entry){.place = i + 1}, &index), 0);
        assert_int_equal(index, i);
    }
    assert_int_equal(entries_add(&entries, (struct entry){0}, &index), -ENOSPC);
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        assert_int_equal(entries_at(&entries, i)->place, i + 1);
}

static void test_entries_that_make_no_sense(void **state)
{
    static const struct {
        struct entry entry;
        int result;
    } cases[] = {
        {{.domain = 2}, 0},
        {{.domain = 3}, -EBADMSG},
        {{.domain = UINT32_MAX}, -EBADMSG},
        {{.state = ENTRY_CANCELLED}, 0},
        {{.state = ENTRY_STATE_COUNT}, -EBADMSG},
        {{.state = UINT8_MAX}, -EBADMSG},
        {{.flags = ENTRY_UNSURE}, 0},
        {{.flags = ENTRY_CLAIMED}, -EBADMSG}, /* of another process */
        {{.flags = ENTRY_DAMAGED}, -EBADMSG},
        {{.flags = 0x80}, -EBADMSG},
        {{.place = UINT32_MAX, .due_s = UINT32_MAX, .attempts = UINT16_MAX}, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (uint32_t where = 0; where < 3; where++) {
            struct entry adopted[3] = {{0}};

            adopted[where] = cases[i].entry;
            assert_int_equal(close_table(state), 0);
            assert_int_equal(open_table(state), 0);
            assert_int_equal(entries_adopt(&entries, adopted, 3, 3), cases[i].result);
            assert_int_equal(entries.count, cases[i].result == 0 ? 3 : 0);
        }
    }
}

static void test_too_many_to_adopt(void **state)
{
    struct entry adopted[COUNT_MAX + 1] = {{0}};

    (void)state;
    assert_int_equal(entries_adopt(&entries, adopted, COUNT_MAX + 1, 1), -ENOSPC);
    assert_int_equal(entries_adopt(&entries, adopted, UINT32_MAX, 1), -ENOSPC);
    assert_int_equal(entries_adopt(&entries, NULL, 0, 0), 0);
    assert_int_equal(entries_adopt(&entries, adopted, COUNT_MAX, 1), 0);
}

static void test_states(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum entry_state state;
        bool open;
    } cases[] = {
        {OUTCOME_DELIVERED, ENTRY_DELIVERED, false}, {OUTCOME_DEFERRED, ENTRY_DEFERRED, true},
        {OUTCOME_UNSURE, ENTRY_DEFERRED, true},      {OUTCOME_FAILED, ENTRY_FAILED, false},
        {OUTCOME_EXPIRED, ENTRY_EXPIRED, false},     {OUTCOME_SUPPRESSED, ENTRY_SUPPRESSED, false},
        {OUTCOME_CANCELLED, ENTRY_CANCELLED, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct entry entry = {.state = (uint8_t)entries_state_of(cases[i].kind)};

        assert_int_equal(entry.state, cases[i].state);
        assert_int_equal(entry_is_open(&entry), cases[i].open);
    }
    assert_true(entry_is_open(&(struct entry){.state = ENTRY_QUEUED}));
}

static void state_of(void *context)
{
    (void)entries_state_of(*(const enum outcome_kind *)context);
}

static void adopt_twice(void *context)
{
    (void)context;
    (void)!entries_adopt(&entries, &(struct entry){0}, 1, 1);
    (void)!entries_adopt(&entries, &(struct entry){0}, 1, 1);
}

static void test_misuse_is_caught(void **state)
{
    enum outcome_kind kinds[] = {OUTCOME_NONE, OUTCOME_RELEASED, OUTCOME_KIND_COUNT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        assert_true(expect_abort(state_of, &kinds[i]));
    assert_true(expect_abort(adopt_twice, NULL));
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, open_table, close_table)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(test_fresh_entries),
        WITH_TABLE(test_added_behind_adopted),
        WITH_TABLE(test_entries_that_make_no_sense),
        WITH_TABLE(test_too_many_to_adopt),
        cmocka_unit_test(test_states),
        WITH_TABLE(test_misuse_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
