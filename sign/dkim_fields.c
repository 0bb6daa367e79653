#include "sign/dkim_fields.h"

#include <errno.h>

#include "message/header.h"

struct dkim_fields_name {
    struct span name; /* ends with '-': every name that begins so and stands nowhere before */
    bool over_signed;
};

static const struct dkim_fields_name names[] = {
    {SPAN_INIT("From"), true},
    {SPAN_INIT("To"), true},
    {SPAN_INIT("Subject"), true},
    {SPAN_INIT("Date"), true},
    {SPAN_INIT("Message-ID"), true},
    {SPAN_INIT("Reply-To"), true},
    {SPAN_INIT("Cc"), true},
    {SPAN_INIT("MIME-Version"), true},
    {SPAN_INIT("Content-Type"), true},
    {SPAN_INIT("Content-Transfer-Encoding"), true},
    {SPAN_INIT("List-Unsubscribe"), true},
    {SPAN_INIT("List-Unsubscribe-Post"), true},
    {SPAN_INIT("Feedback-ID"), true},
    {SPAN_INIT("Sender"), false},
    {SPAN_INIT("In-Reply-To"), false},
    {SPAN_INIT("References"), false},
    {SPAN_INIT("CFBL-Address"), false},
    {SPAN_INIT("CFBL-Feedback-ID"), false},
    {SPAN_INIT("Content-"), true},
    {SPAN_INIT("List-"), false},
};

/* What goes over one field that is signed; field is NULL for the place that nobody may fill. */
struct visitor {
    void (*visit)(void *context, struct span name, const struct dkim_field *field);
    void *context;
};

static bool is_family(const struct dkim_fields_name *name)
{
    return name->name.data[name->name.size - 1] == '-';
}

/* A name that can stand in h= as it is (RFC 6376 3.5), in one line. */
static bool is_writable(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = span_lower_byte(name.data[i]);

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
            byte != '_')
            return false;
    }
    return name.size > 0 && name.size <= HEADER_NAME_MAX;
}

/* Index in the table, or its length. */
static size_t kind_of(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (is_family(&names[i]) ? span_starts_nocase(name, names[i].name) && is_writable(name)
                                 : span_equal_nocase(name, names[i].name))
            return i;
    return ARRAY_LEN(names);
}

void dkim_fields_init(struct dkim_fields *fields)
{
    fields->count = 0;
    fields->hashed[CANON_RELAXED] = fields->hashed[CANON_SIMPLE] = false;
}

int dkim_fields_add(struct dkim_fields *fields, struct span header)
{
    struct header_field field;
    int result;

    fields->hashed[CANON_RELAXED] = fields->hashed[CANON_SIMPLE] = false;
    while ((result = header_next(&header, &field)) == 1) {
        size_t kind = kind_of(field.name);

        if (kind == ARRAY_LEN(names))
            continue;
        if (fields->count == DKIM_FIELDS_MAX)
            return -E2BIG;
        fields->fields[fields->count++] =
            (struct dkim_field){.name = field.name, .whole = field.whole, .kind = (uint8_t)kind};
    }
    return result;
}

/* Whether a field further down has the same name. */
static bool stands_below(const struct dkim_fields *fields, uint32_t index)
{
    for (uint32_t i = index + 1; i < fields->count; i++)
        if (span_equal_nocase(fields->fields[i].name, fields->fields[index].name))
            return true;
    return false;
}

static void visit_family(const struct dkim_fields *fields, size_t kind,
                         const struct visitor *visitor)
{
    for (uint32_t i = fields->count; i > 0; i--)
        if (fields->fields[i - 1].kind == kind)
            visitor->visit(visitor->context, fields->fields[i - 1].name, &fields->fields[i - 1]);
    for (uint32_t i = fields->count; i > 0 && names[kind].over_signed; i--)
        if (fields->fields[i - 1].kind == kind && !stands_below(fields, i - 1))
            visitor->visit(visitor->context, fields->fields[i - 1].name, NULL);
}

static void visit_all(const struct dkim_fields *fields, const struct visitor *visitor)
{
    for (size_t kind = 0; kind < ARRAY_LEN(names); kind++) {
        if (is_family(&names[kind])) {
            visit_family(fields, kind, visitor);
            continue;
        }
        for (uint32_t i = fields->count; i > 0; i--)
            if (fields->fields[i - 1].kind == kind)
                visitor->visit(visitor->context, names[kind].name, &fields->fields[i - 1]);
        if (names[kind].over_signed)
            visitor->visit(visitor->context, names[kind].name, NULL);
    }
}

static void add_name(void *context, struct span name, const struct dkim_field *field)
{
    struct text *out = context;

    (void)field; /* named whether it is there or not */
    if (out->size > 0)
        text_add_byte(out, ':');
    text_add(out, name);
}

void dkim_fields_names(const struct dkim_fields *fields, struct text *out)
{
    visit_all(fields, &(const struct visitor){add_name, out});
}

struct hashing {
    enum canon_form form;
    SHA256_CTX *hash;
};

static void add_hash(void *context, struct span name, const struct dkim_field *field)
{
    const struct hashing *hashing = context;

    (void)name; /* a field that is absent counts as nothing (RFC 6376 5.4.2) */
    if (field != NULL)
        canon_field(hashing->form, field->whole, hashing->hash);
}

const SHA256_CTX *dkim_fields_hash(struct dkim_fields *fields, enum canon_form form)
{
    struct hashing hashing = {form, &fields->hashes[form]};

    if (!fields->hashed[form]) {
        SHA256_Init(hashing.hash);
        visit_all(fields, &(const struct visitor){add_hash, &hashing});
        fields->hashed[form] = true;
    }
    return &fields->hashes[form];
}
