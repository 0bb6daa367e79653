#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/identity.h"
#include "bench/micro_small.h"
#include "bench/run_clock.h"
#include "tls/tls_memory.h"
#include "tls/tls_stream.h"

#define NOW_S UINT64_C(1750000000)
#define HOST "mx.bench.example"
#define ROUNDS 5
#define ROUND_S 0.05
#define SESSIONS 64
#define BULK_SIZE ((size_t)8 * TLS_STREAM_RECORD_MAX)
#define WIRE_SIZE ((size_t)256 * 1024)

/* A client and a server in one thread; only the client's processor time is counted. */
struct tls_work {
    struct identity_pem identity;
    struct tls_context client_context;
    struct tls_context server_context;
    struct arena arena;
    struct tls_resume resume;
    struct tls_stream_options options;
    struct span name;
    struct tls_stream *client;
    struct tls_stream first;
    struct tls_stream server;
    double client_s;
    size_t to_server_size;
    size_t to_client_size;
    uint8_t to_server[16384];
    uint8_t to_client[WIRE_SIZE];
    uint8_t plain[WIRE_SIZE];
};

static void turn_client(struct tls_work *work)
{
    double started_s = run_clock_thread_s();
    struct span in = span_make(work->to_client, work->to_client_size);
    struct text out;
    struct text plain;
    enum tls_want want;

    text_init(&out, work->to_server, sizeof(work->to_server));
    text_init(&plain, work->plain, sizeof(work->plain));
    if (work->client->state == TLS_HANDSHAKE)
        want = tls_stream_step(work->client, &in, &out, NOW_S);
    else
        want = tls_stream_read(work->client, &in, &plain, &out, NOW_S);
    CHECK(want == TLS_WANT_READ || want == TLS_WANT_OPEN);
    CHECK(in.size == 0);
    work->to_client_size = 0;
    work->to_server_size = out.size;
    work->client_s += run_clock_thread_s() - started_s;
}

static void turn_server(struct tls_work *work)
{
    struct span in = span_make(work->to_server, work->to_server_size);
    struct text out;
    enum tls_want want;

    text_init(&out, work->to_client, sizeof(work->to_client));
    want = tls_stream_step(&work->server, &in, &out, NOW_S);
    CHECK(want == TLS_WANT_READ || want == TLS_WANT_OPEN);
    if (want == TLS_WANT_OPEN)
        CHECK(tls_stream_write(&work->server, SPAN("250 ok\r\n"), &out) == 8);
    work->to_server_size = 0;
    work->to_client_size = out.size;
}

/* From the start to the first reply, with which the tickets come. */
static int connect_both(struct tls_work *work)
{
    struct tls_stream_options server = {.identity = TLS_CONTEXT_IDENTITY_NONE};
    double started_s = run_clock_thread_s();

    if (tls_stream_start(work->client, &work->client_context, &work->options, NOW_S) < 0)
        return -ENOMEM;
    work->client_s += run_clock_thread_s() - started_s;
    if (tls_stream_start(&work->server, &work->server_context, &server, NOW_S) < 0)
        return -ENOMEM;
    work->to_client_size = 0;
    turn_client(work);
    while (work->server.state == TLS_HANDSHAKE) {
        turn_server(work);
        turn_client(work);
    }
    CHECK(tls_stream_is_verified(work->client));
    return 0;
}

static void hang_up(struct tls_work *work)
{
    double started_s = run_clock_thread_s();

    tls_stream_reset(work->client);
    work->client_s += run_clock_thread_s() - started_s;
    tls_stream_reset(&work->server);
}

static int by_size(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

/* One round: client's handshakes a second of its own processor time, resumed or not. */
static int handshake_round(struct tls_work *work, bool resumed, double *ret_rate)
{
    uint64_t count = 0;

    work->client_s = 0;
    while (work->client_s < ROUND_S) {
        int result = connect_both(work);

        if (result < 0)
            return result;
        CHECK(work->client->resumed == resumed);
        hang_up(work);
        count++;
    }
    *ret_rate = (double)count / work->client_s;
    return 0;
}

static int measure_handshakes(struct tls_work *work, bool resumed, double *ret_rate)
{
    double rates[ROUNDS], warming;
    int result;

    work->options.resume = resumed ? &work->resume : NULL;
    result = connect_both(work); /* brings a ticket */
    if (result < 0)
        return result;
    hang_up(work);
    result = handshake_round(work, resumed, &warming);
    for (uint32_t round = 0; round < ROUNDS && result == 0; round++)
        result = handshake_round(work, resumed, &rates[round]);
    if (result < 0)
        return result;
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size);
    *ret_rate = rates[ROUNDS / 2];
    return 0;
}

static int open_work(struct tls_work *work, enum identity_kind kind)
{
    static const struct table_key seed = {{1, 2}};
    struct tls_context_options options = {.role = TLS_CLIENT};
    struct tls_identity identity;
    char why_buffer[200];
    struct text why;
    int result;

    work->client = &work->first;
    result = identity_make(&work->identity, kind, HOST, NOW_S);

    if (result < 0)
        return result;
    text_init(&why, why_buffer, sizeof(why_buffer));
    options.roots_pem = work->identity.root_pem;
    result = tls_context_open(&work->client_context, &options, &why);
    if (result < 0)
        return result;
    identity = (struct tls_identity){work->identity.certificate_pem, work->identity.key_pem};
    options = (struct tls_context_options){
        .role = TLS_SERVER, .identities = &identity, .identities_count = 1};
    result = tls_context_open(&work->server_context, &options, &why);
    if (result < 0)
        return result;
    result = arena_open(&work->arena, tls_resume_memory(4));
    if (result < 0)
        return result;
    tls_resume_init(&work->resume, &work->arena, 4, &seed);
    work->name = SPAN(HOST);
    work->options = (struct tls_stream_options){.server_name = work->name,
                                                .resume_host = work->name,
                                                .identity = TLS_CONTEXT_IDENTITY_NONE};
    work->options.verify.demanded = true;
    work->options.verify.names = &work->name;
    work->options.verify.names_count = 1;
    return 0;
}

static void close_work(struct tls_work *work)
{
    tls_stream_reset(&work->first);
    tls_stream_reset(&work->server);
    tls_context_close(&work->client_context);
    tls_context_close(&work->server_context);
    arena_close(&work->arena);
    memset(work, 0, sizeof(*work));
}

/* What one more idle session of the client holds in the library. */
static int measure_memory(struct tls_work *work, struct text *out)
{
    static struct tls_stream clients[SESSIONS + 1];
    size_t before = 0;
    int result = 0;

    for (uint32_t i = 0; i <= SESSIONS && result == 0; i++) {
        work->client = &clients[i];
        result = connect_both(work);
        tls_stream_reset(&work->server);
        if (i == 0)
            before = tls_memory_used(); /* what all share is there now */
    }
    json_put_key_u64(out, "session_bytes", (tls_memory_used() - before) / SESSIONS);
    json_put_key_u64(out, "stream_bytes", sizeof(struct tls_stream));
    for (uint32_t i = 0; i <= SESSIONS; i++)
        tls_stream_reset(&clients[i]);
    work->client = &work->first;
    return result;
}

/* Plaintext in records of 16 KiB to the end of the wire, which nobody reads. */
static void seal(void *context)
{
    struct tls_work *work = context;
    struct text out;

    text_init(&out, work->to_client, sizeof(work->to_client));
    CHECK(tls_stream_write(work->client, span_make(work->plain, BULK_SIZE), &out) == BULK_SIZE);
}

/* The server seals a bulk, the client opens it. */
static void open_bulk(struct tls_work *work)
{
    struct text out;

    text_init(&out, work->to_client, sizeof(work->to_client));
    CHECK(tls_stream_write(&work->server, span_make(work->plain, BULK_SIZE), &out) == BULK_SIZE);
    work->to_client_size = out.size;
    turn_client(work);
}

/* Only the reading is counted. */
static double measure_opening(struct tls_work *work)
{
    double rates[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t octets = 0;

        work->client_s = 0;
        while (work->client_s < ROUND_S) {
            open_bulk(work);
            octets += BULK_SIZE;
        }
        rates[round] = (double)octets / work->client_s;
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size);
    return rates[ROUNDS / 2];
}

static int measure_bulk(struct tls_work *work, struct text *out)
{
    int result = connect_both(work);

    if (result < 0)
        return result;
    json_put_key_cstr(out, "version", tls_stream_version(work->client));
    json_put_key_cstr(out, "cipher", tls_stream_cipher(work->client));
    json_put_key_cstr(out, "group", tls_stream_group(work->client));
    json_put_key_double(out, "open_bytes_per_s", measure_opening(work), 0);
    json_put_key_double(out, "seal_bytes_per_s", micro_small_rate(seal, work, BULK_SIZE), 0);
    hang_up(work);
    return 0;
}

static int measure_kind(struct tls_work *work, struct text *out, enum identity_kind kind)
{
    bool rsa = kind == IDENTITY_RSA_2048;
    double full = 0;
    double resumed = 0;
    int result = open_work(work, kind);

    if (result == 0)
        result = measure_handshakes(work, false, &full);
    if (result == 0 && rsa)
        result = measure_handshakes(work, true, &resumed);
    if (result < 0)
        return result;
    micro_small_put(out, rsa ? "full_rsa_handshakes" : "full_ecdsa_handshakes", full);
    if (!rsa)
        return 0;
    micro_small_put(out, "resumed_handshakes", resumed);
    result = measure_memory(work, out);
    return result < 0 ? result : measure_bulk(work, out);
}

int micro_small_tls(struct text *out)
{
    static struct tls_work work;
    int result = measure_kind(&work, out, IDENTITY_RSA_2048);

    close_work(&work);
    if (result < 0)
        return result;
    result = measure_kind(&work, out, IDENTITY_ECDSA_P256);
    close_work(&work);
    return result;
}
