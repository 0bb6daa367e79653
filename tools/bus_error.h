/* bus_error.h - the end of a program whose mapped file cannot be read.
 *
 * The kernel sends SIGBUS when a page of a mapped file lies behind the file's end (somebody
 * truncated it) or cannot be read from its disk. There is no way on: what was accepted stays in the
 * spool, and this says which file it was. Knows nothing of what is mapped: it asks the kernel. */
#ifndef TOOLS_BUS_ERROR_H
#define TOOLS_BUS_ERROR_H

/* For all threads, once, before any of them starts. `program` stands in front of the message and is
 * kept; the program ends with EXIT_IO then. 0 or -errno. */
int bus_error_install(const char *program);

#endif
