/* reply_rules.h - a classifier with rules from a file, or with those compiled in. */
#ifndef TOOLS_REPLY_RULES_H
#define TOOLS_REPLY_RULES_H

#include "bounce/classify.h"

struct reply_rules;

/* `file` NULL or empty: the rules compiled in. 0 and an owned *ret; -EINVAL (the file is wrong),
 * -ENOENT... or -ENOMEM, and *error says it. */
MUST_USE int reply_rules_open(struct reply_rules **ret, const char *file, struct text *error);
const struct classifier *reply_rules_classifier(const struct reply_rules *rules);
/* NULL is a no-op. */
void reply_rules_close(struct reply_rules *rules);

#endif
