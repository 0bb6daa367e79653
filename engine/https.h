/* https.h - requests to web servers over verified TLS, for policies and reports; a few at a time.
 *
 *   RESOLVE -> SOCKET -> CONNECT -> TALK -> CLOSING -> ENDED -> (released: slot free)
 *      |          ^         |  the next address
 *      |          |_________|
 *   any failure, or the deadline -> CLOSING or ENDED
 *
 * One connection a request, one request a connection, no redirects. The certificate must be good
 * for the host (by the roots of the context); special addresses are refused, unless configuration
 * allows them, because the names come from strangers. A server that sends more than it may, or too
 * slowly, ends its own request only.
 *
 * Owns its sockets and slots (from the arena). Borrows io, the dns room and the TLS context, and
 * the body of a POST until its end. */
#ifndef ENGINE_HTTPS_H
#define ENGINE_HTTPS_H

#include "base/slab.h"
#include "dns/dns.h"
#include "http/http_response.h"
#include "io/io.h"
#include "tls/tls_stream.h"

#define HTTPS_EXCHANGES_MAX 8
#define HTTPS_BODY_MAX ((size_t)64 * 1024) /* of a response */
#define HTTPS_TIMEOUT_NS (60 * NS_PER_S)
#define HTTPS_CONNECT_NS (10 * NS_PER_S)
#define HTTPS_ADDRESSES_MAX 4
#define HTTPS_HEAD_MAX 2048
#define HTTPS_OUT_SIZE ((size_t)20 * 1024)
#define HTTPS_WAITER (UINT64_C(1) << 62) /* with the slot: who waits in the dns room */
#define HTTPS_TEXT_MAX 160

enum https_state {
    HTTPS_RESOLVE, /* the address is being asked for */
    HTTPS_SOCKET,  /* the socket is being made */
    HTTPS_CONNECT, /* the connect is in flight */
    HTTPS_TALK,    /* handshake, request, response */
    HTTPS_CLOSING, /* the shut is in flight; then the next address, or the end */
    HTTPS_ENDED    /* https_done has something to say */
};

enum https_failure {
    HTTPS_FINE = 0,
    HTTPS_NO_ADDRESS,  /* no such host, or none that may be used */
    HTTPS_NO_NAMES,    /* the name servers do not say */
    HTTPS_NO_CONNECT,  /* none of the addresses answers */
    HTTPS_NO_TLS,      /* no session; not the certificate's fault */
    HTTPS_UNVERIFIED,  /* the certificate is not good for the host */
    HTTPS_NO_RESPONSE, /* not HTTP, too large, cut off */
    HTTPS_TOO_LATE,
    HTTPS_LOCAL /* our own */
};

struct https_request {
    struct span host;
    uint16_t port;
    struct span target;
    struct span content_type; /* static; empty: GET */
    struct span body;         /* lent until https_release */
    uint32_t owner;           /* comes back with the result */
    uint64_t timeout_ns;      /* 0: HTTPS_TIMEOUT_NS */
};

struct https_exchange {
    enum https_state state;
    enum https_failure failure;
    uint32_t owner;
    bool asked; /* registered in the dns room */
    bool over;  /* CLOSING leads to ENDED, not to the next address */
    bool posts;
    int handle;
    uint16_t port;
    uint64_t deadline_ns;
    uint64_t connect_by_ns;
    uint32_t addresses_count;
    uint32_t address_at;
    struct ip addresses[HTTPS_ADDRESSES_MAX];
    struct span names[1]; /* host, for the TLS stream */
    struct span body;
    struct text head;
    size_t request_at; /* octets of head and body given to the TLS stream */
    struct text out;
    size_t sent;    /* of out */
    size_t sending; /* in flight behind `sent` */
    struct tls_stream stream;
    struct http_response response;
    char host[256];
    char text[HTTPS_TEXT_MAX];
    uint8_t head_bytes[HTTPS_HEAD_MAX];
};

struct https {
    struct io *io;
    struct dns *dns;
    const struct tls_context *tls;
    bool allow_special;
    bool stopping;
    struct slab exchanges;
    uint8_t *bodies; /* HTTPS_BODY_MAX each */
    uint8_t *outs;   /* HTTPS_OUT_SIZE each */
    uint8_t *plain;  /* TLS_STREAM_RECORD_MAX, within one event */
};

struct https_options {
    struct io *io;
    struct dns *dns;
    const struct tls_context *tls;
    bool allow_special;
};

struct https_result {
    struct https_exchange *exchange;
    uint32_t owner;
    enum https_failure failure; /* FINE: status, type and body hold, whatever the status is */
    uint32_t status;
    struct span type;
    struct span body; /* of a 200 to GET; else empty */
    struct span text; /* the failure in words for people */
};

size_t https_cost(void);
void https_init(struct https *https, struct arena *arena, const struct https_options *options);
/* 0; -EAGAIN: all slots are taken; -EINVAL: the request cannot be written. */
MUST_USE int https_start(struct https *https, const struct https_request *request);
/* Takes an event whose op is TAG_HTTPS_*. */
void https_event(struct https *https, const struct io_event *event);
/* The dns room is done with a waiter that has HTTPS_WAITER in it. */
void https_answered(struct https *https, uint64_t waiter);
/* Once a turn: what takes too long ends. */
void https_turn(struct https *https);
MUST_USE uint64_t https_deadline_ns(const struct https *https);
/* The next request that has ended; valid until https_release, which is due in the same turn. */
MUST_USE bool https_done(struct https *https, struct https_result *ret_result);
void https_release(struct https *https, struct https_exchange *exchange);
/* Ends everything under way. True when nothing is in flight any more. */
MUST_USE bool https_stop(struct https *https);

#endif
