/* io_test.c - what every back end of io.h must do.
 *
 * Written against io.h alone and linked twice: with the kernel's back end (loopback, a folder of
 * the build tree) and with the simulator's. The first argument names a folder to work in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "io/io.h"

#define TAGS_MAX 2048
#define PATIENCE_NS (10 * NS_PER_S)

static const char *test_folder = "io_test.tmp";
static const struct ip loopback = {IP_V4, {127, 0, 0, 1}};

/* What came for one submission. */
struct seen {
    bool submitted;
    bool ended;
    int32_t result; /* of the event that ended it */
    int32_t more[256];
    uint32_t more_count;
    uint64_t bytes;  /* received */
    uint64_t digest; /* of those: position-dependent sum */
    uint32_t ended_at;
    uint32_t first_at; /* place of the first event among all events */
};

struct world {
    struct io *io;
    struct seen seen[TAGS_MAX];
    uint64_t next_tag;
    uint32_t events_count;
    bool hold; /* keep the buffers */
    struct io_event held[512];
    uint32_t held_count;
    uint32_t events_max; /* asked for in one io_wait */
};

/* ---- the harness ---- */

static uint64_t digest_add(uint64_t digest, uint64_t position, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        digest += (position + i + 1) * (bytes.data[i] + UINT64_C(1));
    return digest;
}

static uint64_t submit(struct world *world)
{
    uint64_t tag = ++world->next_tag;

    assert_true(tag < TAGS_MAX);
    world->seen[tag].submitted = true;
    return tag | UINT64_C(0xabcd) << 48; /* all 64 bits must come back */
}

static struct seen *seen_of(struct world *world, uint64_t tag)
{
    assert_int_equal(tag >> 48, 0xabcd);
    assert_true((tag & 0xffff) < TAGS_MAX);
    return &world->seen[tag & 0xffff];
}

static void take_bytes(struct world *world, struct seen *seen, const struct io_event *event)
{
    struct span bytes = io_buffer(world->io, event);

    assert_true((event->flags & IO_EVENT_MORE) != 0);
    assert_true(event->result > 0);
    assert_int_equal(bytes.size, event->result);
    seen->digest = digest_add(seen->digest, seen->bytes, bytes);
    seen->bytes += bytes.size;
    if (world->hold) {
        assert_true(world->held_count < ARRAY_LEN(world->held));
        world->held[world->held_count++] = *event;
    } else {
        io_buffer_return(world->io, event);
    }
}

static void take(struct world *world, const struct io_event *event)
{
    struct seen *seen = seen_of(world, event->tag);

    world->events_count++;
    assert_true(seen->submitted);
    assert_false(seen->ended); /* one last event, and nothing after it */
    if (seen->first_at == 0)
        seen->first_at = world->events_count;
    if ((event->flags & IO_EVENT_BUFFER) != 0)
        take_bytes(world, seen, event);
    if ((event->flags & IO_EVENT_MORE) != 0) {
        if (seen->more_count < ARRAY_LEN(seen->more))
            seen->more[seen->more_count] = event->result;
        seen->more_count++;
        return;
    }
    seen->ended = true;
    seen->ended_at = world->events_count;
    seen->result = event->result;
}

/* One io_wait. */
static void turn(struct world *world, uint64_t wait_ns)
{
    struct io_event events[64];
    uint64_t before_ns = io_now_ns(world->io);
    uint32_t events_max = world->events_max ? world->events_max : ARRAY_LEN(events);
    uint64_t deadline_ns = wait_ns == 0 ? 0 : before_ns + wait_ns;
    uint32_t count = io_wait(world->io, deadline_ns, events, events_max);

    assert_true(count <= events_max);
    assert_true(io_now_ns(world->io) >= before_ns);
    for (uint32_t i = 0; i < count; i++)
        take(world, &events[i]);
}

static int32_t end_of(struct world *world, uint64_t tag)
{
    const struct seen *seen = seen_of(world, tag);
    uint64_t limit_ns = io_now_ns(world->io) + PATIENCE_NS;

    while (!seen->ended && io_now_ns(world->io) < limit_ns)
        turn(world, 100 * NS_PER_MS);
    assert_true(seen->ended);
    return seen->result;
}

/* The result of the `index`-th event with IO_EVENT_MORE. */
static int32_t more_of(struct world *world, uint64_t tag, uint32_t index)
{
    const struct seen *seen = seen_of(world, tag);
    uint64_t limit_ns = io_now_ns(world->io) + PATIENCE_NS;

    while (seen->more_count <= index && !seen->ended && io_now_ns(world->io) < limit_ns)
        turn(world, 100 * NS_PER_MS);
    assert_true(index < ARRAY_LEN(seen->more));
    assert_true(seen->more_count > index);
    return seen->more[index];
}

static void bytes_of(struct world *world, uint64_t tag, uint64_t bytes)
{
    const struct seen *seen = seen_of(world, tag);
    uint64_t limit_ns = io_now_ns(world->io) + PATIENCE_NS;

    while (seen->bytes < bytes && !seen->ended && io_now_ns(world->io) < limit_ns)
        turn(world, 100 * NS_PER_MS);
    assert_int_equal(seen->bytes, bytes);
}

/* A while in which nothing more may come for what has ended (take() checks). */
static void linger(struct world *world)
{
    uint64_t until_ns = io_now_ns(world->io) + 20 * NS_PER_MS;

    while (io_now_ns(world->io) < until_ns)
        turn(world, 5 * NS_PER_MS);
}

static void world_open(struct world *world, const struct io_options *options)
{
    uint8_t buffer[512];
    struct text error;
    int result;

    memset(world, 0, sizeof(*world));
    text_init(&error, buffer, sizeof(buffer));
    result = io_open(&world->io, options, &error);
    if (result < 0)
        print_error("io_open: %d %s\n", result, text_cstr_end(&error));
    assert_int_equal(result, 0);
}

static const char *path_of(char *buffer, size_t capacity, const char *name)
{
    struct text text;

    text_init(&text, buffer, capacity);
    text_add_cstr(&text, test_folder);
    text_add_byte(&text, '/');
    text_add_cstr(&text, name);
    assert_false(text.overflow);
    return text_cstr_end(&text);
}

#define PATH(name) path_of((char[1024]){0}, 1024, name)

static void remove_all(struct world *world)
{
    uint8_t buffer[4096];
    struct text names;
    uint64_t hidden = submit(world);

    io_unlink(world->io, hidden, PATH(".hidden")); /* io_list does not name it */
    (void)end_of(world, hidden);
    text_init(&names, buffer, sizeof(buffer));
    assert_int_equal(io_list(world->io, test_folder, &names), 0);
    for (size_t at = 0; at < names.size; at += strlen((char *)buffer + at) + 1) {
        uint64_t tag = submit(world);

        io_unlink(world->io, tag, PATH((char *)buffer + at));
        assert_int_equal(end_of(world, tag), 0);
    }
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct io_options options = {.entries = 64, .handles_max = 256, .processor_clock = true};

    assert_non_null(world);
    world_open(world, &options);
    assert_int_equal(io_folder(world->io, test_folder), 0);
    remove_all(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    io_close(world->io);
    free(world);
    return 0;
}

/* ---- sockets ---- */

static int make_socket(struct world *world, enum io_kind kind, uint32_t send_buffer)
{
    struct io_socket_options options = {.kind = kind, .family = IP_V4, .send_buffer = send_buffer};
    uint64_t tag = submit(world);
    int handle;

    if (kind == IO_UDP)
        options.source = loopback;
    io_socket(world->io, tag, &options);
    memset(&options, 0xff, sizeof(options)); /* copied before the call returned */
    handle = end_of(world, tag);
    assert_true(handle >= 0);
    return handle;
}

struct listener {
    uint64_t tag;
    int handle;
    struct io_address address;
    uint32_t accepted_count;
};

static struct listener make_listener(struct world *world, const char *path)
{
    struct listener listener = {.tag = submit(world),
                                .address = {.ip = {loopback, 0}, .path = path}};

    io_listen(world->io, listener.tag, &listener.address);
    listener.handle = more_of(world, listener.tag, 0);
    assert_true(listener.handle >= 0);
    if (path == NULL) {
        assert_int_equal(io_local_port(world->io, listener.handle, &listener.address.ip.port), 0);
        assert_true(listener.address.ip.port != 0);
    }
    return listener;
}

static int accept_one(struct world *world, struct listener *listener)
{
    int handle = more_of(world, listener->tag, ++listener->accepted_count);

    assert_true(handle >= 0);
    return handle;
}

struct pair {
    int client;
    int server;
};

static struct pair make_pair(struct world *world, struct listener *listener, uint32_t send_buffer)
{
    enum io_kind kind = listener->address.path != NULL ? IO_UNIX : IO_TCP;
    struct io_address address = listener->address;
    uint64_t tag = submit(world);
    struct pair pair;

    pair.client = make_socket(world, kind, send_buffer);
    io_connect(world->io, tag, pair.client, &address);
    memset(&address, 0xff, sizeof(address)); /* copied before the call returned */
    assert_int_equal(end_of(world, tag), 0);
    pair.server = accept_one(world, listener);
    assert_int_not_equal(pair.client, pair.server);
    return pair;
}

static void shut(struct world *world, int handle)
{
    uint64_t tag = submit(world);

    io_shut(world->io, tag, handle);
    assert_int_equal(end_of(world, tag), 0);
}

/* Sends it all, however many sends that takes; returns how many. */
static uint32_t send_all(struct world *world, int socket, struct span bytes)
{
    uint32_t sends = 0;

    while (bytes.size > 0) {
        uint64_t tag = submit(world);
        int32_t sent;

        io_send(world->io, tag, socket, &bytes, 1);
        sent = end_of(world, tag);
        assert_true(sent > 0);
        assert_true((size_t)sent <= bytes.size);
        bytes = span_skip(bytes, (size_t)sent);
        sends++;
    }
    return sends;
}

static void test_connection_carries_bytes_both_ways(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    struct pair pair = make_pair(world, &listener, 0);
    struct span parts[8] = {SPAN("MA"), SPAN("IL "), SPAN(""),    SPAN("FROM"),
                            SPAN(":"),  SPAN("<a"),  SPAN("@b>"), SPAN("\r\n")};
    uint64_t at_server = submit(world);
    uint64_t at_client = submit(world);
    uint64_t tag = submit(world);

    io_recv(world->io, at_server, pair.server);
    io_recv(world->io, at_client, pair.client);
    io_send(world->io, tag, pair.client, parts, 8);
    memset(parts, 0, sizeof(parts)); /* the list is copied, the bytes are lent */
    assert_int_equal(end_of(world, tag), 17);
    bytes_of(world, at_server, 17);
    assert_int_equal(seen_of(world, at_server)->digest,
                     digest_add(0, 0, SPAN("MAIL FROM:<a@b>\r\n")));
    assert_int_equal(send_all(world, pair.server, SPAN("250 2.1.0 ok\r\n")), 1);
    bytes_of(world, at_client, 14);

    shut(world, pair.client);
    assert_int_equal(seen_of(world, at_client)->result, -ECANCELED);
    assert_int_equal(end_of(world, at_server), 0); /* the other end closed */
    shut(world, pair.server);
    shut(world, listener.handle);
    assert_int_equal(seen_of(world, listener.tag)->result, -ECANCELED);
}

/* To and fro, `count` times. */
static void converse(struct world *world, struct pair pair, uint32_t count)
{
    uint64_t at_server = submit(world), at_client = submit(world);

    io_recv(world->io, at_server, pair.server);
    io_recv(world->io, at_client, pair.client);
    for (uint32_t i = 1; i <= count; i++) {
        uint64_t asked = submit(world), answered = submit(world);

        io_answer(world->io, asked, pair.client, SPAN("NOOP\r\n"));
        bytes_of(world, at_server, UINT64_C(6) * i);
        io_answer(world->io, answered, pair.server, SPAN("250 ok\r\n"));
        bytes_of(world, at_client, UINT64_C(8) * i);
        assert_int_equal(end_of(world, asked), 6);
        assert_int_equal(end_of(world, answered), 8);
    }
}

static void test_answers(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    struct pair full = make_pair(world, &listener, 4096);
    struct pair pair = make_pair(world, &listener, 0);
    static uint8_t bytes[16 * 1024 * 1024];
    uint64_t closed = submit(world), blocked, begun_ns;
    uint32_t sends = 0;

    converse(world, pair, 50);
    shut(world, pair.client);
    shut(world, pair.server);
    io_answer(world->io, closed, pair.client, SPAN("late"));
    assert_int_equal(end_of(world, closed), -EBADF);

    /* One for which there is no room, and never will be, stops nobody. */
    do {
        blocked = submit(world);
        io_answer(world->io, blocked, full.client, span_make(bytes, sizeof(bytes)));
        linger(world);
        assert_true(++sends < 20);
    } while (seen_of(world, blocked)->ended);
    pair = make_pair(world, &listener, 0);
    begun_ns = io_now_ns(world->io);
    converse(world, pair, 50);
    assert_true(io_now_ns(world->io) - begun_ns < 5 * NS_PER_S);
    shut(world, full.client);
    assert_true(seen_of(world, blocked)->ended);
}

static void test_connect_refused(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    int socket = make_socket(world, IO_TCP, 0);
    uint64_t tag = submit(world);

    shut(world, listener.handle);
    io_connect(world->io, tag, socket, &listener.address);
    assert_int_equal(end_of(world, tag), -ECONNREFUSED);
    shut(world, socket);
}

static void test_partial_send_is_reported(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    struct pair pair = make_pair(world, &listener, 4096);
    size_t size = 16 * MIB;
    uint8_t *bytes = malloc(size);
    uint64_t first = submit(world);
    uint64_t blocked = submit(world);
    uint64_t received = submit(world);
    int32_t sent;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    io_send(world->io, first, pair.client, &(struct span){bytes, size}, 1);
    sent = end_of(world, first);
    assert_true(sent > 0);
    assert_true((size_t)sent < size); /* nobody reads yet */

    /* Goes on when the other end takes bytes. */
    io_send(world->io, blocked, pair.client, &(struct span){bytes + sent, size - (size_t)sent}, 1);
    io_recv(world->io, received, pair.server);
    sent += end_of(world, blocked);
    send_all(world, pair.client, span_make(bytes + sent, MIB - (size_t)sent % MIB));
    bytes_of(world, received, (uint64_t)sent + MIB - (size_t)sent % MIB);
    assert_int_equal(seen_of(world, received)->digest,
                     digest_add(0, 0, span_make(bytes, seen_of(world, received)->bytes)));
    free(bytes);
    shut(world, pair.client);
    shut(world, pair.server);
}

static void test_shut_ends_all_before_its_own_event(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    struct pair pair = make_pair(world, &listener, 4096);
    static uint8_t bytes[16 * 1024 * 1024];
    uint64_t receive = submit(world);
    uint64_t first = submit(world);
    uint64_t blocked = submit(world);
    uint64_t shutting = submit(world);
    uint64_t tag;
    int32_t blocked_result;

    io_recv(world->io, receive, pair.client);
    io_send(world->io, first, pair.client, &(struct span){bytes, sizeof(bytes)}, 1);
    assert_true(end_of(world, first) > 0);
    io_send(world->io, blocked, pair.client, &(struct span){bytes, sizeof(bytes)}, 1);
    turn(world, 0);
    io_shut(world->io, shutting, pair.client);
    assert_int_equal(end_of(world, shutting), 0);
    assert_true(seen_of(world, receive)->ended);
    assert_int_equal(seen_of(world, receive)->result, -ECANCELED);
    assert_true(seen_of(world, blocked)->ended);
    blocked_result = seen_of(world, blocked)->result;
    assert_true(blocked_result == -ECANCELED || blocked_result > 0);
    assert_true(seen_of(world, shutting)->ended_at > seen_of(world, receive)->ended_at);
    assert_true(seen_of(world, shutting)->ended_at > seen_of(world, blocked)->ended_at);

    /* The handle is nobody's now. */
    tag = submit(world);
    io_recv(world->io, tag, pair.client);
    assert_int_equal(end_of(world, tag), -EBADF);
    tag = submit(world);
    io_shut(world->io, tag, pair.client);
    assert_int_equal(end_of(world, tag), -EBADF);
    linger(world);
    shut(world, pair.server);
}

static void test_new_life_of_a_handle_sees_nothing_of_the_old(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);

    for (int i = 0; i < 50; i++) {
        struct pair pair = make_pair(world, &listener, 0);
        uint64_t receive = submit(world);
        uint64_t send = submit(world);
        uint64_t shutting = submit(world);
        struct span bytes = SPAN("220 mx.example.com\r\n");

        io_recv(world->io, receive, pair.client);
        io_send(world->io, send, pair.server, &bytes, 1);
        io_shut(world->io, shutting, pair.client); /* races with the bytes */
        assert_int_equal(end_of(world, shutting), 0);
        assert_true(seen_of(world, receive)->ended);
        assert_true(seen_of(world, receive)->bytes <= bytes.size);
        shut(world, pair.server);
        assert_true(seen_of(world, send)->ended);
    }
    linger(world);
}

static void test_cancel(void **state)
{
    struct world *world = *state;
    struct listener listener = make_listener(world, NULL);
    struct pair pair = make_pair(world, &listener, 0);
    uint64_t receive = submit(world);
    uint64_t cancel = submit(world);
    uint64_t nobody = submit(world);
    uint64_t racing = submit(world);
    uint64_t race_cancel = submit(world);
    int32_t result;

    io_recv(world->io, receive, pair.client);
    turn(world, 0);
    io_cancel(world->io, cancel, receive);
    assert_int_equal(end_of(world, cancel), 0);
    assert_int_equal(end_of(world, receive), -ECANCELED);
    io_cancel(world->io, nobody, receive); /* it has ended */
    assert_int_equal(end_of(world, nobody), -ENOENT);

    /* Both in one turn: whichever wins, each has one end. */
    io_send(world->io, racing, pair.client, &SPAN("QUIT\r\n"), 1);
    io_cancel(world->io, race_cancel, racing);
    result = end_of(world, racing);
    assert_true(result == 6 || result == -ECANCELED);
    result = end_of(world, race_cancel);
    assert_true(result == 0 || result == -ENOENT);

    /* The socket lives on. */
    receive = submit(world);
    io_recv(world->io, receive, pair.client);
    send_all(world, pair.server, SPAN("421 bye\r\n"));
    bytes_of(world, receive, 9);
    linger(world);
    shut(world, pair.client);
    shut(world, pair.server);
}

static void test_udp(void **state)
{
    struct world *world = *state;
    int client = make_socket(world, IO_UDP, 0);
    int server = make_socket(world, IO_UDP, 0);
    struct io_address to_client = {.ip = {loopback, 0}};
    struct io_address to_server = {.ip = {loopback, 0}};
    uint64_t at_client = submit(world);
    uint64_t at_server = submit(world);
    uint64_t tag = submit(world);

    assert_int_equal(io_local_port(world->io, client, &to_client.ip.port), 0);
    assert_int_equal(io_local_port(world->io, server, &to_server.ip.port), 0);
    assert_int_not_equal(to_client.ip.port, to_server.ip.port);
    io_recv(world->io, at_client, client);
    io_recv(world->io, at_server, server);
    io_connect(world->io, tag, client, &to_server);
    assert_int_equal(end_of(world, tag), 0);
    assert_int_equal(send_all(world, client, SPAN("question")), 1);
    assert_int_equal(send_all(world, client, SPAN("another")), 1);
    bytes_of(world, at_server, 15);
    assert_int_equal(seen_of(world, at_server)->more_count, 2); /* one datagram an event */
    tag = submit(world);
    io_sendto(world->io, tag, server, SPAN("answer"), &to_client);
    assert_int_equal(end_of(world, tag), 6);
    bytes_of(world, at_client, 6);
    shut(world, client);
    shut(world, server);
}

static void test_unix_socket(void **state)
{
    struct world *world = *state;
    struct listener old = make_listener(world, PATH("control"));
    struct listener listener;
    uint32_t uid;

    shut(world, old.handle);
    listener = make_listener(world, PATH("control")); /* in place of the old file */
    for (int i = 0; i < 3; i++) {
        struct pair pair = make_pair(world, &listener, 0);
        uint64_t received = submit(world);

        assert_int_equal(io_peer_uid(world->io, pair.server, &uid), 0);
        io_recv(world->io, received, pair.server);
        send_all(world, pair.client, SPAN("{\"verb\":\"status\"}\n"));
        bytes_of(world, received, 18);
        shut(world, pair.client);
        assert_int_equal(end_of(world, received), 0);
        shut(world, pair.server);
    }
    assert_true(io_peer_uid(world->io, 200, &uid) < 0);
    shut(world, listener.handle);
    assert_int_equal(seen_of(world, listener.tag)->result, -ECANCELED);
}

static void test_bad_arguments_end_in_events(void **state)
{
    struct world *world = *state;
    struct io_socket_options nowhere = {.kind = IO_TCP};
    struct io_address no_family = {.ip = {{IP_NONE, {0}}, 25}};
    struct span bytes = SPAN("x");
    uint64_t tags[8];
    uint16_t port;

    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        tags[i] = submit(world);
    io_socket(world->io, tags[0], &nowhere);
    io_connect(world->io, tags[1], 77, &(struct io_address){.ip = {loopback, 25}});
    io_send(world->io, tags[2], 77, &bytes, 1);
    io_recv(world->io, tags[3], -1);
    io_write(world->io, tags[4], 1 << 30, bytes, 0);
    io_sync(world->io, tags[5], 77);
    io_listen(world->io, tags[6], &no_family);
    io_shut(world->io, tags[7], 77);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        assert_true(end_of(world, tags[i]) < 0);
    assert_int_equal(seen_of(world, tags[2])->result, -EBADF);
    assert_int_equal(io_local_port(world->io, 77, &port), -EBADF);
}

/* ---- want of buffers ---- */

#define STARVED_MAX 200

/* Fills every buffer from one socket and keeps them. */
static uint64_t hold_all_buffers(struct world *world, struct listener *listener, size_t size)
{
    struct pair flood = make_pair(world, listener, 0);
    uint8_t *bytes = calloc(1, size);
    uint64_t received = submit(world);

    assert_non_null(bytes);
    send_all(world, flood.server, span_make(bytes, size));
    free(bytes);
    world->hold = true;
    io_recv(world->io, received, flood.client);
    bytes_of(world, received, size);
    return received;
}

static void return_one(struct world *world)
{
    io_buffer_return(world->io, &world->held[--world->held_count]);
}

static void test_starved_sockets_are_served_in_order(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct io_options options = {
        .entries = 64, .handles_max = 1024, .buffers_count = 64, .buffer_size = 256};
    struct listener listener;
    struct pair pairs[STARVED_MAX];
    uint64_t received[STARVED_MAX];
    uint8_t reply[700];
    uint32_t last = 0;

    (void)state;
    assert_non_null(world);
    for (size_t i = 0; i < sizeof(reply); i++)
        reply[i] = (uint8_t)i;
    world_open(world, &options);
    listener = make_listener(world, NULL);
    hold_all_buffers(world, &listener, (size_t)64 * 256);
    for (int i = 0; i < STARVED_MAX; i++) {
        pairs[i] = make_pair(world, &listener, 0);
        send_all(world, pairs[i].server, span_make(reply, sizeof(reply)));
        received[i] = submit(world);
        io_recv(world->io, received[i], pairs[i].client);
        turn(world, 0);
        assert_int_equal(seen_of(world, received[i])->bytes, 0);
    }
    assert_int_equal(world->held_count, 64);
    world->hold = false;
    return_one(world);
    for (int i = 0; i < STARVED_MAX; i++) {
        bytes_of(world, received[i], sizeof(reply));
        assert_int_equal(seen_of(world, received[i])->digest,
                         digest_add(0, 0, span_make(reply, sizeof(reply))));
        assert_true(seen_of(world, received[i])->first_at > last);
        last = seen_of(world, received[i])->first_at;
    }
    while (world->held_count > 0)
        return_one(world);
    for (int i = 0; i < STARVED_MAX; i++) {
        send_all(world, pairs[i].server, SPAN("221 bye\r\n"));
        bytes_of(world, received[i], sizeof(reply) + 9);
        shut(world, pairs[i].server);
        assert_int_equal(end_of(world, received[i]), 0);
    }
    io_close(world->io);
    free(world);
}

static void test_starved_receive_can_be_cancelled_and_shut(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct io_options options = {
        .entries = 8, .handles_max = 32, .buffers_count = 2, .buffer_size = 64};
    struct listener listener;
    struct pair pairs[2];
    uint64_t received[2];
    uint64_t cancel;

    (void)state;
    assert_non_null(world);
    world_open(world, &options);
    listener = make_listener(world, NULL);
    hold_all_buffers(world, &listener, (size_t)2 * 64);
    for (int i = 0; i < 2; i++) {
        pairs[i] = make_pair(world, &listener, 0);
        send_all(world, pairs[i].server, SPAN("220 hello\r\n"));
        received[i] = submit(world);
        io_recv(world->io, received[i], pairs[i].client);
        turn(world, 0);
    }
    cancel = submit(world);
    io_cancel(world->io, cancel, received[0]);
    assert_int_equal(end_of(world, received[0]), -ECANCELED);
    assert_int_equal(end_of(world, cancel), 0);
    shut(world, pairs[1].client);
    assert_int_equal(seen_of(world, received[1])->result, -ECANCELED);
    world->hold = false;
    while (world->held_count > 0)
        return_one(world);
    linger(world);
    received[0] = submit(world);
    io_recv(world->io, received[0], pairs[0].client);
    bytes_of(world, received[0], 11);
    io_close(world->io);
    free(world);
}

/* ---- files ---- */

static int open_file(struct world *world, const char *path, enum io_file_mode mode,
                     uint64_t preallocate)
{
    struct io_file_options options = {path, mode, preallocate};
    uint64_t tag = submit(world);
    char copy[1024];

    memcpy(copy, path, strlen(path) + 1);
    options.path = copy;
    io_file(world->io, tag, &options);
    memset(copy, '!', sizeof(copy) - 1); /* copied before the call returned */
    return end_of(world, tag);
}

static int32_t write_at(struct world *world, int file, struct span data, uint64_t offset)
{
    uint64_t tag = submit(world);

    io_write(world->io, tag, file, data, offset);
    return end_of(world, tag);
}

static int32_t read_at(struct world *world, int file, struct span_mut into, uint64_t offset)
{
    uint64_t tag = submit(world);

    io_read(world->io, tag, file, into, offset);
    return end_of(world, tag);
}

static int32_t sync_file(struct world *world, int file)
{
    uint64_t tag = submit(world);

    io_sync(world->io, tag, file);
    return end_of(world, tag);
}

static void test_file_write_sync_read(void **state)
{
    struct world *world = *state;
    size_t size = 300000;
    uint8_t *bytes = malloc(size);
    uint8_t *back = malloc(size);
    int file = open_file(world, PATH("segment"), IO_FILE_CREATE, 65536);
    int other;

    assert_non_null(bytes);
    assert_non_null(back);
    assert_true(file >= 0);
    assert_int_equal(open_file(world, PATH("segment"), IO_FILE_CREATE, 65536), -EEXIST);
    assert_int_equal(open_file(world, PATH("absent"), IO_FILE_WRITE, 0), -ENOENT);
    assert_int_equal(open_file(world, PATH("absent"), IO_FILE_READ, 0), -ENOENT);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 997);

    memset(back, 1, size);
    assert_int_equal(read_at(world, file, (struct span_mut){back, 65536}, 0), 65536);
    for (size_t i = 0; i < 65536; i++)
        assert_int_equal(back[i], 0); /* preallocated: zeroes */
    assert_int_equal(read_at(world, file, (struct span_mut){back, 100}, 65536), 0); /* its end */
    assert_int_equal(write_at(world, file, span_make(bytes, size), 4096), size);
    assert_int_equal(sync_file(world, file), 0);
    other = open_file(world, PATH("segment"), IO_FILE_READ, 0);
    assert_true(other >= 0);
    assert_int_equal(read_at(world, other, (struct span_mut){back, size}, 4096), size);
    assert_memory_equal(bytes, back, size);
    assert_int_equal(read_at(world, other, (struct span_mut){back, size}, 4096 + size - 10), 10);
    assert_true(write_at(world, other, SPAN("no"), 0) < 0); /* opened to read */
    assert_int_equal(write_at(world, file, SPAN(""), 0), 0);
    shut(world, other);
    shut(world, file);
    file = open_file(world, PATH("segment"), IO_FILE_WRITE, 0);
    assert_true(file >= 0);
    assert_int_equal(write_at(world, file, SPAN("header"), 0), 6);
    assert_int_equal(read_at(world, file, (struct span_mut){back, 6}, 0), 6);
    assert_memory_equal(back, "header", 6);
    shut(world, file);
    free(bytes);
    free(back);
}

static void test_file_names(void **state)
{
    struct world *world = *state;
    static const char *const made[] = {"b.log", "a.log", ".hidden", "c", "a"};
    int folder = open_file(world, test_folder, IO_FILE_FOLDER, 0);
    uint8_t buffer[256];
    struct text names;
    uint64_t tag;

    assert_true(folder >= 0);
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        int file = open_file(world, PATH(made[i]), IO_FILE_CREATE, 0);

        assert_true(file >= 0);
        shut(world, file);
    }
    tag = submit(world);
    io_rename(world->io, tag, PATH("c"), PATH("b.log")); /* over what is there */
    assert_int_equal(end_of(world, tag), 0);
    tag = submit(world);
    io_rename(world->io, tag, PATH("c"), PATH("d"));
    assert_int_equal(end_of(world, tag), -ENOENT);
    tag = submit(world);
    io_unlink(world->io, tag, PATH("c"));
    assert_int_equal(end_of(world, tag), -ENOENT);
    assert_int_equal(sync_file(world, folder), 0);
    text_init(&names, buffer, sizeof(buffer));
    assert_int_equal(io_list(world->io, test_folder, &names), 0);
    assert_int_equal(names.size, 14);
    assert_memory_equal(buffer, "a\0a.log\0b.log", 14);
    text_init(&names, buffer, 13);
    assert_int_equal(io_list(world->io, test_folder, &names), -ENOSPC);
    assert_int_equal(io_list(world->io, PATH("none"), &names), -ENOENT);
    tag = submit(world);
    io_unlink(world->io, tag, PATH(".hidden"));
    assert_int_equal(end_of(world, tag), 0);
    shut(world, folder);
}

static void test_folder_and_lock(void **state)
{
    struct world *world = *state;
    uint32_t pid = 0;
    struct io_mapping lock;

    assert_int_equal(io_folder(world->io, test_folder), 0); /* it is there: fine */
    assert_int_equal(io_folder(world->io, PATH("none/below")), -ENOENT);
    assert_int_equal(io_lock(world->io, PATH("lock"), &pid), 0);
    assert_int_equal(io_folder(world->io, PATH("lock")), -ENOTDIR);
    assert_int_equal(io_lock(world->io, PATH("lock"), &pid), -EWOULDBLOCK);
    assert_int_not_equal(pid, 0);
    assert_int_equal(io_map(world->io, PATH("lock"), IO_MAP_READ, &lock), 0);
    assert_true(lock.size > 0);
    assert_true(lock.data[0] >= '1' && lock.data[0] <= '9');
    io_unmap(world->io, &lock);
}

static void test_mappings(void **state)
{
    struct world *world = *state;
    int file = open_file(world, PATH("mapped"), IO_FILE_CREATE, 8192);
    int empty = open_file(world, PATH("empty"), IO_FILE_CREATE, 0);
    struct io_mapping shared;
    struct io_mapping copy;
    struct io_mapping nothing;
    uint8_t back[4];

    assert_int_equal(io_map(world->io, PATH("mapped"), IO_MAP_READ, &shared), 0);
    assert_int_equal(shared.size, 8192);
    assert_int_equal(io_map(world->io, PATH("absent"), IO_MAP_READ, &copy), -ENOENT);
    assert_int_equal(write_at(world, file, SPAN("body"), 5000), 4);
    assert_memory_equal(shared.data + 5000, "body", 4); /* what is written is seen */
    assert_int_equal(io_map(world->io, PATH("mapped"), IO_MAP_PRIVATE, &copy), 0);
    memcpy(copy.data + 5000, "mine", 4);
    assert_memory_equal(shared.data + 5000, "body", 4); /* one's own stays one's own */
    assert_int_equal(read_at(world, file, (struct span_mut){back, 4}, 5000), 4);
    assert_memory_equal(back, "body", 4);
    io_prefetch(world->io, &shared, 4999, 10);
    io_prefetch(world->io, &shared, 9000, 10);
    assert_int_equal(io_map(world->io, PATH("empty"), IO_MAP_READ, &nothing), 0);
    assert_int_equal(nothing.size, 0);
    assert_null(nothing.data);
    io_unmap(world->io, &nothing);
    io_unmap(world->io, &copy);
    io_unmap(world->io, &shared);
    assert_null(shared.data);
    shut(world, file);
    shut(world, empty);
}

/* ---- waiting ---- */

static void test_deadline_and_clocks(void **state)
{
    struct world *world = *state;
    uint64_t start_ns = io_now_ns(world->io);
    uint64_t wall_ns = io_wall_ns(world->io);
    uint64_t deadline_ns = start_ns + 30 * NS_PER_MS;
    uint32_t turns = 0;
    struct io_event event;

    assert_true(wall_ns > UINT64_C(1600000000) * NS_PER_S);
    while (io_now_ns(world->io) < deadline_ns) {
        assert_int_equal(io_wait(world->io, deadline_ns, &event, 1), 0);
        assert_true(++turns < 100); /* it sleeps, it does not spin */
    }
    assert_true(io_now_ns(world->io) < deadline_ns + 5 * NS_PER_S);
    assert_true(io_wall_ns(world->io) >= wall_ns);
    assert_true(io_turn_ns(world->io) < 5 * NS_PER_S);
    assert_true(io_turn_cpu_ns(world->io) < 5 * NS_PER_S);
    assert_true(io_turn_cpu_ns(world->io) > 0 || io_turn_ns(world->io) == 0);
    assert_int_equal(io_wait(world->io, 0, &event, 1), 0);
    assert_int_equal(io_wait(world->io, start_ns, &event, 1), 0); /* long past */
}

static void test_events_come_in_portions(void **state)
{
    struct world *world = *state;
    uint64_t tags[40];

    world->events_max = 1;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        tags[i] = submit(world);
        io_unlink(world->io, tags[i], PATH("absent"));
        if (i % 2 == 0)
            continue;
        tags[i] = submit(world);
        io_shut(world->io, tags[i], 99);
    }
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        assert_int_equal(end_of(world, tags[i]), i % 2 == 0 ? -ENOENT : -EBADF);
    linger(world);
}

/* More in one turn than the submission queue has entries. */
static void test_full_queue_is_flushed_inside(void **state)
{
    struct world *world = *state;
    int file = open_file(world, PATH("many"), IO_FILE_CREATE, 0);
    static uint8_t bytes[300];
    uint64_t tags[300];

    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        bytes[i] = (uint8_t)i;
        tags[i] = submit(world);
        io_write(world->io, tags[i], file, span_make(&bytes[i], 1), i);
    }
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        assert_int_equal(end_of(world, tags[i]), 1);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(read_at(world, file, (struct span_mut){bytes, sizeof(bytes)}, 0), 300);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        assert_int_equal(bytes[i], (uint8_t)i);
    shut(world, file);
}

static void test_entropy(void **state)
{
    struct world *world = *state;
    uint8_t first[32] = {0};
    uint8_t second[32] = {0};

    assert_int_equal(io_entropy(world->io, first, sizeof(first)), 0);
    assert_int_equal(io_entropy(world->io, second, sizeof(second)), 0);
    assert_memory_not_equal(first, second, sizeof(first));
}

/* With everything still under way. */
static void test_close_ends_what_is_open(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct io_options options = {.entries = 16, .handles_max = 32, .buffers_count = 4};
    struct listener listener;
    struct pair pair;

    (void)state;
    assert_non_null(world);
    io_close(NULL);
    world_open(world, &options);
    listener = make_listener(world, NULL);
    pair = make_pair(world, &listener, 0);
    io_recv(world->io, submit(world), pair.client);
    io_recv(world->io, submit(world), pair.server);
    io_send(world->io, submit(world), pair.client, &SPAN("DATA\r\n"), 1);
    io_unlink(world->io, submit(world), "absent");
    io_close(world->io);
    free(world);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
        TEST(connection_carries_bytes_both_ways),
        TEST(answers),
        TEST(connect_refused),
        TEST(partial_send_is_reported),
        TEST(shut_ends_all_before_its_own_event),
        TEST(new_life_of_a_handle_sees_nothing_of_the_old),
        TEST(cancel),
        TEST(udp),
        TEST(unix_socket),
        TEST(bad_arguments_end_in_events),
        cmocka_unit_test(test_starved_sockets_are_served_in_order),
        cmocka_unit_test(test_starved_receive_can_be_cancelled_and_shut),
        TEST(file_write_sync_read),
        TEST(file_names),
        TEST(folder_and_lock),
        TEST(mappings),
        TEST(deadline_and_clocks),
        TEST(events_come_in_portions),
        TEST(full_queue_is_flushed_inside),
        TEST(entropy),
        cmocka_unit_test(test_close_ends_what_is_open),
    };
    uint8_t buffer[512];
    struct text error;
    struct io *io;
    int result;

    if (argc > 1)
        test_folder = argv[1];
    text_init(&error, buffer, sizeof(buffer));
    result = io_open(&io, &(struct io_options){.entries = 8, .handles_max = 8}, &error);
    if (result == -EPERM || result == -EACCES || result == -ENOSYS) {
        print_message("skipped: %s\n", text_cstr_end(&error));
        return 77;
    }
    if (result == 0)
        io_close(io);
    return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
