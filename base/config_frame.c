#include "base/config_frame.h"

#include <string.h>

#include "base/check.h"
#include "base/config_value.h"

struct config_frame *config_frame_top(struct config_frames *frames)
{
    return &frames->frames[frames->depth - 1];
}

static struct config_frame *push(struct config_frames *frames, enum config_frame_kind kind)
{
    struct config_frame *frame;

    CHECK(frames->depth < CONFIG_FRAMES_MAX);
    frame = &frames->frames[frames->depth++];
    *frame = (struct config_frame){.kind = kind};
    return frame;
}

void config_frame_push_section(struct config_frames *frames, struct config_schema schema,
                               struct span section, void *place)
{
    struct config_frame *frame = push(frames, CONFIG_FRAME_SECTION);

    frame->schema = schema;
    frame->section = section;
    frame->place = place;
}

void config_frame_push_row(struct config_frames *frames, enum config_frame_kind kind,
                           const struct config_row *row, struct config_list *list)
{
    struct config_frame *frame = push(frames, kind);

    frame->row = row;
    frame->place = (void *)list;
}

void config_frame_push_item(struct config_frames *frames, uint8_t *item)
{
    const struct config_row *row = config_frame_top(frames)->row;

    config_frame_push_section(frames, config_row_subtree(row), (struct span){0}, item);
}

void config_frame_pop(struct config_frames *frames)
{
    frames->depth--;
}

bool config_frame_saw(const struct config_frame *frame, uint32_t index)
{
    return (frame->seen[index / 64] >> (index % 64) & 1) != 0;
}

void config_frame_see(struct config_frame *frame, uint32_t index)
{
    frame->seen[index / 64] |= UINT64_C(1) << (index % 64);
}

uint8_t *config_frame_add_item(const struct config_frame *frame, uint32_t line, uint32_t column)
{
    struct config_list *list = (void *)frame->place;
    const struct config_subtree *subtree = frame->row->subtree;
    uint8_t *item;

    if (list->count >= config_value_items_max(frame->row, list))
        return NULL;
    item = (uint8_t *)list->items + list->count * subtree->item_size;
    for (uint32_t i = 0; i < subtree->rows_count; i++) {
        const struct config_row *inner = &subtree->rows[i];

        config_value_set_initial(inner, item + inner->offset);
    }
    if (subtree->line_offset != 0) {
        const uint32_t place[] = {line, column};

        memcpy(item + subtree->line_offset, place, sizeof(place));
    }
    list->count++;
    return item;
}

uint8_t *config_frame_item(const struct config_frame *frame, uint32_t index)
{
    const struct config_list *list = (const void *)frame->place;

    return (uint8_t *)list->items + index * frame->row->subtree->item_size;
}

struct span config_frame_key(const struct config_frame *frame, const uint8_t *item)
{
    return span_cstr((const char *)item + frame->row->subtree->key_offset);
}
