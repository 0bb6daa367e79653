/* tlsrpt_file.h - the counts of a day as bytes, so that they outlive the process.
 *
 * Text: "ringpost-tlsrpt 1 <day>\n", then pieces, each with its size and checksum, that read like
 * sessions with a number. Reading adds to what a table holds: files of several shards, or of
 * several lives, become one. Knows no files. */
#ifndef TLS_TLSRPT_FILE_H
#define TLS_TLSRPT_FILE_H

#include "tls/tlsrpt_table.h"

#define TLSRPT_FILE_RECORD_MAX ((size_t)4096)

/* Adds what fits to *out; *cursor, 0 at the start, says where to go on. True when everything is
 * written. An empty *out of TLSRPT_FILE_RECORD_MAX * 4 makes progress. */
MUST_USE bool tlsrpt_file_write(const struct tlsrpt_table *table, uint64_t day_s, uint32_t *cursor,
                                struct text *out);
/* The day that the file counts; false: it is none of these files. */
MUST_USE bool tlsrpt_file_day(struct span file, uint64_t *ret_day_s);
/* -EBADMSG: damaged; what stood before is added. */
MUST_USE int tlsrpt_file_read(struct tlsrpt_table *table, struct span file);

#endif
