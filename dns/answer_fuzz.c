/* Any packet, read as the answer to its own question: bounded, the same each time, and what comes
 * out can be read again. The first octet chooses the type and how long the chain is already. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mx(const struct answer *answer)
{
    struct span payload = span_make(answer->payload, answer->payload_size), wire;
    struct dns_name name;
    uint16_t preference;
    uint32_t count = 0;

    while (answer_next_mx(&payload, &preference, &wire)) {
        CHECK(dns_name_from_wire(wire, &name));
        CHECK(span_equal(dns_name_span(&name), wire)); /* in lower case already */
        count++;
    }
    CHECK(payload.size == 0);
    CHECK(count == answer->count);
}

/* Of an answer that is broken the last record may be half written. */
static void check_bytes(const struct answer *answer, size_t size_min)
{
    struct span payload = span_make(answer->payload, answer->payload_size), bytes;
    uint32_t count = 0;

    CHECK(answer->payload_size <= ANSWER_PAYLOAD_MAX);
    if (answer->status == ANSWER_BROKEN)
        return;
    while (answer_next_bytes(&payload, &bytes)) {
        CHECK(bytes.size >= size_min);
        count++;
    }
    CHECK(payload.size == 0);
    CHECK(count == answer->count);
}

static void check_answer(const struct answer *answer, const struct answer_query *query)
{
    struct dns_name target;

    CHECK((answer->count > 0) == (answer->status == ANSWER_RECORDS) ||
          answer->status == ANSWER_BROKEN);
    CHECK(answer->count <= WIRE_RECORDS_MAX);
    CHECK(answer->chain_count >= query->chain_count);
    CHECK(answer->chain_count <= ANSWER_CHAIN_MAX);
    CHECK(dns_name_from_wire(dns_name_span(&answer->target), &target));
    if (answer->status == ANSWER_ALIAS)
        CHECK(answer->chain_count > query->chain_count);
    if (answer->status == ANSWER_RECORDS)
        CHECK(query->rcode == WIRE_NOERROR);
    switch (query->type) {
    case WIRE_MX:
        check_mx(answer);
        break;
    case WIRE_A:
        CHECK(answer->payload_size == answer->count * 4);
        break;
    case WIRE_AAAA:
        CHECK(answer->payload_size == answer->count * 16);
        break;
    case WIRE_CNAME:
        CHECK(answer->payload_size <= answer->count * DNS_NAME_SIZE_MAX);
        break;
    default:
        check_bytes(answer, query->type == WIRE_TLSA ? 3 : 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {WIRE_MX,   WIRE_A,   WIRE_AAAA,  WIRE_MX,
                                     WIRE_TLSA, WIRE_TXT, WIRE_CNAME, WIRE_TLSA};
    static struct answer first, second;
    struct wire_question question;
    struct answer_query query;

    if (size == 0)
        return 0;
    struct span packet = span_make(data + 1, size - 1);
    if (!wire_check_question(packet, &question) || !question.has_question ||
        !dns_name_from_wire(question.name, &query.name))
        return 0;
    query.type = types[(data[0] & 3) + (data[0] >= 128 ? 4 : 0)];
    query.rcode = (data[0] & 4) != 0 ? WIRE_NXDOMAIN : WIRE_NOERROR;
    query.chain_count = (data[0] >> 3 & 15) % (ANSWER_CHAIN_MAX + 1);
    answer_read(packet, &query, &first);
    check_answer(&first, &query);
    answer_read(packet, &query, &second);
    CHECK(first.status == second.status);
    CHECK(first.ttl_s == second.ttl_s);
    CHECK(first.payload_size == second.payload_size);
    CHECK(memcmp(first.payload, second.payload, first.payload_size) == 0);
    return 0;
}
