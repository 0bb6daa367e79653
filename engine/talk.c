#include "engine/talk.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/outlet.h"
#include "engine/secrecy.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/tag.h"

static void return_held(struct shard *shard, struct session *session)
{
    for (uint32_t i = 0; i < session->held_count; i++)
        io_buffer_return(shard->io, &session->held[i]);
    session->held_count = 0;
    session->held_offset = 0;
}

void talk_close(struct shard *shard, struct session *session)
{
    CHECK(session->state == SESSION_ASK || session->state == SESSION_CONNECT ||
          session->state == SESSION_TALK);
    if (session->state == SESSION_TALK)
        shard->routing.destinations[session->site].talking_count--;
    for (uint32_t i = 0; i < SMTP_TRANSACTIONS_MAX; i++)
        CHECK(!session->deliveries[i].open);
    session_tls_release(shard, session);
    session->state = SESSION_CLOSING;
    wheel_cancel(&shard->wheel, &session->timer);
    session_unlist(shard, session);
    return_held(shard, session);
    if (shard->plain_user == session)
        shard->plain_user = NULL;
    io_shut(shard->io, session_tag(shard, TAG_SESSION_SHUT, session), session->handle);
}

void talk_failed_early(struct shard *shard, struct session *session, const struct outcome *outcome)
{
    stats_add(shard->stats, STATS_CONNECT_FAILURES, 1);
    if (outcome->cause == CAUSE_LOCAL_STOP || shard->state != SHARD_RUNNING)
        return;
    /* This session no longer counts: it is about to free its place. */
    routing_address_failed(shard, session->site, &session->peer, outcome);
}

/* --- the SMTP machine's wishes --- */

static void settle(struct shard *shard, struct session *session)
{
    struct delivery_place place = {
        .peer = session->peer,
        .source = session->source,
        .peer_name = span_cstr(session->peer_name),
        .site = span_cstr(shard->routing.destinations[session->site].site),
        .connect_ns = session->connected_ns - session->started_ns,
        .tls_us = session->tls_us,
        .tls_protocol = span_cstr(tls_stream_version(&session->tls)),
        .tls_cipher = span_cstr(tls_stream_cipher(&session->tls)),
    };
    struct outcome outcome;
    uint32_t tag;

    smtp_settled(&session->smtp, &tag, &outcome);
    CHECK(tag < SMTP_TRANSACTIONS_MAX);
    delivery_settle(shard, &session->deliveries[tag], &outcome, &place);
    if (schedule_feedback(shard->schedule, session->site, &outcome, shard_now_ns(shard)) ==
        SITE_CHANGE_REFUSED)
        routing_site_refuses(shard, session->site, &session->peer, &outcome);
}

static void become_hungry(struct shard *shard, struct session *session, uint64_t until_ns)
{
    smtp_pass(&session->smtp);
    session->hungry_until_ns = until_ns;
    session_unlist(shard, session);
    session->hungry = true;
    shard->hungry_count++;
    leasing_rests(shard, session->site);
    list_push_back(&shard->hungry, &session->node);
}

static void offer_envelope(struct shard *shard, struct session *session)
{
    uint64_t until_ns = UINT64_MAX;
    uint32_t place = 0;
    struct envelope envelope;

    if (!session->ready) {
        session->ready = true;
        session->ready_ns = shard_now_ns(shard);
        secrecy_reached(shard, session);
        schedule_session_ready(shard->schedule, session->site);
    }
    if (shard->state != SHARD_RUNNING || (schedule_session_excess(shard->schedule, session->site) &&
                                          !session_may_stay(shard, session))) {
        smtp_quit(&session->smtp);
        return;
    }
    secrecy_limit(shard, session);
    while (place < SMTP_TRANSACTIONS_MAX && session->deliveries[place].open)
        place++;
    CHECK(place < SMTP_TRANSACTIONS_MAX);
    if (delivery_take(shard, session->site, session->has, &session->deliveries[place], &until_ns) <
        0) {
        if (until_ns == UINT64_MAX && secrecy_is_useless(shard, session))
            smtp_quit(&session->smtp);
        else
            become_hungry(shard, session, until_ns);
        return;
    }
    session->served = true;
    session_unlist(shard, session);
    tls_counting_mail(shard, session, &session->deliveries[place].recipient);
    delivery_envelope(&session->deliveries[place], &envelope);
    smtp_envelope(&session->smtp, &envelope, place, outlet_text(shard, session));
}

/* False: its signatures are not made yet. One that cannot be signed is given back. */
static bool begin_body(struct shard *shard, struct session *session)
{
    struct delivery *delivery = &session->deliveries[smtp_body_tag(&session->smtp)];

    CHECK(delivery->open);
    switch (preface_ask(delivery->preface, slab_handle_of(&shard->sessions, session))) {
    case PREFACE_READY:
        break;
    case PREFACE_WAITS:
        return false;
    case PREFACE_FAILED:
        smtp_body_unsigned(&session->smtp);
        return true;
    }
    delivery->content_ns = shard_now_ns(shard);
    delivery_body(shard, delivery);
    session->body = delivery;
    return true;
}

/* True when the machine goes on: the whole content is in the buffer or sent, or never will be. */
static bool write_body(struct shard *shard, struct session *session)
{
    struct text *out = outlet_text(shard, session);
    size_t size_before = out->size;
    bool done;

    if (session->body == NULL && !begin_body(shard, session))
        return false;
    if (session->body == NULL)
        return true;
    if (text_room(out) <= SMTP_BURST_MAX + MERGE_STEP_MAX)
        return false;
    out->capacity -= SMTP_BURST_MAX;
    done = content_step(&session->body->merge, out);
    out->capacity += SMTP_BURST_MAX;
    stats_add(shard->stats, STATS_OCTETS_SENT, out->size - size_before);
    if (!done)
        return false;
    session->body = NULL;
    stats_add(shard->stats, STATS_MESSAGES_SENT, 1);
    smtp_body_done(&session->smtp);
    return true;
}

/* The session ended over TLS. True: the host is not avoided for it, the next session goes without
 * (where that is allowed), and mail that no host can take is on its way back. */
static bool end_of_tls(struct shard *shard, struct session *session, struct outcome *end)
{
    if (end->stage != STAGE_TLS || end->cause == CAUSE_LOCAL_STOP ||
        (end->cause == CAUSE_REPLY && end->reply.code == 421))
        return false;
    if (session->tls_words_size > 0)
        *end = outcome_from_cause(end->kind, STAGE_TLS, CAUSE_TLS, 0,
                                  span_make(session->tls_words, session->tls_words_size));
    else
        session_tls_explain(session, end);
    if (session->tls_first || !session->tls_tried || session->tls_fault == TLS_FAULT_LOCAL)
        return false;
    secrecy_failed(shard, session);
    return true;
}

static void end_talk(struct shard *shard, struct session *session)
{
    struct outcome end;

    smtp_end(&session->smtp, &end);
    if (session_tls_seal(shard, session))
        session_tls_close(session);
    outlet_flush(shard, session); /* a last QUIT goes out if the socket takes it at once */
    talk_close(shard, session);
    if (end.kind == OUTCOME_NONE || end_of_tls(shard, session, &end))
        return;
    /* Replies to nothing end a session before it was of any use, too: that must cost the host. */
    if (!session->ready && end.stage > STAGE_EHLO)
        end.stage = STAGE_EHLO;
    if (end.stage <= STAGE_TLS)
        talk_failed_early(shard, session, &end);
    else
        (void)schedule_feedback(shard->schedule, session->site, &end, shard_now_ns(shard));
}

/* The last moment for what is under way, however busily the server takes single octets or answers:
 * it must take SESSION_FLOW_MIN octets a second, and bring a transaction to its end. */
static uint64_t give_up_ns(const struct shard *shard, const struct session *session)
{
    const struct policy *policy = shard->policy;
    uint64_t until_ns = UINT64_MAX;

    if (session->sending > 0)
        until_ns = session->flow_from_ns + policy->timeouts.block_ns +
                   session->flow_sent * (NS_PER_S / SESSION_FLOW_MIN);
    for (uint32_t i = 0; i < SMTP_TRANSACTIONS_MAX; i++)
        if (session->deliveries[i].open)
            until_ns = min_u64(until_ns,
                               session->deliveries[i].claimed_ns + policy->transaction_timeout_ns);
    return until_ns;
}

static void arm_timer(struct shard *shard, struct session *session)
{
    uint64_t now_ns = shard_now_ns(shard);
    uint64_t timeout_ns = smtp_timeout_ns(&session->smtp);

    if (timeout_ns != SMTP_TIMEOUT_NONE) {
        bool inside =
            reply_reader_is_inside(&session->smtp.reader) || session->cover == SESSION_SHAKING;

        /* The time is a whole reply's: a server that trickles octets gains nothing by it. */
        if (!inside || !session->inside_reply)
            session->reply_by_ns = now_ns + timeout_ns;
        session->inside_reply = inside;
        session->idle_since_ns = 0;
        wheel_arm(&shard->wheel, &session->timer,
                  min_u64(session->reply_by_ns, give_up_ns(shard, session)));
        return;
    }
    session->inside_reply = false;
    if (session->idle_since_ns == 0)
        session->idle_since_ns = now_ns;
    wheel_arm(&shard->wheel, &session->timer,
              max_u64(now_ns + NS_PER_MS,
                      min_u64(session->idle_since_ns + SHARD_IDLE_NS, session->hungry_until_ns)));
}

void talk_run_out(struct shard *shard, struct session *session)
{
    uint8_t scratch[SMTP_BURST_MAX];
    struct span nothing = {NULL, 0};
    struct text unsaid;
    enum smtp_want want;

    session->body = NULL;
    text_init(&unsaid, scratch, sizeof(scratch));
    while ((want = smtp_step(&session->smtp, &nothing, &unsaid)) != SMTP_WANT_CLOSE) {
        CHECK(want == SMTP_WANT_SETTLE);
        settle(shard, session);
    }
    end_talk(shard, session);
}

void talk_lose(struct shard *shard, struct session *session, enum outcome_cause cause,
               int error_number)
{
    session_tls_lost(session);
    smtp_lost(&session->smtp, cause, error_number);
    talk_run_out(shard, session);
}

/* The handshake begins, unless octets are there that came in clear behind the 220. */
static void begin_tls(struct shard *shard, struct session *session)
{
    if (session->held_count > 1 || (session->tls_first && session->held_count > 0))
        smtp_lost(&session->smtp, CAUSE_PROTOCOL, 0);
    else if (!session_tls_begin(shard, session))
        smtp_lost(&session->smtp, CAUSE_TLS, 0);
}

/* Runs the machine over the input until it waits for something. False: the session is closing. The
 * machine is asked before every piece of content: a reply that comes meanwhile is no answer to the
 * dot. */
static bool run(struct shard *shard, struct session *session, struct span *input)
{
    while (session->cover != SESSION_SHAKING && outlet_have(shard, session) &&
           text_room(outlet_text(shard, session)) >= SMTP_BURST_MAX) {
        switch (smtp_step(&session->smtp, input, outlet_text(shard, session))) {
        case SMTP_WANT_REPLY:
            return true;
        case SMTP_WANT_ENVELOPE:
            offer_envelope(shard, session);
            break;
        case SMTP_WANT_BODY:
            if (!write_body(shard, session))
                return true;
            break;
        case SMTP_WANT_SETTLE:
            settle(shard, session);
            break;
        case SMTP_WANT_TLS:
            begin_tls(shard, session);
            break;
        case SMTP_WANT_CLOSE:
            end_talk(shard, session);
            return false;
        }
    }
    return true;
}

/* One part of the handshake. False: the session is closing. */
static bool shake(struct shard *shard, struct session *session, struct span *input)
{
    if (!session_tls_may_shake(shard, session, *input) || !outlet_have(shard, session))
        return true;
    switch (session_tls_shake(shard, session, input)) {
    case SESSION_TLS_WAITS:
    case SESSION_TLS_FULL:
    case SESSION_TLS_UP:
        return true;
    case SESSION_TLS_OVER:
        break;
    }
    talk_lose(shard, session, CAUSE_TLS, 0);
    return false;
}

/* Decrypts and runs the machine over what comes out. It takes all of it: there is room for its
 * answers to every reply that it awaits, and the reply too many ends the session. */
static bool uncover(struct shard *shard, struct session *session, struct span *input)
{
    enum tls_want want = TLS_WANT_ROOM;

    session->tls_pending = true;
    while (want == TLS_WANT_ROOM) {
        struct text plain;
        struct span rest;

        if (!outlet_have(shard, session) || text_room(&shard->plain_out) < SESSION_TLS_ROOM_MIN)
            return true;
        text_init(&plain, shard->plain_in, SHARD_PLAIN_IN_SIZE);
        want = tls_stream_read(&session->tls, input, &plain, &session->wire,
                               shard_wall_ns(shard) / NS_PER_S);
        rest = text_span(&plain);
        if (rest.size > 0 && !run(shard, session, &rest))
            return false;
        if (rest.size > 0) {
            talk_lose(shard, session, CAUSE_PROTOCOL, 0);
            return false;
        }
    }
    session->tls_pending = want == TLS_WANT_WRITE;
    if (want == TLS_WANT_CLOSE) { /* nothing that comes behind it counts */
        session->ended = true;
        *input = (struct span){NULL, 0};
    }
    return true;
}

static bool feed(struct shard *shard, struct session *session, struct span *input)
{
    if (session->cover == SESSION_SHAKING && !shake(shard, session, input))
        return false;
    if (session->cover == SESSION_SHAKING)
        return true;
    return session->cover == SESSION_COVERED ? uncover(shard, session, input)
                                             : run(shard, session, input);
}

static bool run_held(struct shard *shard, struct session *session)
{
    struct span nothing = {NULL, 0};

    while (session->held_count > 0) {
        struct span whole = io_buffer(shard->io, &session->held[0]);
        struct span input = span_skip(whole, session->held_offset);

        if (!feed(shard, session, &input))
            return false;
        if (input.size > 0) {
            session->held_offset = whole.size - input.size;
            return true;
        }
        io_buffer_return(shard->io, &session->held[0]);
        session->held_offset = 0;
        session->held_count--;
        memmove(&session->held[0], &session->held[1],
                session->held_count * sizeof(session->held[0]));
    }
    /* A handshake that has just begun writes its first flight; a filter may hold plaintext. */
    if (session->tls_pending && !uncover(shard, session, &nothing))
        return false;
    if (!run(shard, session, &nothing))
        return false;
    return session->cover != SESSION_SHAKING || shake(shard, session, &nothing);
}

void talk_pump(struct shard *shard, struct session *session)
{
    CHECK(session->state == SESSION_TALK);
    if (session->cover == SESSION_SHAKING && session->smtp.state == SMTP_CLOSED) {
        talk_run_out(shard, session); /* it was told to quit: nobody waits for the handshake */
        return;
    }
    if (!run_held(shard, session))
        return;
    if (session->ended && session->held_count == 0) {
        talk_lose(shard, session, CAUSE_LOST, session->end_error);
        return;
    }
    outlet_flush(shard, session);
    arm_timer(shard, session);
}

void talk_signed(struct shard *shard, struct slab_handle handle)
{
    struct session *session = slab_get(&shard->sessions, handle);

    if (session != NULL && session->state == SESSION_TALK)
        talk_pump(shard, session);
}
