/* organisation.h - the organisational domain of a domain (RFC 7489 3.2), by the public suffix list
 * that the system brings. */
#ifndef TOOLS_ORGANISATION_H
#define TOOLS_ORGANISATION_H

#include "message/address.h"

struct organisation {
    char domain[ADDRESS_DOMAIN_KEY_MAX + 1];
};

/* `domain` in lower-case A-labels. A public suffix, or a name without a dot, is its own. */
void organisation_of(struct span domain, struct organisation *ret);

#endif
