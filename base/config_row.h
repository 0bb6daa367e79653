/* config_row.h - finding one's way in a schema table: dotted names, their sections, and keys.
 *
 * Knows nothing of values or YAML. Owns nothing; spans it hands out point into the rows' names. */
#ifndef BASE_CONFIG_ROW_H
#define BASE_CONFIG_ROW_H

#include "base/config.h"

#define CONFIG_ROW_SECTIONS_MAX 4

/* What a key within a section names. */
struct config_row_match {
    uint32_t index; /* of the row, or of the section's first row */
    bool found;
    bool is_section;
    struct span section; /* "smtp." when is_section */
};

/* `section` is "" at the top, else with its final dot. */
struct config_row_match config_row_find(const struct config_schema *schema, struct span section,
                                        struct span key);
/* Adds what can be said about an unknown key: the nearest name, or where that name belongs. */
void config_row_suggest(const struct config_schema *schema, struct span section, struct span key,
                        struct text *why);

uint32_t config_row_depth(const char *name); /* how many sections it stands in */
struct span config_row_part(const char *name, uint32_t level);
/* How many leading sections two names share; `before` may be NULL. */
uint32_t config_row_shared(const char *before, const char *name);

/* CHECKs that a table keeps the rules of config.h. */
void config_row_check(const struct config_schema *schema);
struct config_schema config_row_subtree(const struct config_row *row);

#endif
