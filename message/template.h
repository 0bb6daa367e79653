/* template.h - a message with {{fields}}, compiled once for a campaign (docs/merge.md).
 *
 * template_compile reads a message as its author wrote it and turns it into pieces: literal runs
 * that are ready for the wire, and places where a value goes, each with what has to be done to the
 * value there. merge.h joins them for one recipient. The compiled message is 7-bit, its lines are
 * short and end with CRLF, and no value can add a header field, an address, a MIME part or a line
 * that means something.
 *
 * Compilation is deterministic: the queue stores the source and compiles it again at every start.
 * Its time is linear in the source, its memory is lent: template_memory_size(source.size) octets.
 * The source may go after template_compile; the memory must stay. What is compiled once and used
 * for long is moved into as little memory as it needs by template_pack.
 *
 * Knows nothing of lists, files or the queue. Owns nothing. */
#ifndef MESSAGE_TEMPLATE_H
#define MESSAGE_TEMPLATE_H

#include "base/span.h"
#include "base/text.h"

#define TEMPLATE_SOURCE_MAX (16 * MIB)
#define TEMPLATE_FIELDS_MAX 256    /* different names */
#define TEMPLATE_PIECES_MAX 16384  /* runs and uses of fields */
#define TEMPLATE_NAME_MAX 64       /* octets of a field's name */
#define TEMPLATE_PARTS_MAX 200     /* MIME parts, leaves */
#define TEMPLATE_DEPTH_MAX 20      /* multiparts in one another */
#define TEMPLATE_HEADER_MAX 32768  /* octets of one header field with its folds */
#define TEMPLATE_WORD_FIELDS_MAX 8 /* fields in one word or one address of a header */
#define TEMPLATE_WORD_TEXT_MAX 900 /* octets of literal text beside them */
#define TEMPLATE_VALUE_MAX 65536   /* octets of a value in a body */
#define TEMPLATE_HEADER_VALUE_MAX 998

/* Where a field stands: what may be there, and how it is written. */
enum template_context {
    TEMPLATE_BODY_TEXT,  /* quoted-printable */
    TEMPLATE_BODY_HTML,  /* entities, then quoted-printable */
    TEMPLATE_WORD,       /* unstructured header text */
    TEMPLATE_PHRASE,     /* a display name */
    TEMPLATE_MAILBOX,    /* a whole address */
    TEMPLATE_LOCAL,      /* a part of the local part of an address: a dot-atom */
    TEMPLATE_DOMAIN,     /* a part of the domain of an address */
    TEMPLATE_ID_WHOLE,   /* <left@right> */
    TEMPLATE_ID_CONTENT, /* left@right */
    TEMPLATE_ID_PART,    /* a part of either: a dot-atom */
    TEMPLATE_TOKEN,      /* a URL or a word for machines: percent-encoded where it must be */
    TEMPLATE_CONTEXT_COUNT
};

enum template_piece_kind {
    TEMPLATE_LITERAL,     /* data as it goes out */
    TEMPLATE_FIELD,       /* a field in a body */
    TEMPLATE_TOKEN_START, /* a token of a header field: `parts` pieces of the two next kinds follow
                           */
    TEMPLATE_PART_TEXT,   /* literal text in a token */
    TEMPLATE_PART_FIELD,  /* a field in a token */
    TEMPLATE_DATE,        /* the whole field Date */
    TEMPLATE_MESSAGE_ID,  /* the whole field Message-ID */
    TEMPLATE_TO           /* the whole field To */
};

enum template_token {
    TEMPLATE_TOKEN_WORD,   /* words_form_text */
    TEMPLATE_TOKEN_PHRASE, /* words_form_phrase */
    TEMPLATE_TOKEN_ATOM    /* as it is */
};

struct template_piece {
    uint8_t kind;         /* enum template_piece_kind */
    uint8_t context;      /* enum template_context of a field, enum template_token of a token */
    bool has_break : 1;   /* literal: has a CRLF in it */
    bool after_field : 1; /* literal: continues a quoted-printable line after a value */
    bool dot : 1;         /* literal: begins a line with a dot */
    bool opens : 1;       /* token: the first of its field that is not literal */
    bool first : 1;       /* ... nothing but the field's name stands before it */
    bool encoded : 1;     /* ... the token before it is an encoded word */
    uint16_t head;        /* literal: octets before the first CRLF, or size + 1; cut at 65535.
                             Token: how many parts */
    uint16_t tail;        /* literal: octets after the last CRLF; cut at 65535 */
    uint32_t at;          /* start of the data, or index of the field */
    uint32_t size;        /* of the data */
};

/* One name. Line and column (octets, from 1) of its first use. */
struct template_field {
    struct span name;
    uint32_t line;
    uint32_t column;
    uint32_t contexts;    /* set of enum template_context, as bits */
    uint32_t header_line; /* of its first use in a header; 0: none */
    uint32_t size_max;    /* octets that its value may have, as it is written in headers */
};

/* Fields are for reading. */
struct template
{
    const uint8_t *data;
    const struct template_piece *pieces;
    uint32_t pieces_count;
    const struct template_field *fields; /* in the order of their first use */
    uint32_t fields_count;
    uint32_t parts_count;   /* leaves of the MIME structure */
    uint32_t recoded_count; /* of them written in another transfer encoding */
    uint32_t removed_count; /* header fields left out: Bcc, Return-Path */
    uint32_t atom_contexts; /* set of contexts in use that are checked again at every merge */
    bool has_date;          /* the author's own */
    bool has_message_id;
    bool has_to;
    size_t memory_used; /* octets at the front of the lent memory that must stay */
};

struct template_error {
    uint32_t line; /* 0: the message as a whole */
    uint32_t column;
    char what[192]; /* in words, with a NUL */
};

/* Octets of memory for a source of that size: about six times it and some 40 KiB to 400 KiB. */
size_t template_memory_size(size_t source_size);
/* 0; -EINVAL: *ret_error says where and why; -EFBIG: source above TEMPLATE_SOURCE_MAX. The memory
 * is aligned to 16 and need not be zeroed. */
MUST_USE int template_compile(struct template *template, struct span source, struct span_mut memory,
                              struct template_error *ret_error);
/* Octets that the compiled template needs for good. */
size_t template_packed_size(const struct template *template);
/* Moves it into `memory` (template_packed_size octets, aligned to 16): the memory that it was
 * compiled in may go. */
void template_pack(struct template *template, struct span_mut memory);
/* Index of a field, or -ENOENT. */
MUST_USE int template_find_field(const struct template *template, struct span name);
/* Whether the value may stand wherever the field is used. -EINVAL: `why` gets one clause in words,
 * such as "has a line break, and line 3 of the template puts it into a header". */
MUST_USE int template_check_value(const struct template *template, uint32_t field,
                                  struct span value, struct text *why);
/* A summary for people, a few lines. */
void template_describe(const struct template *template, struct text *out);

#endif
