#include "sim/bounce_talk.h"

#include <stdio.h>
#include <string.h>

#define RUBBISH_MAX 3000

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
        bounce_peer_say(peer, "QUIT\r\n", BOUNCE_FOR_QUIT);
        return;
    }
    bounce_peer_put(peer, "MAIL FROM:<>\r\n");
    if (peer->manner == BOUNCE_PIPELINED) {
        (void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\nDATA\r\n", peer->report->to);
        bounce_peer_put(peer, line);
    }
    peer->wait = BOUNCE_FOR_MAIL;
    bounce_peer_flush(peer);
}

static void send_message(struct bounce_peer *peer)
{
    char line[64];

    peer->dotted = true;
    peer->wait = BOUNCE_FOR_DOT;
    if (peer->manner == BOUNCE_CHUNKED) {
        (void)snprintf(line, sizeof(line), "BDAT %zu LAST\r\n", strlen(peer->report->text));
        bounce_peer_put(peer, line);
        bounce_peer_put(peer, peer->report->text);
    } else {
        bounce_peer_put(peer, peer->report->text);
        bounce_peer_put(peer, ".\r\n");
    }
    bounce_peer_flush(peer);
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
        bounce_peer_say(peer, "RSET\r\n", BOUNCE_FOR_RSET);
    } else if (peer->manner == BOUNCE_CHUNKED) {
        send_message(peer);
    } else {
        bounce_peer_say(peer, "DATA\r\n", BOUNCE_FOR_DATA);
    }
}

static void on_data(struct bounce_peer *peer, uint32_t code)
{
    if (code == 354 && peer->rcpt_code == 250)
        send_message(peer);
    else if (code == 354)
        bounce_peer_say(peer, ".\r\n", BOUNCE_FOR_RSET);
    else
        bounce_peer_say(peer, "RSET\r\n", BOUNCE_FOR_RSET);
}

void bounce_talk_reply(struct bounce_peer *peer, uint32_t code)
{
    char line[512];

    if (code == 421) {
        bounce_peer_leave(peer, false);
        return;
    }
    switch (peer->wait) {
    case BOUNCE_FOR_GREETING:
        bounce_peer_say(peer, "EHLO peer.example\r\n", BOUNCE_FOR_EHLO);
        return;
    case BOUNCE_FOR_MAIL:
        peer->wait = BOUNCE_FOR_RCPT;
        if (peer->manner == BOUNCE_PIPELINED)
            return;
        (void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", peer->report->to);
        bounce_peer_say(peer, line, BOUNCE_FOR_RCPT);
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
            bounce_peer_say(peer, "QUIT\r\n", BOUNCE_FOR_QUIT);
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
        bounce_peer_leave(peer, false);
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
            bounce_peer_put(peer, words[prng_below(&peer->prng, ARRAY_LEN(words))]);
            continue;
        }
        for (uint64_t i = prng_below(&peer->prng, 60); i > 0; i--)
            peer->out[peer->out_size++] = (char)prng_below(&peer->prng, 256);
    }
}

void bounce_talk_pretend(struct bounce_peer *peer)
{
    if (peer->manner == BOUNCE_RUBBISH) {
        put_rubbish(peer);
    } else {
        bounce_peer_put(peer, "EHLO deaf.example\r\n");
        for (uint32_t i = 0; i < 4000; i++)
            bounce_peer_put(peer, "HELP\r\nNOOP\r\n");
    }
    bounce_peer_flush(peer);
}
