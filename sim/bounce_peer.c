#include "sim/bounce_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

#define PATIENCE_NS (30 * NS_PER_S)
#define PAUSE_NS (500 * NS_PER_MS)
#define OUT_MAX ((size_t)256 * KIB)
#define RUBBISH_MAX 3000

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

static void leave(struct bounce_peer *peer, bool abruptly)
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

static void flush(struct bounce_peer *peer);

static void flush_again(void *object, uint64_t session)
{
    struct bounce_peer *peer = object;

    if (session == peer->session && peer->end != NULL)
        flush(peer);
}

/* What is written now: all of it, a few octets, or what is left until it goes. */
static size_t portion(struct bounce_peer *peer, size_t left)
{
    if (peer->manner == BOUNCE_DRIBBLING)
        left = min_size(left, 1 + prng_below(&peer->prng, 200));
    return (size_t)min_u64(left, peer->budget);
}

static void flush(struct bounce_peer *peer)
{
    while (peer->out_sent < peer->out_size) {
        size_t size = portion(peer, peer->out_size - peer->out_sent);
        int taken;

        if (size == 0) {
            leave(peer, prng_percent(&peer->prng, 50));
            return;
        }
        taken = net_stream_write(peer->end, span_make(peer->out + peer->out_sent, size));
        if (taken < 0)
            leave(peer, false);
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

static void put(struct bounce_peer *peer, const char *text)
{
    size_t size = strlen(text);

    CHECK(peer->out_size + size <= OUT_MAX);
    memcpy(peer->out + peer->out_size, text, size);
    peer->out_size += size;
}

static void say(struct bounce_peer *peer, const char *text, enum bounce_wait wait)
{
    peer->wait = wait;
    put(peer, text);
    flush(peer);
}

/* --- a transaction --- */

static struct bounce_report *next_report(struct bounce_peer *peer)
{
    for (uint32_t i = 0; i < peer->reports_count; i++) {
        struct bounce_report *report = &peer->reports[(peer->turn + i) % peer->reports_count];

        if (report->done)
            continue;
        peer->turn = (uint32_t)(report - peer->reports) + 1;
        return report;
    }
    return NULL;
}

static void begin(struct bounce_peer *peer)
{
    char line[512];

    peer->report = next_report(peer);
    if (peer->report == NULL) {
        say(peer, "QUIT\r\n", BOUNCE_FOR_QUIT);
        return;
    }
    put(peer, "MAIL FROM:<>\r\n");
    if (peer->manner == BOUNCE_PIPELINED) {
        (void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\nDATA\r\n", peer->report->to);
        put(peer, line);
    }
    peer->wait = BOUNCE_FOR_MAIL;
    flush(peer);
}

static void send_message(struct bounce_peer *peer)
{
    char line[64];

    peer->dotted = true;
    peer->wait = BOUNCE_FOR_DOT;
    if (peer->manner == BOUNCE_CHUNKED) {
        (void)snprintf(line, sizeof(line), "BDAT %zu LAST\r\n", strlen(peer->report->text));
        put(peer, line);
        put(peer, peer->report->text);
    } else {
        put(peer, peer->report->text);
        put(peer, ".\r\n");
    }
    flush(peer);
}

static void answered(struct bounce_peer *peer, uint32_t code)
{
    struct bounce_report *report = peer->report;

    report->done = code / 100 == 2 || code / 100 == 5;
    peer->calls->answered(peer->owner, report, code);
}

static void on_rcpt(struct bounce_peer *peer, uint32_t code)
{
    peer->rcpt_code = code;
    if (peer->manner == BOUNCE_PIPELINED) {
        peer->wait = BOUNCE_FOR_DATA; /* it is on its way */
        if (code != 250)
            answered(peer, code);
        return;
    }
    if (code != 250) {
        answered(peer, code);
        say(peer, "RSET\r\n", BOUNCE_FOR_RSET);
    } else if (peer->manner == BOUNCE_CHUNKED) {
        send_message(peer);
    } else {
        say(peer, "DATA\r\n", BOUNCE_FOR_DATA);
    }
}

static void on_data(struct bounce_peer *peer, uint32_t code)
{
    if (code == 354 && peer->rcpt_code == 250)
        send_message(peer);
    else if (code == 354)
        say(peer, ".\r\n", BOUNCE_FOR_RSET);
    else
        say(peer, "RSET\r\n", BOUNCE_FOR_RSET);
}

static void on_reply(struct bounce_peer *peer, uint32_t code)
{
    char line[512];

    if (code == 421) {
        leave(peer, false);
        return;
    }
    switch (peer->wait) {
    case BOUNCE_FOR_GREETING:
        say(peer, "EHLO peer.example\r\n", BOUNCE_FOR_EHLO);
        return;
    case BOUNCE_FOR_MAIL:
        peer->wait = BOUNCE_FOR_RCPT;
        if (peer->manner == BOUNCE_PIPELINED)
            return;
        (void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", peer->report->to);
        say(peer, line, BOUNCE_FOR_RCPT);
        return;
    case BOUNCE_FOR_RCPT:
        on_rcpt(peer, code);
        return;
    case BOUNCE_FOR_DATA:
        on_data(peer, code);
        return;
    case BOUNCE_FOR_DOT:
        answered(peer, code);
        if (code / 100 == 4) /* it comes back later */
            say(peer, "QUIT\r\n", BOUNCE_FOR_QUIT);
        else
            begin(peer);
        return;
    case BOUNCE_FOR_EHLO:
    case BOUNCE_FOR_RSET:
        begin(peer);
        return;
    case BOUNCE_FOR_QUIT:
    case BOUNCE_FOR_NOTHING:
    case BOUNCE_FOR_OPEN:
        leave(peer, false);
        return;
    }
}

/* --- those who only pretend --- */

static void put_rubbish(struct bounce_peer *peer)
{
    static const char *const words[] = {"MAIL FROM:<>\r\n",
                                        "RCPT TO:<fbl@ringel.example>\r\n",
                                        "DATA\r\n",
                                        "BDAT 99999999\r\n",
                                        "BDAT 5\r\nhello",
                                        "\r\n.\r\n",
                                        "RSET\r\n",
                                        "EHLO \xff\xfe\r\n",
                                        "STARTTLS\r\n",
                                        "RCPT TO:<@@@>\r\n",
                                        "VRFY x\r\n",
                                        "\n\n\r\r",
                                        ".\r\n",
                                        "QUIT\n"};
    size_t until = peer->out_size + prng_below(&peer->prng, RUBBISH_MAX);

    while (peer->out_size < until) {
        if (prng_percent(&peer->prng, 60)) {
            put(peer, words[prng_below(&peer->prng, ARRAY_LEN(words))]);
            continue;
        }
        for (uint64_t i = prng_below(&peer->prng, 60); i > 0; i--)
            peer->out[peer->out_size++] = (char)prng_below(&peer->prng, 256);
    }
}

static void pretend(struct bounce_peer *peer)
{
    if (peer->manner == BOUNCE_RUBBISH) {
        put_rubbish(peer);
    } else {
        put(peer, "EHLO deaf.example\r\n");
        for (uint32_t i = 0; i < 4000; i++)
            put(peer, "HELP\r\nNOOP\r\n");
    }
    flush(peer);
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
        on_reply(peer, (uint32_t)strtoul(peer->line, NULL, 10));
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
        leave(peer, false);
}

static void on_writable(void *owner)
{
    flush(owner);
}

static void on_opened(void *owner, int error)
{
    struct bounce_peer *peer = owner;

    if (error != 0) {
        leave(peer, false);
        return;
    }
    peer->wait = BOUNCE_FOR_GREETING;
    if (peer->manner == BOUNCE_RUBBISH || peer->manner == BOUNCE_DEAF)
        pretend(peer);
}

static void impatient(void *object, uint64_t session)
{
    struct bounce_peer *peer = object;

    if (session == peer->session)
        leave(peer, true);
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
    leave(peer, true);
}

void bounce_peer_close(struct bounce_peer *peer)
{
    bounce_peer_stop(peer);
    for (uint32_t i = 0; i < peer->reports_count; i++)
        free(peer->reports[i].text);
    free(peer->out);
}
