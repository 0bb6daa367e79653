/* mail_files.h - messages out of files, mbox files, Maildir folders and standard input, one by one.
 *
 * Memory is one buffer, whatever the files: of a message that is larger only the front is given,
 * and of an mbox file the next message follows all the same. Owns the buffer while it runs. */
#ifndef TOOLS_MAIL_FILES_H
#define TOOLS_MAIL_FILES_H

#include "base/span.h"

/* `name` is the path as given; for a message of an mbox file with #N, N from 1. The spans are good
 * during the call. */
typedef void mail_files_take(void *context, const char *name, struct span message);

struct mail_files {
    size_t size_max; /* of a message */
    bool mbox;       /* every file is an mbox file, not only those named .mbox */
    mail_files_take *take;
    void *context;
};

/* Paths in their order: "-" is standard input; a folder with cur or new in it is a Maildir, another
 * one is read as a folder of messages; in a folder by name. What cannot be read is reported on
 * standard error and passed over. Returns how many were, or -errno when nothing could be begun. */
int mail_files_read(const struct mail_files *files, char **paths, int count);

#endif
