#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include "base/list.h"
#include "tests/expect_abort.h"
#include <cmocka.h>

struct item {
    int number;
    struct list_node node;
};

static void check_order(const struct list *list, const int *wanted, size_t count)
{
    size_t i = 0;

    list_for_each(node, list) {
        assert_true(i < count);
        assert_int_equal(CONTAINER_OF(node, struct item, node)->number, wanted[i++]);
        assert_ptr_equal(node->next->prev, node);
        assert_ptr_equal(node->prev->next, node);
    }
    assert_int_equal(i, count);
}

static void test_order(void **state)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list list;

    (void)state;
    list_init(&list);
    assert_true(list_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_pop_front(&list));
    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[2].node);
    list_push_front(&list, &items[0].node);
    list_insert_after(&items[0].node, &items[3].node);
    check_order(&list, (const int[]){0, 3, 1, 2}, 4);
    list_remove(&items[1].node);
    assert_false(list_linked(&items[1].node));
    check_order(&list, (const int[]){0, 3, 2}, 3);
    list_push_back(&list, &items[1].node);
    assert_ptr_equal(list_pop_front(&list), &items[0].node);
    check_order(&list, (const int[]){3, 2, 1}, 3);
    list_for_each_safe(node, after, &list) {
        list_remove(node);
    }
    assert_true(list_empty(&list));
}

static void insert_twice(void *context)
{
    struct item item = {0};

    list_push_back(context, &item.node);
    list_push_back(context, &item.node);
}

static void remove_unlinked(void *context)
{
    struct item item = {0};

    (void)context;
    list_remove(&item.node);
}

static void test_checks(void **state)
{
    struct list list;

    (void)state;
    list_init(&list);
    assert_true(expect_abort(insert_twice, &list));
    assert_true(expect_abort(remove_unlinked, &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
