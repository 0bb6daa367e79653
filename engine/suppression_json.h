/* suppression_json.h - what is known about an address, as lines of JSON and of CSV
 * (docs/hygiene.md).
 *
 * Knows no store and no clock: values in, text out. */
#ifndef ENGINE_SUPPRESSION_JSON_H
#define ENGINE_SUPPRESSION_JSON_H

#include "base/text.h"
#include "bounce/confirmations.h"
#include "bounce/hygiene.h"

/* A suppression, explained in words: an object and a line feed; 4 KiB are enough. */
void suppression_json_entry(struct text *out, const struct hygiene_entry *entry, uint64_t now_s);
/* The same, left open for more keys and for the caller to close. */
void suppression_json_begin(struct text *out, const struct hygiene_entry *entry, uint64_t now_s);
/* The keys "counts" and "history", into an open object. */
void suppression_json_counts(struct text *out, const struct hygiene_score *score);
/* Begins an object about an address that has no entry, which the caller closes: its counts (NULL:
 * none), in words. */
void suppression_json_score(struct text *out, struct span key, const struct hygiene_score *score);
/* What is counted for an address on one of others' lists: an object and a line feed. */
void suppression_json_list(struct text *out, const struct confirmations *known, uint32_t number);
/* A row of CSV. */
void suppression_json_row(struct text *out, const struct hygiene_entry *entry);

#endif
