#include "tools/named_key.h"

#include <stdio.h>
#include <string.h>

#include "io/io_secret.h"
#include "message/address.h"
#include "tools/exit_code.h"
#include "tools/key_file.h"
#include "tools/verb.h"

/* What a key takes while it is looked at. */
struct desk {
    struct io_secret memory;
    void *key; /* sign_key_memory_size() octets */
    struct key_file *file;
    struct text error;
    char words[POLICY_PATH_MAX + 512];
};

static int complain(const struct desk *desk, int code)
{
    (void)fprintf(stderr, "ringpost key: %.*s\n", (int)desk->error.size,
                  (const char *)desk->error.data);
    return code;
}

static int open_desk(struct desk *desk)
{
    size_t size =
        (sign_key_memory_size() + SIGN_KEY_ALIGNMENT - 1) / SIGN_KEY_ALIGNMENT * SIGN_KEY_ALIGNMENT;
    text_init(&desk->error, desk->words, sizeof(desk->words));
    if (io_secret_open(&desk->memory, size + sizeof(*desk->file), &desk->error) < 0)
        return complain(desk, EXIT_USAGE);
    desk->key = desk->memory.data; /* of whole pages: aligned */
    desk->file = (void *)((uint8_t *)desk->memory.data + size);
    return 0;
}

static int close_desk(struct desk *desk, int result)
{
    io_secret_close(&desk->memory);
    return result;
}

/* The public half, and the record. */
static int take(struct named_key *named, struct desk *desk)
{
    struct span pem = span_make(desk->file->data, desk->file->size);
    const char *fault = NULL;
    struct sign_key *key;
    struct text text;

    if (sign_key_open(desk->key, pem, &key, &fault) < 0) {
        text_add_format(&desk->error, "%s: %s", named->path, fault);
        return complain(desk, EXIT_USAGE);
    }
    sign_key_publish(key, &named->key);
    sign_key_close(key);
    text_init(&text, named->record_text, sizeof(named->record_text));
    dkim_record_write(named->key.algorithm, span_make(named->key.octets, named->key.size), &text);
    named->record = text_span(&text);
    return 0;
}

static int make(struct named_key *named, struct desk *desk, enum sign_algorithm algorithm,
                uint32_t bits)
{
    struct text pem;
    int result;

    text_init(&pem, desk->file->data, sizeof(desk->file->data));
    result = sign_key_make(algorithm, bits, &pem);
    desk->file->size = pem.size;
    if (result < 0)
        text_add_format(&desk->error, "cannot make a key: %s", strerror(-result));
    else
        result = key_file_write(named->path, text_span(&pem), &desk->error);
    return result < 0 ? complain(desk, EXIT_CANNOT_CREATE) : take(named, desk);
}

static int read_in(struct named_key *named, struct desk *desk)
{
    return key_file_read(named->path, desk->file, &desk->error) < 0 ? complain(desk, EXIT_USAGE)
                                                                    : take(named, desk);
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

int named_key_make(struct named_key *named, enum sign_algorithm algorithm, uint32_t bits)
{
    struct desk desk;

    if (open_desk(&desk) != 0)
        return EXIT_USAGE;
    return close_desk(&desk, make(named, &desk, algorithm, bits));
}

int named_key_read(struct named_key *named)
{
    struct desk desk;

    if (open_desk(&desk) != 0)
        return EXIT_USAGE;
    return close_desk(&desk, read_in(named, &desk));
}

const char *named_key_kind(const struct named_key *named)
{
    return sign_algorithm_words(named->key.algorithm);
}
