/* session.h - one connection to a site: resolved, connected, spoken, closed.
 *
 *   SOCKET (-> ASK) -> CONNECT -> TALK -> CLOSING -> (slot free)
 *     any failure -> CLOSING; the slot is free after the event of io_shut, when nothing is in
 * flight
 *
 * Between socket and SMTP machine stands TLS (session_tls.h):
 *   CLEAR -- 220 to STARTTLS, or at once (implicit TLS) --> SHAKING --> COVERED
 *
 * The session opens each next door: io gives bytes, smtp says what to do with them, delivery claims
 * and settles, content writes the body. An output buffer is held only while octets are being
 * written or sent; behind TLS it holds what is encrypted, and the SMTP machine writes into the
 * shard's. Key of reuse: (site, source address, what TLS was reached: `has`, bits of tls_policy.h).
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "base/config.h"
#include "base/list.h"
#include "base/wheel.h"
#include "engine/content.h"
#include "engine/delivery.h"
#include "engine/tag.h"
#include "io/io.h"
#include "message/tls_demand.h"
#include "smtp/smtp.h"
#include "tls/tls_policy.h"
#include "tls/tls_stream.h"

#define SESSION_FLOW_MIN 500 /* octets of content a second that a receiver must take */
#define SESSION_WAITER (UINT64_C(1) << 60) /* with the slot's handle: who waits in the dns room */
#define SESSION_HELD_MAX 4      /* receive buffers kept while the output buffer is full */
#define SESSION_COUNTED_MAX 100 /* messages on a connection, unless the configuration has more */
#define SESSION_DRAIN_NS (NS_PER_S * 2) /* for the answer to QUIT */

enum session_state {
    SESSION_SOCKET,  /* the socket is being made */
    SESSION_ASK,     /* what the DNS says about the host's certificate is being asked for */
    SESSION_CONNECT, /* the connect is in flight */
    SESSION_TALK,    /* receiving; the SMTP machine runs */
    SESSION_CLOSING  /* everything is settled; the shut is in flight */
};

enum session_cover {
    SESSION_CLEAR,   /* octets go as they are */
    SESSION_SHAKING, /* the handshake runs; the SMTP machine waits */
    SESSION_COVERED  /* everything passes the filter */
};

struct session {
    enum session_state state;
    int handle; /* -1: none */
    uint32_t site;
    struct list_node node; /* in shard->hungry, shard->buffer_waiters or shard->shakers */
    struct wheel_timer timer;
    struct ip_port peer;
    struct ip source;
    uint8_t host;   /* index in the destination's hosts */
    bool ready;     /* it has asked for mail at least once */
    bool served;    /* mail was given to it */
    bool hungry;    /* it asked for mail and there was none */
    bool receiving; /* a multishot receive is armed */
    bool ended;     /* the server has closed its side, or receiving failed */
    int end_error;
    bool send_failed; /* nothing more is sent; receiving says how it ended */
    uint64_t started_ns;
    uint64_t connected_ns;
    uint64_t ready_ns;
    uint64_t hungry_until_ns; /* when the pace allows to ask again */
    uint64_t idle_since_ns;
    uint64_t reply_by_ns; /* when the awaited reply must be complete */
    bool inside_reply;    /* a part of it has come */

    uint8_t *buffer;       /* claimed output buffer or NULL */
    struct text wire;      /* over buffer: what goes to the socket */
    size_t sent;           /* octets of wire that have left */
    size_t sending;        /* octets in flight behind `sent` */
    uint64_t flow_from_ns; /* since when octets are waiting to leave, one buffer after the other */
    uint64_t flow_sent;    /* octets that have left since then */

    enum session_cover cover;
    enum tls_level level; /* reached */
    enum tls_fault tls_fault;
    bool tls_tried;   /* STARTTLS would have been said, or TLS came first */
    bool tls_first;   /* without STARTTLS */
    bool tls_greeted; /* the first flight of the handshake is made */
    bool tls_pending; /* the filter holds plaintext that did not fit */
    uint32_t aim;     /* it was opened for mail that needs this; 0: for any */
    uint32_t has;     /* what its mail may need; of secrecy.h */
    uint64_t tls_started_ns;
    uint32_t tls_us;                       /* the handshake took so long */
    uint32_t counted[SESSION_COUNTED_MAX]; /* domains for which it was counted, plus one */
    uint32_t counted_at;                   /* the next place in `counted` */
    uint8_t tls_words_size;
    char tls_words[TLS_FAILURE_TEXT_MAX]; /* what was wrong */
    struct span tls_names[3];             /* that the certificate may have; lent to the filter */
    uint32_t identity;                    /* our certificate, or TLS_CONTEXT_IDENTITY_NONE */
    uint32_t named_domain; /* whose name is one of them, plus one: proven for it alone */
    char resume_host[272]; /* host and port */
    struct tls_stream tls;
    enum tls_policy_dane dane; /* of the host */
    struct tlsa_set *tlsa; /* secure records: a slot of shard->tlsa_sets, until the session ends */
    char user[CONFIG_ITEM_MAX]; /* of the route; "": no AUTH */
    char password[CONFIG_ITEM_MAX];

    struct delivery *body; /* whose content is being written, or NULL */
    struct io_event held[SESSION_HELD_MAX];
    size_t held_offset; /* octets of held[0] that are consumed */
    uint32_t held_count;

    struct delivery deliveries[SMTP_TRANSACTIONS_MAX];
    struct smtp smtp;
    char peer_name[256];
};

struct shard;

uint64_t session_tag(const struct shard *shard, enum tag_op op, const struct session *session);
/* Out of the hungry or waiting list. */
void session_unlist(struct shard *shard, struct session *session);
/* Whether it may go on though the site's lease has gone to another shard: with mail, until it has
 * served for as long as it took to open, one message at least. Else shards that take turns at a
 * far site would only ever connect. */
MUST_USE bool session_may_stay(const struct shard *shard, const struct session *session);
enum session_start {
    SESSION_STARTED,
    SESSION_NO_SLOT,    /* as many as may be are open */
    SESSION_NO_ADDRESS, /* all of the site's addresses failed lately */
};

/* Opens a connection for this site. */
MUST_USE enum session_start session_start(struct shard *shard, uint32_t site);
/* An event whose op is TAG_SESSION_*. Stale ones are counted and dropped. */
void session_event(struct shard *shard, const struct io_event *event);
/* dns_done named a waiter with SESSION_WAITER in it. */
void session_answered(struct shard *shard, uint64_t waiter);
void session_expired(struct shard *shard, struct session *session); /* its timer */
/* Hungry sessions that may have mail now; bounded. */
void session_feed(struct shard *shard);
/* Once a turn: while a site waits because all sessions are taken, one that has no mail ends. */
void session_make_room(struct shard *shard);
/* More sessions of this site are open than may be: those that have no mail end. */
void session_trim(struct shard *shard, uint32_t site);
/* At the start of a turn: handshakes that the last one left over. */
void session_shake(struct shard *shard);
/* Sessions that waited for an output buffer. */
void session_resume(struct shard *shard);
/* No new transactions; `cut`: end open ones too. */
void session_stop(struct shard *shard, struct session *session, bool cut);

#endif
