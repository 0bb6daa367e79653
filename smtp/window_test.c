#include "smtp/window.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_replies_keep_their_order(void **state)
{
    struct window window;

    (void)state;
    window_init(&window);
    assert_int_equal(window_awaited(&window), COMMAND_NONE);
    for (uint32_t round = 0; round < 5; round++) { /* around the ring */
        window_await(&window, COMMAND_DOT, 0);
        window_await(&window, COMMAND_RSET, WINDOW_NONE);
        window_await(&window, COMMAND_MAIL, 1);
        assert_int_equal(window_awaited(&window), COMMAND_DOT);
        assert_int_equal(window_awaited_of(&window, 0), COMMAND_DOT);
        assert_int_equal(window_awaited_of(&window, 1), COMMAND_MAIL);
        assert_int_equal(window_take(&window).place, 0);
        assert_int_equal(window_awaited_of(&window, 0), COMMAND_NONE);
        assert_int_equal(window_take(&window).command, COMMAND_RSET);
        assert_int_equal(window_take(&window).command, COMMAND_MAIL);
    }
}

static void test_places(void **state)
{
    struct window window;
    uint8_t a, b;

    (void)state;
    window_init(&window);
    assert_int_equal(window_newest(&window), WINDOW_NONE);
    assert_true(window_may_follow(&window));
    a = window_open(&window);
    assert_false(window_may_follow(&window)); /* MAIL is still to be written */
    window.transactions[a].next = COMMAND_NONE;
    window.transactions[a].state = WINDOW_BODY;
    assert_false(window_may_follow(&window));
    window.transactions[a].state = WINDOW_DOT;
    window_await(&window, COMMAND_DOT, a);
    assert_true(window_may_follow(&window));
    b = window_open(&window);
    assert_true(window_full(&window));
    assert_int_equal(window_open_count(&window), 2);
    assert_int_equal(window_place(&window, 0), a);
    assert_int_equal(window_place(&window, 1), b);
    assert_int_equal(window_place(&window, 2), WINDOW_NONE);
}

static void test_release_waits_for_replies(void **state)
{
    struct window window;
    uint8_t a, b;

    (void)state;
    window_init(&window);
    a = window_open(&window);
    window.transactions[a].state = WINDOW_DOT;
    window.transactions[a].next = COMMAND_NONE;
    window_await(&window, COMMAND_DOT, a);
    b = window_open(&window);
    window.transactions[b].state = WINDOW_REFUSED;
    window.transactions[b].next = COMMAND_NONE;
    window_await(&window, COMMAND_DATA, b);
    window_release(&window);
    assert_int_equal(window.transactions_count, 2);
    (void)window_take(&window);
    window.transactions[a].state = WINDOW_REFUSED;
    window_release(&window);
    assert_int_equal(window.transactions_count, 1);
    assert_int_equal(window_newest(&window), b);
    (void)window_take(&window);
    window.transactions[b].next = COMMAND_LONE_DOT;
    window_release(&window);
    assert_int_equal(window.transactions_count, 1);
    window.transactions[b].next = COMMAND_NONE;
    window_release(&window);
    assert_int_equal(window.transactions_count, 0);
}

/* A newer one that never came to commands goes before the older one. */
static void test_release_of_the_newest(void **state)
{
    struct window window;
    uint8_t a, b;

    (void)state;
    window_init(&window);
    a = window_open(&window);
    window.transactions[a].state = WINDOW_DOT;
    window_await(&window, COMMAND_DOT, a);
    b = window_open(&window);
    window.transactions[b].state = WINDOW_REFUSED;
    window.transactions[b].next = COMMAND_NONE;
    window_release(&window);
    assert_int_equal(window.transactions_count, 1);
    assert_int_equal(window_newest(&window), a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_keep_their_order),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_release_waits_for_replies),
        cmocka_unit_test(test_release_of_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
