/* dns_stream.h - messages out of the bytes of a TCP connection (RFC 1035 4.2.2, RFC 7766 8).
 *
 * Knows nothing of what the messages say. Bytes may be cut anywhere. Borrows its buffer, which
 * takes the largest message there is. */
#ifndef DNS_DNS_STREAM_H
#define DNS_DNS_STREAM_H

#include "base/span.h"

#define DNS_STREAM_PREFIX_SIZE 2
#define DNS_STREAM_BUFFER_SIZE (DNS_STREAM_PREFIX_SIZE + UINT16_MAX)

struct dns_stream {
    uint8_t *buffer; /* DNS_STREAM_BUFFER_SIZE octets */
    size_t size;
    bool whole; /* the message in the buffer has been given out */
};

void dns_stream_init(struct dns_stream *stream, uint8_t *buffer);
void dns_stream_reset(struct dns_stream *stream);
/* Takes bytes off the front of *bytes. 1: *ret_message is whole, valid until the next call; call
 * again. 0: all bytes are taken and more are needed. -EBADMSG: a length below a header's. */
MUST_USE int dns_stream_next(struct dns_stream *stream, struct span *bytes,
                             struct span *ret_message);

#endif
