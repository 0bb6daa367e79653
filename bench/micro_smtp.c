#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "smtp/smtp.h"

#define TRANSACTIONS 1000 /* of a session */

/* A session against a server that says yes to everything; content is a lone dot. */
struct smtp_work {
    struct smtp smtp;
    struct text out;
    struct text answers;
    bool pipelining;
    uint64_t delivered;
    uint8_t out_bytes[8192];
    uint8_t answer_bytes[8192];
};

static void answer_line(struct smtp_work *work, struct span line)
{
    struct text *answers = &work->answers;

    if (span_starts(line, SPAN("EHLO")) && work->pipelining)
        text_add_cstr(answers, "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n"
                               "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
    else if (span_starts(line, SPAN("DATA")))
        text_add_cstr(answers, "354 end with a dot\r\n");
    else if (span_starts(line, SPAN("QUIT")))
        text_add_cstr(answers, "221 2.0.0 bye\r\n");
    else if (span_starts(line, SPAN(".")))
        text_add_cstr(answers, "250 2.0.0 queued as 4711ABCDEF\r\n");
    else
        text_add_cstr(answers, "250 2.1.0 ok\r\n");
}

static void answer(struct smtp_work *work)
{
    struct span rest = text_span(&work->out);

    text_reset(&work->answers);
    while (rest.size > 0)
        answer_line(work, span_split(&rest, '\n'));
    CHECK(!work->answers.overflow);
    text_reset(&work->out);
}

static void give_envelope(struct smtp_work *work)
{
    static const struct envelope envelope = {
        .return_path = SPAN_INIT("caaaadhwco4qaaaaaazb4ujkbdxtsxdgqnec63oy@bounces.ringel.example"),
        .recipient = SPAN_INIT("customer4711@d0117.example"),
        .size = 4096,
    };

    smtp_envelope(&work->smtp, &envelope, 0, &work->out);
}

static void settle(struct smtp_work *work)
{
    struct outcome outcome;
    uint32_t tag;

    smtp_settled(&work->smtp, &tag, &outcome);
    CHECK(outcome.kind == OUTCOME_DELIVERED);
    work->delivered++;
}

/* Until the machine waits for a reply. False: closed. */
static bool step(struct smtp_work *work, struct span *input)
{
    for (;;) {
        switch (smtp_step(&work->smtp, input, &work->out)) {
        case SMTP_WANT_REPLY:
            return true;
        case SMTP_WANT_ENVELOPE:
            give_envelope(work);
            break;
        case SMTP_WANT_BODY:
            text_add_cstr(&work->out, ".\r\n");
            smtp_body_done(&work->smtp);
            break;
        case SMTP_WANT_SETTLE:
            settle(work);
            break;
        case SMTP_WANT_TLS:
            UNREACHABLE("not offered");
        case SMTP_WANT_CLOSE:
            return false;
        }
    }
}

static void run_session(void *context)
{
    struct smtp_work *work = context;
    struct smtp_options options = {.hostname = SPAN("mailer.ringel.example"),
                                   .pipelining = true,
                                   .transactions_max = TRANSACTIONS};
    struct span input = SPAN("220 mx.example ESMTP\r\n");

    work->delivered = 0;
    text_init(&work->out, work->out_bytes, sizeof(work->out_bytes));
    text_init(&work->answers, work->answer_bytes, sizeof(work->answer_bytes));
    smtp_init(&work->smtp, &options);
    while (step(work, &input)) {
        answer(work);
        input = text_span(&work->answers);
    }
    CHECK(work->delivered == TRANSACTIONS);
}

int micro_small_smtp(struct text *out)
{
    static struct smtp_work work;

    work.pipelining = true;
    micro_small_put(out, "transactions", micro_small_rate(run_session, &work, TRANSACTIONS));
    work.pipelining = false;
    micro_small_put(out, "plain_transactions", micro_small_rate(run_session, &work, TRANSACTIONS));
    json_put_key_u64(out, "machine_bytes", sizeof(struct smtp));
    return 0;
}
