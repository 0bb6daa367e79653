/* export_cursor.h - how far the export of events has come: two slots in a file, the newer good one
 * counts.
 *
 *   "ringpost-cursor 1 <sequence> <file number> <offset> <crc>\n" and the store's cursor as text
 *
 * A slot that was being written when the power went fails its checksum, and the other one counts.
 * Knows no files: bytes in, bytes out. Owns nothing. */
#ifndef ENGINE_EXPORT_CURSOR_H
#define ENGINE_EXPORT_CURSOR_H

#include "engine/store.h"

#define EXPORT_CURSOR_SLOT_SIZE ((size_t)8192)
#define EXPORT_CURSOR_FILE_SIZE (2 * EXPORT_CURSOR_SLOT_SIZE)

struct export_cursor {
    uint64_t sequence;    /* of this state, from 1; 0: nothing was exported yet */
    uint32_t file_number; /* of the events file */
    uint64_t file_offset; /* everything below it is exported and stays */
    struct store_cursor store;
};

/* False: neither slot is good, *ret_cursor is untouched. */
MUST_USE bool export_cursor_read(struct span file, struct export_cursor *ret_cursor);
/* Fills a whole slot. */
void export_cursor_write(const struct export_cursor *cursor, uint8_t slot[EXPORT_CURSOR_SLOT_SIZE]);
/* Where the slot of this state belongs in the file: never where the state before it stands. */
uint64_t export_cursor_place(const struct export_cursor *cursor);

#endif
