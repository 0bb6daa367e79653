/* io_receive_test.c - who gets the buffers when they are scarce (kernel only: the conformance test
 * asks for the order alone). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/io.h"

#define BUFFERS 8
#define BUFFER_SIZE 64
#define SOCKETS 12
#define LISTEN_TAG 1000

/* A ring whose sockets' other ends are plain descriptors. The tag of a receive is its index. */
struct world {
    struct io *io;
    uint16_t port;
    int fds[SOCKETS];
    int handles[SOCKETS];
    uint32_t events_count[SOCKETS];
    uint64_t bytes[SOCKETS];
    int32_t ended[SOCKETS]; /* result of the last event, or 1 */
    struct io_event held[BUFFERS];
    uint32_t held_count;
};

static struct io *open_ring(void)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;
    struct io_options options = {
        .entries = 8, .handles_max = 32, .buffers_count = BUFFERS, .buffer_size = BUFFER_SIZE};

    text_init(&error, buffer, sizeof(buffer));
    return io_open(&io, &options, &error) < 0 ? NULL : io;
}

static int32_t listen_event(struct world *world)
{
    struct io_event event = {0};

    while (io_wait(world->io, io_now_ns(world->io) + 5 * NS_PER_S, &event, 1) == 0)
        ;
    assert_int_equal(event.tag, LISTEN_TAG);
    assert_true(event.result >= 0);
    return event.result;
}

static int set_up(void **state)
{
    static struct world world;
    struct io_address address = {.ip = {{IP_V4, {127, 0, 0, 1}}, 0}};
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memset(&world, 0, sizeof(world));
    world.io = open_ring();
    assert_non_null(world.io);
    io_listen(world.io, LISTEN_TAG, &address);
    assert_int_equal(io_local_port(world.io, listen_event(&world), &world.port), 0);
    there.sin_port = htons(world.port);
    for (int i = 0; i < SOCKETS; i++) {
        world.fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(world.fds[i] >= 0);
        assert_int_equal(connect(world.fds[i], (struct sockaddr *)&there, sizeof(there)), 0);
        world.handles[i] = listen_event(&world);
        world.ended[i] = 1;
    }
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < SOCKETS; i++)
        close(world->fds[i]);
    io_close(world->io);
    return 0;
}

static void fill(struct world *world, int index, size_t size)
{
    static const uint8_t zeroes[16384];

    assert_true(size <= sizeof(zeroes));
    assert_int_equal(send(world->fds[index], zeroes, size, 0), size);
}

/* One io_wait of one event. True when one came. */
static bool turn(struct world *world, uint64_t wait_ns, bool hold)
{
    struct io_event event;
    uint64_t deadline_ns = wait_ns == 0 ? 0 : io_now_ns(world->io) + wait_ns;

    if (io_wait(world->io, deadline_ns, &event, 1) == 0)
        return false;
    assert_true(event.tag < SOCKETS);
    assert_int_equal(world->ended[event.tag], 1);
    if ((event.flags & IO_EVENT_BUFFER) == 0) {
        assert_int_equal(event.flags, 0);
        world->ended[event.tag] = event.result;
        return true;
    }
    world->events_count[event.tag]++;
    world->bytes[event.tag] += (uint64_t)event.result;
    if (hold)
        world->held[world->held_count++] = event;
    else
        io_buffer_return(world->io, &event);
    return true;
}

static void return_held(struct world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        io_buffer_return(world->io, &world->held[--world->held_count]);
}

/* All buffers are with us; socket 0 gave them. */
static void hold_all(struct world *world)
{
    fill(world, 0, (size_t)BUFFERS * BUFFER_SIZE);
    io_recv(world->io, 0, world->handles[0]);
    while (world->held_count < BUFFERS)
        (void)turn(world, NS_PER_S, true);
}

static void test_flooding_socket_does_not_starve_others(void **state)
{
    struct world *world = *state;

    hold_all(world);
    for (int i = 1; i <= 4; i++) {
        fill(world, i, i == 1 ? (size_t)100 * BUFFER_SIZE : 100);
        io_recv(world->io, (uint64_t)i, world->handles[i]);
        assert_false(turn(world, 0, true)); /* starves */
    }
    return_held(world, BUFFERS);
    while (world->events_count[1] < 4)
        (void)turn(world, NS_PER_S, false);
    for (int i = 2; i <= 4; i++)
        assert_true(world->events_count[i] > 0);
    while (world->bytes[1] < (uint64_t)100 * BUFFER_SIZE)
        (void)turn(world, NS_PER_S, false);
    for (int i = 2; i <= 4; i++)
        assert_int_equal(world->bytes[i], 100);
}

/* One buffer at a time goes round among five sockets that all have much. */
static void test_round_robin(void **state)
{
    struct world *world = *state;

    hold_all(world);
    for (int i = 1; i <= 5; i++) {
        fill(world, i, (size_t)20 * BUFFER_SIZE);
        io_recv(world->io, (uint64_t)i, world->handles[i]);
        assert_false(turn(world, 0, true));
    }
    for (uint32_t round = 1; round <= 15; round++) {
        for (int i = 1; i <= 5; i++) {
            return_held(world, 1);
            while (world->held_count < BUFFERS)
                (void)turn(world, NS_PER_S, true);
            assert_int_equal(world->events_count[i], round);
        }
    }
    return_held(world, BUFFERS);
    for (int i = 1; i <= 5; i++) {
        while (world->bytes[i] < (uint64_t)20 * BUFFER_SIZE)
            (void)turn(world, NS_PER_S, false);
        assert_int_equal(shutdown(world->fds[i], SHUT_WR), 0);
        while (world->ended[i] == 1)
            (void)turn(world, NS_PER_S, false);
        assert_int_equal(world->ended[i], 0);
    }
}

/* Idle sockets before it in the queue take their turn without taking a buffer; nobody sleeps over
 * the one that has bytes. */
static void test_idle_sockets_hold_up_nobody(void **state)
{
    struct world *world = *state;
    uint64_t start_ns;

    hold_all(world);
    for (int i = 1; i < SOCKETS; i++)
        io_recv(world->io, (uint64_t)i, world->handles[i]);
    assert_false(turn(world, 0, true)); /* eleven idle ones starve */
    assert_false(turn(world, 0, true));
    fill(world, SOCKETS - 1, 10);
    return_held(world, 1);
    start_ns = io_now_ns(world->io);
    while (world->bytes[SOCKETS - 1] < 10 && io_now_ns(world->io) < start_ns + 20 * NS_PER_S)
        (void)turn(world, 10 * NS_PER_S, false);
    assert_int_equal(world->bytes[SOCKETS - 1], 10);
    assert_true(io_now_ns(world->io) < start_ns + 5 * NS_PER_S);
}

/* The bytes before the end are not lost when the end comes while the socket starves. */
static void test_end_while_starving(void **state)
{
    struct world *world = *state;

    hold_all(world);
    fill(world, 1, 200);
    assert_int_equal(shutdown(world->fds[1], SHUT_WR), 0);
    io_recv(world->io, 1, world->handles[1]);
    assert_false(turn(world, 0, true));
    return_held(world, 1);
    while (world->ended[1] == 1)
        (void)turn(world, NS_PER_S, false);
    assert_int_equal(world->ended[1], 0);
    assert_int_equal(world->bytes[1], 200);
}

static void test_reset(void **state)
{
    struct world *world = *state;
    struct linger at_once = {1, 0};

    io_recv(world->io, 1, world->handles[1]);
    assert_false(turn(world, 0, true));
    assert_int_equal(setsockopt(world->fds[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)),
                     0);
    close(world->fds[1]);
    while (world->ended[1] == 1)
        (void)turn(world, NS_PER_S, false);
    assert_int_equal(world->ended[1], -ECONNRESET);
    world->fds[1] = dup(world->fds[2]); /* for tear_down */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
        TEST(flooding_socket_does_not_starve_others),
        TEST(round_robin),
        TEST(idle_sockets_hold_up_nobody),
        TEST(end_while_starving),
        TEST(reset),
    };
    struct io *io = open_ring();

    if (io == NULL)
        return 77;
    io_close(io);
    return cmocka_run_group_tests_name("io_receive", tests, NULL, NULL);
}
