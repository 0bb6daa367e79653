#include "engine/export_cursor.h"

#include <string.h>

#include "base/check.h"
#include "base/crc.h"

#define HEAD_MAX 128

static const struct span magic = SPAN_INIT("ringpost-cursor 1 ");

static uint32_t checksum(const struct export_cursor *cursor, struct span body)
{
    return crc_add(
        crc_seed(cursor->sequence ^ (uint64_t)cursor->file_number << 40, cursor->file_offset),
        body);
}

static bool read_slot(struct span slot, struct export_cursor *ret)
{
    struct export_cursor cursor = {0};
    struct span rest = span_first(slot, span_find_byte(slot, 0)), line;
    uint64_t number, crc;

    line = span_split(&rest, '\n');
    if (!span_starts(line, magic))
        return false;
    line = span_skip(line, magic.size);
    if (!span_number(span_split(&line, ' '), UINT64_MAX, &cursor.sequence) ||
        !span_number(span_split(&line, ' '), UINT32_MAX, &number) ||
        !span_number(span_split(&line, ' '), UINT64_MAX, &cursor.file_offset) ||
        !span_number(line, UINT32_MAX, &crc))
        return false;
    cursor.file_number = (uint32_t)number;
    if (cursor.sequence == 0 || checksum(&cursor, rest) != crc ||
        !store_cursor_read(rest, &cursor.store))
        return false;
    *ret = cursor;
    return true;
}

bool export_cursor_read(struct span file, struct export_cursor *ret_cursor)
{
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        struct export_cursor cursor;

        if (!read_slot(span_slice(file, i * EXPORT_CURSOR_SLOT_SIZE, EXPORT_CURSOR_SLOT_SIZE),
                       &cursor))
            continue;
        if (!found || cursor.sequence > ret_cursor->sequence)
            *ret_cursor = cursor;
        found = true;
    }
    return found;
}

void export_cursor_write(const struct export_cursor *cursor, uint8_t slot[EXPORT_CURSOR_SLOT_SIZE])
{
    struct text head, body;

    memset(slot, 0, EXPORT_CURSOR_SLOT_SIZE);
    text_init(&body, slot + HEAD_MAX, EXPORT_CURSOR_SLOT_SIZE - HEAD_MAX);
    store_cursor_write(&cursor->store, &body);
    text_init(&head, slot, HEAD_MAX);
    text_add(&head, magic);
    text_add_u64(&head, cursor->sequence);
    text_add_byte(&head, ' ');
    text_add_u64(&head, cursor->file_number);
    text_add_byte(&head, ' ');
    text_add_u64(&head, cursor->file_offset);
    text_add_byte(&head, ' ');
    text_add_u64(&head, checksum(cursor, text_span(&body)));
    text_add_byte(&head, '\n');
    CHECK(!head.overflow && !body.overflow);
    memmove(slot + head.size, body.data, body.size);
    memset(slot + head.size + body.size, 0, EXPORT_CURSOR_SLOT_SIZE - head.size - body.size);
}

uint64_t export_cursor_place(const struct export_cursor *cursor)
{
    return cursor->sequence % 2 * EXPORT_CURSOR_SLOT_SIZE;
}
