/* suppress_import.h - a CSV of suppressions, checked as a whole, then packed for the journal.
 *
 * Columns by name (suppress_columns.h), or one address a line. What is wrong is said with line, row
 * and column, and then nothing is imported; columns that are not used are named once. The packed
 * file lies in the folder of hygiene, so that a running sender can read it. */
#ifndef TOOLS_SUPPRESS_IMPORT_H
#define TOOLS_SUPPRESS_IMPORT_H

#include "tools/suppress_ask.h"

struct suppress_import {
    const char *file; /* CSV; "-": standard input */
    /* Of rows that name none: */
    const char *class;
    const char *source;
    const char *tenant; /* "" = all */
    const char *stream;
    const char *note;
    uint64_t until_s;
    uint64_t rows_count;
    char path[POLICY_PATH_MAX + 64]; /* of the packed file; "": none */
};

/* 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_import_pack(struct suppress_import *import, struct suppress_ask *ask);
/* Removes the packed file. */
void suppress_import_remove(const struct suppress_import *import);

#endif
