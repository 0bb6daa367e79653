#include "tls/tls_stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/check.h"
#include "tls/tls_library.h"
#include "tls/tls_memory.h"

static_assert(TLS_FAILURE_TEXT_MAX <= UINT8_MAX, "text_size holds it");

static enum tls_failure of_library_reason(int reason)
{
    switch (reason) {
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
        return TLS_FAILURE_CHAIN_TOO_LARGE;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
        return TLS_FAILURE_NOT_TLS;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_WRONG_CURVE:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
        return TLS_FAILURE_NO_COMMON;
    case SSL_R_TOO_MANY_EMPTY_FRAGMENTS:
    case SSL_R_TOO_MANY_WARNING_ALERTS:
    case SSL_R_TOO_MANY_KEY_UPDATES:
        return TLS_FAILURE_FLOOD;
    default:
        return reason > SSL_AD_REASON_OFFSET ? TLS_FAILURE_ALERT : TLS_FAILURE_PROTOCOL;
    }
}

static void describe(struct tls_stream *stream, const char *what, const char *detail)
{
    struct text text;
    text_init(&text, stream->text, sizeof stream->text);
    text_add_cstr(&text, what);
    if (detail != NULL)
        text_add_printable(&text, span_cstr(detail), text_room(&text) / 4);
    stream->text_size = (uint8_t)text.size;
}

static void describe_reason(struct tls_stream *stream, uint32_t error)
{
    int reason = ERR_GET_REASON(error);
    switch ((unsigned)stream->failure) {
    case TLS_FAILURE_CHAIN_TOO_LARGE:
        describe(stream, "certificate chain above 65535 octets", NULL);
        return;
    case TLS_FAILURE_NOT_TLS:
        describe(stream, "the server answers with something that is not TLS", NULL);
        return;
    case TLS_FAILURE_ALERT:
        describe(stream, "alert from the server: ",
                 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
        return;
    default:
        describe(stream, "TLS: ", error != 0 ? ERR_reason_error_string(error) : "protocol error");
    }
}

/* The library gave up: why? What a callback has already found stands. */
static enum tls_want fail(struct tls_stream *stream, uint64_t refused_before)
{
    uint32_t error = ERR_peek_error();
    bool in_tls = ERR_GET_LIB(error) == ERR_LIB_SSL;
    bool judged = in_tls && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (stream->failure == TLS_FAILURE_FLOOD) {
        describe(stream, "too many octets or tickets", NULL);
    } else if (judged && stream->verdict.failure != TLS_FAILURE_NONE) {
        stream->failure = stream->verdict.failure;
        stream->text_size = stream->verdict.text_size;
        memcpy(stream->text, stream->verdict.text, stream->text_size);
    } else if (tls_memory_refused() != refused_before) {
        stream->failure = TLS_FAILURE_LOCAL;
        describe(stream, "the memory limit of the TLS library is reached", NULL);
    } else {
        stream->failure = in_tls ? of_library_reason(ERR_GET_REASON(error)) : TLS_FAILURE_PROTOCOL;
        describe_reason(stream, error);
    }
    ERR_clear_error();
    stream->state = TLS_FAILED;
    return TLS_WANT_CLOSE;
}

static void enter(struct tls_stream *stream, struct span *in, struct text *out, uint64_t now_s)
{
    stream->in = in;
    stream->out = out;
    stream->now_s = now_s;
    tls_library_set_time(now_s);
    ERR_clear_error();
}

static enum tls_want leave(struct tls_stream *stream, enum tls_want want)
{
    stream->in = NULL;
    stream->out = NULL;
    return want;
}

static bool flooded(struct tls_stream *stream)
{
    if (stream->tickets <= TLS_STREAM_TICKETS_MAX)
        return false;
    stream->failure = TLS_FAILURE_FLOOD;
    return true;
}

static bool name_is_good(struct span name)
{
    return name.size <= TLS_NAME_SIZE_MAX && !span_has_control(name) && span_is_ascii(name);
}

/* Offers the ticket kept for the host. Its chain is judged now: names, records, roots and time may
 * have changed. When that is demanded and fails, or the chain has run out (the server may have a
 * newer one), the handshake is a full one. */
static void offer_ticket(struct tls_stream *stream, SSL *library)
{
    struct tls_stream_options *options = &stream->options;
    struct span kept = options->resume == NULL
                           ? span_make(NULL, 0)
                           : tls_resume_find(options->resume, options->resume_host, stream->now_s);
    if (kept.size == 0)
        return;
    SSL_SESSION *ticket = SSL_SESSION_from_bytes(kept.data, kept.size, SSL_get_SSL_CTX(library));
    if (ticket == NULL) {
        tls_resume_drop(options->resume, options->resume_host);
        return;
    }
    tls_library_judge_ticket(stream, SSL_SESSION_get0_peer_certificates(ticket));
    enum tls_failure failure = stream->verdict.failure;
    if (failure == TLS_FAILURE_NONE ||
        (!options->verify.demanded && failure != TLS_FAILURE_EXPIRED))
        (void)SSL_set_session(library, ticket); /* not taken: a full handshake */
    SSL_SESSION_free(ticket);
}

static bool set_identity(struct tls_stream *stream, SSL *library)
{
    uint32_t index = stream->options.identity;
    if (index == TLS_CONTEXT_IDENTITY_NONE)
        return true;
    CRYPTO_BUFFER *chain[TLS_VERIFY_CHAIN_MAX];
    const STACK_OF(CRYPTO_BUFFER) *certificates = stream->context->chains[index];
    size_t count = min_size(sk_CRYPTO_BUFFER_num(certificates), ARRAY_LEN(chain));
    for (size_t i = 0; i < count; i++)
        chain[i] = sk_CRYPTO_BUFFER_value(certificates, i);
    return SSL_set_chain_and_key(library, chain, count, stream->context->keys[index], NULL) == 1;
}

static bool set_client(struct tls_stream *stream, SSL *library)
{
    SSL_set_connect_state(library);
    struct span name = stream->options.server_name;
    if (name.size > 0) {
        char host[TLS_NAME_SIZE_MAX + 1];
        memcpy(host, name.data, name.size);
        host[name.size] = '\0';
        if (SSL_set_tlsext_host_name(library, host) != 1)
            return false;
    }
    if (!set_identity(stream, library))
        return false;
    offer_ticket(stream, library);
    return true;
}

static int check_options(const struct tls_context *context,
                         const struct tls_stream_options *options)
{
    if (context->role == TLS_SERVER)
        return 0;
    if (!name_is_good(options->server_name) || options->resume_host.size > TLS_RESUME_HOST_MAX ||
        options->verify.names_count > TLS_VERIFY_NAMES_MAX)
        return -EINVAL;
    if (options->identity != TLS_CONTEXT_IDENTITY_NONE &&
        options->identity >= context->identities_count)
        return -EINVAL;
    return 0;
}

int tls_stream_start(struct tls_stream *stream, const struct tls_context *context,
                     const struct tls_stream_options *options, uint64_t now_s)
{
    CHECK(stream->state == TLS_OFF);
    int error = check_options(context, options);
    if (error < 0)
        return error;
    memset(stream, 0, sizeof *stream);
    stream->context = context;
    stream->options = *options;
    enter(stream, NULL, NULL, now_s);
    SSL *library = SSL_new(context->library);
    bool ready = library != NULL && tls_library_bind(library, stream);
    if (ready && context->role == TLS_SERVER)
        SSL_set_accept_state(library);
    else if (ready)
        ready = set_client(stream, library);
    ERR_clear_error();
    if (!ready) {
        SSL_free(library);
        memset(stream, 0, sizeof *stream);
        return -ENOMEM;
    }
    SSL_set_shed_handshake_config(library, 1);
    tls_context_hold(context);
    stream->library = library;
    stream->state = TLS_HANDSHAKE;
    return 0;
}

enum tls_want tls_stream_step(struct tls_stream *stream, struct span *in, struct text *out,
                              uint64_t now_s)
{
    if (stream->state == TLS_OPEN)
        return TLS_WANT_OPEN;
    if (stream->state != TLS_HANDSHAKE)
        return TLS_WANT_CLOSE;
    uint64_t refused = tls_memory_refused();
    enter(stream, in, out, now_s);
    int result = SSL_do_handshake(stream->library);
    if (result == 1) {
        stream->state = TLS_OPEN;
        stream->resumed = SSL_session_reused(stream->library) == 1;
        return leave(stream, TLS_WANT_OPEN);
    }
    int why = SSL_get_error(stream->library, result);
    if (stream->failure == TLS_FAILURE_NONE && why == SSL_ERROR_WANT_READ)
        return leave(stream, TLS_WANT_READ);
    if (stream->failure == TLS_FAILURE_NONE && why == SSL_ERROR_WANT_WRITE)
        return leave(stream, TLS_WANT_WRITE);
    if (stream->options.resume != NULL)
        tls_resume_drop(stream->options.resume, stream->options.resume_host);
    return leave(stream, fail(stream, refused));
}

/* One SSL_read into what is free in `plain`. READ here means: go on. */
static enum tls_want read_once(struct tls_stream *stream, struct text *plain, uint64_t refused)
{
    size_t room = min_size(text_room(plain), TLS_STREAM_RECORD_MAX);
    int result = SSL_read(stream->library, plain->data + plain->size, (int)room);
    if (flooded(stream))
        return fail(stream, refused);
    if (result > 0) {
        plain->size += (size_t)result;
        return TLS_WANT_READ;
    }
    switch (SSL_get_error(stream->library, result)) {
    case SSL_ERROR_ZERO_RETURN:
        stream->state = TLS_CLOSED;
        return TLS_WANT_CLOSE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_OPEN; /* nothing more to be had from these octets */
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        return fail(stream, refused);
    }
}

enum tls_want tls_stream_read(struct tls_stream *stream, struct span *in, struct text *plain,
                              struct text *out, uint64_t now_s)
{
    if (stream->state == TLS_HANDSHAKE)
        return tls_stream_step(stream, in, out, now_s);
    if (stream->state != TLS_OPEN)
        return TLS_WANT_CLOSE;
    uint64_t refused = tls_memory_refused();
    enter(stream, in, out, now_s);
    enum tls_want want = TLS_WANT_READ;
    while (want == TLS_WANT_READ)
        want = text_room(plain) == 0 ? TLS_WANT_ROOM : read_once(stream, plain, refused);
    if (want == TLS_WANT_OPEN)
        want = TLS_WANT_READ;
    if (want == TLS_WANT_ROOM && in->size == 0 && SSL_pending(stream->library) == 0)
        want = TLS_WANT_READ;
    return leave(stream, want);
}

size_t tls_stream_write(struct tls_stream *stream, struct span plain, struct text *out)
{
    size_t taken = 0;
    if (stream->shut || (stream->state != TLS_OPEN && stream->state != TLS_CLOSED))
        return 0;
    uint64_t refused = tls_memory_refused();
    enter(stream, NULL, out, stream->now_s);
    while (taken < plain.size && text_room(out) > TLS_STREAM_OVERHEAD_MAX) {
        size_t size = min_size(plain.size - taken, text_room(out) - TLS_STREAM_OVERHEAD_MAX);
        size = min_size(size, TLS_STREAM_RECORD_MAX);
        int result = SSL_write(stream->library, plain.data + taken, (int)size);
        if (result <= 0) {
            (void)fail(stream, refused); /* told by the state */
            break;
        }
        taken += (size_t)result;
    }
    (void)leave(stream, TLS_WANT_WRITE); /* nothing to want */
    return taken;
}

void tls_stream_close(struct tls_stream *stream, struct text *out)
{
    if (stream->shut || (stream->state != TLS_OPEN && stream->state != TLS_CLOSED))
        return;
    enter(stream, NULL, out, stream->now_s);
    (void)SSL_shutdown(stream->library); /* the peer's own is not awaited */
    stream->shut = true;
    ERR_clear_error();
    (void)leave(stream, TLS_WANT_CLOSE); /* nothing to want */
}

bool tls_stream_lost(struct tls_stream *stream)
{
    if (stream->state == TLS_HANDSHAKE) {
        stream->state = TLS_FAILED;
        stream->failure = TLS_FAILURE_LOST;
        describe(stream, "the connection ended during the TLS handshake", NULL);
        return false;
    }
    if (stream->state != TLS_OPEN)
        return true;
    stream->state = TLS_FAILED;
    stream->failure = TLS_FAILURE_LOST;
    describe(stream, "the connection ended without close_notify", NULL);
    return false;
}

void tls_stream_reset(struct tls_stream *stream)
{
    if (stream->library != NULL) {
        SSL_free(stream->library);
        tls_context_release(stream->context);
        ERR_clear_error();
    }
    memset(stream, 0, sizeof *stream);
}

bool tls_stream_is_verified(const struct tls_stream *stream)
{
    return stream->state != TLS_OFF && stream->state != TLS_HANDSHAKE &&
           stream->verdict.proof != TLS_PROOF_NONE && stream->verdict.failure == TLS_FAILURE_NONE;
}

struct span tls_stream_text(const struct tls_stream *stream)
{
    return span_make(stream->text, stream->text_size);
}

static bool is_up(const struct tls_stream *stream)
{
    return stream->state == TLS_OPEN || stream->state == TLS_CLOSED;
}

const char *tls_stream_version(const struct tls_stream *stream)
{
    return is_up(stream) ? SSL_get_version(stream->library) : "";
}

const char *tls_stream_cipher(const struct tls_stream *stream)
{
    const SSL_CIPHER *cipher = is_up(stream) ? SSL_get_current_cipher(stream->library) : NULL;
    return cipher == NULL ? "" : SSL_CIPHER_standard_name(cipher);
}

const char *tls_stream_group(const struct tls_stream *stream)
{
    uint16_t id = is_up(stream) ? SSL_get_curve_id(stream->library) : 0;
    const char *name = id == 0 ? NULL : SSL_get_curve_name(id);
    return name == NULL ? "" : name;
}
