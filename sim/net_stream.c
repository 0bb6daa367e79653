#include "sim/net_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "sim/net_segment.h"

#define WINDOW_DEFAULT ((size_t)64 * KIB)
#define PIECES_MAX 64

/* --- streams --- */

struct net_stream *net_stream_claim(struct net_sim *net)
{
    struct list_node *node = list_pop_front(&net->streams_free);
    struct net_stream *stream =
        node != NULL ? CONTAINER_OF(node, struct net_stream, node) : malloc(sizeof(*stream));

    CHECK(stream != NULL);
    *stream = (struct net_stream){.net = net, .generation = ++net->generation};
    for (size_t i = 0; i < 2; i++) {
        stream->ends[i].stream = stream;
        stream->ends[i].closed = true;
        stream->ends[i].reset_after = UINT64_MAX;
        stream->ends[i].silence_after = UINT64_MAX;
    }
    list_push_back(&net->streams, &stream->node);
    return stream;
}

static void stream_release(struct net_stream *stream)
{
    for (size_t i = 0; i < 2; i++) {
        net_segment_drop(&stream->ends[i].transit);
        net_segment_drop(&stream->ends[i].arrived);
    }
    stream->generation = 0;
    list_remove(&stream->node);
    list_push_back(&stream->net->streams_free, &stream->node);
}

void net_stream_close_all(struct net_sim *net)
{
    while (!list_empty(&net->streams))
        stream_release(CONTAINER_OF(list_first(&net->streams), struct net_stream, node));
    list_for_each_safe(node, after, &net->streams_free)
        free(CONTAINER_OF(node, struct net_stream, node));
    list_init(&net->streams_free);
}

uint32_t net_stream_index(const struct net_end *end)
{
    return end == &end->stream->ends[1];
}

struct net_end *net_stream_other(const struct net_end *end)
{
    return &end->stream->ends[1 - net_stream_index(end)];
}

const struct ip_port *net_stream_local(const struct net_end *end)
{
    return &end->stream->addresses[net_stream_index(end)];
}

const struct ip_port *net_stream_remote(const struct net_end *end)
{
    return &end->stream->addresses[1 - net_stream_index(end)];
}

void net_stream_after(struct net_stream *stream, uint64_t delay_ns, timeline_run *run,
                      uint32_t index)
{
    timeline_add(stream->net->timeline, delay_ns, run, stream, stream->generation << 1 | index);
}

/* The end that a task is for, or NULL when its stream is gone. */
struct net_end *net_stream_task_end(void *object, uint64_t argument)
{
    struct net_stream *stream = object;

    return stream->generation == argument >> 1 ? &stream->ends[argument & 1] : NULL;
}

uint64_t net_stream_latency_ns(struct net_stream *stream)
{
    struct net_sim *net = stream->net;

    if (stream->host == NULL)
        return 2000;
    if (net_sim_is_spared(net, stream->host))
        return stream->host->latency_ns;
    return stream->host->latency_ns + prng_below(&net->prng, net->options.jitter_max_ns + 1);
}

void net_stream_tell_readable(struct net_end *end)
{
    if (!end->closed && end->opened && end->calls->readable != NULL)
        end->calls->readable(end->owner);
}

void net_stream_break(struct net_end *end, int error)
{
    if (end->closed || end->error != 0)
        return;
    end->error = error;
    if (!end->opened) {
        end->opened = true;
        end->calls->opened(end->owner, -error);
        return;
    }
    if (end->wants_room && end->calls->writable != NULL) {
        uint64_t generation = end->stream->generation;

        end->wants_room = false;
        end->calls->writable(end->owner);
        if (end->stream->generation != generation)
            return;
    }
    net_stream_tell_readable(end);
}

void net_stream_times_out(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);

    if (end != NULL)
        net_stream_break(end, ETIMEDOUT);
}

void net_stream_take(struct net_end *end, const struct net_end_calls *calls, void *owner)
{
    end->calls = calls;
    end->owner = owner;
}

/* --- reading and writing --- */

static size_t piece_size(struct net_stream *stream, size_t left, uint32_t pieces)
{
    if (!stream->chopped || pieces >= PIECES_MAX)
        return left;
    if (prng_percent(&stream->net->prng, 60))
        return 1;
    return 1 + prng_below(&stream->net->prng, min_size(left, 200));
}

int net_stream_write(struct net_end *end, struct span bytes)
{
    struct net_stream *stream = end->stream;
    struct net_end *other = net_stream_other(end);
    size_t window = stream->net->options.window == 0 ? WINDOW_DEFAULT : stream->net->options.window;
    uint32_t pieces = 0;
    size_t taken;

    if (end->error != 0)
        return end->error == ECONNRESET && prng_percent(&stream->net->prng, 50) ? -EPIPE
                                                                                : -end->error;
    if (end->shut)
        return -EPIPE;
    if (!end->opened)
        return -ENOTCONN;
    if (other->held >= window) {
        end->wants_room = true;
        return 0;
    }
    bytes = span_first(bytes, window - other->held);
    taken = bytes.size;
    while (bytes.size > 0) {
        size_t size = min_size(piece_size(stream, bytes.size, pieces++), bytes.size);

        net_segment_send(other, NET_SEGMENT_BYTES, span_first(bytes, size));
        bytes = span_skip(bytes, size);
    }
    return (int)taken;
}

struct span net_stream_read(const struct net_end *end)
{
    return net_segment_read(&end->arrived);
}

static void room_again(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);

    if (end == NULL || end->closed || end->error != 0 || !end->wants_room)
        return;
    end->wants_room = false;
    if (end->calls->writable != NULL)
        end->calls->writable(end->owner);
}

void net_stream_consume(struct net_end *end, size_t size)
{
    const struct net_end *other = net_stream_other(end);

    if (size == 0)
        return;
    net_segment_consume(&end->arrived, size);
    end->held -= size;
    if (other->wants_room && !end->stream->silent)
        net_stream_after(end->stream, net_stream_latency_ns(end->stream), room_again,
                         1 - net_stream_index(end));
}

/* --- ending --- */

void net_stream_shut(struct net_end *end)
{
    if (end->shut || end->error != 0)
        return;
    end->shut = true;
    if (!net_stream_other(end)->closed)
        net_segment_send(net_stream_other(end), NET_SEGMENT_FIN, span_make(NULL, 0));
}

static void end_close(struct net_end *end)
{
    end->closed = true;
    end->owner = NULL;
    if (net_stream_index(end) == 0 && end->stream->host != NULL)
        end->stream->host->open_count--;
    if (net_stream_other(end)->closed)
        stream_release(end->stream);
}

void net_stream_reset(struct net_end *end)
{
    if (!net_stream_other(end)->closed && end->error == 0)
        net_segment_send(net_stream_other(end), NET_SEGMENT_RESET, span_make(NULL, 0));
    end_close(end);
}

void net_stream_close(struct net_end *end)
{
    if (end->arrived.first != NULL) {
        net_stream_reset(end);
        return;
    }
    net_stream_shut(end);
    end_close(end);
}

void net_stream_vanish(struct net_end *end)
{
    struct net_stream *stream = end->stream;
    uint32_t other = 1 - net_stream_index(end);

    stream->silent = true;
    if (!stream->ends[other].closed)
        net_stream_after(stream, prng_below(&stream->net->prng, 300 * NS_PER_S),
                         net_stream_times_out, other);
    end_close(end);
}
