/* entries: mapped and fresh ones are numbered as one; nonsense of a checkpoint is refused. */
#include "queue/entries.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_mapped_and_fresh(void **state)
{
    struct entry mapped[2] = {{.place = 1}, {.place = 2}};
    struct entries entries;
    struct arena arena;
    uint32_t index;

    (void)state;
    assert_int_equal(arena_open(&arena, entries_cost(3)), 0);
    entries_init(&entries, &arena, 3);
    assert_int_equal(entries_adopt(&entries, mapped, 2, 1), 0);
    assert_int_equal(entries_add(&entries, (struct entry){.place = 3}, &index), 0);
    assert_int_equal(index, 2);
    assert_int_equal(entries_add(&entries, (struct entry){.place = 4}, &index), -ENOSPC);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(entries_at(&entries, i)->place, i + 1);
    arena_close(&arena);
}

static void test_refuses(void **state)
{
    static const struct {
        struct entry entry;
        uint32_t count;
        int result;
    } cases[] = {
        {{.domain = 5}, 1, -EBADMSG},
        {{.state = ENTRY_STATE_COUNT}, 1, -EBADMSG},
        {{.flags = ENTRY_CLAIMED}, 1, -EBADMSG},
        {{.flags = ENTRY_UNSURE}, 1, 0},
        {{0}, 4, -ENOSPC},
    };
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct entry mapped[4] = {cases[i].entry};
        struct entries entries;

        assert_int_equal(arena_open(&arena, entries_cost(3)), 0);
        entries_init(&entries, &arena, 3);
        assert_int_equal(entries_adopt(&entries, mapped, cases[i].count, 5), cases[i].result);
        arena_close(&arena);
    }
}

static void test_states(void **state)
{
    (void)state;
    assert_int_equal(entry_state_of(OUTCOME_UNSURE), ENTRY_DEFERRED);
    assert_int_equal(entry_state_of(OUTCOME_DELIVERED), ENTRY_DELIVERED);
    assert_int_equal(entry_state_of(OUTCOME_CANCELLED), ENTRY_CANCELLED);
    assert_true(entry_is_open(&(struct entry){.state = ENTRY_DEFERRED}));
    assert_false(entry_is_open(&(struct entry){.state = ENTRY_DELIVERED}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mapped_and_fresh),
                                       cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_states)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
