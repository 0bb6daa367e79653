#include "dns/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/rbtree.h>

#include <ldns/dname.h>
#include <ldns/host2wire.h>
#include <ldns/packet.h>

static int build(const struct question *question, uint8_t **ret_wire, size_t *ret_size)
{
    ldns_rdf *name = ldns_dname_new_frm_data((uint16_t)question->name.size, question->name.data);

    if (name == NULL)
        return -ENOMEM;
    /* The packet takes the name over. */
    ldns_pkt *packet =
        ldns_pkt_query_new(name, (ldns_rr_type)question->type, LDNS_RR_CLASS_IN, LDNS_RD);
    if (packet == NULL) {
        ldns_rdf_deep_free(name);
        return -ENOMEM;
    }
    ldns_pkt_set_id(packet, question->id);
    if (question->edns)
        ldns_pkt_set_edns_udp_size(packet, QUESTION_EDNS_SIZE);
    ldns_pkt_set_ad(packet, question->dnssec);
    ldns_pkt_set_edns_do(packet, question->edns && question->dnssec);
    ldns_status status = ldns_pkt2wire(ret_wire, packet, ret_size);
    ldns_pkt_free(packet);
    return status == LDNS_STATUS_OK ? 0 : -ENOMEM;
}

int question_write(const struct question *question, struct span_mut into)
{
    uint8_t *wire = NULL;
    size_t size = 0;
    int r = build(question, &wire, &size);

    if (r < 0)
        return r;
    r = size <= into.size ? (int)size : -ENOBUFS;
    if (r >= 0)
        memcpy(into.data, wire, size);
    free(wire);
    return r;
}

void question_draw_case(const struct dns_name *name, struct prng *prng, uint8_t *ret_bytes)
{
    uint64_t bits = 0;
    uint32_t bits_left = 0;

    for (size_t i = 0; i < name->size; i++) {
        uint8_t byte = name->bytes[i];

        if (bits_left == 0) {
            bits = prng_next(prng);
            bits_left = 64;
        }
        if (byte >= 'a' && byte <= 'z' && (bits & 1) != 0)
            byte = (uint8_t)(byte - 'a' + 'A');
        bits >>= 1;
        bits_left--;
        ret_bytes[i] = byte;
    }
}
