/* mx_session.h - one connection of a simulated mail server; private to mx_*.c. The commands that
 * make a message: mx_transaction.h.
 *
 *   COMMANDS -- DATA answered 354 --> CONTENT -- lone dot --> COMMANDS;  any --> CLOSED */
#ifndef SIM_MX_SESSION_H
#define SIM_MX_SESSION_H

#include "sim/mx_seal.h"
#include "sim/mx_sim.h"

#define MX_LINE_MAX 1024
#define MX_RECIPIENTS_MAX 100
#define MX_ID_MAX 200

enum mx_state {
    MX_COMMANDS, /* command lines are read */
    MX_CONTENT,  /* 354 was answered; content up to the lone dot is read */
    MX_CLOSED    /* whatever comes is thrown away */
};

/* The content as it comes in: unstuffed and hashed on the way. */
struct mx_content {
    bool in_body;
    bool after_cr;
    bool line_open;     /* the line has octets */
    bool dot_first;     /* ...and began with a dot that may be the end, or stuffing */
    uint32_t line_size; /* octets before its CRLF, unstuffed */
    uint64_t size;
    bool quoted; /* the body is in quoted-printable: its octets are hashed decoded */
    uint8_t escape_size;
    uint8_t escape[3];
    uint64_t body_hash;
    struct mx_seal seal;
    uint32_t head_size;
    char head[MX_ID_MAX]; /* the beginning of a header line */
    uint32_t id_size;
    char id[MX_ID_MAX];
};

struct mx_connection {
    struct mx_sim *mx;
    struct mx_host *host;
    struct net_session *session;
    struct mx_persona persona; /* as it was when the connection came */
    enum mx_state state;
    uint32_t life;
    struct mx_cover cover;
    bool greeted;      /* EHLO or HELO was answered well */
    bool pipelining;   /* offered in this session */
    bool eight_bit;    /* offered */
    bool sizes;        /* offered */
    bool twisted;      /* answers and commands cannot be matched any more */
    uint64_t reply_ns; /* when the last reply leaves */
    uint64_t alone_ns; /* ...that of a command that ends its group (RFC 2920 3.1) */
    uint32_t line_size;
    char line[MX_LINE_MAX];
    bool mail_open;
    uint64_t size_said; /* in MAIL; UINT64_MAX: not */
    uint32_t path_size;
    char path[MX_LINE_MAX];
    uint32_t recipients_count;
    uint32_t recipients[MX_RECIPIENTS_MAX];
    uint32_t rcpt_count; /* commands of this connection */
    uint32_t mail_count;
    uint32_t commands_count;
    struct mx_content content;
};

void mx_session_received(struct mx_connection *connection, struct span bytes);

/* --- manners (mx_manners.c) --- */
/* The greeting, or what stands for it. */
void mx_manners_greet(struct mx_connection *connection);
/* One reply, as this persona gives it. `enhanced` may be NULL. */
void mx_manners_reply(struct mx_connection *connection, uint16_t code, const char *enhanced,
                      const char *text);
/* The answer to EHLO with what is offered. */
void mx_manners_offer(struct mx_connection *connection);
void mx_manners_close_421(struct mx_connection *connection);
void mx_manners_end(struct mx_connection *connection, bool reset);
/* What a client must not do; nothing when the connection is twisted. */
void mx_manners_blame(struct mx_connection *connection, const char *what);
/* From now on answers and commands cannot be matched. */
void mx_manners_twist(struct mx_connection *connection);
/* Octets that no reply is: through the cover where it stands. */
void mx_manners_say(struct mx_connection *connection, struct span bytes, uint64_t delay_ns);
/* What this server does in answer to STARTTLS, and to the client's hello behind it. */
void mx_manners_starttls(struct mx_connection *connection);
void mx_manners_hello(struct mx_connection *connection);
bool mx_manners_draw(struct mx_connection *connection, uint32_t permille);
uint64_t mx_manners_now_ns(const struct mx_connection *connection);

/* Takes content; the octets behind the lone dot are left in *bytes. True: the dot has come. */
MUST_USE bool mx_content_take(struct mx_connection *connection, struct span *bytes);
void mx_content_begin(struct mx_content *content);

#endif
