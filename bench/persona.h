/* persona.h - how the sink misbehaves: personas read from a file (docs/personas.md).
 *
 * A persona says at which step of a session the sink does something else than a good server would,
 * and for which connections or recipients. Knows nothing of sockets; bench/receiver acts it out.
 * Read at start into a static size; the set is read-only afterwards and shared by threads. */
#ifndef BENCH_PERSONA_H
#define BENCH_PERSONA_H

#include "base/span.h"
#include "base/text.h"

#define PERSONAS_MAX 64
#define PERSONA_TEXT_MAX 2048 /* octets of one reply as sent */
#define PERSONA_NAME_MAX 32
#define PERSONA_LINES_ENDLESS UINT64_MAX

enum persona_step {
    PERSONA_GREETING = 0,
    PERSONA_EHLO,
    PERSONA_HELO,
    PERSONA_MAIL,
    PERSONA_RCPT,
    PERSONA_DATA,
    PERSONA_BODY, /* while content is coming in */
    PERSONA_DOT,  /* the answer to the final dot or BDAT LAST */
    PERSONA_RSET,
    PERSONA_QUIT,
    PERSONA_STARTTLS,
    PERSONA_STEP_COUNT
};

enum persona_action {
    PERSONA_NORMAL = 0, /* no rule */
    PERSONA_REPLY,      /* this reply instead */
    PERSONA_CLOSE,      /* this reply, then the connection is closed */
    PERSONA_RAW,        /* these octets instead of a reply */
    PERSONA_LINES,      /* a reply of many lines, or of endlessly many */
    PERSONA_TWICE,      /* the usual reply two times: one too many */
    PERSONA_SKIP,       /* no reply, and the session goes on: one too few */
    PERSONA_SILENCE,    /* no reply any more, whatever comes */
    PERSONA_DROP,       /* the connection is closed instead of a reply */
};

struct persona_rule {
    enum persona_action action;
    bool accepted; /* SILENCE and DROP at the dot: the message counts as accepted */
    uint16_t code; /* REPLY, CLOSE, LINES */
    uint16_t text_size;
    uint64_t after; /* takes effect after so many normal ones in a connection; BODY: octets */
    uint64_t lines; /* LINES: how many */
    char text[PERSONA_TEXT_MAX]; /* as sent; LINES: what stands in each line */
};

struct persona {
    char name[PERSONA_NAME_MAX];
    uint16_t port;       /* connections accepted on this port; 0: any */
    uint16_t listener;   /* connections of the n-th --listen, from 1; 0: any */
    uint8_t percent;     /* of the connections or recipients selected; 100: all */
    bool for_recipients; /* `pattern` selects recipients; else connections are selected */
    bool refuse;         /* the port is not listened on */
    bool no_pipelining;
    bool no_chunking;
    bool no_starttls;
    bool no_handshake;  /* silence after the 220 to STARTTLS */
    bool no_extensions; /* EHLO offers nothing else either */
    uint32_t split;     /* octets a segment when replies are cut up; 0: whole */
    uint32_t delay_ms;  /* in place of --delay when not 0 */
    char pattern[128];  /* of local parts, '*' for anything; lower case */
    struct persona_rule rules[PERSONA_STEP_COUNT];
};

struct persona_set {
    uint32_t count;
    struct persona personas[PERSONAS_MAX];
};

/* Reads the text of a persona file. -EINVAL: *error says line and what. */
MUST_USE int persona_read(struct persona_set *set, struct span text, struct text *error);
/* The first persona for a connection, or NULL; `draw` is any random number. */
const struct persona *persona_for_connection(const struct persona_set *set, uint32_t listener,
                                             uint16_t port, uint64_t draw);
/* The first persona for a recipient (its address), or NULL. */
const struct persona *persona_for_recipient(const struct persona_set *set, struct span recipient,
                                            uint64_t draw);

#endif
