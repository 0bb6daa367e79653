/* micro_small.h - micro-benchmarks of one room each: no files, no network, a second or two.
 *
 * A benchmark measures and adds its keys to an open JSON object: rates end in _per_s, costs in _us.
 * Rates are by processor time of the thread, so that a busy machine does not change them much. */
#ifndef BENCH_MICRO_SMALL_H
#define BENCH_MICRO_SMALL_H

#include "base/text.h"

/* arguments[0] names the benchmark. The exit status. */
int micro_small_run(int count, char **arguments);

/* Does its work once; called very often. */
typedef void micro_small_work(void *context);
/* Items a second, when one call of `work` does `items` of them: the median of five rounds of a
 * tenth of a second. */
double micro_small_rate(micro_small_work *work, void *context, double items);
/* Adds "<name>_per_s" and "<name>_us". */
void micro_small_put(struct text *out, const char *name, double rate);

/* The benchmarks: 0 or -errno. */
int micro_small_template(struct text *out); /* micro_template.c */
int micro_small_smtp(struct text *out);     /* micro_smtp.c */
int micro_small_dns(struct text *out);      /* micro_dns.c */
int micro_small_crc(struct text *out);      /* micro_crc.c */
int micro_small_csv(struct text *out);      /* micro_csv.c */
int micro_small_classify(struct text *out); /* micro_classify.c */
int micro_small_hygiene(struct text *out);  /* micro_hygiene.c */
int micro_small_event(struct text *out);    /* micro_event.c */
int micro_small_tls(struct text *out);      /* micro_tls.c */
int micro_small_sign(struct text *out);     /* micro_sign.c */

#endif
