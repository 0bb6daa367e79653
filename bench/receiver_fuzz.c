/* The same replies and the same messages however the octets of a client are cut. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "bench/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_SIZE 65536

struct session {
    struct receiver receiver;
    struct prng prng;
    uint8_t line[RECEIVER_LINE_MAX];
    uint8_t envelope[RECEIVER_ENVELOPE_MAX];
    uint8_t out_buffer[OUT_SIZE];
    struct text out;
    uint64_t hash; /* of all replies and messages */
};

static struct persona_set personas;
static const struct receiver_options options = {.hashing = true, .personas = &personas};

static void mix(struct session *session, struct span span)
{
    for (size_t i = 0; i < span.size; i++)
        session->hash = (session->hash ^ span.data[i]) * UINT64_C(0x100000001b3);
}

static void note(struct session *session)
{
    struct receiver *receiver = &session->receiver;
    uint8_t whole[SHA256_DIGEST_LENGTH];
    uint8_t body[SHA256_DIGEST_LENGTH];

    CHECK(receiver->recipients_count > 0);
    digest_final(&receiver->digest, whole, body);
    mix(session, span_make(whole, sizeof(whole)));
    mix(session, span_make(body, sizeof(body)));
    mix(session, span_make(receiver->digest.id, receiver->digest.id_size));
    mix(session, text_span(&receiver->return_path));
    mix(session, text_span(&receiver->recipients));
}

/* True when the receiver closes. */
static bool feed(struct session *session, struct span part)
{
    for (;;) {
        enum receiver_want want = receiver_step(&session->receiver, &part, &session->out);

        mix(session, text_span(&session->out));
        text_reset(&session->out);
        if (want == RECEIVER_WANT_NOTE)
            note(session);
        if (want == RECEIVER_WANT_CLOSE)
            return true;
        if (want == RECEIVER_WANT_INPUT)
            break;
    }
    CHECK(part.size == 0);
    return false;
}

static void run(struct session *session, struct span in, size_t part_size)
{
    bool closed;

    prng_seed(&session->prng, 1);
    receiver_init(&session->receiver, &options, &session->prng, session->line, session->envelope);
    text_init(&session->out, session->out_buffer, sizeof(session->out_buffer));
    session->hash = 0;
    closed = feed(session, span_first(in, 0));
    while (in.size > 0 && !closed) {
        closed = feed(session, span_first(in, part_size));
        in = span_skip(in, min_size(part_size, in.size));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session whole;
    static struct session parts;

    run(&whole, span_make(data, size), size + 1);
    run(&parts, span_make(data, size), 1 + size % 5);
    CHECK(whole.hash == parts.hash);
    CHECK(whole.receiver.state == parts.receiver.state);
    return 0;
}
