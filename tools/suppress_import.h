/* suppress_import.h - a CSV of suppressions, checked as a whole, then packed for the journal.
 *
 * Columns by name: address (or email), and if there: class, source, time, until, tenant, stream,
 * note. What is wrong is said with line, row and column, and then nothing is imported. The packed
 * file lies in the folder of hygiene, so that a running sender can read it. */
#ifndef TOOLS_SUPPRESS_IMPORT_H
#define TOOLS_SUPPRESS_IMPORT_H

#include "tools/suppress_ask.h"

struct suppress_import {
    const char *file;   /* CSV; "-": standard input */
    const char *tenant; /* of rows that name none; "" = all */
    const char *stream;
    uint64_t rows_count;
    char path[POLICY_PATH_MAX + 64]; /* of the packed file; "": none */
};

/* 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_import_pack(struct suppress_import *import, struct suppress_ask *ask);
/* Removes the packed file. */
void suppress_import_remove(const struct suppress_import *import);

#endif
