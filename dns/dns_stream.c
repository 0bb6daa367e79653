#include "dns/dns_stream.h"

#include <errno.h>
#include <string.h>

#include "dns/wire_check.h"

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written to later */
void dns_stream_init(struct dns_stream *stream, uint8_t *buffer)
{
    *stream = (struct dns_stream){.buffer = buffer};
}

void dns_stream_reset(struct dns_stream *stream)
{
    stream->size = 0;
    stream->whole = false;
}

/* Copies until `size` octets are in the buffer; false when the bytes have run out before. */
static bool fill(struct dns_stream *stream, struct span *bytes, size_t size)
{
    size_t taken = min_size(size - stream->size, bytes->size);

    if (taken > 0)
        memcpy(&stream->buffer[stream->size], bytes->data, taken);
    stream->size += taken;
    *bytes = span_skip(*bytes, taken);
    return stream->size == size;
}

int dns_stream_next(struct dns_stream *stream, struct span *bytes, struct span *ret_message)
{
    if (stream->whole)
        dns_stream_reset(stream);
    if (stream->size < DNS_STREAM_PREFIX_SIZE && !fill(stream, bytes, DNS_STREAM_PREFIX_SIZE))
        return 0;

    size_t message_size = (size_t)stream->buffer[0] << 8 | stream->buffer[1];
    if (message_size < WIRE_HEADER_SIZE)
        return -EBADMSG;
    if (!fill(stream, bytes, DNS_STREAM_PREFIX_SIZE + message_size))
        return 0;
    stream->whole = true;
    *ret_message = span_make(&stream->buffer[DNS_STREAM_PREFIX_SIZE], message_size);
    return 1;
}
