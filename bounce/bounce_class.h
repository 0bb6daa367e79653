/* bounce_class.h - what a failure means: 32 classes, and what the list learns from each.
 *
 * The vocabulary is closed: every reply, report, complaint and answer that comes home has exactly
 * one of these classes. Knows nothing of how a class was found (bounce/classify) and keeps no
 * counts (bounce/hygiene). Owns nothing. */
#ifndef BOUNCE_BOUNCE_CLASS_H
#define BOUNCE_BOUNCE_CLASS_H

#include "base/span.h"

enum bounce_class {
    BOUNCE_UNKNOWN = 0,       /* a failure with no usable reason */
    BOUNCE_NO_USER,           /* the mailbox does not exist */
    BOUNCE_NO_DOMAIN,         /* the domain does not exist or has neither MX nor address */
    BOUNCE_NULL_MX,           /* the domain says that it takes no mail (RFC 7505) */
    BOUNCE_MOVED,             /* the mailbox moved and nothing is forwarded */
    BOUNCE_INACTIVE,          /* account disabled, suspended, expired */
    BOUNCE_MAILBOX_FULL,      /* over quota */
    BOUNCE_RECIPIENT_REFUSED, /* the recipient's own choice */
    BOUNCE_SUPPRESSED,        /* a relay's own suppression list holds the address */
    BOUNCE_EXPIRED,           /* the retry lifetime ran out, no better reason */
    BOUNCE_NETWORK,           /* connection, DNS trouble, route, loop */
    BOUNCE_SYSTEM,            /* a fault or lack of space at the other system */
    BOUNCE_RATE_LIMITED,      /* too many connections, messages, recipients */
    BOUNCE_GREYLISTED,        /* the first attempt is refused for a while */
    BOUNCE_BLOCKED,           /* block list, reputation of address or domain */
    BOUNCE_AUTH,              /* SPF, DKIM, DMARC, reverse DNS, HELO */
    BOUNCE_TLS,               /* STARTTLS or certificate, TLS demanded */
    BOUNCE_POLICY,            /* local policy, no better reason */
    BOUNCE_SENDER_REJECTED,   /* MAIL FROM refused */
    BOUNCE_RELAY_DENIED,      /* the server does not serve that domain */
    BOUNCE_SPAM,              /* the content was judged to be spam */
    BOUNCE_VIRUS,             /* a virus or a forbidden attachment */
    BOUNCE_CONTENT,           /* format or header rules */
    BOUNCE_TOO_LARGE,         /* message, header or part too large */
    BOUNCE_PROTOCOL,          /* SMTP syntax or order */
    BOUNCE_DELAYED,           /* still being retried, no reason given */
    BOUNCE_SUCCESS,           /* delivered, relayed, expanded */
    BOUNCE_COMPLAINT,         /* abuse or fraud report */
    BOUNCE_UNSUBSCRIBE,       /* opt-out */
    BOUNCE_AUTO_REPLY,        /* out of office, acknowledgement of a ticket */
    BOUNCE_CHALLENGE,         /* "confirm that you are human" */
    BOUNCE_REPORT,            /* a machine's report that is not about one subscriber */
    BOUNCE_CLASS_COUNT
};

/* What the failure is about. */
enum bounce_scope {
    BOUNCE_SCOPE_ADDRESS,
    BOUNCE_SCOPE_DOMAIN,
    BOUNCE_SCOPE_SENDER,
    BOUNCE_SCOPE_CONTENT,
    BOUNCE_SCOPE_TRANSPORT,
    BOUNCE_SCOPE_EVENT,
};

enum bounce_severity {
    BOUNCE_SEVERITY_NONE,
    BOUNCE_SEVERITY_SOFT,
    BOUNCE_SEVERITY_HARD, /* never try this address again */
};

/* What the list learns. */
enum bounce_learns {
    BOUNCE_LEARNS_NOTHING,
    BOUNCE_LEARNS_SUPPRESS,
    BOUNCE_LEARNS_COUNT,
    BOUNCE_LEARNS_UNSUBSCRIBE,
    BOUNCE_LEARNS_COMPLAINT,
    BOUNCE_LEARNS_TO_IGNORE,
};

enum bounce_hygiene {
    BOUNCE_HYGIENE_NONE,
    BOUNCE_HYGIENE_SUPPRESS,         /* at the first final failure */
    BOUNCE_HYGIENE_SUPPRESS_IF_DNS,  /* when a fresh DNS look-up agrees; else it counts */
    BOUNCE_HYGIENE_SUPPRESS_RECHECK, /* and the domain is looked at again after `window_days` */
    BOUNCE_HYGIENE_COUNT,            /* by weight, limit, days and window below */
    BOUNCE_HYGIENE_SUPPRESS_ALL,     /* on every list at once */
    BOUNCE_HYGIENE_UNSUBSCRIBE,      /* from the list of that message */
    BOUNCE_HYGIENE_CLEAR,            /* may clear the address's counts */
    BOUNCE_HYGIENE_DOMAIN_REPEATS, /* none for one; a whole domain that says so for `window_days` is
                                      treated as BOUNCE_NO_DOMAIN */
};

struct bounce_action {
    enum bounce_hygiene hygiene;
    uint8_t weight;      /* in halves of a bounce, for a final failure */
    uint8_t limit;       /* COUNT: suppress at this many halves; 0: counting alone never does */
    uint8_t days;        /* COUNT: and at least on this many different days */
    uint8_t window_days; /* COUNT: and at least this long from first to last */
};

/* "no-user"; the names of the vocabulary. */
const char *bounce_class_name(enum bounce_class what);
MUST_USE bool bounce_class_from_name(struct span name, enum bounce_class *ret_class);
enum bounce_scope bounce_class_scope(enum bounce_class what);
enum bounce_severity bounce_class_severity(enum bounce_class what);
enum bounce_learns bounce_class_learns(enum bounce_class what);
struct bounce_action bounce_class_action(enum bounce_class what);
/* Sender's fault or content: never counts against the recipient. */
MUST_USE bool bounce_class_is_senders(enum bounce_class what);
/* For people, one line: "the mailbox does not exist". */
const char *bounce_class_meaning(enum bounce_class what);

#endif
