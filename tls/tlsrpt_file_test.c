#include "tls/tlsrpt_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define DAY UINT64_C(1700006400)

struct world {
    struct arena arena;
    struct tlsrpt_table table;
};

static void world_open(struct world *world)
{
    struct tlsrpt_table_options options = {.domains_max = 4, .details_max = 120};

    assert_int_equal(arena_open(&world->arena, tlsrpt_table_cost(&options)), 0);
    tlsrpt_table_init(&world->table, &world->arena, &options);
}

static void fill(struct world *world)
{
    struct tlsrpt_session session = {.domain = SPAN("a.example"),
                                     .policy = TLSRPT_STS,
                                     .policy_lines = SPAN("version: STSv1\nmode: enforce\n"),
                                     .mx_host = SPAN("mx with \x01 odd\noctets"),
                                     .mx_ip = {IP_V6, {0x20, 1}},
                                     .source_ip = {IP_V4, {192, 0, 2, 1}},
                                     .reason = SPAN("why\nnot")};

    for (uint32_t i = 0; i < 3; i++)
        tlsrpt_table_add(&world->table, &session);
    for (uint32_t i = 0; i < 130; i++) { /* more than have details */
        session.fault = TLS_FAULT_EXPIRED;
        session.mx_ip.bytes[15] = (uint8_t)i;
        tlsrpt_table_add(&world->table, &session);
    }
    session = (struct tlsrpt_session){.domain = SPAN("b.example"), .fault = TLS_FAULT_STS_FETCH};
    tlsrpt_table_add(&world->table, &session);
}

/* In pieces of the smallest size. */
static struct span write_file(const struct world *world, uint8_t *buffer, size_t capacity)
{
    static uint8_t piece[TLSRPT_FILE_RECORD_MAX * 4];
    struct text whole, part;
    uint32_t cursor = 0;
    bool done = false;

    text_init(&whole, buffer, capacity);
    while (!done) {
        text_init(&part, piece, sizeof(piece));
        done = tlsrpt_file_write(&world->table, DAY, &cursor, &part);
        assert_true(done || part.size > 0);
        text_add(&whole, text_span(&part));
    }
    assert_false(whole.overflow);
    return text_span(&whole);
}

static void expect_times(const struct world *world, uint64_t times)
{
    uint32_t cursor = 0;
    const struct tlsrpt_domain *a = tlsrpt_table_next(&world->table, &cursor);
    const struct tlsrpt_domain *b = tlsrpt_table_next(&world->table, &cursor);
    const struct tlsrpt_detail *detail;

    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->counts[TLSRPT_STS].good, 3 * times);
    assert_int_equal(a->counts[TLSRPT_STS].failed, 130 * times);
    assert_int_equal(a->counts[TLSRPT_STS].unlisted, 30 * times);
    assert_int_equal(a->details_count, 100);
    assert_int_equal(a->counts[TLSRPT_STS].lines_size, 29);
    detail = tlsrpt_table_detail(&world->table, a, NULL);
    assert_int_equal(detail->count, times);
    assert_memory_equal(detail->host, "mx with \x01 odd\noctets", detail->host_size);
    assert_memory_equal(detail->reason, "why\nnot", 7);
    detail = tlsrpt_table_detail(&world->table, b, NULL);
    assert_int_equal(detail->count, times);
    assert_int_equal(detail->mx_ip.family, IP_NONE);
}

static void test_round_trip(void **state)
{
    static uint8_t buffer[256 * 1024];
    struct world world, again;
    struct span file;
    uint64_t day_s = 0;

    (void)state;
    world_open(&world);
    fill(&world);
    file = write_file(&world, buffer, sizeof(buffer));
    assert_true(tlsrpt_file_day(file, &day_s));
    assert_true(day_s == DAY);
    world_open(&again);
    for (uint32_t times = 1; times <= 2; times++) { /* the second adds up */
        assert_int_equal(tlsrpt_file_read(&again.table, file), 0);
        expect_times(&again, times);
    }
    arena_close(&again.arena);
    arena_close(&world.arena);
}

static void test_damaged(void **state)
{
    static uint8_t buffer[64 * 1024];
    struct tlsrpt_session session = {.domain = SPAN("a.example"), .fault = TLS_FAULT_NAME};
    struct world world;
    struct span file;

    (void)state;
    world_open(&world);
    tlsrpt_table_add(&world.table, &session);
    session.fault = TLS_FAULT_NONE;
    tlsrpt_table_add(&world.table, &session);
    file = write_file(&world, buffer, sizeof(buffer));
    for (size_t i = 20; i < file.size; i++) {
        struct world again;

        world_open(&again);
        buffer[i] ^= 0x01;
        if (tlsrpt_file_read(&again.table, file) == 0)
            assert_true(span_find_byte(span_first(file, i), '\n') == SPAN_NOT_FOUND); /* the day */
        assert_true(again.table.sessions <= 2);
        buffer[i] ^= 0x01;
        arena_close(&again.arena);
    }
    assert_int_equal(tlsrpt_file_read(&world.table, span_first(file, file.size - 1)), -EBADMSG);
    assert_int_equal(tlsrpt_file_read(&world.table, SPAN("")), -EBADMSG);
    assert_int_equal(tlsrpt_file_read(&world.table, SPAN("ringpost-sts 1\n")), -EBADMSG);
    arena_close(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
