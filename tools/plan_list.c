/* The list of a plan: rows to recipients, and what is wrong with them. */
#include <errno.h>
#include <string.h>

#include "base/json_put.h"
#include "tools/exit_code.h"
#include "tools/plan.h"
#include "tools/verb.h"

static int complain_row(const struct list_file *list, const struct roster_row *row, uint32_t column,
                        const char *what)
{
    const struct roster *roster = list_file_roster(list);
    char buffer[128];
    struct text name;

    if (column == ROSTER_COLUMN_NONE || column >= roster->names_count)
        return verb_complain("send", "%s:%llu: row %llu: %s", list->name,
                             (unsigned long long)row->line, (unsigned long long)row->row, what);
    text_init(&name, buffer, sizeof(buffer));
    text_add_printable(&name, roster->names[column], 30);
    return verb_complain("send", "%s:%llu: row %llu, column %u (%s): %s", list->name,
                         (unsigned long long)row->line, (unsigned long long)row->row, column + 1,
                         text_cstr_end(&name), what);
}

static uint32_t find_email_column(const struct plan *plan, const struct roster *roster)
{
    static const char *const usual[] = {"email", "e-mail", "mail", "address", "recipient"};

    if (plan->options->email_column != NULL)
        return roster_column(roster, span_cstr(plan->options->email_column));
    for (size_t u = 0; u < ARRAY_LEN(usual); u++)
        for (uint32_t i = 0; i < roster->names_count; i++)
            if (span_equal_nocase(roster->names[i], span_cstr(usual[u])))
                return i;
    return ROSTER_COLUMN_NONE;
}

static int find_metadata_columns(struct plan *plan, const struct roster *roster)
{
    struct span rest = span_cstr(plan->options->metadata);

    plan->metadata_count = 0;
    while (rest.size > 0) {
        struct span name = span_trim(span_split(&rest, ','));
        char *kept = plan->metadata_names[plan->metadata_count];

        if (name.size == 0)
            continue;
        if (plan->metadata_count == PLAN_METADATA_COLUMNS_MAX ||
            name.size >= sizeof(plan->metadata_names[0]))
            return verb_complain("send", "--metadata: at most %d columns of 63 octets",
                                 PLAN_METADATA_COLUMNS_MAX);
        memcpy(kept, name.data, name.size);
        kept[name.size] = '\0';
        plan->metadata_columns[plan->metadata_count++] = roster_column(roster, name);
    }
    return 0;
}

/* Columns by name, anew whenever the list has shown new ones. */
static int find_columns(struct plan *plan, const struct list_file *list)
{
    const struct roster *roster = list_file_roster(list);
    int result = 0;

    if (plan->names_known == roster->names_count)
        return 0;
    plan->names_known = roster->names_count;
    plan->email_column = find_email_column(plan, roster);
    if (plan->email_column == ROSTER_COLUMN_NONE && !list->is_json)
        return verb_complain(
            "send", "%s:1: there is no column \"%s\"%s", list->name,
            plan->options->email_column != NULL ? plan->options->email_column : "email",
            plan->options->email_column != NULL ? "" : " (--email-column names another)");
    for (uint32_t i = 0; i < plan->template.fields_count; i++) {
        const struct template_field *field = &plan->template.fields[i];

        plan->columns[i] = roster_column(roster, field->name);
        if (plan->columns[i] == ROSTER_COLUMN_NONE && !list->is_json)
            return verb_complain("send", "%s:1: there is no column \"%.*s\", which %s:%u:%u uses",
                                 list->name, (int)field->name.size, (const char *)field->name.data,
                                 plan->options->template_file, field->line, field->column);
    }
    if (plan->options->metadata != NULL)
        result = find_metadata_columns(plan, roster);
    for (uint32_t i = 0; result == 0 && i < plan->metadata_count && !list->is_json; i++)
        if (plan->metadata_columns[i] == ROSTER_COLUMN_NONE)
            return verb_complain("send", "%s:1: there is no column \"%s\" (--metadata)", list->name,
                                 plan->metadata_names[i]);
    return result;
}

/* An address as RCPT TO gets it: as given, but a domain that is not ASCII goes as A-labels. */
static bool take_address(struct plan *plan, struct span given, const char **ret_problem)
{
    struct address address;

    if (!address_parse(given, &address, ret_problem))
        return false;
    text_reset(&plan->domain);
    text_reset(&plan->address);
    if (!address_domain_key(address.domain, &plan->domain)) {
        *ret_problem = "the domain cannot be a name in the DNS";
        return false;
    }
    text_add(&plan->address, address.local);
    text_add_byte(&plan->address, '@');
    text_add(&plan->address,
             span_is_ascii(address.domain) ? address.domain : text_span(&plan->domain));
    if (plan->address.overflow || plan->address.size > ADDRESS_SIZE_MAX + 2) {
        *ret_problem = "it is too long";
        return false;
    }
    return true;
}

static int take_email(struct plan *plan, const struct list_file *list, const struct roster_row *row)
{
    const char *problem = NULL;
    char buffer[512];
    struct text what;

    if (plan->email_column == ROSTER_COLUMN_NONE || row->kinds[plan->email_column] == ROSTER_ABSENT)
        return complain_row(list, row, plan->email_column, "the address is missing");
    if (take_address(plan, row->fields[plan->email_column], &problem))
        return 0;
    text_init(&what, buffer, sizeof(buffer));
    text_add_byte(&what, '"');
    text_add_printable(&what, row->fields[plan->email_column], 60);
    text_add_format(&what, "\" is not an address: %s", problem);
    return complain_row(list, row, plan->email_column, text_cstr_end(&what));
}

static int take_values(struct plan *plan, const struct list_file *list,
                       const struct roster_row *row)
{
    for (uint32_t i = 0; i < plan->template.fields_count; i++) {
        const struct template_field *field = &plan->template.fields[i];
        uint32_t column = plan->columns[i];
        uint8_t kind = column < row->fields_count ? row->kinds[column] : (uint8_t)ROSTER_ABSENT;
        char buffer[512];
        struct text what;

        text_init(&what, buffer, sizeof(buffer));
        if (kind == ROSTER_ABSENT || kind == ROSTER_NULL || kind == ROSTER_NESTED) {
            text_add_format(&what, "%s \"%.*s\", which %s:%u:%u uses",
                            kind == ROSTER_NESTED ? "an object or array cannot be merged:"
                                                  : "there is no value for",
                            (int)field->name.size, (const char *)field->name.data,
                            plan->options->template_file, field->line, field->column);
            return complain_row(list, row, column, text_cstr_end(&what));
        }
        plan->values[i] = row->fields[column];
        text_add_cstr(&what, "the value ");
        if (template_check_value(&plan->template, i, plan->values[i], &what) < 0)
            return complain_row(list, row, column, text_cstr_end(&what));
    }
    return 0;
}

static int take_metadata(struct plan *plan, const struct list_file *list,
                         const struct roster_row *row)
{
    text_reset(&plan->metadata);
    if (plan->metadata_count == 0)
        return 0;
    json_put_open(&plan->metadata, '{');
    for (uint32_t i = 0; i < plan->metadata_count; i++) {
        uint32_t column = plan->metadata_columns[i];

        if (column >= row->fields_count || row->kinds[column] == ROSTER_ABSENT)
            continue;
        json_put_key(&plan->metadata, plan->metadata_names[i]);
        if (row->kinds[column] == ROSTER_TEXT)
            json_put_string(&plan->metadata, row->fields[column]);
        else if (row->kinds[column] == ROSTER_NULL)
            json_put_null(&plan->metadata);
        else
            json_put_raw(&plan->metadata, row->fields[column]);
    }
    json_put_close(&plan->metadata, '}');
    if (plan->metadata.overflow)
        return complain_row(list, row, ROSTER_COLUMN_NONE, "the metadata is larger than 16 KiB");
    return 0;
}

static int give(struct plan *plan, plan_take *take, void *context, struct plan_list *list)
{
    struct store_recipient recipient = {
        .address = text_span(&plan->address),
        .domain = text_span(&plan->domain),
        .values = plan->values,
        .values_count = plan->template.fields_count,
        .metadata = text_span(&plan->metadata),
    };

    plan_hash(&plan->list_hash, recipient.address);
    for (uint32_t i = 0; i < recipient.values_count; i++)
        plan_hash(&plan->list_hash, recipient.values[i]);
    plan_hash(&plan->list_hash, recipient.metadata);
    if (list->recipients_count < PLAN_SAMPLES)
        memcpy(list->samples[list->recipients_count], recipient.address.data,
               min_size(recipient.address.size, ADDRESS_SIZE_MAX));
    list->recipients_count++;
    return take != NULL ? take(context, &recipient) : 0;
}

static int read_rows(struct plan *plan, struct list_file *list, plan_take *take, void *context,
                     struct plan_list *ret_list)
{
    struct roster_row row;
    int next;

    while ((next = list_file_next(list, &row)) > 0) {
        int result = find_columns(plan, list);

        if (result == 0)
            result = take_email(plan, list, &row);
        if (result == 0)
            result = take_values(plan, list, &row);
        if (result == 0)
            result = take_metadata(plan, list, &row);
        if (result == 0)
            result = give(plan, take, context, ret_list);
        if (result != 0)
            return result;
    }
    if (next == -EINVAL) {
        char buffer[ROSTER_WHAT_MAX + 512];
        struct text what;

        text_init(&what, buffer, sizeof(buffer));
        roster_problem_write(list_file_roster(list), list->name, &what);
        return verb_complain("send", "%s", text_cstr_end(&what));
    }
    return next < 0 ? verb_complain("send", "%s: %s", list->name, strerror(-next))
                    : find_columns(plan, list);
}

static int read_file(struct plan *plan, plan_take *take, void *context, struct plan_list *ret_list)
{
    struct list_file list;
    int result = list_file_open(&list, plan->options->recipients_file);

    if (result < 0)
        return verb_complain("send", "%s: %s", plan->options->recipients_file, strerror(-result));
    plan->names_known = UINT32_MAX;
    result = read_rows(plan, &list, take, context, ret_list);
    if (result == 0 && ret_list->recipients_count == 0)
        result = verb_complain("send", "%s: the list has no recipients", list.name);
    list_file_close(&list);
    return result;
}

static int read_to(struct plan *plan, plan_take *take, void *context, struct plan_list *ret_list)
{
    for (uint32_t i = 0; i < plan->options->to_count; i++) {
        const char *problem = NULL;
        int result;

        if (!take_address(plan, span_cstr(plan->options->to[i]), &problem))
            return verb_complain("send", "--to: \"%s\" is not an address: %s", plan->options->to[i],
                                 problem);
        result = give(plan, take, context, ret_list);
        if (result != 0)
            return result;
    }
    return 0;
}

int plan_read_list(struct plan *plan, plan_take *take, void *context, struct plan_list *ret_list)
{
    int result;

    memset(ret_list, 0, sizeof(*ret_list));
    text_init(&plan->metadata, plan->metadata_bytes, sizeof(plan->metadata_bytes));
    text_init(&plan->domain, plan->domain_bytes, sizeof(plan->domain_bytes));
    text_init(&plan->address, plan->address_bytes, sizeof(plan->address_bytes));
    SHA256_Init(&plan->list_hash);
    if (plan->has_template)
        result = read_file(plan, take, context, ret_list);
    else
        result = read_to(plan, take, context, ret_list);
    SHA256_Final(ret_list->digest, &plan->list_hash);
    return result;
}
