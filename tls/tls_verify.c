#include "tls/tls_verify.h"

#include <openssl/sha.h>
#include <string.h>

#include "tls/dane.h"
#include "tls/tls_chain.h"
#include "tls/tls_memory.h"
#include "tls/tls_name.h"

struct span tls_verify_text(const struct tls_verdict *verdict)
{
    return span_make(verdict->text, verdict->text_size);
}

static void add_number(SHA256_CTX *sha, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    SHA256_Update(sha, bytes, sizeof bytes);
}

/* With its size in front, so that no two lists run into the same octets. */
static void add_span(SHA256_CTX *sha, struct span span)
{
    add_number(sha, span.size);
    SHA256_Update(sha, span.data, span.size);
}

void tls_verify_digest(const struct tls_context *context, const struct tls_verify_options *options,
                       const struct span *chain, uint32_t chain_count, uint8_t ret_digest[32])
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, context->roots_digest, sizeof context->roots_digest);
    add_number(&sha, options->method);
    add_number(&sha, options->names_count);
    for (uint32_t i = 0; i < options->names_count; i++)
        add_span(&sha, options->names[i]);
    add_number(&sha, options->records_count);
    for (uint32_t i = 0; i < options->records_count; i++) {
        const struct tlsa_record *record = &options->records[i];
        add_number(&sha, (uint64_t)record->usage << 16 | (uint64_t)record->selector << 8 |
                             record->matching);
        add_span(&sha, record->data);
    }
    for (uint32_t i = 0; i < chain_count; i++)
        add_span(&sha, chain[i]);
    SHA256_Final(ret_digest, &sha);
}

static enum tls_failure check_pkix(const struct tls_context *context,
                                   const struct tls_verify_options *options,
                                   const struct tls_chain *chain, uint64_t now_s, struct text *why)
{
    enum tls_failure failure = tls_chain_verify(chain, context->roots, false, now_s, why);
    if (failure != TLS_FAILURE_NONE)
        return failure;
    return tls_name_check(tls_chain_leaf(chain), options->names, options->names_count, false, why);
}

static enum tls_failure check(const struct tls_context *context,
                              const struct tls_verify_options *options,
                              const struct tls_chain *chain, uint64_t now_s,
                              enum tls_proof *ret_proof, struct text *why)
{
    switch (options->method) {
    case TLS_METHOD_PKIX:
        *ret_proof = TLS_PROOF_PKIX;
        return check_pkix(context, options, chain, now_s, why);
    case TLS_METHOD_DANE:
        return dane_check(chain, options, now_s, ret_proof, why);
    }
    return TLS_FAILURE_LOCAL;
}

/* A chain judged while memory was refused is not judged: the library may have left things out. */
static void judge_again_later(struct tls_verdict *verdict, struct text *why)
{
    text_reset(why);
    text_add_cstr(why, "the memory limit of the TLS library is reached");
    verdict->failure = TLS_FAILURE_LOCAL;
    verdict->proof = TLS_PROOF_NONE;
}

void tls_verify_chain(const struct tls_context *context, const struct tls_verify_options *options,
                      const struct span *chain, uint32_t chain_count, uint64_t now_s,
                      struct tls_verdict *ret_verdict)
{
    struct tls_chain read;
    struct text why;
    uint64_t refused = tls_memory_refused();
    memset(ret_verdict, 0, sizeof *ret_verdict);
    text_init(&why, ret_verdict->text, sizeof ret_verdict->text);
    ret_verdict->failure = tls_chain_read(&read, chain, chain_count);
    if (ret_verdict->failure == TLS_FAILURE_NONE) {
        enum tls_proof proof = TLS_PROOF_NONE;
        ret_verdict->failure = check(context, options, &read, now_s, &proof, &why);
        ret_verdict->proof = ret_verdict->failure == TLS_FAILURE_NONE ? proof : TLS_PROOF_NONE;
        tls_chain_free(&read);
    } else {
        text_add_cstr(&why, "the certificate cannot be read");
    }
    if (tls_memory_refused() != refused)
        judge_again_later(ret_verdict, &why);
    ret_verdict->text_size = (uint8_t)why.size;
}
