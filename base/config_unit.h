/* config_unit.h - numbers with units, written: times, sizes, rates.
 *
 * The opposite of config_parse_duration, config_parse_size and config_parse_rate in config.h, which
 * config_unit.c holds as well: what is written here reads back as the same number. */
#ifndef BASE_CONFIG_UNIT_H
#define BASE_CONFIG_UNIT_H

#include "base/text.h"

void config_unit_write_duration(struct text *text, uint64_t ns);   /* "90m" */
void config_unit_write_size(struct text *text, uint64_t bytes);    /* "64KiB" */
void config_unit_write_rate(struct text *text, uint64_t per_hour); /* "100/min" */

#endif
