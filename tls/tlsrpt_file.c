#include "tls/tlsrpt_file.h"

#include <errno.h>

#include "base/check.h"
#include "base/crc.h"

#define FILE_HEAD "ringpost-tlsrpt 1 "

/* One piece: so many sessions of a kind. Without `listed` they are failures without details. */
struct piece {
    struct tlsrpt_session session;
    uint64_t count;
    bool listed;
};

static void add_ip(struct text *out, const struct ip *ip)
{
    text_add_byte(out, ' ');
    if (ip->family == IP_NONE)
        text_add_byte(out, '-');
    else
        ip_write(out, ip);
}

static void add_piece(struct text *out, const struct piece *piece)
{
    const struct tlsrpt_session *session = &piece->session;
    const uint64_t numbers[] = {
        (uint64_t)session->policy, (uint64_t)session->fault,  piece->count,
        piece->listed ? 1 : 0,     session->domain.size,      session->mx_host.size,
        session->reason.size,      session->policy_lines.size};
    uint8_t buffer[TLSRPT_FILE_RECORD_MAX];
    struct text record;

    if (piece->count == 0)
        return;
    text_init(&record, buffer, sizeof(buffer));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        text_add_u64(&record, numbers[i]);
        text_add_byte(&record, ' ');
    }
    add_ip(&record, &session->mx_ip);
    add_ip(&record, &session->source_ip);
    text_add_byte(&record, '\n');
    text_add(&record, session->domain);
    text_add(&record, session->mx_host);
    text_add(&record, session->reason);
    text_add(&record, session->policy_lines);
    CHECK(!record.overflow);
    text_add_cstr(out, "sessions ");
    text_add_u64(out, record.size);
    text_add_byte(out, ' ');
    text_add_u64(out, crc_add(crc_seed(record.size, 2), text_span(&record)));
    text_add_byte(out, '\n');
    text_add(out, text_span(&record));
}

static void add_totals(struct text *out, const struct tlsrpt_domain *domain)
{
    for (uint32_t i = 0; i < TLSRPT_POLICIES; i++) {
        const struct tlsrpt_count *count = &domain->counts[i];
        struct piece piece = {
            .session = {.domain = span_make(domain->name, domain->name_size),
                        .policy = (enum tlsrpt_policy)i,
                        .policy_lines = span_make(count->lines, count->lines_size)},
            .count = count->good,
            .listed = true,
        };

        add_piece(out, &piece);
        piece.session.fault = TLS_FAULT_HANDSHAKE;
        piece.count = count->unlisted;
        piece.listed = false;
        add_piece(out, &piece);
    }
}

static void add_detail(struct text *out, const struct tlsrpt_table *table,
                       const struct tlsrpt_detail *detail)
{
    const struct tlsrpt_domain *domain = slab_at(&table->domains, detail->domain);
    const struct tlsrpt_count *count = &domain->counts[detail->policy];
    /* The lines stand in the totals, when there are any. */
    struct span lines = span_make(count->lines, count->good == 0 ? count->lines_size : 0);
    struct piece piece = {
        .session = {.domain = span_make(domain->name, domain->name_size),
                    .policy = detail->policy,
                    .policy_lines = lines,
                    .fault = detail->fault,
                    .mx_host = span_make(detail->host, detail->host_size),
                    .mx_ip = detail->mx_ip,
                    .source_ip = detail->source_ip,
                    .reason = span_make(detail->reason, detail->reason_size)},
        .count = detail->count,
        .listed = true,
    };

    add_piece(out, &piece);
}

/* Piece 0 is the head, then come the domains by slot, then the details. */
static void add_part(struct text *out, const struct tlsrpt_table *table, uint64_t day_s,
                     uint32_t cursor)
{
    const struct tlsrpt_domain *domain;
    const struct tlsrpt_detail *detail;

    if (cursor == 0) {
        text_add_cstr(out, FILE_HEAD);
        text_add_u64(out, day_s);
        text_add_byte(out, '\n');
    } else if (cursor <= table->domains.slots_max) {
        domain = slab_at(&table->domains, cursor - 1);
        if (domain != NULL)
            add_totals(out, domain);
    } else {
        detail = slab_at(&table->details, cursor - 1 - table->domains.slots_max);
        if (detail != NULL)
            add_detail(out, table, detail);
    }
}

bool tlsrpt_file_write(const struct tlsrpt_table *table, uint64_t day_s, uint32_t *cursor,
                       struct text *out)
{
    for (; *cursor <= table->domains.slots_max + table->details.slots_max; (*cursor)++) {
        size_t before = out->size;

        add_part(out, table, day_s, *cursor);
        if (!out->overflow)
            continue;
        out->size = before;
        out->overflow = false;
        return false;
    }
    return true;
}

bool tlsrpt_file_day(struct span file, uint64_t *ret_day_s)
{
    if (!span_starts(file, SPAN(FILE_HEAD)))
        return false;
    file = span_skip(file, sizeof(FILE_HEAD) - 1);
    return span_number(span_split(&file, '\n'), INT64_MAX, ret_day_s);
}

static bool take_ip(struct span *line, struct ip *ret_ip)
{
    struct span word = span_word(line);

    *ret_ip = (struct ip){.family = IP_NONE};
    return span_equal(word, SPAN("-")) || ip_parse(word, ret_ip);
}

static struct span take(struct span *rest, uint64_t size)
{
    struct span part = span_first(*rest, size);

    *rest = span_skip(*rest, size);
    return part;
}

static bool read_piece(struct tlsrpt_table *table, struct span record)
{
    struct span line = span_split(&record, '\n');
    struct piece piece;
    uint64_t numbers[8];

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!span_number(span_word(&line), UINT32_MAX, &numbers[i]))
            return false;
    if (numbers[0] >= TLSRPT_POLICIES || numbers[1] >= TLS_FAULT_COUNT || numbers[3] > 1 ||
        numbers[4] + numbers[5] + numbers[6] + numbers[7] != record.size ||
        !take_ip(&line, &piece.session.mx_ip) || !take_ip(&line, &piece.session.source_ip))
        return false;
    piece.session.policy = (enum tlsrpt_policy)numbers[0];
    piece.session.fault = (enum tls_fault)numbers[1];
    piece.session.domain = take(&record, numbers[4]);
    piece.session.mx_host = take(&record, numbers[5]);
    piece.session.reason = take(&record, numbers[6]);
    piece.session.policy_lines = take(&record, numbers[7]);
    tlsrpt_table_add_many(table, &piece.session, numbers[2], numbers[3] != 0);
    return true;
}

int tlsrpt_file_read(struct tlsrpt_table *table, struct span file)
{
    uint64_t day_s;

    if (!tlsrpt_file_day(file, &day_s))
        return -EBADMSG;
    (void)span_split(&file, '\n');
    while (file.size > 0) {
        struct span head = span_split(&file, '\n');
        struct span word = span_word(&head);
        uint64_t size, crc;

        if (!span_equal(word, SPAN("sessions")) ||
            !span_number(span_word(&head), TLSRPT_FILE_RECORD_MAX, &size) ||
            !span_number(span_word(&head), UINT32_MAX, &crc) || size > file.size)
            return -EBADMSG;
        if (crc_add(crc_seed(size, 2), span_first(file, size)) != crc ||
            !read_piece(table, span_first(file, size)))
            return -EBADMSG;
        file = span_skip(file, size);
    }
    return 0;
}
