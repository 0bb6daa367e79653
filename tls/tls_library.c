#include "tls/tls_library.h"

#include <openssl/bio.h>
#include <string.h>
#include <sys/time.h>

/* Tickets are not kept longer than this, whatever the server allows (RFC 8446 4.6.1). */
#define TICKET_LIFE_MAX_S (UINT64_C(7) * 24 * 3600)

/* Wall time of the stream call in progress on this thread: BoringSSL also asks for the time with no
 * session at hand (the server's ticket keys). */
static _Thread_local uint64_t thread_now_s;

static int octets_read(BIO *bio, char *buffer, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (stream->in == NULL || stream->in->size == 0 || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = min_size(stream->in->size, (size_t)size);
    if (stream->state == TLS_HANDSHAKE) {
        if (taken > TLS_STREAM_HANDSHAKE_MAX - stream->handshake_in) {
            stream->failure = TLS_FAILURE_FLOOD;
            return -1;
        }
        stream->handshake_in += (uint32_t)taken;
    }
    memcpy(buffer, stream->in->data, taken);
    *stream->in = span_skip(*stream->in, taken);
    return (int)taken;
}

static int octets_write(BIO *bio, const char *buffer, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t taken =
        stream->out == NULL || size <= 0 ? 0 : min_size(text_room(stream->out), (size_t)size);
    if (taken == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    text_add(stream->out, span_make(buffer, taken));
    return (int)taken;
}

static long octets_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_library_octets(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tls_stream");
    if (method == NULL)
        return NULL;
    if (BIO_meth_set_read(method, octets_read) == 1 &&
        BIO_meth_set_write(method, octets_write) == 1 &&
        BIO_meth_set_ctrl(method, octets_control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

void tls_library_set_time(uint64_t now_s)
{
    thread_now_s = now_s;
}

static void current_time(const SSL *session, struct timeval *ret_now)
{
    (void)session;
    ret_now->tv_sec = (time_t)thread_now_s;
    ret_now->tv_usec = 0;
}

static uint32_t spans_of(const STACK_OF(CRYPTO_BUFFER) * chain,
                         struct span ret_spans[TLS_VERIFY_CHAIN_MAX])
{
    size_t count = min_size(sk_CRYPTO_BUFFER_num(chain), TLS_VERIFY_CHAIN_MAX);
    for (size_t i = 0; i < count; i++) {
        const CRYPTO_BUFFER *buffer = sk_CRYPTO_BUFFER_value(chain, i);
        ret_spans[i] = span_make(CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));
    }
    return (uint32_t)count;
}

void tls_library_judge_ticket(struct tls_stream *stream, const STACK_OF(CRYPTO_BUFFER) * chain)
{
    const struct tls_stream_options *options = &stream->options;
    struct span certificates[TLS_VERIFY_CHAIN_MAX];
    uint8_t digest[TLS_RESUME_DIGEST_SIZE];
    uint32_t count = spans_of(chain, certificates);
    tls_verify_digest(stream->context, &options->verify, certificates, count, digest);
    uint8_t proof = tls_resume_proof(options->resume, options->resume_host, digest, stream->now_s);
    if (proof != TLS_PROOF_NONE) {
        stream->verdict = (struct tls_verdict){.proof = (enum tls_proof)proof};
        return;
    }
    tls_verify_chain(stream->context, &options->verify, certificates, count, stream->now_s,
                     &stream->verdict);
    if (stream->verdict.failure == TLS_FAILURE_NONE)
        tls_resume_prove(options->resume, options->resume_host, digest,
                         (uint8_t)stream->verdict.proof, stream->now_s);
}

static uint8_t alert_for(enum tls_failure failure)
{
    switch ((unsigned)failure) {
    case TLS_FAILURE_EXPIRED:
    case TLS_FAILURE_NOT_YET_VALID:
        return SSL_AD_CERTIFICATE_EXPIRED;
    case TLS_FAILURE_UNKNOWN_CA:
    case TLS_FAILURE_SELF_SIGNED:
        return SSL_AD_UNKNOWN_CA;
    case TLS_FAILURE_LOCAL:
        return SSL_AD_INTERNAL_ERROR;
    default:
        return SSL_AD_BAD_CERTIFICATE;
    }
}

static enum ssl_verify_result_t verify(SSL *session, uint8_t *ret_alert)
{
    struct tls_stream *stream = SSL_get_app_data(session);
    struct span certificates[TLS_VERIFY_CHAIN_MAX];
    uint32_t count = spans_of(SSL_get0_peer_certificates(session), certificates);
    tls_verify_chain(stream->context, &stream->options.verify, certificates, count, stream->now_s,
                     &stream->verdict);
    if (stream->verdict.failure == TLS_FAILURE_NONE || !stream->options.verify.demanded)
        return ssl_verify_ok;
    *ret_alert = alert_for(stream->verdict.failure);
    return ssl_verify_invalid;
}

static int new_ticket(SSL *session, SSL_SESSION *ticket)
{
    struct tls_stream *stream = SSL_get_app_data(session);
    if (stream->tickets > TLS_STREAM_TICKETS_MAX)
        return 0;
    stream->tickets++;
    if (stream->tickets > TLS_STREAM_TICKETS_MAX || stream->options.resume == NULL)
        return 0;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (SSL_SESSION_to_bytes(ticket, &bytes, &size) != 1)
        return 0; /* the limit: no ticket then */
    uint64_t life_s = min_u64(SSL_SESSION_get_timeout(ticket), TICKET_LIFE_MAX_S);
    (void)tls_resume_put(stream->options.resume, stream->options.resume_host,
                         span_make(bytes, size), SSL_SESSION_get_time(ticket) + life_s,
                         stream->now_s); /* too large or too short: a full handshake next time */
    OPENSSL_free(bytes);
    return 0;
}

void tls_library_install(SSL_CTX *context, enum tls_role role)
{
    SSL_CTX_set_current_time_cb(context, current_time);
    if (role == TLS_SERVER)
        return;
    SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, verify);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, new_ticket);
}

bool tls_library_bind(SSL *session, struct tls_stream *stream)
{
    BIO *bio = BIO_new(stream->context->octets);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    return SSL_set_app_data(session, stream) == 1;
}
