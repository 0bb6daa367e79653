/* mx_sim.h - simulated mail servers, each with a personality: the other side of SMTP.
 *
 * A reading of RFC 5321 of its own (nothing of smtp/ is used): commands, pipelining groups, dot
 * unstuffing, and a list of what a client must not do, which it reports to the oracle. What it
 * answers to whom, and what it accepts, it reports there too. Borrows oracle and zones. */
#ifndef SIM_MX_SIM_H
#define SIM_MX_SIM_H

#include "sim/mx_cover.h"
#include "sim/net_service.h"
#include "sim/oracle.h"

#define MX_SIM_STAGES 4 /* MAIL, RCPT, DATA, dot */

/* What one server does. Zero: polite, fast, ESMTP without any extension. */
struct mx_persona {
    uint64_t delay_max_ns; /* before each reply (tarpit) */
    uint64_t greeting_ns;  /* before the 220 */
    uint64_t byte_ns;      /* replies come a byte at a time, each so late */
    uint64_t greylist_ns;  /* RCPT gets 450 until so long after the first try */
    uint64_t stall_ns;     /* reads nothing for so long after 354 (window shut) */
    enum mx_tls tls;
    uint16_t greeting_code;    /* 0: 220; else this one, then it closes */
    bool silent;               /* never says a word */
    bool helo_only;            /* 502 to EHLO */
    bool pipelining;           /* offered */
    bool eight_bit;            /* offered */
    bool enhanced;             /* codes of RFC 3463 in its replies */
    bool bare_lf;              /* ends lines by LF alone */
    bool lower_case;           /* of its keywords */
    uint64_t size_max;         /* SIZE offered and enforced; 0: not offered */
    uint32_t flood_lines;      /* of its EHLO reply */
    uint32_t close_command;    /* 421 to the n-th command of a connection, then close; 0: never */
    uint32_t messages_max;     /* a connection, then 421 to MAIL */
    uint32_t connections_max;  /* at once, then 421 at the greeting */
    uint32_t messages_an_hour; /* then 451 to MAIL */
    uint32_t refuse_recipient; /* 452 to the n-th RCPT of a connection */
    uint32_t tempfail_permille[MX_SIM_STAGES];
    uint32_t permfail_permille[MX_SIM_STAGES];
    uint32_t drop_permille;        /* of commands: closes instead of answering */
    uint32_t reset_permille;       /* the same with a reset */
    uint32_t lose_permille;        /* of dots: closes before accepting */
    uint32_t unanswered_permille;  /* of dots: accepts, then closes without a word */
    uint32_t extra_reply_permille; /* one reply too many */
    uint32_t short_reply_permille; /* one reply too few */
};

struct mx_host {
    struct ip ip;
    struct mx_persona persona;
    uint32_t connections_count;
    uint64_t hour;
    uint32_t hour_messages;
};

struct mx_sim {
    struct net_service service;
    struct oracle *oracle;
    struct prng prng;
    struct mx_host *hosts;
    uint32_t hosts_count;
    uint64_t *first_seen_ns; /* for greylisting, by recipient number; 0: never */
    uint32_t first_seen_max;
    uint32_t unknown_percent; /* of recipients are unknown everywhere: 550 5.1.1 for ever */
    bool seals;               /* every message must be signed: mx_seal.h */
    uint32_t messages_max;    /* a connection that the product may use; 0: not checked */
    uint64_t connections_count;
    uint64_t commands_count;
};

void mx_sim_open(struct mx_sim *mx, struct net_sim *net, struct oracle *oracle, uint64_t seed);
void mx_sim_close(struct mx_sim *mx);
/* One more server at ip:port. */
void mx_sim_add(struct mx_sim *mx, const struct ip *ip, uint16_t port,
                const struct mx_persona *persona);
/* Every server is polite from the next connection on. */
void mx_sim_heal(struct mx_sim *mx);
/* Whether the recipient is unknown at its server, now and for ever. */
MUST_USE bool mx_sim_is_unknown(const struct mx_sim *mx, struct span address);

#endif
