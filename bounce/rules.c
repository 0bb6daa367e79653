#include "bounce/rules.h"

#define FROM_CODE(id, what, first, last)                                                           \
    {                                                                                              \
        id, RULES_CODE, what, first, last, {RULES_ANY, RULES_ANY, RULES_ANY}, 0, {0, 0}, {0, 0},   \
            {0, 0},                                                                                \
        {                                                                                          \
            0, 0                                                                                   \
        }                                                                                          \
    }
#define FROM_STATUS(id, what, subject, detail)                                                     \
    {                                                                                              \
        id, RULES_STATUS, what, 0, 599, {RULES_ANY, subject, detail}, 0, {0, 0}, {0, 0}, {0, 0},   \
        {                                                                                          \
            0, 0                                                                                   \
        }                                                                                          \
    }

static const struct rules_rule list[] = {
    FROM_STATUS("iana-1-1", BOUNCE_NO_USER, 1, 1),
    FROM_STATUS("iana-1-2", BOUNCE_NO_DOMAIN, 1, 2),
    FROM_STATUS("iana-2-1", BOUNCE_INACTIVE, 2, 1),
    FROM_STATUS("iana-2-2", BOUNCE_MAILBOX_FULL, 2, 2),
    FROM_CODE("code-421", BOUNCE_SYSTEM, 421, 421),
    FROM_CODE("code-452", BOUNCE_SYSTEM, 452, 452),
    FROM_CODE("code-50x", BOUNCE_PROTOCOL, 500, 504),
    FROM_CODE("code-550", BOUNCE_NO_USER, 550, 550),
    FROM_CODE("code-552", BOUNCE_MAILBOX_FULL, 552, 552),
};

const struct rules *rules_builtin(void)
{
    static const struct rules builtin = {1, ARRAY_LEN(list), 0, 0, list, NULL, NULL};

    return &builtin;
}
