/* http_request.h - the head of a GET or POST request (RFC 9110, RFC 9112).
 *
 * Knows nothing of connections. One request a connection: it asks for "Connection: close". What
 * comes from outside (a host out of the DNS, a path out of a record) cannot add a line. Borrows
 * what it is given for the call. */
#ifndef HTTP_HTTP_REQUEST_H
#define HTTP_HTTP_REQUEST_H

#include "base/span.h"
#include "base/text.h"

struct http_request {
    struct span host;         /* for the Host field: "example.org", "example.org:8443" */
    struct span target;       /* "/.well-known/mta-sts.txt": begins with '/' */
    struct span agent;        /* User-Agent */
    struct span content_type; /* POST; without one it is a GET */
    size_t body_size;         /* POST: octets that the caller sends behind the head */
};

/* Writes the head with its empty line. -EINVAL when a part holds what could end it (blanks and
 * controls, bytes outside ASCII; blanks may stand in the agent and the type) or is missing; -ENOSPC
 * when it does not fit: then nothing is written. */
MUST_USE int http_request_write(const struct http_request *request, struct text *out);

#endif
