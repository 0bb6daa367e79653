/* https_url.h - takes an https URL apart (RFC 3986, RFC 9110 4.2.2).
 *
 * Knows nothing of names or connections. Only what a report may be posted to: scheme https, a host
 * name (no address, no user), a port, a path with a query. Borrows the text. */
#ifndef HTTP_HTTPS_URL_H
#define HTTP_HTTPS_URL_H

#include "base/span.h"

struct https_url {
    struct span host;      /* a domain name */
    struct span authority; /* host and port as written: for the Host field */
    struct span target;    /* path and query; "/" when there is none */
    uint16_t port;         /* 443 when none is given */
};

/* False: it is none, or one with a user, a fragment, a blank, a control character, a byte outside
 * ASCII, or an address for its host. */
MUST_USE bool https_url_parse(struct span text, struct https_url *ret_url);

#endif
