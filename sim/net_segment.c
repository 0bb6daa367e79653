#include "sim/net_segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define SILENCE_TIMEOUT_NS (924 * NS_PER_S) /* tcp_retries2 = 15 */

struct net_segment {
    struct net_segment *next;
    enum net_segment_kind kind;
    size_t size;
    size_t used;
    uint8_t bytes[];
};

static void segment_arrives(void *object, uint64_t argument);

static struct net_segment *segment_make(enum net_segment_kind kind, struct span bytes)
{
    struct net_segment *segment = malloc(sizeof(*segment) + bytes.size);

    CHECK(segment != NULL);
    *segment = (struct net_segment){.kind = kind, .size = bytes.size};
    if (bytes.size > 0)
        memcpy(segment->bytes, bytes.data, bytes.size);
    return segment;
}

static void queue_push(struct net_queue *queue, struct net_segment *segment)
{
    segment->next = NULL;
    if (queue->first == NULL)
        queue->first = segment;
    else
        queue->last->next = segment;
    queue->last = segment;
}

static struct net_segment *queue_pop(struct net_queue *queue)
{
    struct net_segment *segment = queue->first;

    CHECK(segment != NULL);
    queue->first = segment->next;
    return segment;
}

void net_segment_send(struct net_end *to, enum net_segment_kind kind, struct span bytes)
{
    struct net_stream *stream = to->stream;
    uint64_t now_ns = stream->net->timeline->now_ns;

    to->due_ns = max_u64(to->due_ns, now_ns + net_stream_latency_ns(stream));
    to->held += bytes.size;
    queue_push(&to->transit, segment_make(kind, bytes));
    net_stream_after(stream, to->due_ns - now_ns, segment_arrives, net_stream_index(to));
}

static void stream_silence(struct net_stream *stream)
{
    stream->silent = true;
    net_stream_after(stream, SILENCE_TIMEOUT_NS, net_stream_times_out, 0);
    net_stream_after(stream, SILENCE_TIMEOUT_NS, net_stream_times_out, 1);
}

/* Takes a run of bytes in, up to where the stream was drawn to fail. */
static void bytes_arrive(struct net_end *end, struct net_segment *segment)
{
    uint64_t until = min_u64(end->reset_after, end->silence_after);
    bool fails = until <= segment->size;
    bool resets = end->reset_after <= end->silence_after;

    if (fails) {
        end->held -= segment->size - until;
        segment->size = until;
    }
    if (end->reset_after != UINT64_MAX)
        end->reset_after -= segment->size;
    if (end->silence_after != UINT64_MAX)
        end->silence_after -= segment->size;
    if (segment->size > 0)
        queue_push(&end->arrived, segment);
    else
        free(segment);
    if (!fails)
        return;
    if (resets) {
        net_segment_send(end, NET_SEGMENT_RESET, span_make(NULL, 0));
        net_segment_send(net_stream_other(end), NET_SEGMENT_RESET, span_make(NULL, 0));
    } else {
        stream_silence(end->stream);
    }
}

static void segment_take(struct net_end *end, struct net_segment *segment)
{
    enum net_segment_kind kind = segment->kind;

    if (kind == NET_SEGMENT_BYTES) {
        bytes_arrive(end, segment);
        net_stream_tell_readable(end);
        return;
    }
    free(segment);
    if (kind == NET_SEGMENT_FIN) {
        end->ended = true;
        net_stream_tell_readable(end);
    } else {
        net_stream_break(end, ECONNRESET);
    }
}

static void segment_arrives(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);
    struct net_stream *stream = object;
    struct net_segment *segment;

    if (end == NULL || stream->silent)
        return;
    if (stream->host != NULL && stream->host->clogged_until_ns > stream->net->timeline->now_ns) {
        net_stream_after(stream, stream->host->clogged_until_ns - stream->net->timeline->now_ns,
                         segment_arrives, net_stream_index(end));
        return;
    }
    segment = queue_pop(&end->transit);
    if (!end->closed && end->error == 0) {
        segment_take(end, segment);
        return;
    }
    /* Bytes for an end that has no owner any more are answered with a reset. */
    if (segment->kind == NET_SEGMENT_BYTES && !net_stream_other(end)->closed &&
        net_stream_other(end)->error == 0)
        net_segment_send(net_stream_other(end), NET_SEGMENT_RESET, span_make(NULL, 0));
    free(segment);
}

/* --- what has arrived --- */

struct span net_segment_read(const struct net_queue *queue)
{
    const struct net_segment *segment = queue->first;

    if (segment == NULL)
        return span_make(NULL, 0);
    return span_make(segment->bytes + segment->used, segment->size - segment->used);
}

void net_segment_consume(struct net_queue *queue, size_t size)
{
    struct net_segment *segment = queue->first;

    CHECK(segment != NULL);
    CHECK(size <= segment->size - segment->used);
    segment->used += size;
    if (segment->used == segment->size)
        free(queue_pop(queue));
}

void net_segment_drop(struct net_queue *queue)
{
    while (queue->first != NULL) {
        struct net_segment *segment = queue->first;

        queue->first = segment->next;
        free(segment);
    }
    queue->last = NULL;
}
