/* rules.h - the rules by which replies are classed, as data: what must hold, and the class.
 *
 * A table of rules comes from bounce/rules.yaml, compiled in by bounce/make_rules.py, or at run
 * time from a file of the same form (bounce/rules_file). Knows nothing of how rules are matched
 * (bounce/classify). Borrows every string; whoever made the table keeps them.
 *
 * A phrase is lower-case text, white space single, matched at word borders. '*' at either end
 * lifts the border there; " * " in the middle lets up to RULES_GAP_MAX bytes stand between. */
#ifndef BOUNCE_RULES_H
#define BOUNCE_RULES_H

#include "bounce/bounce_class.h"
#include "message/outcome.h"

#define RULES_MAX 2048
#define RULES_PHRASES_MAX 4096
#define RULES_PHRASE_SIZE_MAX 120
#define RULES_PARTS_MAX 4 /* of one phrase: it has at most three gaps */
#define RULES_GAP_MAX 80
#define RULES_HOSTS_MAX 512
#define RULES_STATUSES_MAX 1024
#define RULES_ID_MAX 48
#define RULES_ANY UINT16_MAX

/* In the order in which they are asked. */
enum rules_step {
    RULES_PROVIDER,    /* has hosts */
    RULES_STATUS,      /* has an enhanced code, and it is trusted */
    RULES_PHRASE,      /* has phrases */
    RULES_WEAK_STATUS, /* has an enhanced code that says little */
    RULES_STAGE,
    RULES_CODE,
    RULES_STEP_COUNT
};

/* Entries [first, first + count) of the table's list. */
struct rules_range {
    uint16_t first;
    uint16_t count;
};

/* An enhanced status code; RULES_ANY in a place: any. */
struct rules_status {
    uint16_t parts[3];
};

/* Everything that is given must hold. */
struct rules_rule {
    const char *id;
    enum rules_step step;
    enum bounce_class class;
    uint16_t code_min; /* 0 with code_max 599: any, none too */
    uint16_t code_max;
    uint32_t stages;             /* bits 1 << enum outcome_stage; 0: any */
    struct rules_range hosts;    /* one of them; empty: any */
    struct rules_range statuses; /* one of them; empty: any, none too */
    struct rules_range text;     /* one of these phrases; empty: any text */
    struct rules_range with;     /* and one of these; empty: nothing more */
    struct rules_range without;  /* and none of these */
};

struct rules {
    uint32_t version;
    uint32_t count;
    uint32_t phrases_count;
    uint32_t hosts_count;
    uint32_t statuses_count;
    const struct rules_rule *list; /* sorted by step, in the order of the file within a step */
    const char *const *phrases;
    const char *const *hosts; /* suffixes of names: "google.com" is also "x.google.com" */
    const struct rules_status *statuses;
};

/* The ones compiled in. */
const struct rules *rules_builtin(void);
/* "provider", "status"; as the configuration's reference calls them. */
const char *rules_step_name(enum rules_step step);

#endif
