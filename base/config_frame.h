/* config_frame.h - the maps and lists of a file that are open at the place that is being read.
 *
 * A stack: the innermost frame says what the next key or value means and where it goes.
 *
 *   SECTION -> SECTION ("smtp:"), LIST, ITEMS or KEYS, by the setting that its key names
 *   ITEMS, KEYS -> SECTION, one for each item that is a map
 *
 * Knows nothing of YAML, of words or of values but an item's defaults. Part of config.c's work.
 * Borrows tables and structs for the time of the reading. */
#ifndef BASE_CONFIG_FRAME_H
#define BASE_CONFIG_FRAME_H

#include "base/config_row.h"

/* More than any table nests: sections, a list, its item, sections, a list. */
#define CONFIG_FRAMES_MAX 16

enum config_frame_kind {
    CONFIG_FRAME_SECTION, /* a map of settings: keys are names in `schema` below `section` */
    CONFIG_FRAME_LIST,    /* a sequence of single values for `row` */
    CONFIG_FRAME_ITEMS,   /* a sequence of maps, each an item of the subtree of `row` */
    CONFIG_FRAME_KEYS,    /* a map with free keys, each an item of the subtree of `row` */
};

/* One open sequence or map of the file. */
struct config_frame {
    enum config_frame_kind kind;
    bool has_key;                /* a key was read, its value is next */
    struct config_schema schema; /* SECTION */
    struct span section;
    struct config_row_match match;       /* what the key means */
    uint64_t seen[CONFIG_ROWS_MAX / 64]; /* rows and first rows of sections, against repeats */
    const struct config_row *row;        /* the others */
    uint8_t *place;                      /* struct to fill; the row's list; the item at a key */
};

struct config_frames {
    struct config_frame frames[CONFIG_FRAMES_MAX];
    uint32_t depth;
};

/* The innermost; there must be one. */
struct config_frame *config_frame_top(struct config_frames *frames);
void config_frame_push_section(struct config_frames *frames, struct config_schema schema,
                               struct span section, void *place);
/* LIST, ITEMS or KEYS: `list` is the row's. */
void config_frame_push_row(struct config_frames *frames, enum config_frame_kind kind,
                           const struct config_row *row, struct config_list *list);
/* A SECTION for this item of the innermost frame, ITEMS or KEYS. */
void config_frame_push_item(struct config_frames *frames, uint8_t *item);
void config_frame_pop(struct config_frames *frames);

/* In a SECTION: whether the row with this index, or the section that it begins, was there. */
MUST_USE bool config_frame_saw(const struct config_frame *frame, uint32_t index);
void config_frame_see(struct config_frame *frame, uint32_t index);

/* The next item for ITEMS or KEYS, which begins at that line and column, with its defaults; NULL
 * when there is no room for it. */
uint8_t *config_frame_add_item(const struct config_frame *frame, uint32_t line, uint32_t column);
uint8_t *config_frame_item(const struct config_frame *frame, uint32_t index);
/* In KEYS: the key of an item. */
struct span config_frame_key(const struct config_frame *frame, const uint8_t *item);

#endif
