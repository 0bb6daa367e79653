#include "tools/organisation.h"

#include <libpsl.h>

void organisation_of(struct span domain, struct organisation *ret)
{
    psl_ctx_t *list = psl_latest(NULL); /* the newer of the system's file and what is built in */
    const char *found = NULL;
    struct text text;

    text_init(&text, ret->domain, sizeof(ret->domain) - 1);
    text_add_lower(&text, domain);
    (void)text_cstr_end(&text); /* ends in place */
    if (list != NULL)
        found = psl_registrable_domain(list, ret->domain); /* a tail of it */
    if (found != NULL && found != ret->domain) {
        struct organisation whole = *ret;

        found = whole.domain + (found - ret->domain);
        text_init(&text, ret->domain, sizeof(ret->domain) - 1);
        text_add_cstr(&text, found);
        (void)text_cstr_end(&text); /* ends in place */
    }
    psl_free(list);
}
