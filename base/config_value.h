/* config_value.h - the values of the configuration: from text to memory and back.
 *
 * Knows the types of config.h and nothing of YAML, sections or files. Owns nothing. The parsers of
 * single values (config_parse_duration, ...) are declared in config.h. */
#ifndef BASE_CONFIG_VALUE_H
#define BASE_CONFIG_VALUE_H

#include "base/config.h"

/* Sets a single value, at `place`, or writes to *why what is wrong with it. Lists take one more
 * item. */
MUST_USE bool config_value_set(const struct config_row *row, struct span value, void *place,
                               struct text *why);
/* What null means: nothing in a string or list; false for types that need a value. */
MUST_USE bool config_value_set_null(const struct config_row *row, void *place);
/* The row's default; CHECKs that it is a value of the type. */
void config_value_set_initial(const struct config_row *row, void *place);
/* As it stands in a file; not for subtrees. */
void config_value_write(const struct config_row *row, const void *place, struct text *out);
MUST_USE bool config_value_is_list(enum config_type type);
/* At most so many items: the smaller of the row's and the list's own limit. */
uint32_t config_value_items_max(const struct config_row *row, const struct config_list *list);

#endif
