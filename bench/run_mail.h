/* run_mail.h - the mail that `ringpost-bench run` sends: one template and made-up recipients. */
#ifndef BENCH_RUN_MAIL_H
#define BENCH_RUN_MAIL_H

#include "base/text.h"

#define RUN_MAIL_FIELDS                                                                            \
    5 /* name, email, account, points, city: in the order of their first use                       \
       */

struct run_mail_recipient {
    struct span address;
    struct span domain;
    struct span values[RUN_MAIL_FIELDS];
    char buffer[256];
};

/* A template that makes messages of about `size` octets. *out needs size + 1 KiB of room. */
void run_mail_template(struct text *out, size_t size);
/* Spans point into *ret. */
void run_mail_recipient(uint32_t number, uint32_t recipients_per_domain,
                        struct run_mail_recipient *ret);

#endif
