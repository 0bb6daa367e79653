/* dkim_fold.h - writes a header field word by word into lines of 78 octets at most (RFC
 * 5322 2.1.1).
 *
 * A line is folded with CRLF and a tab. A word that is longer than a line stands alone in one.
 * Private to the dkim files. Borrows the text. */
#ifndef SIGN_DKIM_FOLD_H
#define SIGN_DKIM_FOLD_H

#include "base/text.h"

#define DKIM_FOLD_COLUMNS 78

struct dkim_fold {
    struct text *out;
    size_t column; /* octets in the last line */
};

/* After a space, or in a new line. */
void dkim_fold_word(struct dkim_fold *fold, struct span word);
/* Right behind what stands there, or in a new line: white space may be, but need not. */
void dkim_fold_joined(struct dkim_fold *fold, struct span word);
/* Cut wherever a line is full: base64. */
void dkim_fold_run(struct dkim_fold *fold, struct span run);
/* Octets that dkim_fold_run adds for a run of that size. */
size_t dkim_fold_run_size(size_t column, size_t run_size);

#endif
