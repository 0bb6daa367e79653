/* expect_abort.h - sees a CHECK fail: runs a function in a child and wants it to abort.
 *
 * For unit tests only. The child's crash line is thrown away. */
#ifndef TESTS_EXPECT_ABORT_H
#define TESTS_EXPECT_ABORT_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool expect_abort(void (*run)(void *context), void *context)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

        /* cmocka and the sanitizers would report an abort as a failure. */
        (void)signal(SIGABRT, SIG_DFL);
        if (nowhere >= 0)
            (void)dup2(nowhere, STDERR_FILENO);
        run(context);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
