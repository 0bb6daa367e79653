/* Opening a stream: the way of a SYN, and the faults drawn for the stream's life. */
#include "sim/net_stream.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define CONNECT_TIMEOUT_NS (127 * NS_PER_S)
#define FAULT_BYTES_DEFAULT 4096

static void connect_done(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);

    if (end == NULL || end->closed || end->opened)
        return;
    end->opened = true;
    end->calls->opened(end->owner, 0);
}

static void connect_refused(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);

    if (end != NULL)
        net_stream_break(end, ECONNREFUSED);
}

static void draw_faults(struct net_stream *stream)
{
    struct net_sim *net = stream->net;
    const struct net_options *options = &net->options;
    uint32_t bytes_max =
        options->fault_bytes_max == 0 ? FAULT_BYTES_DEFAULT : options->fault_bytes_max;
    struct net_end *end = &stream->ends[prng_below(&net->prng, 2)];

    stream->chopped = prng_percent(&net->prng, options->chop_percent);
    if (net_sim_is_spared(net, stream->host))
        return;
    if (prng_below(&net->prng, 1000) < options->reset_permille)
        end->reset_after = prng_below(&net->prng, bytes_max);
    else if (prng_below(&net->prng, 1000) < options->silence_permille)
        end->silence_after = prng_below(&net->prng, bytes_max);
    if (prng_below(&net->prng, 1000) < options->clog_permille)
        net_sim_clog(net, 1 + (uint32_t)prng_below(&net->prng, 50));
}

/* The SYN has reached the host. */
static void connect_arrives(void *object, uint64_t argument)
{
    struct net_end *end = net_stream_task_end(object, argument);
    struct net_stream *stream = object;
    struct net_end *other;
    struct net_place *place;

    if (end == NULL || end->closed)
        return;
    if (stream->host != NULL && stream->host->clogged_until_ns > stream->net->timeline->now_ns) {
        net_stream_after(stream, stream->host->clogged_until_ns - stream->net->timeline->now_ns,
                         connect_arrives, 0);
        return;
    }
    place = net_sim_find(stream->net, stream->kind, &stream->addresses[1], stream->path);
    if (place == NULL) {
        net_stream_after(stream, net_stream_latency_ns(stream), connect_refused, 0);
        return;
    }
    other = net_stream_other(end);
    other->closed = false;
    other->opened = true;
    end->due_ns = stream->net->timeline->now_ns + net_stream_latency_ns(stream);
    net_stream_after(stream, end->due_ns - stream->net->timeline->now_ns, connect_done, 0);
    place->calls->accepted(place, other);
}

/* How long until the SYN arrives; UINT64_MAX: never. */
static uint64_t connect_delay_ns(struct net_stream *stream)
{
    struct net_sim *net = stream->net;
    uint64_t delay_ns = net_stream_latency_ns(stream);

    if (net_sim_is_spared(net, stream->host))
        return delay_ns;
    if (prng_below(&net->prng, 1000) < net->options.connect_lost_permille)
        return UINT64_MAX;
    if (prng_percent(&net->prng, net->options.connect_slow_percent))
        delay_ns += ((UINT64_C(2) << prng_below(&net->prng, 3)) - 1) * NS_PER_S;
    return delay_ns;
}

struct net_end *net_stream_connect(struct net_sim *net, const struct ip_port *from,
                                   const struct ip_port *to, const char *path,
                                   const struct net_end_calls *calls, void *owner)
{
    struct net_stream *stream = net_stream_claim(net);
    struct net_end *end = &stream->ends[0];
    uint64_t delay_ns;

    end->closed = false;
    end->calls = calls;
    end->owner = owner;
    stream->kind = path != NULL ? NET_UNIX : NET_TCP;
    if (path != NULL) {
        CHECK(strlen(path) < NET_PATH_MAX);
        memcpy(stream->path, path, strlen(path) + 1);
    } else {
        stream->addresses[0] = *from;
        stream->addresses[1] = *to;
        stream->host = net_sim_host(net, &to->ip);
        stream->host->open_count++;
        if (stream->host->open_count > stream->host->open_peak)
            stream->host->open_peak = stream->host->open_count;
    }
    draw_faults(stream);
    delay_ns = connect_delay_ns(stream);
    if (delay_ns == UINT64_MAX)
        net_stream_after(stream, CONNECT_TIMEOUT_NS, net_stream_times_out, 0);
    else if (!net_sim_is_spared(net, stream->host) &&
             prng_below(&net->prng, 1000) < net->options.connect_refused_permille)
        net_stream_after(stream, delay_ns, connect_refused, 0);
    else
        net_stream_after(stream, delay_ns, connect_arrives, 0);
    return end;
}
