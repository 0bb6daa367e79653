#include "bench/sink_tls.h"

#include <string.h>

#include "base/check.h"

bool sink_tls_start(struct sink_tls *tls, const struct tls_context *context, uint64_t now_s)
{
    struct tls_stream_options options = {.identity = TLS_CONTEXT_IDENTITY_NONE};

    tls->plain_begin = 0;
    tls->plain_end = 0;
    tls->more = false;
    memset(&tls->stream, 0, sizeof(tls->stream));
    return tls_stream_start(&tls->stream, context, &options, now_s) == 0;
}

/* One call of the filter with one held buffer, or with none. */
static enum tls_want feed(struct sink_connection *connection, struct sink_held *pool, struct io *io)
{
    struct sink_tls *tls = connection->tls;
    struct span input = sink_connection_input(connection, pool, io);
    size_t size = input.size;
    uint64_t now_s = io_wall_ns(io) / NS_PER_S;
    enum tls_want want;
    struct text plain;
    struct text out;

    sink_connection_out(connection, &out);
    if (text_room(&out) < TLS_STREAM_OUT_MIN)
        return TLS_WANT_WRITE;
    text_init(&plain, tls->plain, SINK_TLS_PLAIN);
    if (tls->stream.state == TLS_HANDSHAKE)
        want = tls_stream_step(&tls->stream, &input, &out, now_s);
    else
        want = tls_stream_read(&tls->stream, &input, &plain, &out, now_s);
    tls->plain_begin = 0;
    tls->plain_end = (uint32_t)plain.size;
    tls->more = want == TLS_WANT_ROOM || want == TLS_WANT_WRITE;
    sink_connection_wrote(connection, &out);
    sink_connection_used(connection, pool, io, (uint32_t)(size - input.size));
    return want;
}

enum sink_tls_state sink_tls_input(struct sink_connection *connection, struct sink_held *pool,
                                   struct io *io, struct span *ret_input)
{
    struct sink_tls *tls = connection->tls;
    bool shaking = tls->stream.state == TLS_HANDSHAKE;

    *ret_input = span_make(NULL, 0);
    while (tls->plain_begin == tls->plain_end && (connection->held_count > 0 || tls->more)) {
        enum tls_want want = feed(connection, pool, io);

        if (want == TLS_WANT_WRITE)
            break;
        if (want == TLS_WANT_OPEN && shaking)
            return SINK_TLS_OPENS;
        if (want == TLS_WANT_CLOSE && tls->plain_begin == tls->plain_end)
            return tls->stream.state == TLS_CLOSED ? SINK_TLS_ENDS : SINK_TLS_BREAKS;
        if (want == TLS_WANT_CLOSE)
            break;
    }
    *ret_input = span_make(tls->plain + tls->plain_begin, tls->plain_end - tls->plain_begin);
    return shaking ? SINK_TLS_WAITS : SINK_TLS_OPEN;
}

void sink_tls_used(struct sink_tls *tls, size_t size)
{
    tls->plain_begin += (uint32_t)size;
    CHECK(tls->plain_begin <= tls->plain_end);
}

bool sink_tls_pending(const struct sink_tls *tls)
{
    return tls->plain_begin < tls->plain_end || tls->more;
}

size_t sink_tls_room(const struct text *out)
{
    size_t room = text_room(out);

    return room <= TLS_STREAM_OVERHEAD_MAX
               ? 0
               : min_size(room - TLS_STREAM_OVERHEAD_MAX, TLS_STREAM_RECORD_MAX);
}

bool sink_tls_reply(struct sink_connection *connection, struct span plain)
{
    struct text out;
    size_t taken;

    sink_connection_out(connection, &out);
    taken = tls_stream_write(&connection->tls->stream, plain, &out);
    sink_connection_wrote(connection, &out);
    return taken == plain.size;
}

void sink_tls_close(struct sink_connection *connection)
{
    struct text out;

    sink_connection_out(connection, &out);
    if (text_room(&out) >= TLS_STREAM_OUT_MIN)
        tls_stream_close(&connection->tls->stream, &out);
    sink_connection_wrote(connection, &out);
}

void sink_tls_end(struct sink_connection *connection)
{
    if (connection->tls != NULL)
        tls_stream_reset(&connection->tls->stream);
    connection->tls = NULL;
}
