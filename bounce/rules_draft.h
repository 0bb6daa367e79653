/* rules_draft.h - a table of rules while it is being read: one rule at a time, key by key.
 *
 * Knows the meaning of keys and values, and nothing of YAML. What is wrong is said in `why`, in
 * words; the reader of the file adds the place. For bounce/rules_file only. */
#ifndef BOUNCE_RULES_DRAFT_H
#define BOUNCE_RULES_DRAFT_H

#include "base/arena.h"
#include "base/text.h"
#include "bounce/rules.h"

enum rules_draft_key {
    KEY_ID,
    KEY_CLASS,
    KEY_HOST,
    KEY_CODE,
    KEY_STATUS,
    KEY_WEAK,
    KEY_STAGE,
    KEY_TEXT,
    KEY_WITH,
    KEY_WITHOUT,
    KEY_SOURCE,
    KEY_TESTS,
    KEY_COUNT
};

struct rules_draft {
    struct rules rules;
    struct rules_rule rule; /* the one that is being read */
    enum rules_draft_key key;
    bool weak;
    uint32_t seen; /* bits 1 << enum rules_draft_key */
    struct text why;
    char why_buffer[256];
    struct text strings;
    struct rules_rule *unsorted;
    struct rules_rule *list;
    const char **phrases;
    const char **hosts;
    struct rules_status *statuses;
};

size_t rules_draft_memory(size_t strings_size);
void rules_draft_open(struct rules_draft *draft, struct arena *arena, size_t strings_size);
void rules_draft_begin(struct rules_draft *draft);
/* 0, or -EINVAL and `why`; so below. */
MUST_USE int rules_draft_key(struct rules_draft *draft, struct span name);
/* A value of the key that was given last; of one that takes a list, each. */
MUST_USE int rules_draft_value(struct rules_draft *draft, struct span value);
MUST_USE bool rules_draft_takes_list(const struct rules_draft *draft);
MUST_USE int rules_draft_end(struct rules_draft *draft);
/* All rules, sorted by step; they stay in the arena. */
MUST_USE int rules_draft_finish(struct rules_draft *draft, const struct rules **ret_rules);

#endif
