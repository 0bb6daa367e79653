/* suppress_ask.h - requests about suppressions: to the sender that runs on the spool, or, when none
 * does, to the journal of hygiene itself, whose spool is locked meanwhile. */
#ifndef TOOLS_SUPPRESS_ASK_H
#define TOOLS_SUPPRESS_ASK_H

#include "engine/hygiene_store.h"
#include "tools/spool.h"

/* Takes complete lines of an answer. */
typedef void suppress_ask_take(void *context, struct span line);

struct suppress_ask {
    struct spool spool; /* at rest: settings, ring */
    struct arena arena;
    struct hygiene_store *hygiene; /* at rest */
    const char *folder;            /* of the spool */
    bool looks_only;               /* a folder that is no spool is not made one */
    suppress_ask_take *take;
    void *context;
};

/* 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_ask_open(struct suppress_ask *ask, const char *config, const char *spool);
/* One request line without its end. 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_ask_request(struct suppress_ask *ask, struct span request);
/* 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_ask_close(struct suppress_ask *ask);

#endif
