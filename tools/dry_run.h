/* dry_run.h - `ringpost send --dry-run`: what a planned campaign would send, and what receivers
 * would say to it.
 *
 * The list is read and checked; the first message goes to standard output, what there is to say
 * about it to standard error. Nothing is queued and no spool is touched. */
#ifndef TOOLS_DRY_RUN_H
#define TOOLS_DRY_RUN_H

#include "tools/plan.h"

/* 0, or an exit code after the complaint was printed. Gives the plan its name. */
MUST_USE int dry_run(struct plan *plan);

#endif
