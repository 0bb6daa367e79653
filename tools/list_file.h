/* list_file.h - a recipient list in a file or on standard input, CSV or NDJSON, row by row.
 *
 * The format is told by the name (.csv, .ndjson, .jsonl) or, failing that, by the first byte that
 * is not blank: '{' is NDJSON. Memory is bounded whatever the file holds. */
#ifndef TOOLS_LIST_FILE_H
#define TOOLS_LIST_FILE_H

#include "base/arena.h"
#include "message/csv.h"
#include "message/ndjson.h"

struct list_file {
    const char *name; /* for messages */
    int file;
    bool is_json;
    bool is_csv;
    bool at_end;
    struct arena arena;
    struct csv csv;
    struct ndjson ndjson;
    struct span block;
    uint8_t *bytes;
};

/* 0 or -errno. */
MUST_USE int list_file_open(struct list_file *list, const char *path);
void list_file_close(struct list_file *list);
/* 1: a row; 0: the end; -EINVAL: broken, see list_file_roster; else -errno of reading. */
MUST_USE int list_file_next(struct list_file *list, struct roster_row *ret_row);
/* Column names and the problem. */
const struct roster *list_file_roster(const struct list_file *list);

#endif
