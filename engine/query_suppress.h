/* query_suppress.h - what an operator asks and orders about suppressions, and the answer in pieces.
 *
 * The words of a request, with tabs between:
 *
 *   add ADDRESS CLASS SOURCE UNTIL TENANT STREAM NOTE    UNTIL: seconds, or empty for ever
 *   remove ADDRESS TENANT STREAM NOTE                    also what was counted for it; an error if
 *                                        there is neither in exactly this scope
 *   show ADDRESS     a line for every entry, explained in words, the first with counts and how the
 *                    domain fared; one such line, counted or free, when there is no entry
 *   show @DOMAIN     how mail there fared
 *   list [held]      entries in force (or held), NDJSON
 *   export           the same as CSV
 *   release PROVIDER, confirm PROVIDER     what is held for it; "*": for all
 *   import PATH      applies the changes in a file that the tool wrote (packed_changes.h)
 *
 * An order is answered when it is durable. Knows no socket; the same at rest and beside a sender.
 */
#ifndef ENGINE_QUERY_SUPPRESS_H
#define ENGINE_QUERY_SUPPRESS_H

#include "engine/hygiene_store.h"

#define QUERY_SUPPRESS_LINE_MAX ((size_t)1024)
#define QUERY_SUPPRESS_CSV_HEADER "address,class,source,time,until,tenant,stream,note\n"

enum query_suppress_verb {
    QUERY_SUPPRESS_ORDER, /* add, remove, release, confirm: one change */
    QUERY_SUPPRESS_SHOW,
    QUERY_SUPPRESS_SHOW_DOMAIN,
    QUERY_SUPPRESS_LIST,
    QUERY_SUPPRESS_EXPORT,
    QUERY_SUPPRESS_IMPORT,
};

struct query_suppress {
    enum query_suppress_verb verb;
    struct hygiene_change change; /* its spans lie in `line` and `key` */
    bool held;
    bool ordered;    /* the change was made, its durability is awaited */
    bool begun;      /* the header was written; `number` means something */
    bool any;        /* an entry was shown */
    uint32_t number; /* of the next entry */
    uint32_t list;   /* of the next address on somebody else's list */
    uint64_t ticket;
    uint64_t offset; /* in the file */
    uint64_t done_count;
    uint64_t refused_count;
    uint8_t line[QUERY_SUPPRESS_LINE_MAX];
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    char path[QUERY_SUPPRESS_LINE_MAX];
};

/* Parses the words behind "suppress". NULL, or what is wrong (static text). */
const char *query_suppress_parse(struct query_suppress *query, struct span words);
/* Writes what fits; true when the answer is complete. */
MUST_USE bool query_suppress_step(struct query_suppress *query, struct hygiene_store *hygiene,
                                  uint64_t wall_ns, struct text *out);

#endif
