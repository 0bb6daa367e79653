/* tlsrpt_report.h - a day's report to one domain: the JSON of RFC 8460 4.4, packed by gzip, as a
 * message (5.3) or for a POST (5.4).
 *
 * Knows nothing of where it goes. Time is the day in seconds since 1970, UTC. */
#ifndef TLS_TLSRPT_REPORT_H
#define TLS_TLSRPT_REPORT_H

#include "base/arena.h"
#include "tls/tlsrpt_table.h"

#define TLSRPT_REPORT_DAY_S 86400
#define TLSRPT_REPORT_JSON_MAX ((size_t)384 * 1024)
#define TLSRPT_REPORT_GZIP_MAX ((size_t)388 * 1024) /* gzip of the worst JSON fits */
#define TLSRPT_REPORT_MAIL_MAX ((size_t)560 * 1024)
#define TLSRPT_REPORT_WORKSPACE ((size_t)320 * 1024) /* for zlib, which allocates from it alone */
#define TLSRPT_REPORT_TYPE "application/tlsrpt+gzip"
#define TLSRPT_REPORT_ID_MAX 128

struct tlsrpt_report {
    struct span organization; /* the submitter's name, in words */
    struct span submitter;    /* its host name */
    struct span contact;      /* an address */
    struct span from;         /* an address: the message's From; empty: the contact */
    struct span domain;       /* reported on */
    uint64_t day_s;           /* the start of the day */
    uint64_t number;          /* makes the id one of its own */
};

/* "<day>.<number>.<domain>": letters, digits, hyphens, dots; cut at TLSRPT_REPORT_ID_MAX. */
void tlsrpt_report_id(const struct tlsrpt_report *report, struct text *out);
/* Into TLSRPT_REPORT_JSON_MAX octets it always fits, if no name is longer than 255. */
void tlsrpt_report_json(const struct tlsrpt_report *report, const struct tlsrpt_table *table,
                        const struct tlsrpt_domain *domain, struct text *out);
/* 0, -ENOSPC. `workspace`: TLSRPT_REPORT_WORKSPACE octets, for the call. */
MUST_USE int tlsrpt_report_gzip(struct span json, struct span_mut workspace, struct text *out);
/* "submitter!domain!start!end!number.json.gz" (5.1) */
void tlsrpt_report_file_name(const struct tlsrpt_report *report, struct text *out);
/* The whole message to `to`, lines ended by CRLF, the packed report in base64. 0, -ENOSPC. */
MUST_USE int tlsrpt_report_mail(const struct tlsrpt_report *report, struct span to,
                                struct span gzip, uint64_t now_s, struct text *out);

#endif
