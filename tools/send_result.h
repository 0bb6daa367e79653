/* send_result.h - how `ringpost send` ends: the account on standard output, the exit code. */
#ifndef TOOLS_SEND_RESULT_H
#define TOOLS_SEND_RESULT_H

#include "queue/queue.h"

/* What this run had to do with a campaign. */
struct send_result {
    const char *name;
    struct campaign_counts before; /* the run */
    struct campaign_counts counts; /* now */
    double seconds;
};

/* Prints the line of the result, as JSON or plain, and what is left to do. The counts are the
 * campaign's, the rate is that of this run. */
void send_result_print(const struct send_result *result, bool json);
/* Names the domains whose mail of the campaign an operator keeps back. */
void send_result_pauses(const struct queue *queue, uint32_t campaign_index);
/* `result`: as front_run gave it. */
int send_result_exit_code(int result, const struct campaign_counts *counts);

#endif
