#include "engine/store.h"
int store_verify(struct io *io, const char *folder, store_report_problem *report, void *context,
                 struct store_verify_totals *ret_totals);
int store_verify(struct io *io, const char *folder, store_report_problem *report, void *context,
                 struct store_verify_totals *ret_totals)
{
    (void)io;
    (void)folder;
    (void)report;
    (void)context;
    (void)ret_totals;
    return -38;
}
