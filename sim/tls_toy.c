/* tls/ as the simulator has it: the same functions, no cryptography, the same octets in every run.
 *
 * A handshake is one record each way, the server's says what its certificate is worth; everything
 * behind it travels in records whose octets are turned over, so that clear text and TLS are never
 * taken for each other. Records may come in any cut. The servers' side stands in mx_cover.c.
 *
 *   type ('H' handshake, 'D' data, 'A' alert, 'C' close), two octets of size, the octets ^ 0x5a */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "tls/tls_stream.h"

enum { HEAD_COUNT, HEAD_TYPE, HEAD_SIZE, SAID_HELLO }; /* in tls_stream.spare */

int tls_context_open(struct tls_context *context, const struct tls_context_options *options,
                     struct text *why)
{
    (void)why;
    CHECK(options->role == TLS_CLIENT);
    *context = (struct tls_context){.role = options->role};
    return 0;
}

void tls_context_close(struct tls_context *context)
{
    (void)context;
}

size_t tls_resume_memory(uint32_t slots_count)
{
    (void)slots_count;
    return 0;
}

void tls_resume_init(struct tls_resume *resume, struct arena *arena, uint32_t slots_count,
                     const struct table_key *seed)
{
    (void)arena;
    (void)slots_count;
    (void)seed;
    memset(resume, 0, sizeof(*resume));
}

/* As tls/tls_resume.h declares it, whose cursor moves.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
bool tls_resume_seal(struct tls_resume *resume, uint32_t *position,
                     const uint8_t key[TLS_RESUME_KEY_SIZE], const uint8_t *nonce, uint64_t now_s,
                     struct text *out)
{
    (void)resume;
    (void)position;
    (void)key;
    (void)nonce;
    (void)now_s;
    (void)out;
    return false; /* the toy gives no tickets */
}

int tls_resume_unseal(struct tls_resume *resume, const uint8_t key[TLS_RESUME_KEY_SIZE],
                      struct span sealed, uint64_t now_s)
{
    (void)resume;
    (void)key;
    (void)sealed;
    (void)now_s;
    return -EBADMSG;
}

struct span tls_verify_text(const struct tls_verdict *verdict)
{
    return span_make(verdict->text, verdict->text_size);
}

int tls_stream_start(struct tls_stream *stream, const struct tls_context *context,
                     const struct tls_stream_options *options, uint64_t now_s)
{
    CHECK(stream->state == TLS_OFF);
    memset(stream, 0, sizeof(*stream));
    stream->context = context;
    stream->options = *options;
    stream->now_s = now_s;
    stream->state = TLS_HANDSHAKE;
    return 0;
}

static enum tls_want fail(struct tls_stream *stream, enum tls_failure failure, const char *words)
{
    struct text text;

    text_init(&text, stream->text, sizeof(stream->text));
    text_add_cstr(&text, words);
    stream->text_size = (uint8_t)text.size;
    stream->failure = failure;
    stream->state = TLS_FAILED;
    return TLS_WANT_CLOSE;
}

static void put_record(struct text *out, char type, struct span plain)
{
    text_add_byte(out, (uint8_t)type);
    text_add_byte(out, (uint8_t)(plain.size >> 8));
    text_add_byte(out, (uint8_t)plain.size);
    for (size_t i = 0; i < plain.size; i++)
        text_add_byte(out, plain.data[i] ^ 0x5a);
}

/* Reads into the record's head; false: more octets are needed. */
static bool take_head(struct tls_stream *stream, struct span *in)
{
    while (stream->spare[HEAD_COUNT] < 3 && in->size > 0) {
        if (stream->spare[HEAD_COUNT] == 0)
            stream->spare[HEAD_TYPE] = in->data[0];
        else
            stream->spare[HEAD_SIZE] = stream->spare[HEAD_SIZE] << 8 | in->data[0];
        stream->spare[HEAD_COUNT]++;
        *in = span_skip(*in, 1);
    }
    return stream->spare[HEAD_COUNT] == 3;
}

static void end_record(struct tls_stream *stream)
{
    stream->spare[HEAD_COUNT] = stream->spare[HEAD_SIZE] = 0;
}

/* The one key that all servers have fits a record of its digest, "kkkk...". */
static void judge_by_records(struct tls_stream *stream)
{
    const struct tls_verify_options *verify = &stream->options.verify;
    struct tls_verdict *verdict = &stream->verdict;
    struct text text;

    text_init(&text, verdict->text, sizeof(verdict->text));
    verdict->failure = TLS_FAILURE_NO_TLSA_MATCH;
    for (uint32_t i = 0; i < verify->records_count; i++)
        if (verify->records[i].usage == TLSA_DANE_EE && verify->records[i].data.data[0] == 'k')
            verdict->failure = TLS_FAILURE_NONE;
    verdict->proof = verdict->failure == TLS_FAILURE_NONE ? TLS_PROOF_DANE_EE : TLS_PROOF_NONE;
    text_add_cstr(&text, verdict->failure == TLS_FAILURE_NONE ? "" : "no record fits");
    verdict->text_size = (uint8_t)text.size;
}

/* 'g' good, 'n' another name, 'x' expired. */
static void judge(struct tls_stream *stream, uint8_t certificate)
{
    struct tls_verdict *verdict = &stream->verdict;
    struct text text;

    text_init(&text, verdict->text, sizeof(verdict->text));
    verdict->proof = certificate == 'g' ? TLS_PROOF_PKIX : TLS_PROOF_NONE;
    verdict->failure = certificate == 'g'   ? TLS_FAILURE_NONE
                       : certificate == 'x' ? TLS_FAILURE_EXPIRED
                                            : TLS_FAILURE_WRONG_NAME;
    text_add_cstr(&text, certificate == 'g' ? "" : "a bad certificate");
    verdict->text_size = (uint8_t)text.size;
}

enum tls_want tls_stream_step(struct tls_stream *stream, struct span *in, struct text *out,
                              uint64_t now_s)
{
    uint8_t hello = 'c';

    stream->now_s = now_s;
    CHECK(text_room(out) >= TLS_STREAM_OUT_MIN);
    if (stream->state != TLS_HANDSHAKE)
        return stream->state == TLS_OPEN ? TLS_WANT_OPEN : TLS_WANT_CLOSE;
    if (stream->spare[SAID_HELLO] == 0) {
        put_record(out, 'H', span_make(&hello, 1));
        stream->spare[SAID_HELLO] = 1;
    }
    if (in->size > 0 && stream->spare[HEAD_COUNT] == 0 && in->data[0] != 'H' && in->data[0] != 'A')
        return fail(stream, TLS_FAILURE_NOT_TLS, "no TLS");
    if (!take_head(stream, in) || in->size == 0)
        return TLS_WANT_READ;
    if (stream->spare[HEAD_TYPE] != 'H' || stream->spare[HEAD_SIZE] != 1)
        return fail(stream, TLS_FAILURE_ALERT, "an alert");
    if (stream->options.verify.method == TLS_METHOD_DANE)
        judge_by_records(stream);
    else
        judge(stream, in->data[0] ^ 0x5a);
    *in = span_skip(*in, 1);
    end_record(stream);
    stream->state = TLS_OPEN;
    return TLS_WANT_OPEN;
}

enum tls_want tls_stream_read(struct tls_stream *stream, struct span *in, struct text *plain,
                              struct text *out, uint64_t now_s)
{
    CHECK(text_room(out) >= TLS_STREAM_OUT_MIN);
    stream->now_s = now_s;
    if (stream->state != TLS_OPEN)
        return TLS_WANT_CLOSE;
    while (take_head(stream, in)) {
        if (stream->spare[HEAD_TYPE] == 'C') {
            stream->state = TLS_CLOSED;
            return TLS_WANT_CLOSE;
        }
        if (stream->spare[HEAD_TYPE] != 'D')
            return fail(stream, TLS_FAILURE_PROTOCOL, "a record of no kind");
        while (stream->spare[HEAD_SIZE] > 0 && in->size > 0) {
            if (text_room(plain) == 0)
                return TLS_WANT_ROOM;
            text_add_byte(plain, in->data[0] ^ 0x5a);
            *in = span_skip(*in, 1);
            stream->spare[HEAD_SIZE]--;
        }
        if (stream->spare[HEAD_SIZE] > 0)
            return TLS_WANT_READ;
        end_record(stream);
    }
    return TLS_WANT_READ;
}

size_t tls_stream_write(struct tls_stream *stream, struct span plain, struct text *out)
{
    size_t taken = 0;

    if (stream->state != TLS_OPEN && stream->state != TLS_CLOSED)
        return 0;
    while (taken < plain.size && text_room(out) > TLS_STREAM_OVERHEAD_MAX) {
        size_t size = min_size(plain.size - taken, text_room(out) - TLS_STREAM_OVERHEAD_MAX);

        size = min_size(size, TLS_STREAM_RECORD_MAX);
        put_record(out, 'D', span_slice(plain, taken, size));
        taken += size;
    }
    return taken;
}

void tls_stream_close(struct tls_stream *stream, struct text *out)
{
    if (stream->shut || (stream->state != TLS_OPEN && stream->state != TLS_CLOSED))
        return;
    stream->shut = true;
    put_record(out, 'C', (struct span){NULL, 0});
}

bool tls_stream_lost(struct tls_stream *stream)
{
    if (stream->state != TLS_HANDSHAKE && stream->state != TLS_OPEN)
        return true;
    (void)fail(stream, TLS_FAILURE_LOST, "the connection ended");
    return false;
}

void tls_stream_reset(struct tls_stream *stream)
{
    memset(stream, 0, sizeof(*stream));
}

bool tls_stream_is_verified(const struct tls_stream *stream)
{
    return stream->verdict.proof != TLS_PROOF_NONE;
}

struct span tls_stream_text(const struct tls_stream *stream)
{
    return span_make(stream->text, stream->text_size);
}

const char *tls_stream_version(const struct tls_stream *stream)
{
    return stream->state == TLS_OPEN || stream->state == TLS_CLOSED ? "TOYv1" : "";
}

const char *tls_stream_cipher(const struct tls_stream *stream)
{
    return stream->state == TLS_OPEN || stream->state == TLS_CLOSED ? "TOY" : "";
}
