/* template_value.h - what a value must be like to stand where its field stands.
 *
 * Knows nothing of templates and lists. Private to message/: template_check_value asks at load,
 * merge_begin asks again for what goes out unquoted. */
#ifndef MESSAGE_TEMPLATE_VALUE_H
#define MESSAGE_TEMPLATE_VALUE_H

#include "message/template.h"

/* NULL if the value may stand in that context, else a clause for people. */
const char *template_value_problem(enum template_context context, struct span value);
/* Octets of the value in a TEMPLATE_TOKEN: what has no place in a URL (RFC 3986 2), and comma and
 * parentheses, are percent-encoded. */
size_t template_value_token_size(struct span value);
void template_value_put_token(struct span value, struct text *out);

#endif
