/* command.h - writes SMTP commands (RFC 5321 4.1.1), and judges whether an envelope can be written.
 *
 * Knows nothing of states or replies. Writes into a lent text; the caller has made sure of the
 * room (COMMAND_SIZE_MAX octets a command). */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/text.h"
#include "message/envelope.h"
#include "smtp/ehlo.h"

#define COMMAND_ADDRESS_MAX 254  /* a path is 256 octets with its brackets: RFC 5321 4.5.3.1.3 */
#define COMMAND_HOSTNAME_MAX 255 /* longer names are cut */
#define COMMAND_SIZE_MAX 352     /* the longest: MAIL with every parameter */

enum command_fault {
    COMMAND_OK = 0,
    COMMAND_BAD_RETURN_PATH, /* octets that may not stand in a path, or too long */
    COMMAND_BAD_RECIPIENT,   /* the same, or empty */
    COMMAND_NO_UTF8,         /* the server does not offer SMTPUTF8 */
    COMMAND_NO_EIGHT_BIT,    /* the server does not offer 8BITMIME */
    COMMAND_TOO_BIG          /* over the server's SIZE */
};

/* Whether the octets may stand between angle brackets: no control octets, no blank or bracket
 * outside quotes, quotes closed, at most COMMAND_ADDRESS_MAX; octets above 0x7f only with `utf8`
 * and only as valid UTF-8. Says nothing about deliverability. */
MUST_USE bool command_path_is_safe(struct span path, bool utf8);
/* Whether the envelope can be offered to a server with these extensions. */
MUST_USE enum command_fault command_judge(const struct envelope *envelope, const struct ehlo *ehlo);

void command_ehlo(struct text *out, struct span hostname);
void command_helo(struct text *out, struct span hostname);
/* SIZE=, BODY=8BITMIME and SMTPUTF8 as the server offers and the envelope needs. */
void command_mail(struct text *out, const struct envelope *envelope, const struct ehlo *ehlo);
void command_rcpt(struct text *out, const struct envelope *envelope);
void command_data(struct text *out);
void command_dot(struct text *out);
void command_rset(struct text *out);
void command_quit(struct text *out);

#endif
