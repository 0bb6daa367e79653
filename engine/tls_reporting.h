/* tls_reporting.h - once a day tells receivers what became of TLS with them (RFC 8460).
 *
 * A day is due at a time of its own between ten minutes and four hours after it ended (UTC), the
 * same every day, another one on every host. For each domain that was counted its TXT record is
 * asked for; a report goes to each address in it, through our own queue, and to each https URL.
 * What did not work is tried again every hour until the next day is due. Then it is given up.
 *
 *   REST -> READING (a file a turn) -> ROUND (jobs) -> PAUSE -> ROUND ... -> REST
 *   a job: TXT -> MAIL -> POST -> POSTING -> POST ... -> free
 *
 * Durable: a report by mail is a campaign whose name says day and domain, so there is never a
 * second one; a report that a web server took is noted in posted.<day>, so that a kill in between
 * repeats it with the same report-id. Without a store nothing is sent: a dry run.
 *
 * Reports are mail like other mail: "TLS-Required: No" lifts what receivers demand of TLS, whose
 * failures they may be about (RFC 8460 3). Web servers must have a good certificate.
 *
 * Owns a name resolver, https exchanges, buffers. Borrows io, store, contents, TLS context, policy.
 * Front thread only; nothing allocates after tls_reporting_open but the campaign's content. */
#ifndef ENGINE_TLS_REPORTING_H
#define ENGINE_TLS_REPORTING_H

#include "engine/https.h"
#include "engine/resolver.h"
#include "engine/self_mail.h"
#include "engine/tls_report_day.h"
#include "tls/tlsrpt_record.h"
#include "tls/tlsrpt_report.h"

#define TLS_REPORTING_JOBS_MAX 16
#define TLS_REPORTING_DELAY_MIN_S 600
#define TLS_REPORTING_DELAY_MAX_S 14400
#define TLS_REPORTING_AGAIN_NS (60 * NS_PER_MINUTE)
#define TLS_REPORTING_CAMPAIGNS_MAX 12288 /* in the spool; the other places are the user's */

enum tls_reporting_state {
    TLS_REPORTING_REST = 0, /* until the next day is due */
    TLS_REPORTING_READING,  /* the files are being read */
    TLS_REPORTING_ROUND,    /* every domain without an end is being tried */
    TLS_REPORTING_PAUSE     /* some did not work: until the next round */
};

enum tls_reporting_news {
    TLS_REPORTING_WITHOUT, /* the domain wants no reports, or its record is not good */
    TLS_REPORTING_MAILED,  /* is in the queue; in a dry run: would be */
    TLS_REPORTING_POSTED,
    TLS_REPORTING_BEFORE, /* was mailed or posted by an earlier try */
    TLS_REPORTING_FAILED, /* for now */
    TLS_REPORTING_NEWS_COUNT
};

/* What became of one domain's report to one target; `json` in a dry run. */
struct tls_reporting_line {
    enum tls_reporting_news news;
    struct span domain;
    struct span target; /* an address or URL; empty: the record */
    struct span why;    /* of a failure */
    struct span json;
};

typedef void tls_reporting_tell(void *context, const struct tls_reporting_line *line);

enum tls_reporting_job_state {
    TLS_REPORTING_JOB_FREE = 0,
    TLS_REPORTING_JOB_TXT,    /* the record is to be asked for, or is awaited */
    TLS_REPORTING_JOB_MAIL,   /* waits for its turn to write */
    TLS_REPORTING_JOB_LETTER, /* its letter is under way into the queue */
    TLS_REPORTING_JOB_POST,   /* the next URL, when an exchange is free */
    TLS_REPORTING_JOB_POSTING /* its exchange is under way */
};

struct tls_reporting_job {
    enum tls_reporting_job_state state;
    uint32_t item; /* the domain's place in the table */
    uint32_t target;
    bool asked;  /* registered in the dns room */
    bool failed; /* something is to be tried again */
    struct tlsrpt_record record;
    struct text gzip;
};

struct tls_reporting_counts {
    uint64_t domains; /* that were counted */
    uint64_t news[TLS_REPORTING_NEWS_COUNT];
};

struct tls_reporting {
    enum tls_reporting_state state;
    struct io *io;
    const struct policy *policy;
    struct queue *queue;           /* NULL: a dry run */
    const struct tls_context *tls; /* NULL: nothing is posted */
    bool scheduled;                /* days become due; else only forced ones */
    bool stopping;
    bool forced; /* the day is sent although days are switched off */
    uint64_t delay_s;
    uint64_t last_day_s; /* became due last */
    uint64_t round_ns;   /* the next one */
    uint64_t rounds_count;
    uint64_t cleaned_s; /* the day of the last look for old files */
    uint32_t next_item;
    struct tls_report_day day;
    uint8_t *ended; /* one a domain: nothing is left to do */
    struct tls_reporting_job jobs[TLS_REPORTING_JOBS_MAX];
    uint32_t jobs_count; /* busy */
    struct self_mail mail;
    struct resolver resolver;
    struct https https;
    struct text json;
    struct text letter;
    uint8_t *workspace;
    struct tls_reporting_counts counts;
    tls_reporting_tell *tell; /* NULL: nobody */
    void *context;
    struct arena arena;
};

struct tls_reporting_options {
    struct io *io;
    const struct policy *policy;
    struct store *store; /* NULL: a dry run */
    struct content_set *contents;
    const struct tls_context *tls;
    bool scheduled;
    tls_reporting_tell *tell;
    void *context;
};

MUST_USE size_t tls_reporting_cost(const struct policy *policy);
MUST_USE int tls_reporting_open(struct tls_reporting *reporting,
                                const struct tls_reporting_options *options);
/* After tls_reporting_stop was true, or when the io is gone. */
void tls_reporting_close(struct tls_reporting *reporting);
/* Another policy holds from the next letter or post on; without tlsrpt.from, or when days are
 * switched off, none is begun any more. */
void tls_reporting_policy(struct tls_reporting *reporting, const struct policy *policy);
/* Reports on a day (its start) now, whether it is due or was reported before. -EBUSY: another day
 * is under way; -EINVAL: tlsrpt.from is not configured. */
MUST_USE int tls_reporting_force(struct tls_reporting *reporting, uint64_t day_s);
/* Nothing is under way: REST or PAUSE, and the notes are in their file, or could not be written
 * and that was told. */
MUST_USE bool tls_reporting_is_settled(const struct tls_reporting *reporting);
/* Whether letters and posts of the day in hand may be begun. */
MUST_USE bool tls_reporting_is_wanted(const struct tls_reporting *reporting);
/* TAG_DNS_*, TAG_HTTPS_*, TAG_SNAPSHOT of the front's io. */
void tls_reporting_event(struct tls_reporting *reporting, const struct io_event *event);
/* Once a turn, after the store's tick. */
void tls_reporting_turn(struct tls_reporting *reporting);
MUST_USE uint64_t tls_reporting_deadline_ns(const struct tls_reporting *reporting);
/* Ends what is under way. True when nothing is in flight any more. */
MUST_USE bool tls_reporting_stop(struct tls_reporting *reporting);
const char *tls_reporting_news_name(enum tls_reporting_news news); /* "mailed" ... */

#endif
