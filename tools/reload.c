#include "tools/reload.h"

#include <stdio.h>

#include "tools/dkim_keys.h"

const struct policy *reload_policy(const char *verb, struct settings *settings,
                                   const struct policy *first, const char *config,
                                   const char *spool)
{
    struct settings fresh;
    char buffer[256];
    struct text keys;

    if (settings_load_policy(&fresh, config, spool) != 0)
        return NULL;
    if (dkim_keys_load(fresh.policy, first) != 0) {
        settings_free(&fresh);
        return NULL;
    }
    text_init(&keys, buffer, sizeof(buffer));
    policy_needs_restart(first, fresh.policy, &keys);
    if (keys.size > 0)
        (void)fprintf(stderr, "ringpost %s: changed, but only after a restart: %s\n", verb,
                      text_cstr_end(&keys));
    fresh.policy->generation = settings->policy->generation + 1;
    settings->policy = fresh.policy;
    (void)fprintf(stderr, "ringpost %s: the configuration was read again\n", verb);
    return fresh.policy;
}
