/* ehlo.h - what a server offers in its answer to EHLO (RFC 5321 4.1.1.1).
 *
 * Knows nothing of connections. A plain value, filled line by line; unknown keywords are passed
 * over, however many there are. */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include "base/span.h"

enum ehlo_extension {
    EHLO_PIPELINING = 1 << 0,     /* RFC 2920 */
    EHLO_SIZE = 1 << 1,           /* RFC 1870 */
    EHLO_8BITMIME = 1 << 2,       /* RFC 6152 */
    EHLO_ENHANCEDSTATUS = 1 << 3, /* RFC 2034 */
    EHLO_SMTPUTF8 = 1 << 4,       /* RFC 6531 */
    EHLO_CHUNKING = 1 << 5,       /* RFC 3030 */
    EHLO_STARTTLS = 1 << 6,       /* RFC 3207 */
    EHLO_DSN = 1 << 7,            /* RFC 3461 */
    EHLO_REQUIRETLS = 1 << 8,     /* RFC 8689 */
    EHLO_AUTH_PLAIN = 1 << 9,     /* RFC 4954, RFC 4616 */
    EHLO_AUTH_LOGIN = 1 << 10     /* of no RFC, and spoken by many */
};

struct ehlo {
    uint32_t extensions; /* of enum ehlo_extension */
    uint64_t size_max;   /* octets a message; 0: not announced, or no fixed limit */
};

void ehlo_init(struct ehlo *ehlo);
/* One line after the first (which is the server's name and greeting). A SIZE that is no number
 * below 2^63 counts as "no fixed limit". */
void ehlo_read_line(struct ehlo *ehlo, struct span line);
MUST_USE bool ehlo_offers(const struct ehlo *ehlo, enum ehlo_extension extension);

#endif
