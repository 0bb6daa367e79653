/* mx_cover.h - the servers' side of the simulator's toy TLS (tls_toy.c): how a mail server behaves
 * with STARTTLS, and the octets behind it.
 *
 * Written apart from the client's side, for mx_session.c and mx_manners.c alone. */
#ifndef SIM_MX_COVER_H
#define SIM_MX_COVER_H

#include "base/text.h"

enum mx_tls {
    MX_TLS_NONE = 0, /* not offered */
    MX_TLS_GOOD,
    MX_TLS_BAD_NAME, /* TLS with a certificate for somebody else */
    MX_TLS_EXPIRED,
    MX_TLS_STRIPPED, /* offered, but somebody on the way takes the keyword out */
    MX_TLS_REFUSED,  /* offered, then 454 */
    MX_TLS_ALERT,    /* 220, then an alert */
    MX_TLS_SILENT,   /* 220, then nothing */
    MX_TLS_DROP,     /* 220, then closes */
    MX_TLS_GARBAGE,  /* 220, then something else */
    MX_TLS_INJECTED, /* 220 with a reply behind it, in clear, from somebody on the way */
    MX_TLS_COUNT
};

enum mx_cover_state {
    MX_COVER_CLEAR = 0,
    MX_COVER_AWAITS, /* 220 was said: the client's hello is awaited */
    MX_COVER_UP
};

struct mx_cover {
    enum mx_cover_state state;
    uint8_t head[3];
    uint32_t head_count;
    uint32_t left; /* octets of the record */
};

enum mx_cover_news {
    MX_COVER_NOTHING, /* the input is used up */
    MX_COVER_HELLO,   /* the client's hello is complete: answer it */
    MX_COVER_DATA,    /* *ret_plain holds octets; call again */
    MX_COVER_END,     /* the client closes */
    MX_COVER_BROKEN   /* no TLS */
};

MUST_USE bool mx_cover_is_offered(enum mx_tls tls);
/* Whether a client that verifies takes the certificate. */
MUST_USE bool mx_cover_is_verified(enum mx_tls tls);
/* Reads the client's octets; plain has room for as many. */
MUST_USE enum mx_cover_news mx_cover_read(struct mx_cover *cover, struct span *bytes,
                                          struct text *plain);
/* The answer to the hello. */
void mx_cover_hello(enum mx_tls tls, struct text *out);
/* Plain octets as a record. */
void mx_cover_write(struct span plain, struct text *out);

#endif
