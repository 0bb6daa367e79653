#include "bounce/rules.h"

#include "base/check.h"

const char *rules_step_name(enum rules_step step)
{
    static const char *const names[RULES_STEP_COUNT] = {"provider",    "status", "phrase",
                                                        "weak-status", "stage",  "code"};

    CHECK(step < RULES_STEP_COUNT);
    return names[step];
}
