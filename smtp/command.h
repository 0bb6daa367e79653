/* command.h - writes SMTP commands (RFC 5321 4.1.1), and judges whether an envelope can be written.
 *
 * Knows nothing of states or replies. Writes into a lent text; the caller has made sure of the
 * room (COMMAND_SIZE_MAX octets a command). */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/text.h"
#include "message/envelope.h"
#include "message/outcome.h"
#include "smtp/ehlo.h"

#define COMMAND_ADDRESS_MAX 254    /* a path is 256 octets with its brackets: RFC 5321 4.5.3.1.3 */
#define COMMAND_HOSTNAME_MAX 255   /* longer names are cut */
#define COMMAND_SIZE_MAX 352       /* the longest but AUTH: MAIL with every parameter */
#define COMMAND_CREDENTIAL_MAX 255 /* octets of user and password each: AUTH fits into a burst */

#define COMMAND_TIMEOUT_NONE UINT64_MAX
#define COMMAND_BLOCK_TIMEOUT_NS (3 * NS_PER_MINUTE) /* one send of content: RFC 5321 4.5.3.2.5 */

/* What a server answers. */
enum command {
    COMMAND_NONE = 0,
    COMMAND_GREETING, /* no command: the server speaks first */
    COMMAND_EHLO,
    COMMAND_HELO,
    COMMAND_STARTTLS,
    COMMAND_HANDSHAKE, /* no command: the caller's TLS handshake */
    COMMAND_AUTH,      /* or one of the lines that it asks for */
    COMMAND_RSET,
    COMMAND_MAIL,
    COMMAND_RCPT,
    COMMAND_DATA,
    COMMAND_DOT,      /* the content with its final dot */
    COMMAND_LONE_DOT, /* ends a DATA that was opened without a recipient (RFC 2920 3.1) */
    COMMAND_QUIT,
    COMMAND_COUNT
};

enum command_fault {
    COMMAND_FAULT_NONE = 0,
    COMMAND_FAULT_RETURN_PATH, /* octets that may not stand in a path, or too long */
    COMMAND_FAULT_RECIPIENT,   /* the same, or empty */
    COMMAND_FAULT_UTF8,        /* the server does not offer SMTPUTF8 */
    COMMAND_FAULT_EIGHT_BIT,   /* the server does not offer 8BITMIME */
    COMMAND_FAULT_SIZE,        /* over the server's SIZE */
    COMMAND_FAULT_REQUIRETLS,  /* the server does not offer REQUIRETLS (RFC 8689) */
    COMMAND_FAULT_COUNT
};

/* "RCPT", "the final dot": fits after "the answer to ". */
const char *command_name(enum command command);
enum outcome_stage command_stage(enum command command);
/* How long answers may take; 0: as RFC 5321 4.5.3.2 says. */
struct command_timeouts {
    uint64_t greeting_ns;  /* 5 minutes */
    uint64_t ehlo_ns;      /* 5 minutes; of HELO as well */
    uint64_t mail_ns;      /* 5 minutes; of RSET as well */
    uint64_t rcpt_ns;      /* 5 minutes */
    uint64_t data_ns;      /* 2 minutes: the 354 */
    uint64_t block_ns;     /* 3 minutes: one send of content */
    uint64_t dot_ns;       /* 10 minutes */
    uint64_t quit_ns;      /* 10 seconds: nothing depends on it */
    uint64_t starttls_ns;  /* 2 minutes: this and what follows are ours */
    uint64_t handshake_ns; /* 30 seconds: all of the TLS handshake */
    uint64_t auth_ns;      /* 2 minutes: each answer of AUTH */
};
MUST_USE uint64_t command_timeout_ns(const struct command_timeouts *timeouts, enum command command);
MUST_USE uint64_t command_block_timeout_ns(const struct command_timeouts *timeouts);
/* Whether the code may answer the command at all: 2yz, 4yz, 5yz, but 3yz (not 2yz) for DATA. 220
 * and 221 answer the connection and QUIT and nothing else: taken for a verdict, QUIT's answer
 * would count as a delivery when the server had sent one reply too few. */
MUST_USE bool command_is_answer(enum command command, uint16_t code);

/* Whether the octets may stand between angle brackets: no control octets, no blank or bracket
 * outside quotes, quotes closed, at most COMMAND_ADDRESS_MAX; octets above 0x7f only with `utf8`
 * and only as valid UTF-8. Says nothing about deliverability. */
MUST_USE bool command_path_is_safe(struct span path, bool utf8);
/* Whether the envelope can be offered to a server with these extensions. */
MUST_USE enum command_fault command_judge(const struct envelope *envelope, const struct ehlo *ehlo);
const char *command_fault_text(enum command_fault fault);

void command_ehlo(struct text *out, struct span hostname);
void command_helo(struct text *out, struct span hostname);
void command_starttls(struct text *out);
/* RFC 4954, RFC 4616: with the initial response. */
void command_auth_plain(struct text *out, struct span user, struct span password);
void command_auth_login(struct text *out);
/* One line of AUTH LOGIN: user or password. */
void command_auth_answer(struct text *out, struct span word);
/* SIZE=, BODY=8BITMIME, SMTPUTF8 and REQUIRETLS as the server offers and the envelope needs. */
void command_mail(struct text *out, const struct envelope *envelope, const struct ehlo *ehlo);
void command_rcpt(struct text *out, struct span recipient);
void command_data(struct text *out);
void command_dot(struct text *out);
void command_rset(struct text *out);
void command_quit(struct text *out);

#endif
