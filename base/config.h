/* config.h - one YAML file read through schema tables.
 *
 * Knows nothing of what the settings mean: a table has one row a setting (dotted name, type, place,
 * limits, default, one line of documentation). Read with libyaml's event API, so that every error
 * has file:line:column; unknown keys are refused with the nearest known name, and so are repeated
 * keys, aliases, tags and control characters. The same tables print the reference page
 * (config_reference), the JSON Schema (config_json_schema) and the effective values with their
 * origin (config_show). Allocates through libyaml at start and on reload only.
 *
 * Rows of one section ("smtp.") stand together in the table. A subtree's rows hold no subtrees.
 *
 * Units: times "300ms", "5m", "4d"; sizes "10MB", "64KiB"; rates "100/min" (kept per hour). */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/span.h"
#include "base/text.h"

enum config_type {
    CONFIG_BOOL,          /* bool */
    CONFIG_U32,           /* uint32_t within [min, max] */
    CONFIG_SIZE,          /* uint64_t bytes; max 0: no limit but the type's, here and below */
    CONFIG_DURATION,      /* uint64_t ns */
    CONFIG_RATE,          /* uint64_t per hour; a bare number is per second; 0 = no limit */
    CONFIG_STRING,        /* char[max + 1] at the place, NUL-terminated; null gives "". In a
                             subtree with min > 0 and no initial: the item must have it */
    CONFIG_ENUM,          /* uint32_t: index in `names` */
    CONFIG_DURATION_LIST, /* struct config_list of uint64_t ns: at most `max` */
    CONFIG_STRING_LIST,   /* struct config_list of char[CONFIG_ITEM_MAX]: at most `max` */
    CONFIG_SUBTREE,       /* rows of another table, one struct for each item of a list or key of a
                             map: see struct config_subtree */
};

#define CONFIG_ITEM_MAX 256

struct config_list {
    uint32_t count;
    uint32_t capacity; /* set by the caller together with `items` before reading */
    void *items;
};

struct config_row;

struct config_subtree {
    const struct config_row *rows;
    uint32_t rows_count;
    size_t item_size;
    size_t key_offset;  /* a map: where the key goes (char[CONFIG_ITEM_MAX]); SIZE_MAX: a list of
                           maps */
    bool scalar_items;  /* a map whose values need not be maps: the first row takes a scalar or a
                           list; with more rows than one a value may also be a map of them all */
    size_t line_offset; /* where the item's line and column in the file go (two uint32_t, one behind
                           the other); 0: nowhere */
};

/* The subtree's place is a struct config_list too: `items` are `capacity` structs of item_size. The
 * caller presets the lists inside each of them (capacity, items) as well. */

struct config_row {
    const char *name; /* "smtp.port" */
    enum config_type type;
    size_t offset;
    uint64_t min;
    uint64_t max;
    const char *initial;      /* the default, as it would stand in the file, strings unquoted, lists
                                 "[5m, 20m]"; NULL: leave as it is */
    const char *const *names; /* CONFIG_ENUM: NULL-terminated */
    const struct config_subtree *subtree;
    const char *doc;
};

struct config_schema {
    const struct config_row *rows;
    uint32_t rows_count;
};

#define CONFIG_ROWS_MAX 256

/* Where each row's value came from: line 0 = default. */
struct config_origin {
    uint32_t line[CONFIG_ROWS_MAX];
    uint32_t column[CONFIG_ROWS_MAX]; /* of the key */
};

/* Fills `place` with the defaults. CHECKs that the table is sound. */
void config_defaults(const struct config_schema *schema, void *place);
/* Reads `yaml` (the text of the file `name`) over `place`. 0, or -EINVAL with "name:line:column:
 * what" in *error. On failure `place` is half-written: read into a fresh one. */
MUST_USE int config_read(const struct config_schema *schema, struct span yaml, const char *name,
                         void *place, struct config_origin *ret_origin, struct text *error);
/* The value parsers, for command-line options. */
MUST_USE bool config_parse_duration(struct span text, uint64_t *ret_ns);
MUST_USE bool config_parse_size(struct span text, uint64_t *ret_bytes);
MUST_USE bool config_parse_rate(struct span text, uint64_t *ret_per_hour);

void config_show(const struct config_schema *schema, const void *place,
                 const struct config_origin *origin, const char *name, bool with_origin,
                 struct text *out);
void config_reference(const struct config_schema *schema, struct text *out); /* Markdown */
void config_json_schema(const struct config_schema *schema, struct text *out);

#endif
