/* hygiene_dossier.h - what is known about one address within one scope, and its bytes on the shelf.
 *
 * The dossier of an address without a scope also holds its counts, and begins the chain of its
 * scoped ones. A plain value; strings are borrowed. Reading checks every size: the bytes may come
 * from a disk. */
#ifndef BOUNCE_HYGIENE_DOSSIER_H
#define BOUNCE_HYGIENE_DOSSIER_H

#include "bounce/hygiene_change.h"
#include "bounce/hygiene_score.h"

/* 28 octets, key, tenant, stream, note, provider, counts. */
#define HYGIENE_DOSSIER_SIZE_MAX 1216
#define HYGIENE_DOSSIER_NONE UINT32_MAX

struct hygiene_dossier {
    struct span key;
    struct span tenant;
    struct span stream;
    struct span note;
    struct span provider;
    uint32_t next; /* number of the next scoped dossier of this address, or _NONE */
    uint32_t time_s;
    bool told;   /* class, source and time mean something: it was suppressed or held once */
    bool scored; /* `score` is there */
    enum bounce_class class;
    enum hygiene_source source;
    struct hygiene_score score;
};

/* Writes at most HYGIENE_DOSSIER_SIZE_MAX bytes; none of the strings is cut. */
size_t hygiene_dossier_write(const struct hygiene_dossier *dossier, uint8_t *into);
/* 0 or -EBADMSG. Spans point into `bytes`. */
MUST_USE int hygiene_dossier_read(struct span bytes, struct hygiene_dossier *ret_dossier);

#endif
