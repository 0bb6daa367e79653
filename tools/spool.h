/* spool.h - a spool opened by a command: configuration, ring, recovered queue, ready to load or
 * run. */
#ifndef TOOLS_SPOOL_H
#define TOOLS_SPOOL_H

#include "engine/engine.h"
#include "engine/exporter.h"
#include "tools/settings.h"

struct spool {
    struct settings settings;
    struct io_group *group;
    struct io *io;
    struct engine *engine;
    uint8_t ticket_key[TLS_RESUME_KEY_SIZE];
    struct exporter *exporter; /* borrowed, for turns; NULL: none */
};

/* Whether there is a queue in the folder, or a sender runs on it: to look at a folder makes no
 * spool of it. */
MUST_USE bool spool_is_there(const char *folder);
/* The front's ring beside so many shards' (its group left out). */
struct io_options spool_ring(uint32_t shards_count);
/* Opens everything. `with_engine` false: only settings, group and ring. 0, or an exit code after
 * the complaint was printed (everything is closed again). */
MUST_USE int spool_open(struct spool *spool, const char *config, const char *folder,
                        bool with_engine);
/* The first error of closing, or 0. */
int spool_close(struct spool *spool);
/* One turn of the store, of hygiene and of the exporter while nothing else runs: waits at most
 * wait_ns. */
void spool_turn(struct spool *spool, uint64_t wait_ns);

#endif
