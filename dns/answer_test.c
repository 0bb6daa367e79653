#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dns/answer.h"
#include "dns/test_packet.h"

static struct test_packet packet;
static struct answer answer;
static const char *asked;

static void begin(const char *name, uint16_t type)
{
    asked = name;
    test_packet_begin(&packet, 7, 0x8180);
    test_packet_question(&packet, name, type);
}

static enum answer_status read_as(uint16_t type, uint8_t rcode, uint32_t chain_count)
{
    struct answer_query query = {.type = type, .rcode = rcode, .chain_count = chain_count};

    assert_true(dns_name_parse(span_cstr(asked), &query.name));
    answer_read(test_packet_span(&packet), &query, &answer);
    return answer.status;
}

static void assert_target(const char *text)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(text), &name));
    assert_true(dns_name_equal(&name, &answer.target));
}

static void reads_mx(void **state)
{
    struct span payload, name;
    uint16_t preference;

    (void)state;
    begin("Example.COM", 15);
    test_packet_mx(&packet, "EXAMPLE.com", 300, 20, "MX2.example.com");
    test_packet_mx(&packet, NULL, 200, 10, "");
    test_packet_mx(&packet, "other.example", 10, 5, "evil.example"); /* not asked for */
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.ttl_s, 200);
    payload = span_make(answer.payload, answer.payload_size);
    assert_true(answer_next_mx(&payload, &preference, &name));
    assert_int_equal(preference, 20);
    assert_true(span_equal(name, SPAN("\3mx2\7example\3com\0")));
    assert_true(answer_next_mx(&payload, &preference, &name));
    assert_int_equal(preference, 10);
    assert_int_equal(name.size, 1);
    assert_false(answer_next_mx(&payload, &preference, &name));
}

static void reads_addresses(void **state)
{
    (void)state;
    begin("a.example", 1);
    test_packet_a(&packet, NULL, 300, 0xc6336401);
    test_packet_a(&packet, NULL, 300, 0xc6336402);
    test_packet_aaaa(&packet, NULL, 300, 1);
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 2);
    assert_memory_equal(answer.payload, "\xc6\x33\x64\x01\xc6\x33\x64\x02", 8);
    assert_int_equal(read_as(WIRE_AAAA, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.payload_size, 16);
    assert_memory_equal(answer.payload, "\x26\0\0\0", 4);
}

static void reads_tlsa_and_txt(void **state)
{
    struct span payload, bytes;

    (void)state;
    begin("_25._tcp.mx.example", 52);
    test_packet_data(&packet, NULL, 52, 300, SPAN("\3\1\1digest"));
    test_packet_data(&packet, "_26._tcp.mx.example", 52, 300, SPAN("\3\1\1evil"));
    test_packet_data(&packet, NULL, 52, 300, SPAN("\2\0\0"));
    assert_int_equal(read_as(WIRE_TLSA, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 2);
    payload = span_make(answer.payload, answer.payload_size);
    assert_true(answer_next_bytes(&payload, &bytes));
    assert_true(span_equal(bytes, SPAN("\3\1\1digest")));
    assert_true(answer_next_bytes(&payload, &bytes));
    assert_true(span_equal(bytes, SPAN("\2\0\0")));
    assert_false(answer_next_bytes(&payload, &bytes));

    begin("_mta-sts.a.example", 16);
    test_packet_data(&packet, NULL, 16, 300, SPAN("\7v=STSv1\0\6; id=1"));
    test_packet_data(&packet, NULL, 16, 300, SPAN("\0"));
    assert_int_equal(read_as(WIRE_TXT, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 2);
    payload = span_make(answer.payload, answer.payload_size);
    assert_true(answer_next_bytes(&payload, &bytes));
    assert_true(span_equal(bytes, SPAN("v=STSv1; id=1")));
    assert_true(answer_next_bytes(&payload, &bytes));
    assert_int_equal(bytes.size, 0);
    assert_false(answer_next_bytes(&payload, &bytes));
}

static void reads_an_alias_itself(void **state)
{
    (void)state;
    begin("a.example", 5);
    test_packet_cname(&packet, NULL, 300, "B.example");
    test_packet_cname(&packet, "b.example", 300, "c.example");
    assert_int_equal(read_as(WIRE_CNAME, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 1);
    assert_target("a.example");
    assert_true(span_equal(span_make(answer.payload, answer.payload_size), SPAN("\1b\7example\0")));
}

/* Fixed parts that are cut short, strings that run on: the whole packet is refused. */
static void broken_tlsa_and_txt(void **state)
{
    const struct {
        uint16_t type;
        struct span rdata;
    } cases[] = {
        {52, SPAN("")},
        {52, SPAN("\3")},
        {52, SPAN("\3\1")},
        {16, SPAN("")},
        {16, SPAN("\4abc")},
        {16, SPAN("\3abc\1")},
        {16, SPAN("\xff"
                  "a")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("a.example", cases[i].type);
        test_packet_data(&packet, NULL, cases[i].type, 300, cases[i].rdata);
        assert_int_equal(read_as(cases[i].type, WIRE_NOERROR, 0), ANSWER_BROKEN);
    }
}

/* 64 KiB of records are more than is ever kept: no answer rather than a part of it. */
static void more_than_is_kept(void **state)
{
    static uint8_t rdata[20000] = {3, 1, 0};

    (void)state;
    begin("_25._tcp.mx.example", 52);
    test_packet_data(&packet, NULL, 52, 300, span_make(rdata, sizeof(rdata)));
    assert_int_equal(read_as(WIRE_TLSA, WIRE_NOERROR, 0), ANSWER_RECORDS);
    test_packet_data(&packet, NULL, 52, 300, span_make(rdata, sizeof(rdata)));
    assert_int_equal(read_as(WIRE_TLSA, WIRE_NOERROR, 0), ANSWER_BROKEN);
}

/* Only the answer section is believed. */
static void additional_records_are_ignored(void **state)
{
    (void)state;
    begin("a.example", 1);
    size_t at = test_packet_record(&packet, TEST_ADDITIONAL, NULL, 1, 300);
    test_packet_u32(&packet, 1);
    test_packet_end(&packet, at);
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_NO_DATA);
}

static void follows_aliases(void **state)
{
    (void)state;
    begin("a.example", 1);
    test_packet_a(&packet, "d.example", 300, 1); /* order does not matter */
    test_packet_cname(&packet, "c.example", 100, "d.example");
    test_packet_cname(&packet, NULL, 200, "c.example");
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.chain_count, 2);
    assert_int_equal(answer.ttl_s, 100);
    assert_target("d.example");

    begin("a.example", 1);
    test_packet_cname(&packet, NULL, 200, "far.test");
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 3), ANSWER_ALIAS);
    assert_int_equal(answer.chain_count, 4);
    assert_int_equal(answer.ttl_s, 200);
    assert_target("far.test");

    /* The alias's own zone is no proof that the target has nothing. */
    test_packet_soa(&packet, "example", 60, 60);
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_ALIAS);
    assert_int_equal(answer.ttl_s, 200);

    begin("a.example", 1);
    test_packet_cname(&packet, NULL, 200, "far.test");
    test_packet_soa(&packet, "test", 50, 60);
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_NO_DATA);
    assert_int_equal(answer.ttl_s, 50);
    assert_int_equal(read_as(WIRE_A, WIRE_NXDOMAIN, 0), ANSWER_NO_DOMAIN);
}

/* B3 */
static void alias_chains_end(void **state)
{
    char owner[16] = "a.example", target[16] = "a.example";

    (void)state;
    begin("a.example", 1);
    test_packet_cname(&packet, NULL, 200, "a.example");
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_LOOP);

    begin("a.example", 1);
    test_packet_cname(&packet, "a.example", 200, "b.example");
    test_packet_cname(&packet, "b.example", 200, "a.example");
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_LOOP);

    for (int links = 8; links <= 9; links++) {
        begin("a.example", 1);
        for (int i = 0; i < links; i++) {
            owner[0] = (char)('a' + i);
            target[0] = (char)('b' + i);
            test_packet_cname(&packet, owner, 200, target);
        }
        test_packet_a(&packet, target, 200, 1);
        assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0),
                         links == 8 ? ANSWER_RECORDS : ANSWER_LOOP);
        assert_int_equal(answer.chain_count, 8);
        assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 1), ANSWER_LOOP);
    }
}

static void negative_answers_take_the_soas_time(void **state)
{
    static const struct {
        const char *zone;
        uint32_t ttl, minimum, expected;
        bool ns;
    } cases[] = {
        {"example", 300, 60, 60, false},
        {"example", 60, 300, 60, true},
        {"a.example", 900, 900, 900, false},
        {"", 86400, 86400, 86400, false},
        {"test", 300, 300, 0, false},            /* not above the name */
        {"b.a.example", 300, 300, 0, false},     /* below it */
        {"example", 0x80000000U, 300, 0, false}, /* RFC 2181 8 */
        {"example", 300, UINT32_MAX, 300, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("a.example", 15);
        test_packet_soa(&packet, cases[i].zone, cases[i].ttl, cases[i].minimum);
        if (cases[i].ns)
            test_packet_ns(&packet, cases[i].zone, "ns.example");
        assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_NO_DATA);
        assert_int_equal(answer.ttl_s, cases[i].expected);
        assert_int_equal(read_as(WIRE_MX, WIRE_NXDOMAIN, 0), ANSWER_NO_DOMAIN);
        assert_int_equal(answer.ttl_s, cases[i].expected);
    }
    begin("a.example", 15);
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_NO_DATA);
    assert_int_equal(answer.ttl_s, 0);
}

/* A server that does not resolve for us must not make mail fail. */
static void a_referral_is_not_an_answer(void **state)
{
    (void)state;
    begin("a.example", 15);
    test_packet_ns(&packet, "example", "ns.example");
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_REFERRAL);
    begin("a.example", 15);
    test_packet_mx(&packet, NULL, 300, 1, "mx.example");
    test_packet_ns(&packet, "example", "ns.example");
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_RECORDS);
}

static void contradictions_are_broken(void **state)
{
    (void)state;
    begin("a.example", 1);
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(read_as(WIRE_A, WIRE_NXDOMAIN, 0), ANSWER_BROKEN);
    packet.size--;
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_BROKEN);
    assert_int_equal(answer.count, 0);
}

/* B2 */
static void a_hundred_records_are_used(void **state)
{
    (void)state;
    begin("a.example", 15);
    for (int i = 0; i < 1000; i++)
        test_packet_mx(&packet, NULL, 300, 1, "mx.example");
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 100);
}

/* B9 */
static void odd_ttls(void **state)
{
    static const struct {
        uint32_t wire, expected;
    } cases[] = {{0, 0}, {INT32_MAX, INT32_MAX}, {0x80000000U, 0}, {UINT32_MAX, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("a.example", 1);
        test_packet_a(&packet, NULL, cases[i].wire, 1);
        assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_RECORDS);
        assert_int_equal(answer.ttl_s, cases[i].expected);
    }
}

/* B11: records on which ldns is known to have aborted never reach it. */
static void records_that_hurt_ldns_are_never_shown(void **state)
{
    static const uint16_t types[] = {46, 47, 48, 50, 51, 43, 53, 249, 250, 260, 65281, 0};

    (void)state;
    begin("a.example", 1);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        test_packet_data(&packet, NULL, types[i], 60, SPAN("\7\xff\xff\xff\xff"));
        test_packet_data(&packet, NULL, types[i], 60, SPAN(""));
    }
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(read_as(WIRE_A, WIRE_NOERROR, 0), ANSWER_RECORDS);
    assert_int_equal(answer.count, 1);
}

/* A name in the wire that no text could hold: kept whole, never read past. */
static void odd_names_survive(void **state)
{
    struct span payload, name;
    uint16_t preference;

    (void)state;
    begin("a.example", 15);
    test_packet_data(&packet, NULL, 15, 60, SPAN("\0\1\5a\0.\\\n\0"));
    assert_int_equal(read_as(WIRE_MX, WIRE_NOERROR, 0), ANSWER_RECORDS);
    payload = span_make(answer.payload, answer.payload_size);
    assert_true(answer_next_mx(&payload, &preference, &name));
    assert_true(span_equal(name, SPAN("\5a\0.\\\n\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_mx),
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(reads_tlsa_and_txt),
        cmocka_unit_test(reads_an_alias_itself),
        cmocka_unit_test(broken_tlsa_and_txt),
        cmocka_unit_test(more_than_is_kept),
        cmocka_unit_test(additional_records_are_ignored),
        cmocka_unit_test(follows_aliases),
        cmocka_unit_test(alias_chains_end),
        cmocka_unit_test(negative_answers_take_the_soas_time),
        cmocka_unit_test(a_referral_is_not_an_answer),
        cmocka_unit_test(contradictions_are_broken),
        cmocka_unit_test(a_hundred_records_are_used),
        cmocka_unit_test(odd_ttls),
        cmocka_unit_test(records_that_hurt_ldns_are_never_shown),
        cmocka_unit_test(odd_names_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
