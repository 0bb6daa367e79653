/* exit_code.h - what ringpost's exit status means; the table in docs and --help. */
#ifndef TOOLS_EXIT_CODE_H
#define TOOLS_EXIT_CODE_H

enum exit_code {
    EXIT_ALL_ACCEPTED = 0,
    EXIT_SOME_FAILED = 1,    /* some recipients failed for good */
    EXIT_USAGE = 2,          /* command line, configuration, input */
    EXIT_STILL_QUEUED = 3,   /* some wait for a later attempt */
    EXIT_NO_SERVICE = 69,    /* sysexits EX_UNAVAILABLE: something needed is not there */
    EXIT_CANNOT_CREATE = 73, /* sysexits EX_CANTCREAT */
    EXIT_IO = 74,            /* sysexits EX_IOERR: a file in use cannot be read any more */
    EXIT_TRY_AGAIN = 75,     /* sysexits EX_TEMPFAIL: in use, or a passing lack */
    EXIT_INTERRUPTED = 130,  /* by a signal; the same command goes on later */
};

#endif
