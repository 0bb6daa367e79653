#include "smtp/window.h"

#include <string.h>

#include "base/check.h"

static uint32_t reply_index(const struct window *window, uint32_t order)
{
    return (window->replies_head + order) % WINDOW_REPLIES_MAX;
}

static bool is_gone(const struct window *window, uint8_t place)
{
    const struct window_transaction *transaction = &window->transactions[place];

    return transaction->state == WINDOW_REFUSED && transaction->next == COMMAND_NONE &&
           window_awaited_of(window, place) == COMMAND_NONE;
}

void window_init(struct window *window)
{
    memset(window, 0, sizeof(*window));
}

void window_await(struct window *window, enum command command, uint8_t place)
{
    CHECK(window->replies_count < WINDOW_REPLIES_MAX);
    window->replies[reply_index(window, window->replies_count)] =
        (struct window_reply){(uint8_t)command, place};
    window->replies_count++;
}

struct window_reply window_take(struct window *window)
{
    struct window_reply front = window->replies[window->replies_head];

    CHECK(window->replies_count > 0);
    window->replies_head = (uint8_t)reply_index(window, 1);
    window->replies_count--;
    return front;
}

enum command window_awaited(const struct window *window)
{
    if (window->replies_count == 0)
        return COMMAND_NONE;
    return (enum command)window->replies[window->replies_head].command;
}

enum command window_awaited_of(const struct window *window, uint8_t place)
{
    for (uint32_t i = 0; i < window->replies_count; i++) {
        struct window_reply reply = window->replies[reply_index(window, i)];

        if (reply.place == place)
            return (enum command)reply.command;
    }
    return COMMAND_NONE;
}

bool window_is_open(const struct window_transaction *transaction)
{
    return transaction->state != WINDOW_FREE && transaction->state != WINDOW_REFUSED;
}

uint32_t window_open_count(const struct window *window)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < window->transactions_count; i++)
        count += window_is_open(&window->transactions[window_place(window, i)]);
    return count;
}

uint8_t window_open(struct window *window)
{
    uint8_t place;

    CHECK(!window_full(window));
    window->transactions_count++;
    place = window_newest(window);
    window->transactions[place] =
        (struct window_transaction){.state = WINDOW_COMMANDS, .next = COMMAND_MAIL};
    return place;
}

bool window_full(const struct window *window)
{
    return window->transactions_count == WINDOW_TRANSACTIONS_MAX;
}

uint8_t window_place(const struct window *window, uint32_t order)
{
    if (order >= window->transactions_count)
        return WINDOW_NONE;
    return (uint8_t)((window->transactions_head + order) % WINDOW_TRANSACTIONS_MAX);
}

uint8_t window_newest(const struct window *window)
{
    return window_place(window, window->transactions_count - 1U);
}

bool window_may_follow(const struct window *window)
{
    uint8_t place = window_newest(window);
    enum command awaited = window_awaited_of(window, place);

    if (place == WINDOW_NONE)
        return true;
    return window->transactions[place].next == COMMAND_NONE &&
           window->transactions[place].state != WINDOW_BODY &&
           (awaited == COMMAND_NONE || awaited == COMMAND_DOT || awaited == COMMAND_LONE_DOT);
}

void window_release(struct window *window)
{
    while (window->transactions_count > 0 && is_gone(window, window->transactions_head)) {
        window->transactions[window->transactions_head].state = WINDOW_FREE;
        window->transactions_head =
            (uint8_t)((window->transactions_head + 1U) % WINDOW_TRANSACTIONS_MAX);
        window->transactions_count--;
    }
    while (window->transactions_count > 0 && is_gone(window, window_newest(window))) {
        window->transactions[window_newest(window)].state = WINDOW_FREE;
        window->transactions_count--;
    }
}
