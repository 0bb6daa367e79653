/* content_parts.h - the inside of a campaign's content; private to content*.c. */
#ifndef ENGINE_CONTENT_PARTS_H
#define ENGINE_CONTENT_PARTS_H

#include "engine/content.h"
#include "message/address.h"
#include "sign/canon.h"

/* What of the body's hash is the same for all recipients. */
struct content_fixed {
    struct merge_place body;       /* of a template: where the body begins */
    struct merge_place end;        /* ...and its first value stands */
    struct words_line line;        /* ...as the merge has it there */
    struct canon_body prefix;      /* hashed up to there */
    bool whole;                    /* there is no value: this is the hash */
    uint8_t hash[CANON_HASH_SIZE]; /* when whole */
};

struct content {
    enum campaign_content kind;
    struct template template;
    void *memory;     /* the template's, or the header of the finished message */
    struct span head; /* as it goes out */
    struct span body;
    struct body_scan scan;
    struct content_fixed fixed;
    struct span host;                       /* right side of Message-ID */
    uint8_t author[ADDRESS_DOMAIN_KEY_MAX]; /* domain of From, in lower-case A-labels */
    size_t author_size;                     /* 0: it has fields in it, or there is none */
    uint64_t date_s;
    bool tls_optional;
    bool is_signed;
    uint32_t own_fields;
};

/* When everything else stands. */
void content_hash_prepare(struct content *content);

#endif
