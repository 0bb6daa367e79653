/* csv.h - reads a recipient list in CSV (RFC 4180), streamed: header row, then rows.
 *
 * UTF-8 with or without a byte order mark; lines end in CRLF or LF; quoted fields may hold commas,
 * doubled quotes and line breaks. Empty lines are skipped. Blanks around a name in the header are
 * taken off, fields stay as they are. Anything else is refused with line, row and column: NUL,
 * UTF-16, invalid UTF-8, a quote that is not closed or stands inside an unquoted field, text behind
 * a closing quote, a lone CR, rows of another length than the header, empty or repeated names, a
 * file without a header, and more than the limits of message/roster.h.
 *
 * Knows nothing of addresses. Every byte is looked at once, however small the blocks are.
 *
 *   FIELD -> PLAIN -> FIELD | RETURN | ROW          RETURN -> ROW
 *   FIELD -> QUOTED <-> CLOSED -> FIELD | RETURN | ROW
 *   any -> FAILED                                   ROW -> FIELD at the next call */
#ifndef MESSAGE_CSV_H
#define MESSAGE_CSV_H

#include "message/roster.h"

enum csv_state {
    CSV_FIELD = 0, /* at the first byte of a field */
    CSV_PLAIN,     /* inside a field without quotes */
    CSV_QUOTED,    /* inside quotes */
    CSV_CLOSED,    /* behind a quote inside quotes: doubled, or the end of the field */
    CSV_RETURN,    /* behind a CR: LF must follow */
    CSV_ROW,       /* behind the end of a row, which the caller may be looking at */
    CSV_FAILED,    /* the problem is set */
};

struct csv {
    struct roster roster; /* feed this; names, names_count and problem are to be read */
    enum csv_state state;
    uint8_t seen;   /* all bytes of the field so far, or-ed */
    bool quoted;    /* the last field had quotes */
    uint32_t scan;  /* the next byte to look at; this and what follows count from the row's begin */
    uint32_t put;   /* where the next byte of an unquoted copy goes */
    uint32_t field; /* where the field begins */
    uint32_t fields_count;
    uint32_t *starts; /* by column: where the field begins, and its size */
    uint32_t *sizes;
};

size_t csv_cost(void); /* bytes of arena */
void csv_init(struct csv *csv, struct arena *arena);
/* The next row; the header is read on the way and is not a row. */
MUST_USE enum roster_want csv_next(struct csv *csv, struct roster_row *ret_row);

#endif
