/* tls_reports.h - the daily reports about TLS, opened for a command: `run` sends them when they are
 * due, `tlsrpt send` at once. */
#ifndef TOOLS_TLS_REPORTS_H
#define TOOLS_TLS_REPORTS_H

#include "engine/tls_reporting.h"
#include "tools/spool.h"

struct tls_reports {
    struct tls_context tls;
    bool has_tls;
    struct tls_reporting reporting;
};

struct tls_reports_options {
    struct spool *spool; /* without an engine: a dry run */
    bool scheduled;
    tls_reporting_tell *tell;
    void *context;
};

/* 0, or an exit code after the complaint was printed. */
MUST_USE int tls_reports_open(struct tls_reports *reports,
                              const struct tls_reports_options *options);
void tls_reports_close(struct tls_reports *reports);
/* `ringpost tlsrpt send [--day YYYY-MM-DD] [--dry-run] [--json]`; NULL: yesterday. */
struct tls_reports_order {
    const char *config;
    const char *day;
    bool dry_run;
    bool json;
};
int tls_reports_send(const struct tls_reports_order *order);

#endif
