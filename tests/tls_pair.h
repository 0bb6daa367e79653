/* tls_pair.h - for tests: a client and a server of the room, joined back to back in memory, and
 * the certificates that tests/ca.py has made (directory in RINGPOST_CA). */
#ifndef TESTS_TLS_PAIR_H
#define TESTS_TLS_PAIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tls_context.h"
#include "tls/tls_memory.h"
#include "tls/tls_stream.h"

#define TEST_NOW_S UINT64_C(1700000000) /* November 2023: within the life of the good ones */
#define TEST_FILE_MAX ((size_t)256 * 1024)

static MAYBE_UNUSED struct span test_file(const char *name, const char *suffix, uint8_t *buffer)
{
    char path[512];
    const char *directory = getenv("RINGPOST_CA");
    (void)snprintf(path, sizeof path, "%s/%s%s", directory == NULL ? "." : directory, name, suffix);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "no %s: set RINGPOST_CA to what tests/ca.py has made\n", path);
        exit(1);
    }
    size_t size = fread(buffer, 1, TEST_FILE_MAX, file);
    (void)fclose(file); /* only read from */
    return span_make(buffer, size);
}

/* A server with the certificate `name`, or a client with the roots `roots` and, with `name`, that
 * identity. */
static MAYBE_UNUSED int test_open(struct tls_context *context, enum tls_role role,
                                  const char *roots, const char *name)
{
    uint8_t *files = malloc(3 * TEST_FILE_MAX);
    struct tls_identity identity = {.certificate_pem = span_make(NULL, 0)};
    struct tls_context_options options = {.role = role};
    char why[200];
    struct text text;
    text_init(&text, why, sizeof why);
    if (roots != NULL)
        options.roots_pem = test_file(roots, ".pem", files);
    if (name != NULL) {
        identity.certificate_pem = test_file(name, ".pem", files + TEST_FILE_MAX);
        identity.key_pem = test_file(name, ".key", files + 2 * TEST_FILE_MAX);
        options.identities = &identity;
        options.identities_count = 1;
    }
    int error = tls_context_open(context, &options, &text);
    free(files);
    return error;
}

/* One direction: octets on their way. */
struct test_pipe {
    uint8_t data[256 * 1024];
    size_t size;
    size_t from;
};

struct test_pair {
    struct tls_stream client;
    struct tls_stream server;
    struct test_pipe to_server;
    struct test_pipe to_client;
    size_t step_in;  /* octets handed over at a time; 0: all there are */
    size_t cut;      /* a piece ends here, in both directions; 0: no cut */
    size_t step_out; /* room for output in a call; 0: plenty */
};

static MAYBE_UNUSED struct tls_stream_options test_options(const struct span *name, bool demanded)
{
    struct tls_stream_options options = {.server_name = *name,
                                         .identity = TLS_CONTEXT_IDENTITY_NONE};
    options.verify.method = TLS_METHOD_PKIX;
    options.verify.demanded = demanded;
    options.verify.names = name;
    options.verify.names_count = 1;
    return options;
}

/* Runs one call of the side's handshake: true when something moved. */
static MAYBE_UNUSED bool test_turn(struct test_pair *pair, bool client)
{
    struct tls_stream *stream = client ? &pair->client : &pair->server;
    struct test_pipe *in = client ? &pair->to_client : &pair->to_server;
    struct test_pipe *out = client ? &pair->to_server : &pair->to_client;
    struct span input = span_make(in->data + in->from, in->size - in->from);
    if (pair->step_in > 0)
        input = span_first(input, pair->step_in);
    if (in->from < pair->cut)
        input = span_first(input, pair->cut - in->from);
    size_t before = input.size;
    struct text output;
    size_t room = sizeof out->data - out->size;
    text_init(&output, out->data + out->size,
              pair->step_out > 0 && pair->step_out < room ? pair->step_out : room);
    enum tls_want want = tls_stream_step(stream, &input, &output, TEST_NOW_S);
    in->from += before - input.size;
    out->size += output.size;
    return before != input.size || output.size > 0 || want == TLS_WANT_WRITE;
}

/* Both until nothing moves any more. */
static MAYBE_UNUSED void test_shake(struct test_pair *pair)
{
    bool moved = true;
    while (moved) {
        moved = test_turn(pair, true);
        moved |= test_turn(pair, false);
    }
}

static MAYBE_UNUSED void test_reset(struct test_pair *pair)
{
    tls_stream_reset(&pair->client);
    tls_stream_reset(&pair->server);
    pair->to_server.size = pair->to_server.from = 0;
    pair->to_client.size = pair->to_client.from = 0;
}

/* Both start with what is given; nothing is handed over yet. */
static MAYBE_UNUSED void test_start(struct test_pair *pair, const struct tls_context *client,
                                    const struct tls_context *server,
                                    const struct tls_stream_options *options)
{
    struct tls_stream_options none = {.identity = TLS_CONTEXT_IDENTITY_NONE};
    test_reset(pair);
    if (tls_stream_start(&pair->client, client, options, TEST_NOW_S) < 0 ||
        tls_stream_start(&pair->server, server, &none, TEST_NOW_S) < 0)
        exit(1);
}

/* One write and one read from side to side, as far as they go: octets that arrived in `buffer`. */
static MAYBE_UNUSED size_t test_pass(struct test_pair *pair, bool to_server, struct span plain,
                                     uint8_t *buffer, size_t buffer_size)
{
    struct tls_stream *writer = to_server ? &pair->client : &pair->server;
    struct tls_stream *reader = to_server ? &pair->server : &pair->client;
    struct test_pipe *pipe = to_server ? &pair->to_server : &pair->to_client;
    struct test_pipe *back = to_server ? &pair->to_client : &pair->to_server;
    struct text wire, got, answers;
    text_init(&wire, pipe->data + pipe->size, sizeof pipe->data - pipe->size);
    size_t taken = tls_stream_write(writer, plain, &wire);
    if (taken != plain.size)
        return SIZE_MAX;
    pipe->size += wire.size;
    struct span in = span_make(pipe->data + pipe->from, pipe->size - pipe->from);
    text_init(&got, buffer, buffer_size);
    text_init(&answers, back->data + back->size, sizeof back->data - back->size);
    enum tls_want want = tls_stream_read(reader, &in, &got, &answers, TEST_NOW_S);
    if (want == TLS_WANT_READ && in.size > 0)
        return SIZE_MAX;
    back->size += answers.size;
    pipe->from = pipe->size - in.size;
    return got.size;
}

#endif
