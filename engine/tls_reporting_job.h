/* tls_reporting_job.h - one domain's report: its record, its letter, its posts. The states are in
 * tls_reporting.h, which alone uses this. */
#ifndef ENGINE_TLS_REPORTING_JOB_H
#define ENGINE_TLS_REPORTING_JOB_H

#include "engine/tls_reporting.h"

/* There is a free one. */
void tls_reporting_job_start(struct tls_reporting *reporting, uint32_t item);
/* Does what can be done now; once a turn. */
void tls_reporting_job_step(struct tls_reporting *reporting, struct tls_reporting_job *job);
/* dns_done named its waiter. */
void tls_reporting_job_answered(struct tls_reporting *reporting, uint64_t waiter);
void tls_reporting_job_posted(struct tls_reporting *reporting, const struct https_result *result);

#endif
