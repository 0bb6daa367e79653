#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "dns/dns.h"

#define PACKET_MAX 512
#define NS_STEP NS_PER_MS
#define QUESTION_OFFSET 12

/* A name server beside the room: one MX host for each domain, one address for each host. */
struct dns_work {
    struct arena arena;
    struct dns *dns;
    struct route route;
    uint64_t now_ns;
    uint32_t number; /* of the next domain */
    uint64_t answers;
};

static size_t question_size(struct span question)
{
    size_t at = QUESTION_OFFSET;

    while (question.data[at] != 0)
        at += question.data[at] + 1u;
    return at + 5 - QUESTION_OFFSET; /* the root, type, class */
}

static void add_u16(struct text *out, uint32_t number)
{
    text_add_byte(out, (uint8_t)(number >> 8));
    text_add_byte(out, (uint8_t)number);
}

/* One record that answers the question: its owner is the name asked for, by a pointer. */
static void add_record(struct text *out, uint32_t type, struct span data)
{
    add_u16(out, 0xc000 | QUESTION_OFFSET);
    add_u16(out, type);
    add_u16(out, 1);
    add_u16(out, 0);
    add_u16(out, 3600);
    add_u16(out, (uint32_t)data.size);
    text_add(out, data);
}

static void answer(struct dns_work *work, const struct dns_packet *question)
{
    static const uint8_t mx[] = {0, 10, 2, 'm', 'x', 0xc0, QUESTION_OFFSET};
    static const uint8_t address[] = {192, 0, 3, 1};
    size_t size = question_size(question->bytes);
    uint8_t type = question->bytes.data[QUESTION_OFFSET + size - 3];
    uint8_t buffer[PACKET_MAX];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    text_add(&out, span_first(question->bytes, 2));
    add_u16(&out, 0x8180);
    add_u16(&out, 1);
    add_u16(&out, 1);
    add_u16(&out, 0);
    add_u16(&out, 0);
    text_add(&out, span_slice(question->bytes, QUESTION_OFFSET, size));
    if (type == 15)
        add_record(&out, 15, span_make(mx, sizeof(mx)));
    else
        add_record(&out, 1, span_make(address, sizeof(address)));
    CHECK(!out.overflow);
    work->answers++;
    dns_input(work->dns, work->now_ns, question->server_index, text_span(&out));
}

static void ask(struct dns_work *work, uint32_t number)
{
    struct dns_packet packet;
    char buffer[64];
    struct text name;
    uint64_t waiter;

    text_init(&name, buffer, sizeof(buffer));
    text_add_cstr(&name, "domain");
    text_add_u64(&name, number);
    text_add_cstr(&name, ".example");
    while (dns_route(work->dns, work->now_ns, text_span(&name), number, &work->route) ==
           ROUTE_PENDING) {
        while (dns_output(work->dns, &packet))
            answer(work, &packet);
        while (dns_done(work->dns, &waiter))
            CHECK(waiter == number);
    }
    CHECK(work->route.status == ROUTE_OK);
}

static void ask_new(void *context)
{
    struct dns_work *work = context;

    work->now_ns += NS_STEP;
    ask(work, work->number++);
}

static void ask_again(void *context)
{
    struct dns_work *work = context;

    ask(work, 1);
}

int micro_small_dns(struct text *out)
{
    struct dns_work work = {.now_ns = NS_PER_S, .number = 1};
    struct dns_options options = {
        .servers_count = 1, .families = DNS_IPV4_ONLY, .seed = 1, .cache_entries_max = 65536};
    int result = arena_open(&work.arena, dns_cost(&options));
    double rate;

    if (result < 0)
        return result;
    work.dns = dns_init(&work.arena, work.now_ns, &options);
    rate = micro_small_rate(ask_new, &work, 1);
    micro_small_put(out, "routes", rate);
    json_put_key_double(out, "questions_a_route", (double)work.answers / (double)(work.number - 1),
                        2);
    ask(&work, 1);
    micro_small_put(out, "cached_routes", micro_small_rate(ask_again, &work, 1));
    arena_close(&work.arena);
    return 0;
}
