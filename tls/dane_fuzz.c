/* Any TLSA records against any chain. Each record is usage, selector, matching type, two octets of
 * size and the data, as many as the first octet says; behind them certificates, each after three
 * octets of size as in a TLS message. The verdict is whole; an unusable record and the order of the
 * records change nothing; a record made from the certificate itself fits it. */
#include <openssl/sha.h>
#include <string.h>

#include "base/check.h"
#include "tls/dane.h"
#include "tls/tls_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS_MAX 8
#define NOW_S 1700000000

struct input {
    struct tlsa_record records[RECORDS_MAX + 1];
    uint32_t records_count;
    struct span chain[TLS_VERIFY_CHAIN_MAX];
    uint32_t chain_count;
};

static struct span take(struct span *rest, size_t size)
{
    struct span taken = span_first(*rest, size);
    *rest = span_skip(*rest, taken.size);
    return taken;
}

static void read_input(struct span rest, struct input *input)
{
    struct span head = take(&rest, 1);
    uint32_t wanted = head.size == 0 ? 0 : head.data[0] % (RECORDS_MAX + 1);
    while (input->records_count < wanted && rest.size >= 5) {
        struct tlsa_record *record = &input->records[input->records_count++];
        head = take(&rest, 5);
        record->usage = head.data[0];
        record->selector = head.data[1];
        record->matching = head.data[2];
        record->data = take(&rest, (size_t)head.data[3] << 8 | head.data[4]);
    }
    while (input->chain_count < TLS_VERIFY_CHAIN_MAX && rest.size >= 3) {
        head = take(&rest, 3);
        size_t size = (size_t)head.data[0] << 16 | (size_t)head.data[1] << 8 | head.data[2];
        input->chain[input->chain_count++] = take(&rest, size);
    }
}

static struct tls_verdict judge(const struct input *input)
{
    static const struct span names[] = {SPAN_INIT("mx.example.org")};
    struct tls_verify_options options = {.method = TLS_METHOD_DANE,
                                         .names = names,
                                         .names_count = 1,
                                         .records = input->records,
                                         .records_count = input->records_count};
    struct tls_verdict verdict;
    tls_verify_chain(NULL, &options, input->chain, input->chain_count, NOW_S, &verdict);
    CHECK((verdict.failure == TLS_FAILURE_NONE) == (verdict.proof != TLS_PROOF_NONE));
    CHECK((verdict.failure == TLS_FAILURE_NONE) == (verdict.text_size == 0));
    CHECK(verdict.text_size <= sizeof verdict.text);
    CHECK(verdict.proof != TLS_PROOF_PKIX);
    return verdict;
}

static void check_order(const struct input *input, const struct tls_verdict *verdict)
{
    struct input turned = *input;
    for (uint32_t i = 0; i < input->records_count; i++)
        turned.records[i] = input->records[input->records_count - 1 - i];
    struct tls_verdict again = judge(&turned);
    CHECK(again.proof == verdict->proof);
}

static void check_unusable(const struct input *input, const struct tls_verdict *verdict)
{
    struct input more = *input;
    struct tlsa_record *record = &more.records[more.records_count++];
    *record = (struct tlsa_record){.usage = 1, .selector = 1, .matching = 1};
    record->data = input->chain_count > 0 ? input->chain[0] : span_make(NULL, 0);
    struct tls_verdict again = judge(&more);
    CHECK(again.proof == verdict->proof && again.failure == verdict->failure);
}

static void check_own(const struct input *input, const struct tls_verdict *verdict)
{
    uint8_t digest[SHA512_DIGEST_LENGTH];
    struct input more = *input;
    struct tlsa_record *record = &more.records[more.records_count++];
    if (input->chain_count == 0 || verdict->failure == TLS_FAILURE_CERTIFICATE)
        return;
    SHA512(input->chain[0].data, input->chain[0].size, digest);
    *record = (struct tlsa_record){.usage = 3, .selector = 0, .matching = 2};
    record->data = span_make(digest, sizeof digest);
    struct tls_verdict again = judge(&more);
    CHECK(again.proof == TLS_PROOF_DANE_EE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input;
    memset(&input, 0, sizeof input);
    read_input(span_make(data, size), &input);
    struct tls_verdict verdict = judge(&input);
    check_order(&input, &verdict);
    check_unusable(&input, &verdict);
    check_own(&input, &verdict);
    return 0;
}
