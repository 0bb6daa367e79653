/* query.h - what an operator asks of a spool, and the answer in pieces.
 *
 * The same questions are answered beside a running sender (through control.h) and on a spool at
 * rest (by the tool itself). A request is one line of tab-separated words; the answer is NDJSON,
 * written as room allows: query_step is called until it says it is done. Belongs to the store's
 * thread.
 *
 *   status | summary [campaign] [domain] | list [campaign] [domain] | show ID | pause [C] [D] |
 * resume [C] [D] | cancel [C] [D] (query_order.h) | suppress ... (query_suppress.h) | whose ID |
 * report NOTICE (query_report.h) | tlsrpt DAY (seconds since 1970: reports on it now) | find TENANT
 * NAME [DOMAIN] (with the domain: whether its mail is signed in its name) | load (beside a running
 * sender; what follows is handover.h's)
 *
 * A campaign that this program cannot send (content.h) has the state "held" and says why.
 *
 * An error is one line {"error": "..."}. Knows no socket. */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "base/text.h"
#include "bounce/classify.h"
#include "engine/content.h"
#include "engine/handover.h"
#include "engine/query_campaign.h"
#include "engine/query_order.h"
#include "engine/query_report.h"
#include "engine/query_suppress.h"
#include "engine/stats.h"
#include "engine/store.h"
#include "engine/tls_reporting.h"

#define QUERY_WORD_MAX 256
#define QUERY_LINE_MAX ((size_t)2048)
/* Room that a step needs to make progress: a line with metadata of 16 KiB and a reply full of
 * octets that JSON escapes. */
#define QUERY_STEP_MAX ((size_t)48 * 1024)

enum query_verb {
    QUERY_INVALID = 0,
    QUERY_STATUS,
    QUERY_SUMMARY,
    QUERY_LIST,
    QUERY_SHOW,
    QUERY_ORDER, /* pause, resume, cancel */
    QUERY_SUPPRESS,
    QUERY_WHOSE,
    QUERY_REPORT,
    QUERY_FIND, /* one campaign by its exact name, with its digests */
    QUERY_TLSRPT,
    QUERY_LOAD, /* answered by the control socket itself */
};

struct query {
    enum query_verb verb;
    struct query_order order;
    char campaign[QUERY_WORD_MAX]; /* "tenant/name" or "name"; "" = all */
    char domain[QUERY_WORD_MAX];   /* "" = all; QUERY_FIND: of From, or "" */
    char tenant[QUERY_WORD_MAX];   /* QUERY_FIND */
    struct identity identity;      /* QUERY_SHOW */
    uint32_t cursor;               /* how far a list has come */
    uint32_t stops_told;           /* QUERY_SUMMARY */
    bool walked;                   /* QUERY_SUMMARY with a domain: all campaigns are told */
    bool ordered;                  /* QUERY_TLSRPT: its end is awaited */
    struct store_cursor events;    /* QUERY_SHOW */
    struct query_suppress suppress;
    struct query_campaign_domain at_domain; /* QUERY_SUMMARY with a domain */
    const char *problem;                    /* QUERY_INVALID: in words, or NULL */
    struct query_report report;
    uint64_t day_s; /* QUERY_TLSRPT */
};

/* What a query may look at; stats NULL: at rest. */
struct query_world {
    struct store *store;
    const struct content_set *contents; /* knows which campaigns are held */
    const struct stats_sum *stats;
    struct hygiene_store *hygiene;       /* NULL: neither suppressions nor reports */
    struct text *events;                 /* of reports; NULL: they have none */
    const struct classifier *classifier; /* NULL: events without classes */
    struct handover *handover;           /* NULL: no campaign is taken in */
    struct tls_reporting *reporting;     /* NULL: no reports about TLS are sent */
    bool is_service;                     /* it does not end by itself */
    uint64_t wall_ns;
};

/* Parses a request line (without its end). A verb of QUERY_INVALID answers with its error. */
void query_parse(struct query *query, struct span line);
/* Writes what fits. True when the answer is complete; false: call again, after a tick of the store
 * when nothing was written. */
MUST_USE bool query_step(struct query *query, const struct query_world *world, struct text *out);

#endif
