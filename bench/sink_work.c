#include "bench/sink_work.h"

#include "base/check.h"

static void note_recipient(struct sink_thread *thread, const struct receiver *receiver,
                           struct span recipient)
{
    struct sink *sink = thread->sink;
    uint8_t buffer[RECEIVER_LINE_MAX + DIGEST_ID_MAX + 1];
    struct text key;

    text_init(&key, buffer, sizeof(buffer));
    text_add_lower(&key, recipient);
    text_add_byte(&key, 0);
    text_add(&key, span_make(receiver->digest.id, receiver->digest.id_size));
    switch (doubles_add(&sink->doubles, table_hash(&sink->hash_key, text_span(&key)))) {
    case DOUBLES_NEW:
        break;
    case DOUBLES_SEEN:
        thread->counts.duplicates++;
        break;
    case DOUBLES_FULL:
        thread->counts.untracked++;
        break;
    }
}

static void note_message(struct sink_thread *thread, struct sink_connection *connection)
{
    struct receiver *receiver = &connection->receiver;
    struct span recipients = text_span(&receiver->recipients);

    thread->counts.messages++;
    thread->counts.tls_messages += receiver->secure;
    thread->counts.recipients += receiver->recipients_count;
    thread->counts.bytes += receiver->digest.size;
    if (receiver->digest.id_size == 0)
        thread->counts.without_message_id++;
    while (recipients.size > 0 && receiver->digest.id_size > 0)
        note_recipient(thread, receiver, receiver_recipient(&recipients));
    if (thread->ledger.file >= 0)
        ledger_note(&thread->ledger, receiver, io_wall_ns(thread->io), connection->number);
}

void sink_work_secure(struct sink_thread *thread, struct sink_connection *connection)
{
    uint32_t index = slab_handle_of(&thread->connections, connection).index;
    struct sink_tls *tls = &thread->tls[index];

    if (connection->held_count > 0 ||
        !sink_tls_start(tls, &thread->sink->tls, io_wall_ns(thread->io) / NS_PER_S)) {
        connection->receiver.protocol_errors += connection->held_count > 0; /* it did not wait */
        connection->closing = true;
        return;
    }
    connection->tls = tls;
}

/* What the receiver is to read; false when there is nothing for it to do. */
static bool take_input(struct sink_thread *thread, struct sink_connection *connection,
                       struct span *ret_input)
{
    struct receiver *receiver = &connection->receiver;

    if (connection->tls == NULL) {
        *ret_input = sink_connection_input(connection, thread->held, thread->io);
        return true;
    }
    switch (sink_tls_input(connection, thread->held, thread->io, ret_input)) {
    case SINK_TLS_WAITS:
        return false;
    case SINK_TLS_OPENS:
        thread->counts.tls_sessions++;
        thread->counts.tls_resumed += connection->tls->stream.resumed;
        receiver_secured(receiver);
        return true;
    case SINK_TLS_OPEN:
        return true;
    case SINK_TLS_ENDS:
        if (receiver->state != RECEIVER_SILENT)
            receiver_gone(receiver);
        connection->closing = true;
        return false;
    case SINK_TLS_BREAKS:
        thread->counts.tls_failures++;
        connection->closing = true;
        return false;
    }
    UNREACHABLE("a state of the TLS of the sink");
}

/* One step of the receiver: its replies go out as they are, or through the filter. */
static enum receiver_want step(struct sink_thread *thread, struct sink_connection *connection,
                               struct span input)
{
    uint8_t replies[SINK_CONNECTION_OUT];
    size_t size = input.size;
    enum receiver_want want;
    struct text out;

    sink_connection_out(connection, &out);
    if (connection->tls == NULL) {
        want = receiver_step(&connection->receiver, &input, &out);
        sink_connection_wrote(connection, &out);
        sink_connection_used(connection, thread->held, thread->io, (uint32_t)(size - input.size));
        return want;
    }
    text_init(&out, replies, sink_tls_room(&out));
    want = receiver_step(&connection->receiver, &input, &out);
    sink_tls_used(connection->tls, size - input.size);
    return sink_tls_reply(connection, text_span(&out)) ? want : RECEIVER_WANT_CLOSE;
}

static void end(struct sink_thread *thread, struct sink_connection *connection)
{
    connection->closing = true;
    sink_connection_release(connection, thread->held, thread->io);
    if (connection->tls != NULL)
        sink_tls_close(connection);
}

void sink_work(struct sink_thread *thread, struct sink_connection *connection)
{
    struct span input;

    while (!connection->closing && take_input(thread, connection, &input)) {
        enum receiver_want want = step(thread, connection, input);

        if (want == RECEIVER_WANT_NOTE)
            note_message(thread, connection);
        if (want == RECEIVER_WANT_ROOM)
            break;
        if (want == RECEIVER_WANT_CLOSE)
            end(thread, connection);
        if (want == RECEIVER_WANT_TLS)
            sink_work_secure(thread, connection);
        if (want == RECEIVER_WANT_INPUT && connection->held_count == 0 &&
            (connection->tls == NULL || !sink_tls_pending(connection->tls)))
            break;
    }
    if (connection->closing)
        sink_connection_release(connection, thread->held, thread->io);
    if (!list_linked(&connection->dirty_node))
        list_push_back(&thread->dirty, &connection->dirty_node);
}
