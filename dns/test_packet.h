/* test_packet.h - writes DNS packets for tests, good ones and bad ones.
 *
 * Knows nothing of the code under test: an encoder of its own, so that the two do not share their
 * mistakes. Owns its bytes; too many of them is a failure of the test. */
#ifndef DNS_TEST_PACKET_H
#define DNS_TEST_PACKET_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

enum test_packet_section { TEST_ANSWER = 6, TEST_AUTHORITY = 8, TEST_ADDITIONAL = 10 };

struct test_packet {
    size_t size;
    uint8_t data[65535];
};

MAYBE_UNUSED static void test_packet_bytes(struct test_packet *packet, const void *data,
                                           size_t size)
{
    if (size > sizeof(packet->data) - packet->size)
        abort();
    if (size > 0)
        memcpy(&packet->data[packet->size], data, size);
    packet->size += size;
}

MAYBE_UNUSED static void test_packet_u8(struct test_packet *packet, uint8_t value)
{
    test_packet_bytes(packet, &value, 1);
}

MAYBE_UNUSED static void test_packet_u16(struct test_packet *packet, uint32_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    test_packet_bytes(packet, bytes, sizeof(bytes));
}

MAYBE_UNUSED static void test_packet_u32(struct test_packet *packet, uint32_t value)
{
    test_packet_u16(packet, value >> 16);
    test_packet_u16(packet, value & 0xffff);
}

MAYBE_UNUSED static void test_packet_put16(struct test_packet *packet, size_t at, uint32_t value)
{
    packet->data[at] = (uint8_t)(value >> 8);
    packet->data[at + 1] = (uint8_t)value;
}

/* "a.example", or "" for the root. */
MAYBE_UNUSED static void test_packet_name(struct test_packet *packet, const char *name)
{
    while (*name != '\0') {
        size_t size = strcspn(name, ".");

        test_packet_u8(packet, (uint8_t)size);
        test_packet_bytes(packet, name, size);
        name += size + (name[size] == '.');
    }
    test_packet_u8(packet, 0);
}

MAYBE_UNUSED static void test_packet_begin(struct test_packet *packet, uint16_t id, uint16_t flags)
{
    packet->size = 0;
    test_packet_u16(packet, id);
    test_packet_u16(packet, flags);
    for (int i = 0; i < 4; i++)
        test_packet_u16(packet, 0);
}

MAYBE_UNUSED static void test_packet_question(struct test_packet *packet, const char *name,
                                              uint16_t type)
{
    test_packet_put16(packet, 4, 1);
    test_packet_name(packet, name);
    test_packet_u16(packet, type);
    test_packet_u16(packet, 1);
}

/* An answer to the question in `query`: its id and question, byte for byte, QR RD RA and rcode. */
MAYBE_UNUSED static void test_packet_reply(struct test_packet *packet, struct span query,
                                           uint16_t rcode)
{
    size_t end = 12;

    test_packet_begin(packet, (uint16_t)(query.data[0] << 8 | query.data[1]),
                      (uint16_t)(0x8180 | rcode));
    while (query.data[end] != 0)
        end += (size_t)query.data[end] + 1;
    test_packet_put16(packet, 4, 1);
    test_packet_bytes(packet, &query.data[12], end + 5 - 12);
}

/* Owner, type, class IN, TTL; returns where the rdata's length stands, for test_packet_end. An
 * owner of NULL is a pointer to the question's name. */
MAYBE_UNUSED static size_t test_packet_record(struct test_packet *packet,
                                              enum test_packet_section section, const char *owner,
                                              uint16_t type, uint32_t ttl)
{
    size_t count = (size_t)section;

    test_packet_put16(packet, count,
                      (uint32_t)(packet->data[count] << 8 | packet->data[count + 1]) + 1);
    if (owner == NULL)
        test_packet_u16(packet, 0xc00c);
    else
        test_packet_name(packet, owner);
    test_packet_u16(packet, type);
    test_packet_u16(packet, 1);
    test_packet_u32(packet, ttl);
    test_packet_u16(packet, 0);
    return packet->size - 2;
}

MAYBE_UNUSED static void test_packet_end(struct test_packet *packet, size_t length_at)
{
    test_packet_put16(packet, length_at, (uint32_t)(packet->size - length_at - 2));
}

MAYBE_UNUSED static void test_packet_data(struct test_packet *packet, const char *owner,
                                          uint16_t type, uint32_t ttl, struct span rdata)
{
    size_t at = test_packet_record(packet, TEST_ANSWER, owner, type, ttl);

    test_packet_bytes(packet, rdata.data, rdata.size);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static void test_packet_mx(struct test_packet *packet, const char *owner, uint32_t ttl,
                                        uint16_t preference, const char *exchange)
{
    size_t at = test_packet_record(packet, TEST_ANSWER, owner, 15, ttl);

    test_packet_u16(packet, preference);
    test_packet_name(packet, exchange);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static void test_packet_cname(struct test_packet *packet, const char *owner,
                                           uint32_t ttl, const char *target)
{
    size_t at = test_packet_record(packet, TEST_ANSWER, owner, 5, ttl);

    test_packet_name(packet, target);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static void test_packet_a(struct test_packet *packet, const char *owner, uint32_t ttl,
                                       uint32_t address)
{
    size_t at = test_packet_record(packet, TEST_ANSWER, owner, 1, ttl);

    test_packet_u32(packet, address);
    test_packet_end(packet, at);
}

/* 2600::`last`, outside every special block. */
MAYBE_UNUSED static void test_packet_aaaa(struct test_packet *packet, const char *owner,
                                          uint32_t ttl, uint32_t last)
{
    size_t at = test_packet_record(packet, TEST_ANSWER, owner, 28, ttl);

    test_packet_u32(packet, 0x26000000);
    test_packet_u32(packet, 0);
    test_packet_u32(packet, 0);
    test_packet_u32(packet, last);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static void test_packet_soa(struct test_packet *packet, const char *zone, uint32_t ttl,
                                         uint32_t minimum)
{
    size_t at = test_packet_record(packet, TEST_AUTHORITY, zone, 6, ttl);

    test_packet_name(packet, "ns.invalid");
    test_packet_name(packet, "root.invalid");
    for (uint32_t i = 1; i <= 4; i++)
        test_packet_u32(packet, i);
    test_packet_u32(packet, minimum);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static void test_packet_ns(struct test_packet *packet, const char *zone,
                                        const char *host)
{
    size_t at = test_packet_record(packet, TEST_AUTHORITY, zone, 2, 300);

    test_packet_name(packet, host);
    test_packet_end(packet, at);
}

MAYBE_UNUSED static struct span test_packet_span(const struct test_packet *packet)
{
    return span_make(packet->data, packet->size);
}

#endif
