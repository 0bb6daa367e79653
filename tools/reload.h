/* reload.h - SIGHUP: the configuration is read again; what is wrong with it is said and changes
 * nothing. */
#ifndef TOOLS_RELOAD_H
#define TOOLS_RELOAD_H

#include "tools/settings.h"

/* `first`: in force at the start; what differs from it and needs a restart is said. The next
 * policy, which is *settings's now, or NULL. */
MUST_USE const struct policy *reload_policy(const char *verb, struct settings *settings,
                                            const struct policy *first, const char *config,
                                            const char *spool);

#endif
