#include "bench/sink_thread.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "bench/sink_work.h"

#define BUFFERS_COUNT 512
#define BUFFER_SIZE 16384
#define LEDGER_FLUSH_NS (100 * NS_PER_MS)

enum op { OP_LISTEN = 1, OP_RECV, OP_SEND, OP_SHUT, OP_SURPLUS, OP_SIGNAL, OP_WAKE };

/* op (8 bits), generation (24), index (32) */
static uint64_t make_tag(enum op op, uint32_t generation, uint32_t index)
{
    return (uint64_t)op << 56 | (uint64_t)generation << 32 | index;
}

static uint64_t connection_tag(const struct sink_thread *thread, enum op op,
                               const struct sink_connection *connection)
{
    struct slab_handle handle = slab_handle_of(&thread->connections, connection);

    return make_tag(op, handle.generation, handle.index);
}

static void shut(struct sink_thread *thread, struct sink_connection *connection)
{
    if (connection->shutting)
        return;
    connection->shutting = true;
    sink_connection_release(connection, thread->held, thread->io);
    io_shut(thread->io, connection_tag(thread, OP_SHUT, connection), connection->socket);
}

/* The client speaks next: there is nothing more to write, to read or to close. */
static bool is_answer(const struct sink_connection *connection, struct span data)
{
    return connection->out_begin + data.size == connection->out_end &&
           connection->held_count == 0 && !connection->closing && connection->tls == NULL &&
           connection->receiver.state != RECEIVER_LINES;
}

static void send_more(struct sink_thread *thread, struct sink_connection *connection)
{
    struct span data = sink_connection_sendable(connection);

    if (connection->shutting)
        return;
    if (data.size > 0) {
        uint64_t tag = connection_tag(thread, OP_SEND, connection);

        connection->sending = true;
        if (is_answer(connection, data))
            io_answer(thread->io, tag, connection->socket, data);
        else
            io_send(thread->io, tag, connection->socket, &data, 1);
    } else if (connection->closing && sink_connection_drained(connection)) {
        shut(thread, connection);
    }
}

/* At the end of a turn: all replies of the turn leave together. */
static void flush(struct sink_thread *thread, struct sink_connection *connection)
{
    sink_connection_mark(connection, io_now_ns(thread->io));
    if (connection->marks_count > 0 && !wheel_armed(&connection->timer))
        wheel_arm(&thread->wheel, &connection->timer, connection->marks[0].due_ns);
    send_more(thread, connection);
}

static void on_timer(struct sink_thread *thread, struct sink_connection *connection)
{
    sink_connection_ripen(connection, io_now_ns(thread->io));
    if (connection->marks_count > 0)
        wheel_arm(&thread->wheel, &connection->timer, connection->marks[0].due_ns);
    send_more(thread, connection);
}

static void count_connection(struct sink_thread *thread, struct sink_connection *connection)
{
    struct sink *sink = thread->sink;
    uint64_t now = atomic_fetch_add(&sink->connections_now, 1) + 1;
    uint64_t peak = atomic_load(&sink->connections_peak);

    while (now > peak && !atomic_compare_exchange_weak(&sink->connections_peak, &peak, now))
        ;
    connection->number = atomic_fetch_add(&sink->connections_count, 1) + 1;
    thread->counts.connections++;
}

static void on_connection(struct sink_thread *thread, uint32_t listener, int socket)
{
    const struct sink_options *options = thread->sink->options;
    struct sink_connection *connection = slab_claim(&thread->connections);
    const struct persona *persona;
    uint32_t index;

    if (connection == NULL) {
        thread->counts.surplus++;
        io_shut(thread->io, make_tag(OP_SURPLUS, 0, 0), socket);
        return;
    }
    index = slab_handle_of(&thread->connections, connection).index;
    sink_connection_init(connection);
    connection->socket = socket;
    connection->out = thread->outs + (size_t)index * SINK_CONNECTION_OUT;
    receiver_init(&connection->receiver, &options->receiver, &thread->prng,
                  thread->lines + (size_t)index * RECEIVER_LINE_MAX,
                  thread->envelopes + (size_t)index * RECEIVER_ENVELOPE_MAX);
    persona = persona_for_connection(options->receiver.personas, listener + 1,
                                     thread->sink->ports[listener], prng_next(&thread->prng));
    connection->receiver.persona = persona;
    connection->delay_ns = persona != NULL && persona->delay_ms > 0 ? persona->delay_ms * NS_PER_MS
                                                                    : options->delay_ns;
    connection->split = persona != NULL ? persona->split : 0;
    count_connection(thread, connection);
    io_recv(thread->io, connection_tag(thread, OP_RECV, connection), socket);
    if (options->tls_at_once)
        sink_work_secure(thread, connection);
    sink_work(thread, connection);
}

/* The first event of a listener is its handle, each further one a connection. */
static void on_listen(struct sink_thread *thread, uint32_t listener, const struct io_event *event)
{
    if (event->result < 0) {
        if (!thread->sink->stopping && thread->listen_error == 0)
            thread->listen_error = event->result;
    } else if (thread->bound[listener]) {
        on_connection(thread, listener, event->result);
    } else {
        thread->bound[listener] = true;
        thread->bound_count++;
        if (thread->index == 0)
            thread->listen_error =
                io_local_port(thread->io, event->result, &thread->sink->ports[listener]);
    }
}

/* The client has closed or broken the connection: what it wanted to know is sent, if it can be. */
static void on_end(struct sink_thread *thread, struct sink_connection *connection, int32_t result)
{
    if (connection->shutting)
        return;
    if (connection->receiver.state != RECEIVER_SILENT && !connection->closing)
        receiver_gone(&connection->receiver);
    connection->closing = true;
    if (result < 0)
        shut(thread, connection);
    else
        send_more(thread, connection);
}

static void on_recv(struct sink_thread *thread, struct sink_connection *connection,
                    const struct io_event *event)
{
    if (connection == NULL || connection->shutting || connection->closing) {
        if ((event->flags & IO_EVENT_BUFFER) != 0)
            io_buffer_return(thread->io, event);
        else if (connection != NULL)
            on_end(thread, connection, event->result);
        return;
    }
    if ((event->flags & IO_EVENT_BUFFER) == 0) {
        on_end(thread, connection, event->result);
        return;
    }
    sink_connection_hold(connection, thread->held, event);
    if (connection->held_count > SINK_CONNECTION_HELD_MAX) {
        connection->receiver.protocol_errors++; /* it sends and does not read */
        shut(thread, connection);
    } else if (connection->held_count == 1) {
        sink_work(thread, connection);
    }
}

static void on_send(struct sink_thread *thread, struct sink_connection *connection, int32_t result)
{
    if (connection == NULL)
        return;
    sink_connection_sent(connection, result > 0 ? (uint32_t)result : 0);
    if (connection->shutting)
        return;
    if (result < 0) {
        on_end(thread, connection, result);
        return;
    }
    if (!connection->closing && sink_connection_drained(connection) &&
        (connection->held_count > 0 || connection->receiver.state == RECEIVER_LINES ||
         (connection->tls != NULL && sink_tls_pending(connection->tls))))
        sink_work(thread, connection);
    else
        send_more(thread, connection);
}

static void on_shut(struct sink_thread *thread, struct sink_connection *connection)
{
    CHECK(connection != NULL);
    thread->counts.protocol_errors += connection->receiver.protocol_errors;
    thread->counts.rejected += connection->receiver.rejected_count;
    if (list_linked(&connection->dirty_node))
        list_remove(&connection->dirty_node);
    wheel_cancel(&thread->wheel, &connection->timer);
    sink_tls_end(connection);
    slab_release(&thread->connections, connection);
    (void)atomic_fetch_sub(&thread->sink->connections_now, 1);
}

static void dispatch(struct sink_thread *thread, const struct io_event *event)
{
    uint32_t index = (uint32_t)event->tag;
    struct slab_handle handle = {.index = index,
                                 .generation = (uint32_t)(event->tag >> 32) & 0xffffff};
    enum op op = (enum op)(event->tag >> 56);
    struct sink_connection *connection = NULL;

    if (op == OP_RECV || op == OP_SEND || op == OP_SHUT)
        connection = slab_get(&thread->connections, handle);
    switch (op) {
    case OP_LISTEN:
        on_listen(thread, index, event);
        return;
    case OP_RECV:
        on_recv(thread, connection, event);
        return;
    case OP_SEND:
        on_send(thread, connection, event->result);
        return;
    case OP_SHUT:
        on_shut(thread, connection);
        return;
    case OP_SIGNAL:
        if (event->result == IO_SIGNAL_STOP)
            atomic_store(&thread->sink->stopping, true);
        return;
    case OP_SURPLUS:
    case OP_WAKE:
        return;
    }
    UNREACHABLE("an event of an unknown kind");
}

static uint64_t deadline(const struct sink_thread *thread)
{
    uint64_t at = min_u64(thread->end_ns, wheel_next_ns(&thread->wheel));

    return ledger_pending(&thread->ledger) ? min_u64(at, thread->ledger_due_ns) : at;
}

static void end_turn(struct sink_thread *thread)
{
    uint64_t now = io_now_ns(thread->io);
    struct wheel_timer *timer;
    struct list_node *node;

    while ((node = list_pop_front(&thread->dirty)) != NULL)
        flush(thread, CONTAINER_OF(node, struct sink_connection, dirty_node));
    while ((timer = wheel_expire(&thread->wheel, now)) != NULL)
        on_timer(thread, CONTAINER_OF(timer, struct sink_connection, timer));
    if (ledger_pending(&thread->ledger) && now >= thread->ledger_due_ns) {
        ledger_flush(&thread->ledger);
        thread->ledger_due_ns = now + LEDGER_FLUSH_NS;
    }
}

static void turn(struct sink_thread *thread)
{
    struct io_event events[SINK_THREAD_EVENTS];
    uint32_t count = io_wait(thread->io, deadline(thread), events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        dispatch(thread, &events[i]);
    end_turn(thread);
}

void sink_thread_run(struct sink_thread *thread)
{
    uint64_t for_ns = thread->sink->options->for_ns;

    thread->end_ns = for_ns == 0 ? UINT64_MAX : io_now_ns(thread->io) + for_ns;
    while (!atomic_load(&thread->sink->stopping) && io_now_ns(thread->io) < thread->end_ns)
        turn(thread);
}

static bool refuses(const struct sink *sink, uint32_t listener)
{
    const struct sink_options *options = sink->options;
    const struct persona *persona = persona_for_connection(options->receiver.personas, listener + 1,
                                                           options->listeners[listener].port, 0);

    return persona != NULL && persona->refuse;
}

static int fail(struct sink_thread *thread, int result, const char *what)
{
    if (thread->error.size == 0)
        text_add_format(&thread->error, "%s: %s", what, strerrordesc_np(-result));
    return result;
}

/* All listeners, before any connection is looked at: connections wait in the backlog. */
static int listen_all(struct sink_thread *thread)
{
    struct sink *sink = thread->sink;
    uint32_t wanted = 0;

    for (uint32_t i = 0; i < sink->options->listeners_count; i++) {
        struct io_address address = {.ip = sink->options->listeners[i]};

        if (refuses(sink, i))
            continue;
        if (sink->ports[i] != 0) { /* the first thread listens there */
            address.ip.port = sink->ports[i];
            address.shared = true;
        }
        io_listen(thread->io, make_tag(OP_LISTEN, 0, i), &address);
        wanted++;
    }
    while (thread->bound_count < wanted && thread->listen_error == 0)
        turn(thread);
    if (thread->listen_error != 0)
        return fail(thread, thread->listen_error, "cannot listen");
    return 0;
}

static int make_room(struct sink_thread *thread)
{
    uint32_t count = thread->sink->options->connections_max;
    uint32_t secured = thread->sink->tls.library != NULL ? count : 0;
    size_t size =
        slab_cost(count, sizeof(struct sink_connection)) +
        arena_cost(BUFFERS_COUNT, sizeof(struct sink_held)) + arena_cost(count, RECEIVER_LINE_MAX) +
        arena_cost(count, RECEIVER_ENVELOPE_MAX) + arena_cost(count, SINK_CONNECTION_OUT) +
        arena_cost(secured, sizeof(struct sink_tls)) + arena_cost(secured, SINK_TLS_PLAIN);
    int result = arena_open(&thread->arena, size);

    if (result < 0)
        return fail(thread, result, "cannot get memory for connections");
    slab_init(&thread->connections, &thread->arena, count, sizeof(struct sink_connection));
    thread->held = arena_alloc(&thread->arena, BUFFERS_COUNT, sizeof(struct sink_held));
    thread->lines = arena_alloc(&thread->arena, count, RECEIVER_LINE_MAX);
    thread->envelopes = arena_alloc(&thread->arena, count, RECEIVER_ENVELOPE_MAX);
    thread->outs = arena_alloc(&thread->arena, count, SINK_CONNECTION_OUT);
    if (secured > 0) {
        uint8_t *plains = arena_alloc(&thread->arena, secured, SINK_TLS_PLAIN);

        thread->tls = arena_alloc(&thread->arena, secured, sizeof(struct sink_tls));
        for (uint32_t i = 0; i < secured; i++)
            thread->tls[i].plain = plains + (size_t)i * SINK_TLS_PLAIN;
    }
    arena_seal(&thread->arena);
    result = ledger_init(&thread->ledger, thread->sink->ledger_file);
    return result < 0 ? fail(thread, result, "cannot get memory for the ledger") : 0;
}

int sink_thread_open(struct sink_thread *thread, struct sink *sink, uint32_t index)
{
    struct io_options options = {.group = sink->group,
                                 .index = index,
                                 .handles_max =
                                     sink->options->connections_max + SINK_LISTENERS_MAX + 16,
                                 .buffers_count = BUFFERS_COUNT,
                                 .buffer_size = BUFFER_SIZE,
                                 .wake_tag = make_tag(OP_WAKE, 0, 0)};
    uint64_t seed;
    int result;

    *thread = (struct sink_thread){.sink = sink, .index = index, .end_ns = UINT64_MAX};
    thread->ledger.file = -1;
    text_init(&thread->error, thread->error_buffer, sizeof(thread->error_buffer));
    list_init(&thread->dirty);
    result = io_open(&thread->io, &options, &thread->error);
    if (result < 0)
        return fail(thread, result, "cannot open the ring");
    wheel_init(&thread->wheel, io_now_ns(thread->io));
    if (index == 0)
        io_signals(thread->io, make_tag(OP_SIGNAL, 0, 0), IO_SIGNAL_STOP);
    result = io_entropy(thread->io, &seed, sizeof(seed));
    if (result == 0 && index == 0)
        result = io_entropy(thread->io, &sink->hash_key, sizeof(sink->hash_key));
    if (result < 0)
        return fail(thread, result, "no random numbers");
    prng_seed(&thread->prng, seed);
    result = make_room(thread);
    return result < 0 ? result : listen_all(thread);
}

void sink_thread_close(struct sink_thread *thread)
{
    for (uint32_t i = 0; thread->arena.data != NULL && i < thread->connections.slots_max; i++) {
        struct sink_connection *connection = slab_at(&thread->connections, i);

        if (connection == NULL)
            continue;
        thread->counts.protocol_errors += connection->receiver.protocol_errors;
        thread->counts.rejected += connection->receiver.rejected_count;
        sink_tls_end(connection);
    }
    if (thread->ledger.file >= 0)
        ledger_flush(&thread->ledger);
    thread->counts.ledger_error = thread->ledger.error_number;
    io_close(thread->io);
    thread->io = NULL;
    ledger_free(&thread->ledger);
    arena_close(&thread->arena);
}
