#include "tls/tlsrpt_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define DOMAINS 4
#define DETAILS 200

struct world {
    struct arena arena;
    struct tlsrpt_table table;
};

static void world_open(struct world *world)
{
    struct tlsrpt_table_options options = {
        .domains_max = DOMAINS, .details_max = DETAILS, .seed = {{3, 4}}};

    assert_int_equal(arena_open(&world->arena, tlsrpt_table_cost(&options)), 0);
    tlsrpt_table_init(&world->table, &world->arena, &options);
    arena_seal(&world->arena);
}

static struct tlsrpt_session session_make(const char *domain, enum tls_fault fault)
{
    return (struct tlsrpt_session){.domain = span_cstr(domain),
                                   .policy = TLSRPT_STS,
                                   .policy_lines = SPAN("version: STSv1\nmode: enforce\n"),
                                   .fault = fault,
                                   .mx_host = SPAN("mx.example"),
                                   .mx_ip = {IP_V4, {192, 0, 2, 1}}};
}

static const struct tlsrpt_domain *only_domain(const struct world *world)
{
    uint32_t cursor = 0;
    const struct tlsrpt_domain *domain = tlsrpt_table_next(&world->table, &cursor);

    assert_non_null(domain);
    assert_null(tlsrpt_table_next(&world->table, &cursor));
    return domain;
}

static uint64_t listed(const struct world *world, const struct tlsrpt_domain *domain)
{
    uint64_t count = 0;

    for (const struct tlsrpt_detail *detail = tlsrpt_table_detail(&world->table, domain, NULL);
         detail != NULL; detail = tlsrpt_table_detail(&world->table, domain, detail))
        count += detail->count;
    return count;
}

static void test_counts(void **state)
{
    struct world world;
    struct tlsrpt_session good = session_make("a.example", TLS_FAULT_NONE);
    struct tlsrpt_session bad = session_make("a.example", TLS_FAULT_EXPIRED);
    const struct tlsrpt_domain *domain;
    const struct tlsrpt_detail *detail;

    (void)state;
    world_open(&world);
    for (uint32_t i = 0; i < 5; i++)
        tlsrpt_table_add(&world.table, &good);
    for (uint32_t i = 0; i < 3; i++)
        tlsrpt_table_add(&world.table, &bad);
    domain = only_domain(&world);
    assert_int_equal(domain->counts[TLSRPT_STS].good, 5);
    assert_int_equal(domain->counts[TLSRPT_STS].failed, 3);
    assert_int_equal(domain->counts[TLSRPT_NO_POLICY].good, 0);
    detail = tlsrpt_table_detail(&world.table, domain, NULL);
    assert_int_equal(detail->count, 3);
    assert_int_equal(detail->fault, TLS_FAULT_EXPIRED);
    assert_null(tlsrpt_table_detail(&world.table, domain, detail));
    assert_int_equal(world.table.sessions, 8);
    arena_close(&world.arena);
}

/* Each part of the key makes another detail, and nothing else does. */
static void test_details_are_told_apart(void **state)
{
    struct world world;
    struct tlsrpt_session sessions[8];
    const struct tlsrpt_domain *domain;

    (void)state;
    world_open(&world);
    for (uint32_t i = 0; i < 8; i++)
        sessions[i] = session_make("a.example", TLS_FAULT_EXPIRED);
    sessions[1].fault = TLS_FAULT_NAME;
    sessions[2].mx_host = SPAN("mx2.example");
    sessions[3].mx_ip.bytes[3] = 2;
    sessions[4].mx_ip.family = IP_V6;
    sessions[5].source_ip = (struct ip){IP_V4, {192, 0, 2, 1}};
    sessions[6].policy = TLSRPT_TLSA;
    sessions[7].reason = SPAN("other words"); /* the same as the first */
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 8; i++)
            tlsrpt_table_add(&world.table, &sessions[i]);
    domain = only_domain(&world);
    assert_int_equal(domain->details_count, 7);
    assert_int_equal(listed(&world, domain), 16);
    arena_close(&world.arena);
}

static void test_domains_overflow(void **state)
{
    struct world world;
    char name[2] = "a";

    (void)state;
    world_open(&world);
    for (; name[0] < 'a' + DOMAINS + 3; name[0]++) {
        struct tlsrpt_session session = session_make(name, TLS_FAULT_NONE);

        tlsrpt_table_add(&world.table, &session);
    }
    assert_int_equal(world.table.overflow, 3);
    assert_int_equal(world.table.sessions, DOMAINS);
    arena_close(&world.arena);
}

/* What has no place for its details stays in the totals: of one domain, and of all together. */
static void test_details_overflow(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct world world;
    uint64_t unlisted = 0, failed = 0, seen = 0;
    const struct tlsrpt_domain *domain;
    uint32_t cursor = 0;

    (void)state;
    world_open(&world);
    for (uint32_t n = 0; n < 3; n++)
        for (uint32_t i = 0; i < 150; i++) {
            struct tlsrpt_session session = session_make(names[n], TLS_FAULT_NAME);

            session.mx_ip.bytes[3] = (uint8_t)i;
            tlsrpt_table_add(&world.table, &session);
        }
    while ((domain = tlsrpt_table_next(&world.table, &cursor)) != NULL) {
        unlisted += domain->counts[TLSRPT_STS].unlisted;
        failed += domain->counts[TLSRPT_STS].failed;
        seen += listed(&world, domain);
        assert_true(domain->details_count <= TLSRPT_TABLE_DETAILS_MAX);
    }
    assert_int_equal(failed, 450);
    assert_int_equal(seen, DETAILS);
    assert_int_equal(seen + unlisted, failed);
    arena_close(&world.arena);
}

static void test_policy_lines(void **state)
{
    static char lines[TLSRPT_TABLE_POLICY_MAX + 100];
    struct world world;
    struct tlsrpt_session session = session_make("a.example", TLS_FAULT_NONE);
    const struct tlsrpt_count *count;

    (void)state;
    world_open(&world);
    memset(lines, 'x', sizeof(lines));
    for (size_t i = 99; i < sizeof(lines); i += 100)
        lines[i] = '\n';
    session.policy_lines = span_make(lines, sizeof(lines));
    tlsrpt_table_add(&world.table, &session);
    count = &only_domain(&world)->counts[TLSRPT_STS];
    assert_int_equal(count->lines_size, TLSRPT_TABLE_POLICY_MAX / 100 * 100);
    session.policy_lines = SPAN("another\n");
    tlsrpt_table_add(&world.table, &session);
    assert_memory_equal(count->lines, lines, 100);
    assert_int_equal(count->lines_size, TLSRPT_TABLE_POLICY_MAX / 100 * 100);
    arena_close(&world.arena);
}

static void test_odd_names(void **state)
{
    static char name[1000];
    struct world world;
    struct tlsrpt_session session = session_make("", TLS_FAULT_NAME);

    (void)state;
    world_open(&world);
    memset(name, 'x', sizeof(name));
    tlsrpt_table_add(&world.table, &session);
    session.domain = span_make(name, 254);
    tlsrpt_table_add(&world.table, &session);
    assert_int_equal(world.table.overflow, 2);
    session.domain = span_make(name, 253);
    session.mx_host = span_make(name, sizeof(name));
    session.reason = span_make(name, sizeof(name));
    tlsrpt_table_add(&world.table, &session);
    tlsrpt_table_add(&world.table, &session);
    assert_int_equal(listed(&world, only_domain(&world)), 2);
    arena_close(&world.arena);
}

static void test_clear(void **state)
{
    struct world world;
    struct tlsrpt_session session = session_make("a.example", TLS_FAULT_NAME);
    uint32_t cursor = 0;

    (void)state;
    world_open(&world);
    for (uint32_t day = 0; day < 1000; day++) {
        tlsrpt_table_add(&world.table, &session);
        assert_int_equal(listed(&world, only_domain(&world)), 1);
        tlsrpt_table_clear(&world.table);
        cursor = 0;
        assert_null(tlsrpt_table_next(&world.table, &cursor));
    }
    assert_int_equal(world.table.sessions, 0);
    arena_close(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_details_are_told_apart),
        cmocka_unit_test(test_domains_overflow),
        cmocka_unit_test(test_details_overflow),
        cmocka_unit_test(test_policy_lines),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
