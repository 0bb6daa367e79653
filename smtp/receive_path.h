/* receive_path.h - the argument of MAIL and RCPT: a path and its parameters (RFC 5321 4.1.2).
 *
 * Reads FROM:<reverse-path> and TO:<forward-path>, the parameters SIZE (RFC 1870), BODY (RFC 6152)
 * and SMTPUTF8 (RFC 6531). A source route before the mailbox is dropped, as the RFC says. Borrows
 * the line. */
#ifndef SMTP_RECEIVE_PATH_H
#define SMTP_RECEIVE_PATH_H

#include "base/span.h"

enum receive_path_fault {
    RECEIVE_PATH_GOOD = 0,
    RECEIVE_PATH_SYNTAX,    /* 501 5.5.2: not FROM:<...> or TO:<...> */
    RECEIVE_PATH_ADDRESS,   /* 553 5.1.3, 5.1.7: not a mailbox */
    RECEIVE_PATH_PARAMETER, /* 555 5.5.4: not offered */
    RECEIVE_PATH_VALUE      /* 501 5.5.4: a parameter with a bad value */
};

struct receive_path {
    struct span mailbox; /* empty: the null reverse-path <> */
    uint64_t size;       /* announced octets; 0: not announced */
};

/* `rest` is what stands behind MAIL; *ret is written only when the result is RECEIVE_PATH_GOOD. */
MUST_USE enum receive_path_fault receive_path_from(struct span rest, struct receive_path *ret);
/* What stands behind RCPT. "postmaster" without a domain is a mailbox here (RFC 5321 4.5.1). */
MUST_USE enum receive_path_fault receive_path_to(struct span rest, struct receive_path *ret);

#endif
