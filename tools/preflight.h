/* preflight.h - what large receivers ask of bulk mail, looked at before it is sent: a signature
 * aligned with From, SPF, DMARC, one-click unsubscribing (the rules of Gmail, Yahoo and Microsoft).
 *
 * Only warns: whether mail goes out is for others to decide. Asks the DNS for ten seconds at most.
 */
#ifndef TOOLS_PREFLIGHT_H
#define TOOLS_PREFLIGHT_H

#include <stdio.h>

#include "message/address.h"
#include "message/envelope.h"
#include "tools/spool.h"

struct preflight {
    const char *from;    /* --from: the envelope's sender when there is no return path */
    struct span message; /* as its author wrote it; empty: not known */
    enum lane lane;      /* of that message */
    FILE *out;           /* where warnings go, a line each */
    uint32_t warnings;   /* so many */
    char author[ADDRESS_DOMAIN_KEY_MAX + 1];   /* domain of From, as found */
    char envelope[ADDRESS_DOMAIN_KEY_MAX + 1]; /* domain of MAIL FROM */
};

/* What the configuration alone tells: no key, no address for unsubscribing. */
void preflight_settings(struct preflight *preflight, const struct settings *settings);
/* All of it, with the DNS. `spool` opened without its engine. */
void preflight_run(struct preflight *preflight, struct spool *spool);

#endif
