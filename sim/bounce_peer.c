#include "sim/bounce_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/bounce_talk.h"

#define PATIENCE_NS (30 * NS_PER_S)
#define PAUSE_NS (500 * NS_PER_MS)
#define OUT_MAX ((size_t)256 * KIB)

void bounce_peer_open(struct bounce_peer *peer, struct net_sim *net, uint64_t seed,
                      const struct bounce_peer_calls *calls, void *owner)
{
    memset(peer, 0, sizeof(*peer));
    prng_seed(&peer->prng, seed);
    peer->net = net;
    peer->calls = calls;
    peer->owner = owner;
    peer->stopped = true;
    peer->out = malloc(OUT_MAX);
    CHECK(peer->out != NULL);
}

struct bounce_report *bounce_peer_add(struct bounce_peer *peer, const char *to, char *text)
{
    struct bounce_report *report = &peer->reports[peer->reports_count++];

    CHECK(peer->reports_count <= BOUNCE_PEER_REPORTS_MAX);
    (void)snprintf(report->to, sizeof(report->to), "%s", to);
    report->text = text;
    return report;
}

uint32_t bounce_peer_open_count(const struct bounce_peer *peer)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < peer->reports_count; i++)
        count += !peer->reports[i].done;
    return count;
}

/* --- the connection --- */

static void attempt(void *object, uint64_t session);

static void attempt_later(struct bounce_peer *peer)
{
    uint64_t delay_ns = PAUSE_NS + prng_below(&peer->prng, 4 * PAUSE_NS);

    if (!peer->stopped)
        timeline_add(peer->net->timeline, delay_ns, attempt, peer, peer->session);
}

void bounce_peer_leave(struct bounce_peer *peer, bool abruptly)
{
    struct net_end *end = peer->end;

    if (end == NULL)
        return;
    peer->end = NULL;
    peer->wait = BOUNCE_FOR_NOTHING;
    peer->report = NULL;
    peer->session++;
    if (abruptly)
        net_stream_reset(end);
    else
        net_stream_close(end);
    attempt_later(peer);
}

static void flush_again(void *object, uint64_t session)
{
    struct bounce_peer *peer = object;

    if (session == peer->session && peer->end != NULL)
        bounce_peer_flush(peer);
}

/* What is written now: all of it, a few octets, or what is left until it goes. */
static size_t portion(struct bounce_peer *peer, size_t left)
{
    if (peer->manner == BOUNCE_DRIBBLING)
        left = min_size(left, 1 + prng_below(&peer->prng, 200));
    return (size_t)min_u64(left, peer->budget);
}

void bounce_peer_flush(struct bounce_peer *peer)
{
    while (peer->out_sent < peer->out_size) {
        size_t size = portion(peer, peer->out_size - peer->out_sent);
        int taken;

        if (size == 0) {
            bounce_peer_leave(peer, prng_percent(&peer->prng, 50));
            return;
        }
        taken = net_stream_write(peer->end, span_make(peer->out + peer->out_sent, size));
        if (taken < 0)
            bounce_peer_leave(peer, false);
        if (taken <= 0)
            return;
        peer->out_sent += (size_t)taken;
        if (peer->budget != UINT64_MAX)
            peer->budget -= (uint64_t)taken;
        if (peer->manner == BOUNCE_DRIBBLING && peer->out_sent < peer->out_size) {
            timeline_add(peer->net->timeline, NS_PER_MS, flush_again, peer, peer->session);
            return;
        }
    }
    peer->out_size = peer->out_sent = 0;
    if (peer->dotted && peer->report != NULL)
        peer->calls->sent(peer->owner, peer->report);
    peer->dotted = false;
}

void bounce_peer_put(struct bounce_peer *peer, const char *text)
{
    size_t size = strlen(text);

    CHECK(peer->out_size + size <= OUT_MAX);
    memcpy(peer->out + peer->out_size, text, size);
    peer->out_size += size;
}

void bounce_peer_say(struct bounce_peer *peer, const char *text, enum bounce_wait wait)
{
    peer->wait = wait;
    bounce_peer_put(peer, text);
    bounce_peer_flush(peer);
}

/* --- what comes --- */

static void on_octet(struct bounce_peer *peer, char octet)
{
    if (octet != '\n') {
        if (peer->line_size < sizeof(peer->line) - 1)
            peer->line[peer->line_size++] = octet;
        return;
    }
    peer->line[peer->line_size] = '\0';
    if (peer->line_size >= 4 && peer->line[3] == ' ')
        bounce_talk_reply(peer, (uint32_t)strtoul(peer->line, NULL, 10));
    peer->line_size = 0;
}

static void on_readable(void *owner)
{
    struct bounce_peer *peer = owner;

    while (peer->end != NULL && peer->manner != BOUNCE_DEAF) {
        uint64_t session = peer->session;
        struct span bytes = net_stream_read(peer->end);
        char copy[512];

        if (bytes.size == 0)
            break;
        bytes = span_first(bytes, sizeof(copy));
        memcpy(copy, bytes.data, bytes.size);
        net_stream_consume(peer->end, bytes.size);
        if (peer->manner == BOUNCE_RUBBISH)
            continue;
        for (size_t i = 0; i < bytes.size && peer->session == session; i++)
            on_octet(peer, copy[i]);
    }
    if (peer->end != NULL && (peer->end->error != 0 || peer->end->ended))
        bounce_peer_leave(peer, false);
}

static void on_writable(void *owner)
{
    bounce_peer_flush(owner);
}

static void on_opened(void *owner, int error)
{
    struct bounce_peer *peer = owner;

    if (error != 0) {
        bounce_peer_leave(peer, false);
        return;
    }
    peer->wait = BOUNCE_FOR_GREETING;
    if (peer->manner == BOUNCE_RUBBISH || peer->manner == BOUNCE_DEAF)
        bounce_talk_pretend(peer);
}

static void impatient(void *object, uint64_t session)
{
    struct bounce_peer *peer = object;

    if (session == peer->session)
        bounce_peer_leave(peer, true);
}

static void attempt(void *object, uint64_t session)
{
    static const struct net_end_calls calls = {on_opened, on_readable, on_writable};
    struct bounce_peer *peer = object;

    if (peer->stopped || peer->end != NULL || session != peer->session)
        return;
    peer->session++;
    peer->out_size = peer->out_sent = peer->line_size = 0;
    peer->dotted = false;
    peer->wait = BOUNCE_FOR_OPEN;
    peer->budget = peer->manner == BOUNCE_BREAKING && prng_percent(&peer->prng, 50)
                       ? prng_below(&peer->prng, 2500)
                       : UINT64_MAX;
    timeline_add(peer->net->timeline, PATIENCE_NS, impatient, peer, peer->session);
    peer->end = net_stream_connect(peer->net, &peer->from, &peer->to, NULL, &calls, peer);
}

void bounce_peer_start(struct bounce_peer *peer)
{
    peer->stopped = false;
    timeline_add(peer->net->timeline, prng_below(&peer->prng, PAUSE_NS), attempt, peer,
                 peer->session);
}

void bounce_peer_stop(struct bounce_peer *peer)
{
    peer->stopped = true;
    bounce_peer_leave(peer, true);
}

void bounce_peer_close(struct bounce_peer *peer)
{
    bounce_peer_stop(peer);
    for (uint32_t i = 0; i < peer->reports_count; i++)
        free(peer->reports[i].text);
    free(peer->out);
}
