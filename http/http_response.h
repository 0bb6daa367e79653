/* http_response.h - reads one HTTP/1.x response, however its bytes are cut (RFC 9112).
 *
 *   STATUS -> FIELDS -> LENGTH | CHUNK_SIZE <-> CHUNK_DATA, CHUNK_END | UNTIL_CLOSE -> DONE
 *     ^_________| (1xx)              |-> TRAILERS -> DONE
 *   any but DONE -> FAILED
 *
 * Knows nothing of sockets and TLS; time is an argument. For one request on a connection that is
 * closed afterwards: redirects are not followed, nothing is kept. What two readers could take for
 * different lengths is refused: Content-Length twice or beside Transfer-Encoding, any coding but
 * "chunked", folded lines, bare CR or LF, a blank before the colon. Borrows the buffer for the
 * body, whose size is the limit. */
#ifndef HTTP_HTTP_RESPONSE_H
#define HTTP_HTTP_RESPONSE_H

#include "base/span.h"

#define HTTP_RESPONSE_HEAD_MAX                                                                     \
    ((size_t)16 * 1024)             /* octets of status lines, fields and chunk lines */
#define HTTP_RESPONSE_LINE_KEPT 512 /* of a line; a field that counts fits */
#define HTTP_RESPONSE_TYPE_MAX 128

enum http_response_state {
    HTTP_RESPONSE_STATUS,      /* in the status line */
    HTTP_RESPONSE_FIELDS,      /* in the header section */
    HTTP_RESPONSE_LENGTH,      /* `left` octets of the body are awaited */
    HTTP_RESPONSE_CHUNK_SIZE,  /* in the line with the size of a chunk */
    HTTP_RESPONSE_CHUNK_DATA,  /* `left` octets of the chunk are awaited */
    HTTP_RESPONSE_CHUNK_END,   /* the line end behind a chunk is awaited */
    HTTP_RESPONSE_TRAILERS,    /* behind the last chunk; passed over */
    HTTP_RESPONSE_UNTIL_CLOSE, /* the body ends with the connection */
    HTTP_RESPONSE_DONE,        /* status and body are whole */
    HTTP_RESPONSE_FAILED       /* `problem` says why */
};

enum http_response_problem {
    HTTP_PROBLEM_NONE = 0,
    HTTP_PROBLEM_STATUS,     /* not a status line of HTTP/1.0 or 1.1 */
    HTTP_PROBLEM_FIELD,      /* a malformed line in the header section */
    HTTP_PROBLEM_HEAD_LARGE, /* over HTTP_RESPONSE_HEAD_MAX */
    HTTP_PROBLEM_FRAMING,    /* the length of the body can be read in two ways, or in none */
    HTTP_PROBLEM_CHUNK,      /* a malformed chunk */
    HTTP_PROBLEM_BODY_LARGE, /* over the buffer */
    HTTP_PROBLEM_LOST,       /* the connection ended before the response */
    HTTP_PROBLEM_TIMEOUT,    /* not whole by the deadline */
};

struct http_response {
    enum http_response_state state;
    enum http_response_problem problem;
    uint32_t status; /* 200..599 once the header section is read; 0 before */
    bool old;        /* HTTP/1.0 */
    bool has_length;
    bool chunked;
    bool has_type;
    bool after_cr;
    bool has_head; /* the header section of the final response is whole */
    uint64_t deadline_ns;
    uint64_t length; /* Content-Length */
    uint64_t left;   /* of the body or chunk */
    size_t head_size;
    size_t line_size; /* of the line being read, CR included */
    struct span_mut body;
    size_t body_size;
    uint32_t type_size;
    char type[HTTP_RESPONSE_TYPE_MAX]; /* Content-Type as sent; see http_response_type */
    uint8_t line[HTTP_RESPONSE_LINE_KEPT];
};

/* The response must be whole by deadline_ns; its body goes into `body`. */
void http_response_init(struct http_response *response, struct span_mut body, uint64_t deadline_ns);
/* Takes the next bytes; how many were used: fewer than given only when the response has ended. */
size_t http_response_feed(struct http_response *response, struct span bytes);
/* The connection has ended. `clean`: by the peer's word (close_notify), so that nothing was cut
 * off; without it a body that ends with the connection is not whole. */
void http_response_end(struct http_response *response, bool clean);
/* Fails when it is late. */
void http_response_expire(struct http_response *response, uint64_t now_ns);
/* DONE or FAILED. */
MUST_USE bool http_response_ended(const struct http_response *response);
/* The header section is whole: status and type may be looked at. */
MUST_USE bool http_response_has_head(const struct http_response *response);
struct span http_response_body(const struct http_response *response);
/* The media type without parameters, as sent: "text/plain"; empty when there was none (or more than
 * one, or it was too long). Compare without case. */
struct span http_response_type(const struct http_response *response);
/* "the connection ended before the response": for people, static. */
const char *http_response_problem_text(enum http_response_problem problem);

#endif
