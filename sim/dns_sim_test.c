/* dns_sim: answers of every kind of zone, octet by octet where it matters, over io.h. */
#include "sim/dns_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "io/io.h"
#include "sim/sim_world.h"
#include "sim/wire_sim.h"

static const struct ip_port name_server = {{IP_V4, {11, 255, 0, 1}}, 53};

static struct text question(uint8_t *buffer, size_t size, const char *name, uint8_t type, bool edns)
{
    struct span rest = span_cstr(name);
    struct text text;

    text_init(&text, buffer, size);
    text_add(&text, SPAN("\x12\x34\x01\0\0\1\0\0\0\0\0"));
    text_add_byte(&text, edns ? 1 : 0);
    while (rest.size > 0) {
        struct span label = span_split(&rest, '.');

        text_add_byte(&text, (uint8_t)label.size);
        text_add(&text, label);
    }
    text_add(&text, SPAN("\0\0"));
    text_add_byte(&text, type);
    text_add(&text, SPAN("\0\1"));
    if (edns)
        text_add(&text, SPAN("\0\0\x29\x04\xd0\0\0\0\0\0\0"));
    return text;
}

static struct text answer(const struct zones *zones, const char *name, uint8_t type, bool edns)
{
    static uint8_t out[16384];
    uint8_t buffer[512];
    struct text packet = question(buffer, sizeof(buffer), name, type, edns);
    struct wire_question asked;
    struct text text;

    assert_true(wire_sim_question(text_span(&packet), &asked));
    assert_string_equal(asked.name, name);
    text_init(&text, out, sizeof(out));
    wire_sim_answer(zones, &asked, &text, asked.udp_size);
    return text;
}

static void fill(struct zones *zones)
{
    const struct ip v4 = {IP_V4, {11, 0, 0, 1}};
    const struct ip v6 = {IP_V6, {0x26}};
    uint32_t host;
    uint32_t zone;

    zones_open_empty(zones);
    host = zones_add_host(zones, "mx.test", &v4, &v6);
    zone = zones_add(zones, "a.test", ZONE_MX);
    zones_add_mx(zones, zone, 10, host);
    zone = zones_add(zones, "many.test", ZONE_MANY_MX);
    for (uint32_t i = 0; i < 100; i++)
        zones_add_mx(zones, zone, 10, host);
    (void)zones_add(zones, "null.test", ZONE_NULL_MX);
    (void)zones_add(zones, "none.test", ZONE_NXDOMAIN);
    (void)zones_add(zones, "empty.test", ZONE_EMPTY);
    zone = zones_add(zones, "alias.test", ZONE_CNAME);
    zones->zones[zone].alias = 0;
    zone = zones_add(zones, "self.test", ZONE_IMPLICIT);
    zones->zones[zone].host = host;
}

static void test_answers(void **state)
{
    static const struct {
        const char *name;
        uint8_t type;
        uint8_t rcode;
        uint8_t answers;
        uint8_t authorities;
        bool truncated;
    } cases[] = {
        {"a.test", 15, 0, 1, 0, false},     {"A.tEsT", 15, 0, 1, 0, false},
        {"a.test", 1, 0, 0, 1, false},      {"mx.test", 1, 0, 1, 0, false},
        {"mx.test", 28, 0, 1, 0, false},    {"many.test", 15, 0, 0, 0, true},
        {"null.test", 15, 0, 1, 0, false},  {"none.test", 15, 3, 0, 1, false},
        {"empty.test", 15, 0, 0, 1, false}, {"alias.test", 15, 0, 2, 0, false},
        {"self.test", 15, 0, 0, 1, false},  {"self.test", 1, 0, 1, 0, false},
        {"other.test", 1, 3, 0, 1, false},
    };
    struct zones zones;

    (void)state;
    fill(&zones);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text text = answer(&zones, cases[i].name, cases[i].type, i % 2 == 0);

        assert_int_equal(text.data[0], 0x12);
        assert_int_equal(text.data[1], 0x34);
        assert_int_equal(text.data[2], 0x81 | (cases[i].truncated ? 2 : 0));
        assert_int_equal(text.data[3], 0x80 | cases[i].rcode);
        assert_int_equal(text.data[7], cases[i].answers);
        assert_int_equal(text.data[9], cases[i].authorities);
        assert_int_equal(text.data[11], i % 2 == 0);
    }
    zones_close(&zones);
}

static void test_octets(void **state)
{
    struct zones zones;
    struct text text;

    (void)state;
    fill(&zones);
    text = answer(&zones, "a.test", 15, false);
    assert_true(span_equal(text_span(&text),
                           SPAN("\x12\x34\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\x0f\0\1"
                                "\1a\4test\0\0\x0f\0\1\0\0\1\x2c\0\x0b\0\x0a\2mx\4test\0")));
    zones_close(&zones);
}

static uint32_t ask(struct io *io, int socket, const char *name, uint8_t *ret, uint32_t ret_max)
{
    uint8_t buffer[512];
    struct text packet = question(buffer, sizeof(buffer), name, 15, true);
    struct span part = text_span(&packet);
    uint64_t until_ns = io_now_ns(io) + 20 * NS_PER_S;
    uint32_t count = 0;
    struct io_event event;

    io_send(io, 4, socket, &part, 1);
    while (io_now_ns(io) < until_ns) {
        if (io_wait(io, until_ns, &event, 1) == 0 || (event.flags & IO_EVENT_BUFFER) == 0)
            continue;
        if (count < ret_max)
            ret[count] = io_buffer(io, &event).data[1];
        count++;
        io_buffer_return(io, &event);
    }
    return count;
}

static void test_troubles_over_udp(void **state)
{
    static const struct {
        enum zone_trouble trouble;
        uint32_t answers;
        uint8_t ids[2];
    } cases[] = {
        {ZONE_WELL, 1, {0x34, 0}},       {ZONE_LAME, 0, {0, 0}},
        {ZONE_DOUBLED, 2, {0x34, 0x34}}, {ZONE_WRONG_ID, 2, {0x34 ^ 0x5a, 0x34}},
        {ZONE_SERVFAIL, 1, {0x34, 0}},   {ZONE_LOOP, 1, {0x34, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct io_address to = {.ip = name_server};
        struct zones zones;
        struct dns_sim dns;
        struct io *io;
        struct io_event event = {0};
        uint8_t ids[2] = {0};
        int socket;

        sim_world_open(i, NULL);
        fill(&zones);
        zones.zones[0].trouble = cases[i].trouble;
        dns_sim_open(&dns, sim_world_net(), &zones, i);
        dns_sim_listen(&dns, &name_server);
        assert_int_equal(io_open(&io, &(struct io_options){0}, NULL), 0);
        io_socket(io, 1, &(struct io_socket_options){.kind = IO_UDP, .family = IP_V4});
        while (io_wait(io, UINT64_MAX, &event, 1) == 0)
            ;
        socket = event.result;
        io_connect(io, 2, socket, &to);
        while (io_wait(io, UINT64_MAX, &event, 1) == 0)
            ;
        io_recv(io, 3, socket);
        assert_int_equal(ask(io, socket, "a.test", ids, 2), cases[i].answers);
        assert_memory_equal(ids, cases[i].ids, 2);
        dns_sim_close(&dns);
        zones_close(&zones);
        sim_world_close();
    }
}

/* Who is silent when: all, the dead ones, and each in its spells. */
static void test_silence(void **state)
{
    static const struct {
        struct dns_sim_silence silence;
        uint32_t answers; /* of one server over six spells of 30 s */
    } cases[] = {
        {{.all = true}, 0}, {{.dead = 1}, 0}, {{.dead = 2}, 6}, {{.spell_ns = 30 * NS_PER_S}, 4},
        {{0}, 6},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct io_address to = {.ip = name_server};
        struct zones zones;
        struct dns_sim dns;
        struct io *io;
        struct io_event event = {0};
        uint8_t ids[2] = {0};
        uint32_t answers = 0;

        sim_world_open(i, NULL);
        fill(&zones);
        dns_sim_open(&dns, sim_world_net(), &zones, i);
        dns_sim_listen(&dns, &name_server);
        dns.silence = cases[i].silence;
        assert_int_equal(io_open(&io, &(struct io_options){0}, NULL), 0);
        io_socket(io, 1, &(struct io_socket_options){.kind = IO_UDP, .family = IP_V4});
        while (io_wait(io, UINT64_MAX, &event, 1) == 0)
            ;
        int socket = event.result;
        io_connect(io, 2, socket, &to);
        while (io_wait(io, UINT64_MAX, &event, 1) == 0)
            ;
        io_recv(io, 3, socket);
        uint64_t start_ns = (sim_world_now_ns() / (30 * NS_PER_S) + 1) * 30 * NS_PER_S;
        for (uint64_t k = 0; k < 6; k++) {
            while (sim_world_now_ns() < start_ns + k * 30 * NS_PER_S)
                assert_true(io_wait(io, start_ns + k * 30 * NS_PER_S, &event, 1) <= 1);
            answers += ask(io, socket, "a.test", ids, 2);
        }
        assert_int_equal(answers, cases[i].answers);
        assert_int_equal(dns.questions_count, 6);
        dns_sim_close(&dns);
        zones_close(&zones);
        sim_world_close();
    }
}

static void test_zones_of_a_seed(void **state)
{
    uint32_t kinds[ZONE_KIND_COUNT] = {0};
    struct zones zones;

    (void)state;
    zones_open(
        &zones, 9,
        &(struct zones_options){.zones_count = 300, .trouble_percent = 30, .ipv6_percent = 30});
    for (uint32_t i = 0; i < zones.zones_count; i++) {
        uint8_t out[16384];
        uint8_t buffer[512];
        struct text packet = question(buffer, sizeof(buffer), zones.zones[i].name, 15, true);
        struct wire_question asked;
        struct text text;

        kinds[zones.zones[i].kind]++;
        assert_int_equal(zones_find(&zones, span_cstr(zones.zones[i].name)), i);
        assert_true(wire_sim_question(text_span(&packet), &asked));
        text_init(&text, out, sizeof(out));
        wire_sim_answer(&zones, &asked, &text, sizeof(out));
        wire_sim_spoil(&text, &asked, &zones.prng);
        if (zones_delivers(&zones, i))
            assert_true(zones_kind(&zones, i) < ZONE_NULL_MX);
    }
    for (uint32_t i = 0; i < ZONE_KIND_COUNT; i++)
        assert_true(kinds[i] > 5);
    for (uint32_t i = 0; i < zones.hosts_count; i++)
        assert_int_equal(zones_find_host(&zones, span_cstr(zones.hosts[i].name)), i);
    zones_close(&zones);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),           cmocka_unit_test(test_octets),
        cmocka_unit_test(test_troubles_over_udp), cmocka_unit_test(test_silence),
        cmocka_unit_test(test_zones_of_a_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
