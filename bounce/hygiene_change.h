/* hygiene_change.h - one change of what is known about an address, and its bytes in the journal.
 *
 * The journal of changes is the truth; everything else is made from it. A plain value; the strings
 * are borrowed. Reading checks every length and value: the bytes come from a disk. */
#ifndef BOUNCE_HYGIENE_CHANGE_H
#define BOUNCE_HYGIENE_CHANGE_H

#include "bounce/bounce_class.h"

#define HYGIENE_CHANGE_KEY_MAX 320   /* message/address: ADDRESS_KEY_MAX, or '@' and a domain */
#define HYGIENE_CHANGE_SCOPE_MAX 128 /* tenant, stream */
#define HYGIENE_CHANGE_NOTE_MAX 240  /* words for people */
#define HYGIENE_CHANGE_PROVIDER_MAX 128
#define HYGIENE_CHANGE_SIZE_MAX                                                                    \
    (32 + HYGIENE_CHANGE_KEY_MAX + 2 * HYGIENE_CHANGE_SCOPE_MAX + HYGIENE_CHANGE_NOTE_MAX +        \
     HYGIENE_CHANGE_PROVIDER_MAX)
#define HYGIENE_CHANGE_FOREVER UINT64_MAX

enum hygiene_change_kind {
    HYGIENE_SUPPRESS = 1, /* no mail to the key within the scope, until... */
    HYGIENE_WITHDRAW,     /* the suppression of this key and scope ends */
    HYGIENE_COUNT,        /* a bounce that counts */
    HYGIENE_CLEAR,        /* mail arrived: what was counted is forgotten */
    HYGIENE_HOLD,         /* would be a suppression, but the provider's breaker is open */
    HYGIENE_RELEASE,      /* what is held for the provider (empty: for all) is dropped */
    HYGIENE_CONFIRM,      /* ...or becomes suppression */
    HYGIENE_CHANGE_KIND_COUNT
};

enum hygiene_source {
    HYGIENE_FROM_SESSION = 1, /* a reply to our own session */
    HYGIENE_FROM_REPORT,      /* a delivery report that came home */
    HYGIENE_FROM_COMPLAINT,
    HYGIENE_FROM_UNSUBSCRIBE,
    HYGIENE_FROM_OPERATOR,
    HYGIENE_FROM_IMPORT,
    HYGIENE_SOURCE_COUNT
};

struct hygiene_change {
    enum hygiene_change_kind kind;
    enum hygiene_source source;
    enum bounce_class class;
    uint64_t time_s;
    uint64_t until_s;   /* SUPPRESS, HOLD: first second that is free again; _FOREVER */
    struct span key;    /* canonical (message/address), or '@' and a domain's key */
    struct span tenant; /* empty: all */
    struct span stream; /* empty: all */
    struct span note;
    struct span provider; /* HOLD, RELEASE, CONFIRM */
};

/* Writes HYGIENE_CHANGE_SIZE_MAX bytes at most; strings that are too long are cut, but the key. */
size_t hygiene_change_write(const struct hygiene_change *change, uint8_t *into);
/* 0 or -EBADMSG. Spans point into the payload. */
MUST_USE int hygiene_change_read(struct span payload, struct hygiene_change *ret_change);
/* "session", "operator". */
const char *hygiene_change_source_name(enum hygiene_source source);
MUST_USE bool hygiene_change_source_from_name(struct span name, enum hygiene_source *ret_source);

#endif
