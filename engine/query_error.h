/* query_error.h - the line that says why there is no answer. Knows no socket. */
#ifndef ENGINE_QUERY_ERROR_H
#define ENGINE_QUERY_ERROR_H

#include "base/text.h"

/* {"error": "..."}. Always true: the answer is complete. */
bool query_error(struct text *out, const char *what);
/* With "later": the same words may do another time. */
bool query_error_for_now(struct text *out, const char *what);

#endif
