#include "sim/net_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define WINDOW_DEFAULT ((size_t)64 * KIB)
#define SILENCE_TIMEOUT_NS (924 * NS_PER_S) /* tcp_retries2 = 15 */
#define PIECES_MAX 64

enum chunk_kind { CHUNK_BYTES, CHUNK_FIN, CHUNK_RESET };

struct net_chunk {
    struct net_chunk *next;
    enum chunk_kind kind;
    size_t size;
    size_t used;
    uint8_t bytes[];
};

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

static void queue_free(struct net_queue *queue)
{
    while (queue->first != NULL) {
        struct net_chunk *chunk = queue->first;

        queue->first = chunk->next;
        free(chunk);
    }
    queue->last = NULL;
}

static void stream_release(struct net_stream *stream)
{
    for (size_t i = 0; i < 2; i++) {
        queue_free(&stream->ends[i].transit);
        queue_free(&stream->ends[i].arrived);
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

static uint32_t end_index(const struct net_end *end)
{
    return end == &end->stream->ends[1];
}

struct net_end *net_stream_other(const struct net_end *end)
{
    return &end->stream->ends[1 - end_index(end)];
}

const struct ip_port *net_stream_local(const struct net_end *end)
{
    return &end->stream->addresses[end_index(end)];
}

const struct ip_port *net_stream_remote(const struct net_end *end)
{
    return &end->stream->addresses[1 - end_index(end)];
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

static void tell_readable(struct net_end *end)
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
    tell_readable(end);
}

/* --- segments --- */

static void segment_arrives(void *object, uint64_t argument);

static struct net_chunk *chunk_make(enum chunk_kind kind, struct span bytes)
{
    struct net_chunk *chunk = malloc(sizeof(*chunk) + bytes.size);

    CHECK(chunk != NULL);
    *chunk = (struct net_chunk){.kind = kind, .size = bytes.size};
    if (bytes.size > 0)
        memcpy(chunk->bytes, bytes.data, bytes.size);
    return chunk;
}

static void queue_push(struct net_queue *queue, struct net_chunk *chunk)
{
    chunk->next = NULL;
    if (queue->first == NULL)
        queue->first = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
}

static struct net_chunk *queue_pop(struct net_queue *queue)
{
    struct net_chunk *chunk = queue->first;

    CHECK(chunk != NULL);
    queue->first = chunk->next;
    return chunk;
}

static void segment_send(struct net_end *to, enum chunk_kind kind, struct span bytes)
{
    struct net_stream *stream = to->stream;
    uint64_t now_ns = stream->net->timeline->now_ns;

    to->due_ns = max_u64(to->due_ns, now_ns + net_stream_latency_ns(stream));
    to->held += bytes.size;
    queue_push(&to->transit, chunk_make(kind, bytes));
    net_stream_after(stream, to->due_ns - now_ns, segment_arrives, end_index(to));
}

void net_stream_times_out(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);

    if (end != NULL)
        net_stream_break(end, ETIMEDOUT);
}

static void stream_silence(struct net_stream *stream)
{
    stream->silent = true;
    net_stream_after(stream, SILENCE_TIMEOUT_NS, net_stream_times_out, 0);
    net_stream_after(stream, SILENCE_TIMEOUT_NS, net_stream_times_out, 1);
}

/* Takes a run of bytes in, up to where the stream was drawn to fail. */
static void bytes_arrive(struct net_end *end, struct net_chunk *chunk)
{
    uint64_t until = min_u64(end->reset_after, end->silence_after);
    bool fails = until <= chunk->size;
    bool resets = end->reset_after <= end->silence_after;

    if (fails) {
        end->held -= chunk->size - until;
        chunk->size = until;
    }
    if (end->reset_after != UINT64_MAX)
        end->reset_after -= chunk->size;
    if (end->silence_after != UINT64_MAX)
        end->silence_after -= chunk->size;
    if (chunk->size > 0)
        queue_push(&end->arrived, chunk);
    else
        free(chunk);
    if (!fails)
        return;
    if (resets) {
        segment_send(end, CHUNK_RESET, span_make(NULL, 0));
        segment_send(net_stream_other(end), CHUNK_RESET, span_make(NULL, 0));
    } else {
        stream_silence(end->stream);
    }
}

static void segment_take(struct net_end *end, struct net_chunk *chunk)
{
    enum chunk_kind kind = chunk->kind;

    if (kind == CHUNK_BYTES) {
        bytes_arrive(end, chunk);
        tell_readable(end);
        return;
    }
    free(chunk);
    if (kind == CHUNK_FIN) {
        end->ended = true;
        tell_readable(end);
    } else {
        net_stream_break(end, ECONNRESET);
    }
}

static void segment_arrives(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);
    struct net_stream *stream = object;
    struct net_chunk *chunk;

    if (end == NULL || stream->silent)
        return;
    if (stream->host != NULL && stream->host->clogged_until_ns > stream->net->timeline->now_ns) {
        net_stream_after(stream, stream->host->clogged_until_ns - stream->net->timeline->now_ns,
                         segment_arrives, end_index(end));
        return;
    }
    chunk = queue_pop(&end->transit);
    if (!end->closed && end->error == 0) {
        segment_take(end, chunk);
        return;
    }
    /* Bytes for an end that has no owner any more are answered with a reset. */
    if (chunk->kind == CHUNK_BYTES && !net_stream_other(end)->closed &&
        net_stream_other(end)->error == 0)
        segment_send(net_stream_other(end), CHUNK_RESET, span_make(NULL, 0));
    free(chunk);
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

        segment_send(other, CHUNK_BYTES, span_first(bytes, size));
        bytes = span_skip(bytes, size);
    }
    return (int)taken;
}

struct span net_stream_read(const struct net_end *end)
{
    const struct net_chunk *chunk = end->arrived.first;

    if (chunk == NULL)
        return span_make(NULL, 0);
    return span_make(chunk->bytes + chunk->used, chunk->size - chunk->used);
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
    struct net_chunk *chunk = end->arrived.first;
    const struct net_end *other = net_stream_other(end);

    if (size == 0)
        return;
    CHECK(chunk != NULL);
    CHECK(size <= chunk->size - chunk->used);
    chunk->used += size;
    end->held -= size;
    if (chunk->used == chunk->size)
        free(queue_pop(&end->arrived));
    if (other->wants_room && !end->stream->silent)
        net_stream_after(end->stream, net_stream_latency_ns(end->stream), room_again,
                         1 - end_index(end));
}

/* --- ending --- */

void net_stream_shut(struct net_end *end)
{
    if (end->shut || end->error != 0)
        return;
    end->shut = true;
    if (!net_stream_other(end)->closed)
        segment_send(net_stream_other(end), CHUNK_FIN, span_make(NULL, 0));
}

static void end_close(struct net_end *end)
{
    end->closed = true;
    end->owner = NULL;
    if (end_index(end) == 0 && end->stream->host != NULL)
        end->stream->host->open_count--;
    if (net_stream_other(end)->closed)
        stream_release(end->stream);
}

void net_stream_reset(struct net_end *end)
{
    if (!net_stream_other(end)->closed && end->error == 0)
        segment_send(net_stream_other(end), CHUNK_RESET, span_make(NULL, 0));
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
    uint32_t other = 1 - end_index(end);

    stream->silent = true;
    if (!stream->ends[other].closed)
        net_stream_after(stream, prng_below(&stream->net->prng, 300 * NS_PER_S),
                         net_stream_times_out, other);
    end_close(end);
}
