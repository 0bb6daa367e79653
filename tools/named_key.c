#include "tools/named_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/address.h"
#include "tools/exit_code.h"
#include "tools/key_check.h"
#include "tools/key_file.h"
#include "tools/verb.h"

static int open_key(struct named_key *named, struct span pem)
{
    size_t size =
        (sign_key_memory_size() + SIGN_KEY_ALIGNMENT - 1) / SIGN_KEY_ALIGNMENT * SIGN_KEY_ALIGNMENT;
    const char *fault = "there is no memory for it";

    named->memory = aligned_alloc(SIGN_KEY_ALIGNMENT, size);
    if (named->memory != NULL && sign_key_open(named->memory, pem, &named->key, &fault) == 0)
        return 0;
    (void)fprintf(stderr, "ringpost key: %s: %s\n", named->path, fault);
    free(named->memory);
    return EXIT_USAGE;
}

void named_key_close(struct named_key *named)
{
    sign_key_close(named->key);
    free(named->memory);
}

/* What dkim_plan_compile says to domain and selector, before any key is made. */
static int complain_names(const char *domain, const char *selector)
{
    const struct dkim_plan_options options = {.domain = span_cstr(domain),
                                              .selector = span_cstr(selector),
                                              .signature_size = 256 /* as good as any */};
    struct dkim_plan plan;
    char buffer[400];
    struct text why;

    text_init(&why, buffer, sizeof(buffer));
    if (dkim_plan_compile(&plan, &options, &why) == 0)
        return 0;
    return verb_complain("key", "%s", text_cstr_end(&why));
}

int named_key_init(struct named_key *named, const char *domain, const char *selector,
                   const char *path)
{
    struct text text;

    text_init(&text, named->domain, sizeof(named->domain));
    if (!address_domain_key(span_cstr(domain), &text))
        return verb_complain("key", "\"%s\" cannot be a domain", domain);
    (void)text_cstr_end(&text); /* ends in place */
    named->selector = selector;
    named->path = path;
    if (complain_names(named->domain, selector) != 0)
        return EXIT_USAGE;
    text_init(&text, named->name, sizeof(named->name));
    dkim_plan_record_name(span_cstr(selector), span_cstr(named->domain), &text);
    (void)text_cstr_end(&text); /* ends in place */
    return 0;
}

/* With its record. */
int named_key_take(struct named_key *named, struct span pem)
{
    struct text text;

    if (open_key(named, pem) != 0)
        return EXIT_USAGE;
    text_init(&text, named->record_text, sizeof(named->record_text));
    dkim_record_write(sign_key_algorithm(named->key), sign_key_public(named->key), &text);
    named->record = text_span(&text);
    return 0;
}

int named_key_read(struct named_key *named)
{
    char buffer[POLICY_PATH_MAX + 512];
    struct key_file file;
    struct text error;
    int result;

    text_init(&error, buffer, sizeof(buffer));
    if (key_file_read(named->path, &file, &error) < 0) {
        (void)fprintf(stderr, "ringpost key: %s\n", text_cstr_end(&error));
        return EXIT_USAGE;
    }
    result = named_key_take(named, span_make(file.data, file.size));
    explicit_bzero(&file, sizeof(file));
    return result;
}

const char *named_key_kind(const struct named_key *named)
{
    return sign_algorithm_words(sign_key_algorithm(named->key));
}
