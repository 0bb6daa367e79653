/* send_result.h - how `ringpost send` ends: the account on standard output, the exit code. */
#ifndef TOOLS_SEND_RESULT_H
#define TOOLS_SEND_RESULT_H

#include "queue/campaign.h"

/* Prints the line of the result, as JSON or plain, and what is left to do. */
void send_result_print(const char *name, const struct campaign_counts *counts, double seconds,
                       bool json);
/* `result`: as front_run gave it. */
int send_result_exit_code(int result, const struct campaign_counts *counts);

#endif
