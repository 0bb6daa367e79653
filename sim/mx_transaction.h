/* mx_transaction.h - one transaction at a simulated mail server: MAIL to the dot (RFC 5321 3.3).
 *
 * Private to mx_*.c. Knows the commands that make a message, not how lines come in nor what else a
 * session has. Answers by the persona's draws (mx_manners_*), and enters in the oracle what it has
 * answered to whom and what it has accepted. The transaction's state stands in the connection,
 * which the session owns. */
#ifndef SIM_MX_TRANSACTION_H
#define SIM_MX_TRANSACTION_H

#include "sim/mx_session.h"

/* There is none any more: RSET, EHLO, or its end. */
void mx_transaction_reset(struct mx_connection *connection);
/* Takes "<path>" off the front of what follows MAIL FROM: or RCPT TO:. Size SIZE_MAX: none. */
MUST_USE struct span mx_transaction_path(struct span *rest);
/* What follows MAIL FROM: and RCPT TO:. */
void mx_transaction_mail(struct mx_connection *connection, struct span rest);
void mx_transaction_rcpt(struct mx_connection *connection, struct span rest);
void mx_transaction_data(struct mx_connection *connection);
/* The content has come whole. */
void mx_transaction_dot(struct mx_connection *connection);

#endif
