/* io_listen_test.c - what the conformance test cannot see of sockets: the other side is plain
 * system calls (kernel only). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/io.h"

static const struct ip loopback = {IP_V4, {127, 0, 0, 1}};
static const struct ip loopback_2 = {IP_V4, {127, 0, 0, 2}};
static const struct ip loopback_6 = {IP_V6, {[15] = 1}};

static struct io *open_ring(uint32_t handles_max)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;
    struct io_options options = {.entries = 16, .handles_max = handles_max, .buffers_count = 8};

    text_init(&error, buffer, sizeof(buffer));
    return io_open(&io, &options, &error) < 0 ? NULL : io;
}

/* The next event, or false after the wait. */
static bool next_event(struct io *io, uint64_t wait_ns, struct io_event *ret_event)
{
    uint64_t limit_ns = io_now_ns(io) + wait_ns;

    do {
        if (io_wait(io, limit_ns, ret_event, 1) == 1)
            return true;
    } while (io_now_ns(io) < limit_ns);
    return false;
}

static int32_t result_of(struct io *io, uint64_t tag)
{
    struct io_event event;

    assert_true(next_event(io, 5 * NS_PER_S, &event));
    assert_int_equal(event.tag, tag);
    return event.result;
}

static uint16_t listen_on(struct io *io, uint64_t tag, const struct ip *ip, uint16_t port,
                          int *ret_handle)
{
    io_listen(io, tag, &(struct io_address){.ip = {*ip, port}, .shared = port != 0});
    *ret_handle = result_of(io, tag);
    if (*ret_handle < 0)
        return 0;
    assert_int_equal(io_local_port(io, *ret_handle, &port), 0);
    return port;
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* A listener without room pauses; it goes on by itself when a handle is free again. */
static void test_full_table(void **state)
{
    struct io *io = open_ring(3);
    struct io_event event;
    int listener;
    uint16_t port = listen_on(io, 1, &loopback, 0, &listener);
    int fds[3];
    int handles[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        fds[i] = dial(port);
        handles[i] = result_of(io, 1);
        assert_true(handles[i] >= 0);
    }
    fds[2] = dial(port); /* accepted by the kernel, dropped for want of a handle */
    assert_false(next_event(io, 250 * NS_PER_MS, &event));
    close(fds[2]);
    fds[2] = dial(port); /* waits in the backlog */
    assert_false(next_event(io, 250 * NS_PER_MS, &event));
    io_shut(io, 2, handles[0]);
    assert_int_equal(result_of(io, 2), 0);
    for (int tries = 0; tries < 5 && io_wait(io, 0, &event, 1) == 0; tries++)
        event.result = -1;
    assert_int_equal(event.tag, 1);             /* at once, not at the next try */
    assert_int_equal(event.result, handles[0]); /* its place, for the waiting one */
    io_shut(io, 3, handles[0]);
    assert_int_equal(result_of(io, 3), 0);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    io_close(io);
}

/* Who a connection comes from: of listeners that were asked to say so, connection by connection. */
static void test_peers(void **state)
{
    struct io *io = open_ring(8);
    struct io_address address = {.ip = {loopback, 0}};
    struct io_event event;
    struct ip ip;
    uint16_t port;
    int listener, plain;

    (void)state;
    io_listen_peers(io, 1, &address);
    listener = result_of(io, 1);
    assert_int_equal(io_local_port(io, listener, &port), 0);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(0x7f000105U + (uint32_t)i)};
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0), handle;

        assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        handle = result_of(io, 1);
        assert_true(handle >= 0);
        assert_int_equal(io_peer_ip(io, handle, &ip), 0);
        assert_int_equal(ip.family, IP_V4);
        assert_memory_equal(ip.bytes, &from.sin_addr, 4);
        io_shut(io, 2, handle);
        assert_int_equal(result_of(io, 2), 0);
        close(fd);
    }
    io_shut(io, 3, listener);
    assert_int_equal(result_of(io, 1), -ECANCELED);
    assert_int_equal(result_of(io, 3), 0);
    port = listen_on(io, 1, &loopback, 0, &listener);
    int fd = dial(port);
    plain = result_of(io, 1);
    assert_true(plain >= 0);
    assert_int_equal(io_peer_ip(io, plain, &ip), -ENOTCONN);
    assert_false(next_event(io, NS_PER_MS, &event));
    close(fd);
    io_close(io);
}

/* The table is full and the listener is shut while it pauses. */
static void test_shut_of_a_pausing_listener(void **state)
{
    struct io *io = open_ring(2);
    struct io_event event;
    int listener;
    uint16_t port = listen_on(io, 1, &loopback, 0, &listener);
    int fds[2] = {dial(port), dial(port)};

    (void)state;
    assert_true(result_of(io, 1) >= 0);
    assert_false(next_event(io, 50 * NS_PER_MS, &event));
    io_shut(io, 2, listener);
    assert_int_equal(result_of(io, 1), -ECANCELED);
    assert_int_equal(result_of(io, 2), 0);
    close(fds[0]);
    close(fds[1]);
    io_close(io);
}

static void test_several_rings_on_one_port(void **state)
{
    struct io *rings[2] = {open_ring(64), open_ring(64)};
    struct io_event event;
    uint32_t accepted[2] = {0};
    int listener;
    uint16_t port = listen_on(rings[0], 1, &loopback, 0, &listener);
    int fds[40];

    (void)state;
    /* Only who says that he shares the port with himself is let in beside a listener. */
    io_listen(rings[1], 2, &(struct io_address){.ip = {loopback, port}});
    assert_int_equal(result_of(rings[1], 2), -EADDRINUSE);
    assert_int_equal(listen_on(rings[1], 1, &loopback, port, &listener), port);
    for (int i = 0; i < 40; i++)
        fds[i] = dial(port);
    for (int i = 0; i < 2; i++)
        while (next_event(rings[i], 50 * NS_PER_MS, &event))
            accepted[i] += event.result >= 0;
    assert_int_equal(accepted[0] + accepted[1], 40);
    assert_true(accepted[0] > 0); /* 2^-39 that all went to one */
    assert_true(accepted[1] > 0);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    io_close(rings[0]);
    io_close(rings[1]);
}

static int plain_listener(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(*address);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static void test_source_address(void **state)
{
    struct io *io = open_ring(8);
    struct io_socket_options options = {.kind = IO_TCP, .source = loopback_2};
    struct sockaddr_in address;
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer);
    int listener = plain_listener(&address);
    uint16_t port;
    int socket;
    int fd;

    (void)state;
    io_socket(io, 1, &options);
    socket = result_of(io, 1);
    assert_true(socket >= 0);
    assert_int_equal(io_local_port(io, socket, &port), -EINVAL); /* connect chooses it */
    io_connect(io, 2, socket, &(struct io_address){.ip = {loopback, ntohs(address.sin_port)}});
    assert_int_equal(result_of(io, 2), 0);
    fd = accept(listener, (struct sockaddr *)&peer, &size);
    assert_true(fd >= 0);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000002);
    close(fd);
    close(listener);

    options.source = (struct ip){IP_V4, {192, 0, 2, 77}}; /* not an address of this machine */
    io_socket(io, 3, &options);
    assert_int_equal(result_of(io, 3), -EADDRNOTAVAIL);
    io_close(io);
}

static void test_ipv6(void **state)
{
    struct io *io = open_ring(8);
    struct io_socket_options options = {.kind = IO_TCP, .source = loopback_6};
    struct io_address address = {.ip = {loopback_6, 0}};
    struct io_event events[2] = {0};
    uint32_t count = 0;
    int listener;
    int socket;

    (void)state;
    address.ip.port = listen_on(io, 1, &loopback_6, 0, &listener);
    if (listener == -EADDRNOTAVAIL || listener == -EAFNOSUPPORT) {
        io_close(io);
        skip(); /* a machine without IPv6 */
    }
    io_socket(io, 2, &options);
    socket = result_of(io, 2);
    assert_true(socket >= 0);
    io_connect(io, 3, socket, &address);
    while (count < 2)
        assert_true(next_event(io, 5 * NS_PER_S, &events[count++]));
    assert_int_equal(events[0].tag + events[1].tag, 4); /* accepted and connected */
    assert_true(events[0].result >= 0);
    assert_true(events[1].result >= 0);
    io_close(io);
}

static void test_unix_listener_is_private(void **state)
{
    struct io *io = open_ring(8);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "io_listen_test.socket"};
    struct io_address where = {.path = address.sun_path};
    struct stat status;
    uint32_t uid = 12345;
    int listener;
    int handle;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    unlink(address.sun_path);
    assert_int_equal(mknod(address.sun_path, S_IFREG | 0600, 0), 0);
    io_listen(io, 1, &where);
    assert_int_equal(result_of(io, 1), -EEXIST); /* a file that is no socket stays */
    assert_int_equal(unlink(address.sun_path), 0);
    io_listen(io, 2, &where);
    listener = result_of(io, 2);
    assert_true(listener >= 0);
    assert_int_equal(stat(address.sun_path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    handle = result_of(io, 2);
    assert_int_equal(io_peer_uid(io, handle, &uid), 0);
    assert_int_equal(uid, getuid());
    assert_int_equal(io_peer_uid(io, listener, &uid), -ENOTCONN);
    close(fd);
    io_close(io);
    unlink(address.sun_path);
}

/* More connections than the queue has entries, and shut while they come. */
static void test_many_connections_then_shut(void **state)
{
    struct io *io = open_ring(256);
    struct io_event events[16];
    int listener;
    uint16_t port = listen_on(io, 1, &loopback, 0, &listener);
    int fds[100];
    bool shut_done = false;
    bool listen_done = false;

    (void)state;
    for (int i = 0; i < 100; i++)
        fds[i] = dial(port);
    assert_true(io_wait(io, io_now_ns(io) + 5 * NS_PER_S, events, 16) > 0);
    io_shut(io, 2, listener);
    while (!shut_done) {
        uint32_t count = io_wait(io, io_now_ns(io) + 5 * NS_PER_S, events, 16);

        for (uint32_t i = 0; i < count; i++) {
            assert_false(shut_done);
            assert_true(events[i].tag == 2 || !listen_done);
            listen_done |= events[i].tag == 1 && events[i].flags == 0;
            shut_done = events[i].tag == 2;
            assert_true(events[i].result >= 0 ||
                        (events[i].tag == 1 && events[i].result == -ECANCELED));
        }
    }
    assert_true(listen_done);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    io_close(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_shut_of_a_pausing_listener),
        cmocka_unit_test(test_several_rings_on_one_port),
        cmocka_unit_test(test_source_address),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_unix_listener_is_private),
        cmocka_unit_test(test_many_connections_then_shut),
    };
    struct io *io = open_ring(8);

    if (io == NULL)
        return 77;
    io_close(io);
    return cmocka_run_group_tests_name("io_listen", tests, NULL, NULL);
}
