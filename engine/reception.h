/* reception.h - one connection of somebody who brings mail back: octets, TLS, patience.
 *
 * Joins a socket with smtp/receive and tls/tls_stream. What came in waits in plain text in
 * `pending` until it can be taken: while an answer depends on the disk nothing more is read than
 * fits there. Replies are gathered in `replies` and leave through `wire`, sealed once TLS stands.
 * Whether an address is taken and what becomes of a message the owner says (listener.h), which also
 * owns the slot and the room for content.
 *
 *   TALKING -- message complete --> JUDGING (its durability is awaited) --> TALKING
 *   TALKING -- STARTTLS --> SHAKING -- handshake --> TALKING
 *   any -- over, fault, silence --> LEAVING (what is in wire is sent) --> CLOSING (the shut is in
 *   flight) */
#ifndef ENGINE_RECEPTION_H
#define ENGINE_RECEPTION_H

#include "io/io.h"
#include "smtp/receive.h"
#include "tls/tls_stream.h"

#define RECEPTION_PENDING_MAX ((size_t)64 * KIB)
#define RECEPTION_REPLIES_MAX ((size_t)4 * KIB)
#define RECEPTION_WIRE_MAX ((size_t)12 * KIB)

enum reception_state {
    RECEPTION_TALKING, /* lines and content */
    RECEPTION_JUDGING, /* a message is complete; its ticket is not durable yet */
    RECEPTION_SHAKING, /* the handshake of STARTTLS */
    RECEPTION_LEAVING, /* nothing is read any more; what is left to say is sent */
    RECEPTION_CLOSING  /* the shut is in flight */
};

/* What the owner has to do now. */
enum reception_want {
    RECEPTION_WANT_NOTHING,   /* wait for events */
    RECEPTION_WANT_RECIPIENT, /* receive_recipient(): reception_answer */
    RECEPTION_WANT_CONTENT,   /* receive_piece(): keep it; go on */
    RECEPTION_WANT_VERDICT,   /* the message is complete: reception_answer, now or later */
};

struct reception {
    enum reception_state state;
    int handle;
    bool sending;
    bool ended;   /* the other side sends no more */
    bool covered; /* TLS stands */
    bool entered; /* counts for its peer (peer_limit.h) */
    struct ip peer;
    uint64_t begun_ns;
    uint64_t until_ns;   /* silence ends it then */
    uint64_t message_ns; /* content began; 0: none */
    uint64_t ticket;     /* JUDGING */
    uint8_t *content;    /* the owner's room, or NULL */
    size_t content_size; /* kept */
    uint64_t content_total;
    uint32_t transaction; /* that the content belongs to */
    struct receive receive;
    struct tls_stream tls;
    size_t pending_taken;
    size_t sent;
    struct text pending;
    struct text replies;
    struct text wire;
    uint8_t pending_bytes[RECEPTION_PENDING_MAX];
    uint8_t replies_bytes[RECEPTION_REPLIES_MAX];
    uint8_t wire_bytes[RECEPTION_WIRE_MAX];
};

/* In a zeroed slot. */
void reception_init(struct reception *reception, int handle, const struct receive_options *options);
/* Octets from the socket. False: more than can wait; it is over. */
MUST_USE bool reception_take(struct reception *reception, struct span octets, uint64_t wall_s);
/* Goes on as far as possible; to be called again after what was wanted is done. `tls`: NULL, or the
 * context for STARTTLS. */
MUST_USE enum reception_want reception_step(struct reception *reception,
                                            const struct tls_context *tls, uint64_t wall_s);
/* The answer to RECIPIENT or VERDICT. */
void reception_answer(struct reception *reception, enum receive_verdict verdict);
/* Says so and goes. */
void reception_leave(struct reception *reception, const char *line);
/* Moves replies to the wire; the part of the wire that is to be sent now, empty while a send is in
 * flight. */
struct span reception_outgoing(struct reception *reception);
/* So much of it was sent. */
void reception_sent(struct reception *reception, size_t size);
void reception_reset(struct reception *reception);

#endif
