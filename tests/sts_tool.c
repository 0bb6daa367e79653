/* sts_tool.c - fetches MTA-STS policies with engine/sts_fetch on the real ring, for tests in other
 * languages.
 *
 * sts_tool FOLDER NAMESERVER:PORT ROOTS.pem HTTPS-PORT TIMEOUT-MS DOMAIN... asks for all at once,
 * prints one line for each domain when it is known - domain, knowledge, mode, id, fault,
 * milliseconds, "-" for nothing - and ends when what it learned is in the folder. With --special
 * addresses of loopback may be asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/policy.h"
#include "engine/resolver.h"
#include "engine/sts_fetch.h"
#include "engine/tag.h"

#define WAITING_MAX 256
#define LIMIT_NS (70 * NS_PER_S)

struct asking {
    struct io *io;
    struct resolver resolver;
    struct sts_fetch fetch;
    uint64_t started_ns;
    char **domains;
    uint32_t count;
    bool known[WAITING_MAX];
    uint32_t known_count;
};

static struct asking asking;
static struct policy policy;

static int complain(const char *what, int error)
{
    (void)fprintf(stderr, "sts_tool: %s: %s\n", what, strerror(-error));
    return 1;
}

static void print(const char *domain, const struct sts_view *view)
{
    static const char *const names[] = {
        [STS_UNKNOWN] = "unknown", [STS_WITHOUT] = "without", [STS_POLICY] = "policy"};
    unsigned long long ms = (io_now_ns(asking.io) - asking.started_ns) / NS_PER_MS;

    (void)printf("%s %s %s %.*s %s %llu\n", domain, names[view->knowledge],
                 view->policy != NULL ? sts_policy_mode_name(view->policy->mode) : "-",
                 view->id.size > 0 ? (int)view->id.size : 1,
                 view->id.size > 0 ? (const char *)view->id.data : "-",
                 view->fault != TLS_FAULT_NONE ? tls_demand_fault_name(view->fault) : "-", ms);
}

static void ask(uint32_t index)
{
    struct sts_view view;

    if (asking.known[index])
        return;
    if (sts_fetch_ask(&asking.fetch, span_cstr(asking.domains[index]), index, &view) !=
        STS_FETCH_KNOWN)
        return;
    asking.known[index] = true;
    asking.known_count++;
    print(asking.domains[index], &view);
}

static void turn(uint64_t deadline_ns)
{
    struct io_event events[64];
    uint64_t waiter;
    uint32_t count, owner;

    deadline_ns = min_u64(deadline_ns, resolver_deadline_ns(&asking.resolver));
    deadline_ns = min_u64(deadline_ns, sts_fetch_deadline_ns(&asking.fetch));
    count = io_wait(asking.io, deadline_ns, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        enum tag_op op = tag_op_of(events[i].tag);

        if (op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT)
            resolver_event(&asking.resolver, &events[i]);
        else
            sts_fetch_event(&asking.fetch, &events[i]);
    }
    resolver_expire(&asking.resolver);
    while (dns_done(asking.resolver.dns, &waiter)) {
        CHECK(sts_fetch_owns(waiter));
        sts_fetch_answered(&asking.fetch, waiter);
    }
    sts_fetch_turn(&asking.fetch);
    while (sts_fetch_done(&asking.fetch, &owner))
        ask(owner);
    for (uint32_t i = 0; i < asking.count && !asking.fetch.stopping; i++)
        ask(i); /* those for which there was no place */
    resolver_turn(&asking.resolver);
}

static int run(void)
{
    asking.started_ns = io_now_ns(asking.io);
    while (asking.known_count < asking.count || asking.fetch.jobs.claimed_count > 0) {
        if (io_now_ns(asking.io) > asking.started_ns + LIMIT_NS)
            return complain("too long", -ETIME);
        turn(io_now_ns(asking.io) + 20 * NS_PER_MS);
    }
    while (!sts_fetch_stop(&asking.fetch) || !resolver_stop(&asking.resolver))
        turn(io_now_ns(asking.io) + 20 * NS_PER_MS);
    return 0;
}

static struct span read_file(const char *path)
{
    static uint8_t bytes[1024 * 1024];
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;

    if (file != NULL)
        (void)fclose(file); /* only read from */
    return span_make(bytes, size);
}

static int open_all(char **arguments, bool special)
{
    static struct arena arena;
    static struct tls_context tls;
    struct io_options io_options = {0};
    struct resolver_options resolver = {
        .policy = &policy, .cache_entries_max = 1024, .questions_max = 64};
    struct tls_context_options roots = {.role = TLS_CLIENT, .roots_pem = read_file(arguments[2])};
    struct sts_fetch_options fetch = {.tls = &tls,
                                      .allow_special = special,
                                      .port = (uint16_t)strtoul(arguments[3], NULL, 10),
                                      .timeout_ns = strtoul(arguments[4], NULL, 10) * NS_PER_MS,
                                      .folder = span_cstr(arguments[0]),
                                      .sync = true,
                                      .domains_max = 1024,
                                      .policies_max = 1024};
    char message[512];
    struct text why;
    int r;

    text_init(&why, message, sizeof(message));
    policy_init(&policy);
    policy.dns_servers.count = 1;
    policy.allow_private_addresses = true;
    if (!ip_parse_port(span_cstr(arguments[1]), 53, &policy.dns_addresses[0]))
        return complain(arguments[1], -EINVAL);
    r = io_open(&asking.io, &io_options, &why);
    if (r == 0)
        r = io_folder(asking.io, arguments[0]);
    if (r == 0)
        r = tls_context_open(&tls, &roots, &why);
    if (r == 0)
        r = arena_open(&arena, resolver_cost(&resolver) + sts_fetch_cost(&fetch));
    if (r < 0)
        return complain(text_cstr_end(&why), r);
    resolver_init(&asking.resolver, &arena, asking.io, &resolver);
    fetch.io = asking.io;
    fetch.dns = asking.resolver.dns;
    r = sts_fetch_init(&asking.fetch, &arena, &fetch);
    return r < 0 ? complain(arguments[0], r) : 0;
}

int main(int count, char **arguments)
{
    bool special = count > 1 && strcmp(arguments[1], "--special") == 0;
    int first = special ? 2 : 1, r;

    if (count < first + 6 || count - first - 5 > WAITING_MAX)
        return complain("FOLDER NAMESERVER:PORT ROOTS HTTPS-PORT TIMEOUT-MS DOMAIN...", -EINVAL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    r = open_all(arguments + first, special);
    if (r != 0)
        return r;
    asking.domains = arguments + first + 5;
    asking.count = (uint32_t)(count - first - 5);
    r = run();
    io_close(asking.io);
    return r;
}
