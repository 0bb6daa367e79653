#include "sign/dkim_plan.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "message/header.h"
#include "sign/dkim_fold.h"

#define LABEL_MAX 63
#define RSA_SIGNATURE_MIN 128 /* RFC 8301 3.2: 1024 bits */
#define ED25519_SIGNATURE_SIZE 64

static const char *const form_names[] = {[CANON_RELAXED] = "relaxed", [CANON_SIMPLE] = "simple"};

/* RFC 6376 3.1 and RFC 5321 4.1.2: labels of letters, digits, hyphens inside; underscores too,
 * which selectors have in practice. */
static bool is_name(struct span name)
{
    if (name.size == 0 || name.size > DKIM_PLAN_NAME_MAX || name.data[name.size - 1] == '.')
        return false;
    while (name.size > 0) {
        struct span label = span_split(&name, '.');

        if (label.size == 0 || label.size > LABEL_MAX || label.data[0] == '-' ||
            label.data[label.size - 1] == '-')
            return false;
        for (size_t i = 0; i < label.size; i++) {
            uint8_t byte = span_lower_byte(label.data[i]);

            if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
                byte != '_')
                return false;
        }
    }
    return true;
}

/* Equal, or a name below it. */
static bool is_at_or_below(struct span name, struct span domain)
{
    return span_equal_nocase(name, domain) ||
           (name.size > domain.size && span_ends_nocase(name, domain) &&
            name.data[name.size - domain.size - 1] == '.');
}

static bool identity_fits(struct span identity, struct span domain)
{
    size_t at = identity.size;

    while (at > 0 && identity.data[at - 1] != '@')
        at--;
    if (at == 0 || identity.size > DKIM_PLAN_IDENTITY_MAX)
        return false;
    return (at == 1 || header_is_dot_atom(span_first(identity, at - 1))) &&
           is_name(span_skip(identity, at)) && is_at_or_below(span_skip(identity, at), domain);
}

static bool signature_fits(const struct dkim_plan_options *options)
{
    if (options->algorithm == SIGN_ED25519_SHA256)
        return options->signature_size == ED25519_SIGNATURE_SIZE;
    return options->signature_size >= RSA_SIGNATURE_MIN &&
           options->signature_size <= DKIM_PLAN_SIGNATURE_MAX;
}

static int check(const struct dkim_plan_options *options, struct text *why)
{
    size_t start = why->size;

    if (!is_name(options->domain)) {
        text_add_cstr(why, "the domain \"");
        text_add_printable(why, options->domain, 80);
        text_add_cstr(why, "\" cannot be a domain in ASCII letters");
    } else if (!is_name(options->selector)) {
        text_add_cstr(why, "the selector \"");
        text_add_printable(why, options->selector, 80);
        text_add_cstr(why, "\" has to be letters, digits and hyphens");
    } else if (options->selector.size + sizeof("._domainkey.") - 1 + options->domain.size >
               DKIM_PLAN_NAME_MAX) {
        text_add_cstr(why, "selector and domain are too long together for a name in the DNS");
    } else if (options->identity.size > 0 && !identity_fits(options->identity, options->domain)) {
        text_add_cstr(why, "the identity \"");
        text_add_printable(why, options->identity, 80);
        text_add_cstr(why, "\" has to be an address, or @ and a domain, at ");
        text_add_printable(why, options->domain, 80);
        text_add_cstr(why, " or below it");
    } else if (!signature_fits(options)) {
        text_add_format(why, "a key of %u bits cannot sign with %s", options->signature_size * 8,
                        sign_algorithm_name(options->algorithm));
    }
    return why->size > start || why->overflow ? -EINVAL : 0;
}

/* RFC 6376 2.11: what cannot stand in a tag as it is. */
static void add_identity(struct text *out, struct span identity)
{
    for (size_t i = 0; i < identity.size; i++) {
        uint8_t byte = identity.data[i];

        if (byte == '=' || byte == ';')
            text_add_cstr(out, byte == '=' ? "=3D" : "=3B");
        else
            text_add_byte(out, byte);
    }
}

static void write_head(struct dkim_plan *plan, const struct dkim_plan_options *options)
{
    uint8_t buffer[DKIM_PLAN_IDENTITY_MAX * 3 + 8];
    struct text head, word;
    struct dkim_fold fold = {.out = &head};

    text_init(&head, plan->head, sizeof(plan->head));
    text_init(&word, buffer, sizeof(buffer));
    dkim_fold_joined(&fold, SPAN("DKIM-Signature:"));
    dkim_fold_word(&fold, SPAN("v=1;"));
    text_add_format(&word, "a=%s;", sign_algorithm_name(plan->algorithm));
    dkim_fold_word(&fold, text_span(&word));
    text_reset(&word);
    text_add_format(&word, "c=%s/%s;", form_names[plan->header_form], form_names[plan->body_form]);
    dkim_fold_word(&fold, text_span(&word));
    text_reset(&word);
    text_add_cstr(&word, "d=");
    text_add_lower(&word, options->domain);
    text_add_byte(&word, ';');
    dkim_fold_word(&fold, text_span(&word));
    text_reset(&word);
    text_add_cstr(&word, "s=");
    text_add_lower(&word, options->selector);
    text_add_byte(&word, ';');
    dkim_fold_word(&fold, text_span(&word));
    if (options->identity.size > 0) {
        text_reset(&word);
        text_add_cstr(&word, "i=");
        add_identity(&word, options->identity);
        text_add_byte(&word, ';');
        dkim_fold_word(&fold, text_span(&word));
    }
    CHECK(!head.overflow && !word.overflow);
    plan->head_size = (uint16_t)head.size;
    plan->head_column = (uint16_t)fold.column;
}

int dkim_plan_compile(struct dkim_plan *plan, const struct dkim_plan_options *options,
                      struct text *why)
{
    struct text domain;

    if (check(options, why) < 0)
        return -EINVAL;
    *plan = (struct dkim_plan){
        .algorithm = options->algorithm,
        .signature_size = options->signature_size,
        .header_form = options->header_form,
        .body_form = options->body_form,
        .lifetime_s = options->lifetime_s,
        .untimed = options->untimed,
    };
    text_init(&domain, plan->domain, sizeof(plan->domain));
    text_add_lower(&domain, options->domain);
    plan->domain_size = (uint16_t)domain.size;
    write_head(plan, options);
    return 0;
}

struct span dkim_plan_domain(const struct dkim_plan *plan)
{
    return span_make(plan->domain, plan->domain_size);
}

void dkim_plan_record_name(struct span selector, struct span domain, struct text *out)
{
    text_add_lower(out, selector);
    text_add_cstr(out, "._domainkey.");
    text_add_lower(out, domain);
}

bool dkim_plan_covers(const struct dkim_plan *plan, struct span from_domain)
{
    return is_at_or_below(from_domain, dkim_plan_domain(plan));
}
