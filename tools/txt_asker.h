/* txt_asker.h - TXT records for a command, through the engine's own resolver.
 *
 * Borrows the spool, opened without its engine. */
#ifndef TOOLS_TXT_ASKER_H
#define TOOLS_TXT_ASKER_H

#include "base/arena.h"
#include "engine/resolver.h"
#include "tools/spool.h"

struct txt_asker {
    struct spool *spool;
    struct resolver resolver;
    struct arena arena;
};

/* 0; -ENODEV: no name server is configured; or -errno. */
MUST_USE int txt_asker_open(struct txt_asker *asker, struct spool *spool);
/* Asks for all names at once and waits for their answers, at most so long: then no set is PENDING
 * or BUSY. At most TXT_ASKER_NAMES_MAX names. */
#define TXT_ASKER_NAMES_MAX 16
void txt_asker_ask(struct txt_asker *asker, const struct span *names, uint32_t count,
                   uint64_t timeout_ns, struct txt_set *ret_sets);
/* Before the spool is closed. */
void txt_asker_close(struct txt_asker *asker);

#endif
