/* rules_file.h - rules of reply classes from a file, in the form of bounce/rules.yaml.
 *
 * Reads with libyaml's event API; every error has file:line:column. Unknown keys, classes, stages,
 * anchors, aliases and tags are refused, and so is whatever passes the limits of bounce/rules.h.
 * Allocates through libyaml while it reads; everything else comes from the arena, which then holds
 * the rules and all their strings. */
#ifndef BOUNCE_RULES_FILE_H
#define BOUNCE_RULES_FILE_H

#include "base/arena.h"
#include "base/text.h"
#include "bounce/rules.h"

#define RULES_FILE_SIZE_MAX (2 * MIB)
#define RULES_FILE_TEXT_MAX (512 * KIB) /* all strings of a file together */

/* What rules_file_read takes off the arena, whatever is in the file. */
size_t rules_file_memory(void);
/* `yaml` is the text of the file `name`. 0 and rules whose phrases have been checked; or -EINVAL
 * with "name:line:column: what" in *error, or -ENOMEM. */
MUST_USE int rules_file_read(struct arena *arena, struct span yaml, const char *name,
                             const struct rules **ret_rules, struct text *error);

#endif
