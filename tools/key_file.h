/* key_file.h - the file that a signing key lies in: PEM, its owner's alone.
 *
 * A file that others can read or change is refused: what lies there is a secret no more. */
#ifndef TOOLS_KEY_FILE_H
#define TOOLS_KEY_FILE_H

#include "sign/sign_key.h"

/* For the stack or for static memory; the caller wipes it. */
struct key_file {
    uint8_t data[SIGN_KEY_PEM_MAX + 1]; /* one more shows that a file is too large */
    size_t size;
};

/* 0; -EPERM: others can read it, or it is another user's (not root's); or -errno. `error` then
 * names the file and says what is wrong. */
MUST_USE int key_file_read(const char *path, struct key_file *file, struct text *error);
/* A new file with mode 0600, on disk with its name when this returns; never one that is there
 * already (-EEXIST). After an error there is no file. */
MUST_USE int key_file_write(const char *path, struct span pem, struct text *error);

#endif
