#include "engine/session_tls.h"

#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "engine/client_tls.h"
#include "engine/secrecy.h"
#include "engine/shard.h"

static uint64_t wall_s(const struct shard *shard)
{
    return shard_wall_ns(shard) / NS_PER_S;
}

/* TLS is known not to work there, and a day has not passed. */
static bool is_hopeless(const struct shard *shard, const struct session *session)
{
    bool due = false;
    const struct tls_trouble_host *known =
        tls_trouble_find(&shard->tls_trouble, span_cstr(session->peer_name), wall_s(shard), &due);

    return known != NULL && !due && known->fault == TLS_FAULT_HANDSHAKE;
}

/* Whether a certificate can fit at least one of its records. */
static bool is_usable(const struct tlsa_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (tlsa_set_usable(&set->records[i]))
            return true;
    return false;
}

enum session_tls_answer session_tls_records(struct shard *shard, struct session *session,
                                            uint64_t waiter)
{
    static _Thread_local struct tlsa_set set;
    struct dns_tlsa_host host = {.name = span_cstr(session->peer_name), .port = session->peer.port};

    if (!shard->policy->tls_dane || shard->options.tls == NULL ||
        !destination_at(shard, session->site)->secure)
        return SESSION_TLS_KNOWS;
    switch (dns_tlsa(shard->resolver.dns, shard_now_ns(shard), &host, waiter, &set)) {
    case TLSA_SET_PENDING:
        return SESSION_TLS_ASKS;
    case TLSA_SET_RECORDS:
        session->tlsa = slab_claim(&shard->tlsa_sets);
        CHECK(session->tlsa != NULL); /* one a session */
        tlsa_set_copy(&set, session->tlsa);
        session->dane = is_usable(&set) ? TLS_POLICY_DANE_USABLE : TLS_POLICY_DANE_UNUSABLE;
        return SESSION_TLS_KNOWS;
    case TLSA_SET_NONE:
    case TLSA_SET_UNTRUSTED:
        session->dane = TLS_POLICY_DANE_NONE;
        return SESSION_TLS_KNOWS;
    case TLSA_SET_FAILED:
    case TLSA_SET_BUSY: /* no place to ask: nothing is known, and nobody waits */
    case TLSA_SET_STATUS_COUNT:
        break;
    }
    session->dane = TLS_POLICY_DANE_FAILED;
    session->tls_fault = TLS_FAULT_DNSSEC_INVALID;
    /* Mail for which these records do not count may go on, whatever else it needs. */
    return schedule_serves(shard->schedule, session->site, TLS_POLICY_ALL & ~TLS_POLICY_OBEYED)
               ? SESSION_TLS_KNOWS
               : SESSION_TLS_REFUSES;
}

void session_tls_release(struct shard *shard, struct session *session)
{
    if (session->state == SESSION_ASK)
        dns_forget(shard->resolver.dns, SESSION_WAITER | session_tag(shard, TAG_NONE, session));
    tls_stream_reset(&session->tls);
    if (session->tlsa != NULL)
        slab_release(&shard->tlsa_sets, session->tlsa);
    session->tlsa = NULL;
}

enum smtp_tls session_tls_mode(struct shard *shard, struct session *session,
                               const struct policy_route *route)
{
    const struct destination *destination = destination_at(shard, session->site);
    bool has_records = session->dane > TLS_POLICY_DANE_NONE;

    if (shard->options.tls == NULL)
        return SMTP_TLS_NEVER;
    session->identity = client_tls_identity_of(shard->options.client, route);
    session->tls_first = policy_tls_is_first(route, session->peer.port);
    session->tls_tried = session->tls_first || (route != NULL && route->user[0] != '\0') ||
                         (session->aim & TLS_POLICY_ENCRYPTED) != 0 ||
                         (has_records && (session->aim & TLS_POLICY_OBEYED) != 0) ||
                         ((destination->tls_wanted || has_records) && !is_hopeless(shard, session));
    if (session->tls_first)
        return SMTP_TLS_FIRST;
    return session->tls_tried ? SMTP_TLS_OFFERED : SMTP_TLS_NEVER;
}

/* SNI takes no addresses (RFC 6066 3). */
static struct span server_name(const struct session *session)
{
    struct span name = span_cstr(session->peer_name);
    struct ip ip;

    if (ip_parse(name, &ip) || (name.size > 0 && name.data[0] == '['))
        return (struct span){NULL, 0};
    return name;
}

static bool has_anchor(const struct tlsa_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->records[i].usage == TLSA_DANE_TA && tlsa_set_usable(&set->records[i]))
            return true;
    return false;
}

/* RFC 7672 3.1, 3.2: the records decide, the base name is asked for. Beside a trust anchor the
 * certificate may name the recipients' domain instead of the host: where several domains share the
 * host, it must name the host. */
static void by_records(struct shard *shard, struct session *session,
                       struct tls_stream_options *options)
{
    uint32_t domain = destination_only_domain(shard, session->site);

    options->verify.method = TLS_METHOD_DANE;
    options->verify.records = session->tlsa->records;
    options->verify.records_count = session->tlsa->count;
    session->tls_names[1] = session->tls_names[0];
    session->tls_names[0] = options->server_name = span_cstr(session->tlsa->base);
    options->verify.names_count = 2;
    if (domain == DESTINATION_NONE || !has_anchor(session->tlsa) ||
        !shard->routing.domains[domain].mx_secure)
        return;
    session->tls_names[options->verify.names_count++] =
        queue_domain_name(store_queue(shard->options.store), domain);
    session->named_domain = domain + 1;
}

static uint32_t certificate_mark(const struct shard *shard, const struct session *session)
{
    return crc_add(0, shard->options.client->identities[session->identity].pem.certificate_pem);
}

bool session_tls_begin(struct shard *shard, struct session *session)
{
    struct span name = span_cstr(session->peer_name);
    struct tls_stream_options options = {
        .server_name = server_name(session),
        .verify = {.method = TLS_METHOD_PKIX, .names = session->tls_names, .names_count = 1},
        .resume = &shard->tls_resume,
        .identity = session->identity,
    };
    struct text host;

    text_init(&host, session->resume_host, sizeof(session->resume_host));
    text_add(&host, span_first(name, TLS_RESUME_HOST_MAX - 15));
    text_add_byte(&host, ':');
    text_add_u64(&host, session->peer.port);
    if (session->identity != TLS_CONTEXT_IDENTITY_NONE) { /* a ticket is for whom it was given to */
        text_add_byte(&host, '#');
        text_add_hex(&host, certificate_mark(shard, session), 8);
    }
    options.resume_host = text_span(&host);
    session->tls_names[0] = name;
    if (session->dane == TLS_POLICY_DANE_USABLE)
        by_records(shard, session, &options);
    session->tls_started_ns = shard_now_ns(shard);
    if (tls_stream_start(&session->tls, shard->options.tls, &options, wall_s(shard)) < 0) {
        session->tls_fault = TLS_FAULT_LOCAL;
        return false;
    }
    session->cover = SESSION_SHAKING;
    return true;
}

static void keep_words(struct session *session, enum tls_failure failure, struct span words)
{
    session->tls_fault = tls_failure_fault(failure);
    session->tls_words_size = (uint8_t)min_size(words.size, sizeof(session->tls_words));
    if (words.size > 0)
        memcpy(session->tls_words, words.data, session->tls_words_size);
}

void session_tls_explain(struct session *session, const struct outcome *end)
{
    struct text words;

    text_init(&words, session->tls_words, sizeof(session->tls_words));
    text_add_printable(&words, span_make(end->reply.text, end->reply.text_size),
                       sizeof(session->tls_words));
    session->tls_words_size = (uint8_t)words.size;
}

static void on_open(struct shard *shard, struct session *session)
{
    uint64_t took_ns = shard_now_ns(shard) - session->tls_started_ns;

    session->cover = SESSION_COVERED;
    session->tls_us = (uint32_t)min_u64(took_ns / NS_PER_US, UINT32_MAX);
    session->level = TLS_LEVEL_ENCRYPTED;
    if (tls_stream_is_verified(&session->tls))
        session->level = TLS_LEVEL_VERIFIED;
    else
        keep_words(session, session->tls.verdict.failure, tls_verify_text(&session->tls.verdict));
    shard->plain_user = NULL;
    smtp_secured(&session->smtp);
}

bool session_tls_may_shake(struct shard *shard, struct session *session, struct span input)
{
    if (list_linked(&session->node))
        return false;
    if (input.size == 0 && session->tls_greeted)
        return true; /* nothing is computed */
    if (shard->shakes_left > 0) {
        shard->shakes_left--;
        return true;
    }
    if (session->held_count == SESSION_HELD_MAX)
        return true;
    list_push_back(&shard->shakers, &session->node);
    stats_add(shard->stats, STATS_SHAKE_WAITS, 1);
    return false;
}

enum session_tls_step session_tls_shake(struct shard *shard, struct session *session,
                                        struct span *input)
{
    CHECK(session->cover == SESSION_SHAKING);
    if (text_room(&session->wire) < TLS_STREAM_OUT_MIN)
        return SESSION_TLS_FULL;
    session->tls_greeted = true;
    switch (tls_stream_step(&session->tls, input, &session->wire, wall_s(shard))) {
    case TLS_WANT_READ:
    case TLS_WANT_ROOM: /* not of a handshake */
        return SESSION_TLS_WAITS;
    case TLS_WANT_WRITE:
        return SESSION_TLS_FULL;
    case TLS_WANT_OPEN:
        on_open(shard, session);
        return SESSION_TLS_UP;
    case TLS_WANT_CLOSE:
        break;
    }
    keep_words(session, session->tls.failure, tls_stream_text(&session->tls));
    return SESSION_TLS_OVER;
}

void session_tls_lost(struct session *session)
{
    if (session->cover != SESSION_SHAKING || tls_stream_lost(&session->tls))
        return;
    keep_words(session, session->tls.failure, tls_stream_text(&session->tls));
}

bool session_tls_seal(struct shard *shard, struct session *session)
{
    struct span plain = text_span(&shard->plain_out);

    if (session->cover != SESSION_COVERED || shard->plain_user != session || plain.size == 0)
        return true;
    shard->plain_user = NULL;
    return tls_stream_write(&session->tls, plain, &session->wire) == plain.size;
}

void session_tls_close(struct session *session)
{
    if (session->cover == SESSION_COVERED && session->buffer != NULL &&
        text_room(&session->wire) >= TLS_STREAM_OUT_MIN)
        tls_stream_close(&session->tls, &session->wire);
}
