/* roster.h - the rows of a recipient list, whatever format it came in.
 *
 * The part that message/csv and message/ndjson share: a window on a stream of bytes that are fed in
 * blocks, the names of the columns, the fields of the row last read, and the problem that ended the
 * reading. Knows nothing of files or of what the columns mean.
 *
 *   roster_init -> (x_next -> ROSTER_MORE -> roster_feed or roster_finish)* -> ROSTER_END
 *                  x_next -> ROSTER_ROW: use the row, call again
 *                  x_next -> ROSTER_FAILED: the problem says what and where; stays so
 *
 * Owns nothing: the memory (ROSTER_WINDOW and the tables) comes from an arena, so that the size of
 * a list, a row or a field never costs more. A row and its fields are lent until the next call. */
#ifndef MESSAGE_ROSTER_H
#define MESSAGE_ROSTER_H

#include "base/arena.h"
#include "base/span.h"
#include "base/text.h"

#define ROSTER_FIELD_MAX (64 * KIB)
#define ROSTER_COLUMNS_MAX 1000
#define ROSTER_ROW_MAX (1 * MIB)
#define ROSTER_NAMES_MAX (64 * KIB) /* all column names together */
#define ROSTER_WINDOW (2 * MIB)
#define ROSTER_WHAT_MAX 512 /* at least four times the longest sentence */
#define ROSTER_COLUMN_NONE UINT32_MAX

enum roster_kind {
    ROSTER_ABSENT = 0, /* the row has no such field; the span's data is NULL */
    ROSTER_TEXT,       /* valid UTF-8 without NUL; may be empty */
    ROSTER_NUMBER,     /* JSON number as written */
    ROSTER_BOOL,       /* "true" or "false" */
    ROSTER_NULL,       /* present, size 0 */
    ROSTER_NESTED,     /* a JSON object or array as written, checked */
};

enum roster_want {
    ROSTER_ROW,    /* a row was read */
    ROSTER_MORE,   /* feed more bytes, or say that there are none */
    ROSTER_END,    /* the list ended properly */
    ROSTER_FAILED, /* the list is broken: see the problem */
};

struct roster_row {
    uint64_t line;             /* in the file, from 1, where the row begins */
    uint64_t row;              /* from 1, the header not counted */
    uint32_t fields_count;     /* = the number of columns known so far */
    const struct span *fields; /* by column */
    const uint8_t *kinds;      /* enum roster_kind, by column */
};

struct roster_problem {
    uint64_t line;   /* in the file, from 1; 0: it is about the whole file */
    uint64_t row;    /* as in struct roster_row; 0: the header or the file */
    uint32_t column; /* from 1; 0: it is about the row */
    uint32_t what_size;
    char what[ROSTER_WHAT_MAX]; /* in words for people, printable */
};

struct roster {
    uint8_t
        *window; /* [begin, end) holds what is not used up: the row being read and what follows */
    size_t begin;
    size_t end;
    bool finished; /* no more bytes will come */
    bool started;  /* byte order mark and encoding have been looked at */
    bool failed;
    uint64_t line; /* of the byte at which the reader stands */
    uint64_t row_line;
    uint64_t row;
    uint64_t names_line; /* of the header; 0: there is none */
    struct span *names;
    uint32_t names_count;
    struct text names_text;
    struct span *fields;
    uint8_t *kinds;
    struct roster_problem problem;
};

size_t roster_cost(void); /* bytes of arena */
void roster_init(struct roster *roster, struct arena *arena);
/* Takes bytes off the front of *block: all of them, or as many as there is room for; the rest is to
 * be fed after the next ROSTER_MORE. Ends the loan of the last row. */
void roster_feed(struct roster *roster, struct span *block);
/* No more bytes will come. */
void roster_finish(struct roster *roster);

/* The column of that name, or ROSTER_COLUMN_NONE. */
MUST_USE uint32_t roster_column(const struct roster *roster, struct span name);
/* "list.csv:12: row 11, column 3 (email): the quote is not closed" */
void roster_problem_write(const struct roster *roster, const char *file, struct text *out);

/* --- for the readers --- */
/* Looks at the first bytes: ROSTER_ROW when reading can begin (a UTF-8 mark is skipped). */
MUST_USE enum roster_want roster_start(struct roster *roster);
/* Copies the name of one more column (-ENOSPC: too many or too long). */
MUST_USE int roster_add_name(struct roster *roster, struct span name);
/* Says what is wrong with the row being read (cut to fit; made printable). column 0: none. Returns
 * ROSTER_FAILED. */
enum roster_want roster_fail(struct roster *roster, uint32_t column, struct span what);
/* The same about the whole file: no line, no row. */
enum roster_want roster_fail_file(struct roster *roster, struct span what);

#endif
