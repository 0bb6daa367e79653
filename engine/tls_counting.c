#include "engine/tls_counting.h"

#include "base/check.h"
#include "engine/hygiene_feed.h"
#include "engine/session.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "tls/tlsrpt_file.h"
#include "tls/tlsrpt_report.h"

#define DOMAINS_MAX 4096
#define DETAILS_MAX 8192

static uint64_t today_s(const struct shard *shard)
{
    uint64_t now_s = shard_wall_ns(shard) / NS_PER_S;

    return now_s - now_s % TLSRPT_REPORT_DAY_S;
}

static struct tlsrpt_table_options table_options(uint64_t seed)
{
    return (struct tlsrpt_table_options){
        .domains_max = DOMAINS_MAX, .details_max = DETAILS_MAX, .seed = {{seed, ~seed}}};
}

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    const struct tls_counting *counting = context;

    return tlsrpt_file_write(&counting->table, counting->day_s, cursor, out);
}

static void write_path(const struct shard *shard, struct text *path)
{
    text_add_cstr(path, shard->policy->spool);
    text_add_cstr(path, "/tls/rpt.");
    text_add_u64(path, shard->tls_counting.day_s / TLSRPT_REPORT_DAY_S);
    text_add_byte(path, '.');
    text_add_u64(path, shard->options.index);
}

/* The file of the day; what stands in it is counted on. */
static void begin_day(struct shard *shard)
{
    struct tls_counting *counting = &shard->tls_counting;
    struct snapshot_options options = {.io = shard->io,
                                       .number = TLS_COUNTING_SNAPSHOT,
                                       .sync = shard->policy->durability == DURABILITY_DURABLE,
                                       .buffer = counting->buffer,
                                       .producer = produce,
                                       .context = counting};
    char path[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text text;

    counting->day_s = today_s(shard);
    counting->ending = false;
    tlsrpt_table_clear(&counting->table);
    text_init(&text, path, sizeof(path) - 1);
    write_path(shard, &text);
    options.path = text_span(&text);
    counting->on = !text.overflow && snapshot_init(&counting->snapshot, &options) == 0;
    if (!counting->on)
        return;
    if (io_map(shard->io, text_cstr_end(&text), IO_MAP_READ, &mapping) == 0) {
        int r = tlsrpt_file_read(&counting->table, span_make(mapping.data, mapping.size));

        (void)r; /* what is damaged is lost: it is only counts */
        io_unmap(shard->io, &mapping);
    }
    counting->saved_sessions = counting->table.sessions;
}

static void save(struct shard *shard)
{
    struct tls_counting *counting = &shard->tls_counting;

    if (counting->table.sessions == counting->saved_sessions ||
        !snapshot_is_idle(&counting->snapshot))
        return;
    snapshot_start(&counting->snapshot);
    if (snapshot_is_idle(&counting->snapshot))
        return; /* it failed a moment ago */
    counting->saved_sessions = counting->table.sessions;
    counting->save_ns = shard_now_ns(shard) + TLS_COUNTING_SAVE_NS;
}

size_t tls_counting_cost(void)
{
    struct tlsrpt_table_options options = table_options(0);

    return tlsrpt_table_cost(&options) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

void tls_counting_open(struct shard *shard, struct arena *arena)
{
    struct tlsrpt_table_options options = table_options(shard->options.seed);

    if (!shard->has_sts)
        return; /* no policies, no folder */
    tlsrpt_table_init(&shard->tls_counting.table, arena, &options);
    shard->tls_counting.buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    begin_day(shard);
}

static bool is_about_the_certificate(enum tls_fault fault)
{
    return fault == TLS_FAULT_NAME || fault == TLS_FAULT_EXPIRED || fault == TLS_FAULT_UNTRUSTED ||
           fault == TLS_FAULT_CERTIFICATE;
}

/* A policy that is only tried is obeyed by nobody: what it would have refused is what its domain
 * wants to hear (RFC 8461 5). RFC 8460 4.3 has no name of its own for such a host. */
static void judge_host(const struct sts_policy *policy, struct tlsrpt_session *counted)
{
    if (counted->fault != TLS_FAULT_NONE || counted->mx_host.size == 0 ||
        sts_policy_names(policy, counted->mx_host))
        return;
    counted->fault = TLS_FAULT_STS_HOST;
    counted->reason = span_cstr(tls_demand_fault_text(TLS_FAULT_STS_HOST));
}

/* TLSA records that are none of the domain's business say nothing about its sessions. */
static enum tls_fault fault_without_dane(const struct tls_counting_host *host)
{
    if (host->fault != TLS_FAULT_TLSA_INVALID && host->fault != TLS_FAULT_DNSSEC_INVALID)
        return host->fault;
    if ((host->has & TLS_POLICY_ENCRYPTED) == 0)
        return TLS_FAULT_NO_STARTTLS;
    return (host->has & TLS_POLICY_VERIFIED) != 0 ? TLS_FAULT_NONE : TLS_FAULT_CERTIFICATE;
}

/* The policy is the domain's MTA-STS policy, when it has one and nothing goes before it. */
static void count(struct shard *shard, struct tlsrpt_session *counted, bool sts_first)
{
    uint8_t lines[STS_POLICY_PATTERNS_SIZE * 3 + 256];
    struct sts_view view = sts_fetch_look(&shard->sts, counted->domain);
    struct text text;

    text_init(&text, lines, sizeof(lines));
    if (sts_first && view.knowledge == STS_POLICY && view.policy->mode != STS_NONE) {
        counted->policy = TLSRPT_STS;
        judge_host(view.policy, counted);
        sts_policy_write(view.policy, &text);
        counted->policy_lines = text_span(&text);
    } else if (sts_first && counted->policy != TLSRPT_STS &&
               is_about_the_certificate(counted->fault)) {
        counted->fault = TLS_FAULT_NONE;
    }
    tlsrpt_table_add(&shard->tls_counting.table, counted);
}

void tls_counting_add(struct shard *shard, uint32_t domain, const struct tls_counting_host *host)
{
    bool is_signed = shard->routing.domains[domain].mx_secure;
    bool has_records = is_signed && host->dane > TLS_POLICY_DANE_NONE;
    struct tlsrpt_session counted = {
        .domain = queue_domain_name(store_queue(shard->options.store), domain),
        .policy = has_records ? TLSRPT_TLSA : TLSRPT_NO_POLICY,
        .fault = has_records ? host->fault : fault_without_dane(host),
        .mx_host = host->name,
        .mx_ip = host->ip,
        .source_ip = host->source,
        .reason = host->words,
    };

    if (shard->tls_counting.on)
        count(shard, &counted, !has_records || host->dane == TLS_POLICY_DANE_UNUSABLE);
}

/* Not tried on this session: was it given up lately? */
static enum tls_fault known_fault(const struct shard *shard, const struct session *session)
{
    bool due;
    const struct tls_trouble_host *known = tls_trouble_find(
        &shard->tls_trouble, span_cstr(session->peer_name), shard_wall_ns(shard) / NS_PER_S, &due);

    return known != NULL ? known->fault : TLS_FAULT_NONE;
}

/* Whether the session is counted for the domain for the first time. */
static bool is_first(struct session *session, uint32_t domain)
{
    for (uint32_t i = 0; i < SESSION_COUNTED_MAX; i++)
        if (session->counted[i] == domain + 1)
            return false;
    session->counted[session->counted_at] = domain + 1;
    session->counted_at = (session->counted_at + 1) % SESSION_COUNTED_MAX;
    return true;
}

void tls_counting_mail(struct shard *shard, struct session *session,
                       const struct queue_recipient *recipient)
{
    uint32_t domain = recipient->domain;
    struct tls_counting_host host = {
        .name = span_cstr(session->peer_name),
        .ip = session->peer.ip,
        .source = session->source,
        .dane = session->dane,
        .has = session->has,
        .fault = session->tls_tried ? session->tls_fault : known_fault(shard, session),
        .words = span_make(session->tls_words, session->tls_words_size),
    };

    if (!shard->tls_counting.on || hygiene_feed_is_ours(recipient->campaign) ||
        !is_first(session, domain))
        return;
    if (session->tls_tried || host.fault != TLS_FAULT_NONE)
        tls_counting_add(shard, domain, &host);
}

/* Somebody's mail is waiting for the domain, not only reports of ours. */
static bool has_mail_of_others(const struct shard *shard, uint32_t domain)
{
    const struct queue *queue = store_queue(shard->options.store);
    struct queue_flow info;

    for (uint32_t flow = shard->routing.domains[domain].first_flow; flow != ROUTING_NONE;
         flow = shard->routing.flows[flow].next) {
        queue_flow(shard->queue, flow, &info);
        if (!hygiene_feed_is_ours(queue_campaign(queue, info.campaign_index)))
            return true;
    }
    return false;
}

void tls_counting_policy(struct shard *shard, uint32_t domain, enum tls_fault fault,
                         struct span mx_host)
{
    struct tlsrpt_session counted = {
        .domain = queue_domain_name(store_queue(shard->options.store), domain),
        .policy = TLSRPT_STS,
        .fault = fault,
        .mx_host = mx_host};

    if (!shard->tls_counting.on || fault == TLS_FAULT_NONE || !has_mail_of_others(shard, domain))
        return;
    counted.reason = span_cstr(tls_demand_fault_text(fault));
    count(shard, &counted, true);
}

void tls_counting_event(struct shard *shard, const struct io_event *event)
{
    CHECK(shard->tls_counting.on);
    (void)snapshot_event(&shard->tls_counting.snapshot, event); /* a failure is tried again */
}

/* One last file, whatever is counted while it is written: there may always be something. */
static void end_day(struct shard *shard)
{
    struct tls_counting *counting = &shard->tls_counting;

    if (!snapshot_is_idle(&counting->snapshot))
        return;
    if (!counting->ending) {
        counting->ending = true;
        save(shard);
    }
    if (snapshot_is_idle(&counting->snapshot))
        begin_day(shard);
}

void tls_counting_turn(struct shard *shard)
{
    struct tls_counting *counting = &shard->tls_counting;

    if (!counting->on)
        return;
    if (today_s(shard) != counting->day_s) {
        end_day(shard);
        return;
    }
    if (shard_now_ns(shard) >= counting->save_ns)
        save(shard);
}

uint64_t tls_counting_deadline_ns(const struct shard *shard)
{
    const struct tls_counting *counting = &shard->tls_counting;

    if (!counting->on || counting->table.sessions == counting->saved_sessions ||
        !snapshot_is_idle(&counting->snapshot))
        return UINT64_MAX;
    return max_u64(counting->save_ns, counting->snapshot.retry_ns);
}

bool tls_counting_stop(struct shard *shard)
{
    if (!shard->tls_counting.on)
        return true;
    save(shard);
    return snapshot_is_idle(&shard->tls_counting.snapshot);
}
