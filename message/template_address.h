/* template_address.h - a header field that lists mailboxes (RFC 5322 3.4), with merge fields.
 *
 * Display names are read (quotes, encoded words), comments left out, and each mailbox is written
 * anew: name, then address. A field in a name can only be a name, a field in an address only (a
 * part of) one address.
 * Private to the template_ files. */
#ifndef MESSAGE_TEMPLATE_ADDRESS_H
#define MESSAGE_TEMPLATE_ADDRESS_H

#include "message/template_header.h"

/* 1: the field must be written anew, for it has merge fields; 0: it need not; -EINVAL: it has merge
 * fields in places where none may be, or is a From without a mailbox. */
MUST_USE int template_address_look(struct template_header *header);
MUST_USE int template_address_put(struct template_header *header);

#endif
