/* ticket_key.h - the local key that seals TLS session tickets in the spool. */
#ifndef TOOLS_TICKET_KEY_H
#define TOOLS_TICKET_KEY_H

#include "io/io.h"
#include "tls/tls_resume.h"

/* Reads <spool>/tls/ticket.key, or makes it of fresh entropy, for its owner alone. False: there is
 * none, and tickets are not kept. */
MUST_USE bool ticket_key_read(struct io *io, const char *spool, uint8_t ret[TLS_RESUME_KEY_SIZE]);

#endif
