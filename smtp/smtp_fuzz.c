/* A whole server side as input, in parts of drawn sizes: each envelope given is settled exactly
 * once, out never overflows nor breaks a line, the session ends, and nothing is delivered of which
 * the content was not handed out.
 *
 * With TLS, the handshakes succeed or fail as drawn: no envelope and no password goes before one
 * did where TLS is demanded, and no octet read before it counts behind it.
 *
 * Octet 0: options, octet 1: of TLS; then runs of: one octet n, then n octets of replies; n >= 0xf0
 * are events. */
#include <string.h>

#include "base/check.h"
#include "smtp/smtp.h"

#define ENVELOPES_MAX 32
#define STEPS_MAX 100000

struct world {
    struct smtp smtp;
    struct text out;
    uint8_t out_buffer[SMTP_BURST_MAX];
    uint32_t given_count;
    uint32_t given_max;
    uint8_t settled[ENVELOPES_MAX];
    bool handed_out[ENVELOPES_MAX];
    bool odd_envelopes;
    bool secured;
    bool demanded;
    bool handshake_fails;
    bool closed;
};

static const struct envelope envelopes[] = {
    {SPAN_INIT("a@b.test"), SPAN_INIT("c@d.test"), 100, false, false, false},
    {SPAN_INIT(""), SPAN_INIT("\"x y\"@d.test"), 5000, true, false, false},
    {SPAN_INIT("a@b.test"), SPAN_INIT("\xc3\xbc@d.test"), 100, false, true, false},
    {SPAN_INIT("a@b.test"), SPAN_INIT("c@d>\r\nDATA\r\n"), 100, false, false, false},
};

/* Commands alone: no octet of a reply or an envelope can have made a line of its own. */
static void check_out(struct world *world)
{
    static const char *const heads[] = {
        "EHLO me", "HELO me", "MAIL FROM:<", "RCPT TO:<", "DATA",     ".",       "RSET",
        "QUIT",    "body",    "STARTTLS",    "AUTH ",     "dXNlcg==", "cGFzcw=="};
    struct span rest = text_span(&world->out);

    CHECK(!world->out.overflow);
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');
        bool known = false;

        for (size_t i = 0; i < ARRAY_LEN(heads); i++)
            known = known || span_starts(line, span_cstr(heads[i]));
        CHECK(known);
        if (span_starts(line, SPAN("STARTTLS")))
            CHECK(!world->secured);
        if (span_starts(line, SPAN("AUTH")) || span_starts(line, SPAN("cGFzcw==")))
            CHECK(world->secured);
        if (span_starts(line, SPAN("MAIL")) && world->demanded)
            CHECK(world->secured);
        CHECK(line.data[line.size - 1] == '\r');
    }
    text_reset(&world->out);
}

static void settle(struct world *world)
{
    struct outcome outcome;
    uint32_t tag;

    smtp_settled(&world->smtp, &tag, &outcome);
    CHECK(tag < world->given_count);
    CHECK(++world->settled[tag] == 1);
    CHECK(outcome.kind != OUTCOME_NONE);
    if (outcome.kind == OUTCOME_DELIVERED || outcome.kind == OUTCOME_UNSURE)
        CHECK(world->handed_out[tag]);
    if (outcome.kind == OUTCOME_RELEASED)
        CHECK(!world->handed_out[tag]);
}

static void give(struct world *world)
{
    uint32_t tag = world->given_count;

    if (tag >= world->given_max) {
        smtp_quit(&world->smtp);
        return;
    }
    world->given_count++;
    smtp_envelope(&world->smtp, &envelopes[world->odd_envelopes ? tag % ARRAY_LEN(envelopes) : 0],
                  tag, &world->out);
}

static void pump(struct world *world, struct span input)
{
    for (uint32_t steps = 0; !world->closed; steps++) {
        CHECK(steps < STEPS_MAX);
        switch (smtp_step(&world->smtp, &input, &world->out)) {
        case SMTP_WANT_REPLY:
            CHECK(input.size == 0);
            check_out(world);
            return;
        case SMTP_WANT_ENVELOPE:
            check_out(world);
            give(world);
            break;
        case SMTP_WANT_BODY:
            world->handed_out[smtp_body_tag(&world->smtp)] = true;
            text_add_cstr(&world->out, "body\r\n.\r\n");
            smtp_body_done(&world->smtp);
            break;
        case SMTP_WANT_SETTLE:
            settle(world);
            break;
        case SMTP_WANT_TLS:
            CHECK(input.size == 0);
            CHECK(!world->secured);
            check_out(world);
            world->secured = !world->handshake_fails;
            if (world->secured)
                smtp_secured(&world->smtp);
            else
                smtp_lost(&world->smtp, CAUSE_TLS, 0);
            break;
        case SMTP_WANT_CLOSE:
            world->closed = true;
            break;
        }
        check_out(world);
    }
}

static void play(struct world *world, struct span input)
{
    while (input.size > 0 && !world->closed) {
        uint8_t size = input.data[0];
        struct span part = span_slice(input, 1, size);

        input = span_skip(input, 1);
        if (size >= 0xf0) {
            if (size == 0xff)
                smtp_quit(&world->smtp);
            else
                smtp_wake(&world->smtp);
            pump(world, (struct span){NULL, 0});
            continue;
        }
        input = span_skip(input, part.size);
        pump(world, part);
        CHECK(world->closed || smtp_timeout_ns(&world->smtp) >= 10 * NS_PER_S);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct smtp_options options = {
        .hostname = SPAN("me"), .pipelining = true, .transactions_max = 100};
    struct outcome end;

    if (size < 2)
        return 0;
    memset(&world, 0, sizeof(world));
    text_init(&world.out, world.out_buffer, sizeof(world.out_buffer));
    options.pipelining = (data[0] & 1) == 0;
    world.odd_envelopes = (data[0] & 2) != 0;
    options.transactions_max = 1 + (data[0] >> 4);
    world.given_max = ENVELOPES_MAX;
    options.tls = (enum smtp_tls)(data[1] & 3);
    world.demanded = options.tls >= SMTP_TLS_DEMANDED;
    world.handshake_fails = (data[1] & 4) != 0;
    if ((data[1] & 8) != 0) {
        options.user = SPAN("user");
        options.password = SPAN("pass");
        world.demanded = true;
    }
    smtp_init(&world.smtp, &options);
    play(&world, span_make(data + 2, size - 2));
    if (!world.closed && (data[0] & 4) != 0)
        smtp_timeout(&world.smtp);
    else if (!world.closed)
        smtp_lost(&world.smtp, CAUSE_LOST, 104);
    pump(&world, (struct span){NULL, 0});
    CHECK(world.closed);
    CHECK(smtp_open_count(&world.smtp) == 0);
    smtp_end(&world.smtp, &end);
    for (uint32_t i = 0; i < world.given_count; i++)
        CHECK(world.settled[i] == 1);
    return 0;
}
