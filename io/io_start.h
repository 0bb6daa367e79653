/* io_start.h - a kernel ring is set up, probed, restricted and enabled, or said in words why not;
 * private to the kernel's back end.
 *
 * The ring starts disabled (R_DISABLED). Before it is enabled, every request but the ones in
 * io_start.c's table is forbidden to it for good, so that whoever takes over the process cannot
 * use the ring for more than ringpost does. */
#ifndef IO_IO_START_H
#define IO_IO_START_H

#include "base/text.h"

struct io;

struct io_start_result {
    bool has_messages; /* MSG_RING */
};

/* Opens io->ring for the calling thread; -errno with cause and remedy in *error. */
MUST_USE int io_start(struct io *io, struct io_start_result *ret_result, struct text *error);
/* What stands in *error when io_uring_setup fails with `error_number` (positive);
 * `disabled` is the value of the sysctl kernel.io_uring_disabled, -1 where there is none. */
void io_start_explain(int error_number, int disabled, struct text *error);

#endif
