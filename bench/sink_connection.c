#include "bench/sink_connection.h"

#include "base/check.h"

void sink_connection_init(struct sink_connection *connection)
{
    connection->tls = NULL;
    connection->held_first = SINK_CONNECTION_HELD_NONE;
    connection->held_last = SINK_CONNECTION_HELD_NONE;
}

void sink_connection_hold(struct sink_connection *connection, struct sink_held *pool,
                          const struct io_event *event)
{
    uint32_t index = event->buffer;

    pool[index] = (struct sink_held){.event = *event, .next = SINK_CONNECTION_HELD_NONE};
    if (connection->held_last == SINK_CONNECTION_HELD_NONE)
        connection->held_first = index;
    else
        pool[connection->held_last].next = index;
    connection->held_last = index;
    connection->held_count++;
}

static void drop_first(struct sink_connection *connection, struct sink_held *pool, struct io *io)
{
    struct sink_held *held = &pool[connection->held_first];

    connection->held_first = held->next;
    if (held->next == SINK_CONNECTION_HELD_NONE)
        connection->held_last = SINK_CONNECTION_HELD_NONE;
    connection->held_count--;
    io_buffer_return(io, &held->event);
}

void sink_connection_release(struct sink_connection *connection, struct sink_held *pool,
                             struct io *io)
{
    while (connection->held_first != SINK_CONNECTION_HELD_NONE)
        drop_first(connection, pool, io);
}

struct span sink_connection_input(const struct sink_connection *connection,
                                  const struct sink_held *pool, const struct io *io)
{
    const struct sink_held *held;

    if (connection->held_first == SINK_CONNECTION_HELD_NONE)
        return span_make(NULL, 0);
    held = &pool[connection->held_first];
    return span_skip(io_buffer(io, &held->event), held->used);
}

void sink_connection_used(struct sink_connection *connection, struct sink_held *pool, struct io *io,
                          uint32_t size)
{
    struct sink_held *held;

    if (connection->held_first == SINK_CONNECTION_HELD_NONE)
        return;
    held = &pool[connection->held_first];
    held->used += size;
    CHECK(held->used <= (uint32_t)held->event.result);
    if (held->used == (uint32_t)held->event.result)
        drop_first(connection, pool, io);
}

void sink_connection_out(struct sink_connection *connection, struct text *ret_out)
{
    if (connection->out_begin == connection->out_end && !connection->sending) {
        connection->out_begin = 0;
        connection->out_ready = 0;
        connection->out_end = 0;
    }
    text_init(ret_out, connection->out + connection->out_end,
              SINK_CONNECTION_OUT - connection->out_end);
}

void sink_connection_wrote(struct sink_connection *connection, const struct text *out)
{
    CHECK(!out->overflow);
    connection->out_end += (uint32_t)out->size;
}

void sink_connection_mark(struct sink_connection *connection, uint64_t now_ns)
{
    struct sink_mark mark = {.due_ns = now_ns + connection->delay_ns, .end = connection->out_end};
    uint32_t marked = connection->marks_count > 0
                          ? connection->marks[connection->marks_count - 1].end
                          : connection->out_ready;

    if (connection->delay_ns == 0) {
        connection->out_ready = connection->out_end;
        return;
    }
    if (mark.end == marked)
        return;
    /* More flights under way than there are marks: the last two leave together, late. */
    if (connection->marks_count == SINK_CONNECTION_MARKS)
        connection->marks_count--;
    connection->marks[connection->marks_count++] = mark;
}

void sink_connection_ripen(struct sink_connection *connection, uint64_t now_ns)
{
    uint32_t due = 0;

    while (due < connection->marks_count && connection->marks[due].due_ns <= now_ns)
        connection->out_ready = connection->marks[due++].end;
    for (uint32_t i = due; i < connection->marks_count; i++)
        connection->marks[i - due] = connection->marks[i];
    connection->marks_count -= due;
}

struct span sink_connection_sendable(const struct sink_connection *connection)
{
    uint32_t size = connection->out_ready - connection->out_begin;

    if (connection->sending)
        return span_make(NULL, 0);
    if (connection->split > 0 && size > connection->split)
        size = connection->split;
    return span_make(connection->out + connection->out_begin, size);
}

void sink_connection_sent(struct sink_connection *connection, uint32_t size)
{
    connection->sending = false;
    connection->out_begin += size;
    CHECK(connection->out_begin <= connection->out_ready);
}

bool sink_connection_drained(const struct sink_connection *connection)
{
    return connection->out_begin == connection->out_end && !connection->sending;
}
