#include "sign/dkim.h"

#include <errno.h>

#include "base/check.h"
#include "message/base64.h"
#include "message/header.h"
#include "sign/dkim_fold.h"

#define LINE_END_SIZE 2
#define WORD_MAX 128 /* a name of HEADER_NAME_MAX, or a hash */

static void put_times(struct dkim_fold *fold, const struct dkim_plan *plan, uint64_t time_s)
{
    uint8_t buffer[WORD_MAX];
    struct text word;

    if (plan->untimed)
        return;
    text_init(&word, buffer, sizeof(buffer));
    text_add_cstr(&word, "t=");
    text_add_u64(&word, time_s);
    text_add_byte(&word, ';');
    dkim_fold_word(fold, text_span(&word));
    if (plan->lifetime_s == 0)
        return;
    text_reset(&word);
    text_add_cstr(&word, "x=");
    text_add_u64(&word, time_s + plan->lifetime_s);
    text_add_byte(&word, ';');
    dkim_fold_word(fold, text_span(&word));
}

/* One word with what belongs to it, before and behind. */
static void put_word(struct dkim_fold *fold, const char *before, struct span word, char behind)
{
    uint8_t buffer[WORD_MAX];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, before);
    text_add(&text, word);
    text_add_byte(&text, (uint8_t)behind);
    CHECK(!text.overflow);
    if (before[0] != '\0')
        dkim_fold_word(fold, text_span(&text));
    else
        dkim_fold_joined(fold, text_span(&text));
}

static void put_names(struct dkim_fold *fold, const struct dkim_fields *fields)
{
    uint8_t buffer[DKIM_FIELD_MAX];
    struct text names;

    text_init(&names, buffer, sizeof(buffer));
    dkim_fields_names(fields, &names);
    fold->out->overflow |= names.overflow;
    struct span rest = text_span(&names);
    for (const char *before = "h="; rest.size > 0; before = "") {
        struct span name = span_split(&rest, ':');

        put_word(fold, before, name, rest.size > 0 ? ':' : ';');
    }
}

static void put_body_hash(struct dkim_fold *fold, const uint8_t body_hash[CANON_HASH_SIZE])
{
    uint8_t buffer[WORD_MAX / 2];
    struct text hash;

    text_init(&hash, buffer, sizeof(buffer));
    base64_encode(span_make(body_hash, CANON_HASH_SIZE), &hash);
    put_word(fold, "bh=", text_span(&hash), ';');
}

/* The field up to b=. */
static void put_field(const struct dkim_plan *plan, const struct dkim_fields *fields,
                      const uint8_t body_hash[CANON_HASH_SIZE], uint64_t time_s, struct text *out)
{
    struct dkim_fold fold = {.out = out, .column = plan->head_column};

    text_add(out, span_make(plan->head, plan->head_size));
    put_times(&fold, plan, time_s);
    put_names(&fold, fields);
    put_body_hash(&fold, body_hash);
    dkim_fold_word(&fold, SPAN("b="));
}

static size_t last_column(const struct text *out)
{
    size_t column = 0;

    while (column < out->size && out->data[out->size - 1 - column] != '\n')
        column++;
    return column;
}

/* Octets that dkim_end writes. */
static size_t end_size(const struct dkim_plan *plan, const struct text *field)
{
    return dkim_fold_run_size(last_column(field), base64_size(plan->signature_size)) +
           LINE_END_SIZE;
}

size_t dkim_size(const struct dkim_plan *plan, const struct dkim_fields *fields, uint64_t time_s)
{
    static const uint8_t body_hash[CANON_HASH_SIZE];
    uint8_t buffer[DKIM_FIELD_MAX];
    struct text field;

    text_init(&field, buffer, sizeof(buffer));
    put_field(plan, fields, body_hash, time_s, &field);
    if (field.overflow || field.size + end_size(plan, &field) > DKIM_FIELD_MAX)
        return 0;
    return field.size + end_size(plan, &field);
}

int dkim_begin(const struct dkim_plan *plan, struct dkim_fields *fields,
               const uint8_t body_hash[CANON_HASH_SIZE], uint64_t time_s, struct text *out,
               uint8_t ret_digest[DKIM_DIGEST_SIZE])
{
    size_t room = min_size(text_room(out), DKIM_FIELD_MAX);
    struct text field;
    SHA256_CTX hash;

    text_init(&field, out->data + out->size, room);
    put_field(plan, fields, body_hash, time_s, &field);
    if (field.overflow || field.size + end_size(plan, &field) > room)
        return room == DKIM_FIELD_MAX ? -E2BIG : -ENOSPC;
    hash = *dkim_fields_hash(fields, plan->header_form);
    canon_field_last(plan->header_form, text_span(&field), &hash);
    SHA256_Final(ret_digest, &hash);
    out->size += field.size;
    return 0;
}

void dkim_end(const struct dkim_plan *plan, struct span signature, struct text *out)
{
    uint8_t buffer[(DKIM_PLAN_SIGNATURE_MAX + 2) / 3 * 4];
    struct text run;
    struct dkim_fold fold = {.out = out, .column = last_column(out)};

    CHECK(signature.size == plan->signature_size);
    text_init(&run, buffer, sizeof(buffer));
    base64_encode(signature, &run);
    dkim_fold_run(&fold, text_span(&run));
    text_add(out, SPAN("\r\n"));
}
