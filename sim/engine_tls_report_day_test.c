/* The files of a day's reports, on a simulated disk: whose counts are read, what was posted is
 * remembered over restarts and failures, and what is old goes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/tag.h"
#include "engine/tls_report_day.h"
#include "sim/sim_world.h"
#include "tls/tlsrpt_file.h"
#include "tls/tlsrpt_report.h"

#define DAY 19000 /* since 1970 */
#define DAY_S ((uint64_t)DAY * TLSRPT_REPORT_DAY_S)
#define FOLDER "spool/tls/"
#define POSTED FOLDER "posted.19000"

struct process {
    struct arena arena;
    struct io *io;
    struct policy policy;
    struct tls_report_day day;
};

static struct process process;

static void start(void)
{
    const struct io_options io_options = {0};
    char message[256];
    struct text error;

    memset(&process, 0, sizeof(process));
    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(io_folder(process.io, "spool"), 0);
    assert_int_equal(io_folder(process.io, "spool/tls"), 0);
    policy_init(&process.policy);
    memcpy(process.policy.spool, "spool", 6);
    assert_int_equal(arena_open(&process.arena, tls_report_day_cost()), 0);
    tls_report_day_init(&process.day, &process.arena, process.io, &process.policy);
}

static void end(void)
{
    arena_close(&process.arena);
    io_close(process.io);
}

static void pass(uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    tls_report_day_turn(&process.day);
    while (sim_world_now_ns() < until_ns) {
        struct io_event events[4];
        uint32_t count =
            io_wait(process.io, min_u64(until_ns, sim_world_now_ns() + NS_PER_S), events, 4);

        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(tag_op_of(events[i].tag), TAG_SNAPSHOT);
            tls_report_day_event(&process.day, &events[i]);
        }
        tls_report_day_turn(&process.day);
    }
}

static void begin(uint64_t day_s)
{
    tls_report_day_begin(&process.day, day_s, true);
    for (uint32_t i = 0; !tls_report_day_read(&process.day); i++)
        assert_true(i < 1000);
}

/* A file that counts so many good sessions of the domain on that day. */
static void make_counts(const char *path, uint64_t day_s, const char *domain, uint32_t sessions)
{
    const struct tlsrpt_table_options options = {.domains_max = 4, .details_max = 4};
    const struct tlsrpt_session session = {.domain = span_cstr(domain)};
    static uint8_t bytes[TLSRPT_FILE_RECORD_MAX * 4];
    struct tlsrpt_table table;
    struct arena arena;
    uint32_t cursor = 0;
    struct text text;

    assert_int_equal(arena_open(&arena, tlsrpt_table_cost(&options)), 0);
    tlsrpt_table_init(&table, &arena, &options);
    for (uint32_t i = 0; i < sessions; i++)
        tlsrpt_table_add(&table, &session);
    text_init(&text, bytes, sizeof(bytes));
    assert_true(tlsrpt_file_write(&table, day_s, &cursor, &text));
    assert_int_equal(sim_world_file_make(path, text_span(&text)), 0);
    arena_close(&arena);
}

static uint64_t good_of(const char *domain)
{
    const struct tlsrpt_domain *item;
    uint32_t cursor = 0;

    while ((item = tlsrpt_table_next(&process.day.table, &cursor)) != NULL)
        if (span_equal(span_make(item->name, item->name_size), span_cstr(domain)))
            return item->counts[TLSRPT_NO_POLICY].good;
    return 0;
}

/* Files of all shards and lives of this day, and of no other. */
static void test_counts_of_the_day(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start();
    make_counts(FOLDER "rpt.19000.0", DAY_S, "a.test", 3);
    make_counts(FOLDER "rpt.19000.1", DAY_S, "a.test", 40);
    make_counts(FOLDER "rpt.19000.12", DAY_S, "b.test", 5);
    make_counts(FOLDER "rpt.19000.3.new", DAY_S, "a.test", 100); /* half-written */
    make_counts(FOLDER "rpt.18999.0", DAY_S - TLSRPT_REPORT_DAY_S, "a.test", 200);
    make_counts(FOLDER "rpt.190000.0", DAY_S * 10, "a.test", 400);
    make_counts(FOLDER "rpt.19000.4", DAY_S + TLSRPT_REPORT_DAY_S, "a.test", 800); /* says so */
    make_counts(FOLDER "other.19000.0", DAY_S, "a.test", 1600);
    assert_int_equal(sim_world_file_make(FOLDER "rpt.19000.5", SPAN("ringpost-tlsrpt 1 nonsense")),
                     0);
    assert_int_equal(sim_world_file_make(FOLDER "rpt.19000.6", SPAN("")), 0);
    begin(DAY_S);
    assert_int_equal(good_of("a.test"), 43);
    assert_int_equal(good_of("b.test"), 5);
    begin(DAY_S - TLSRPT_REPORT_DAY_S); /* forgets the one before */
    assert_int_equal(good_of("a.test"), 200);
    assert_int_equal(good_of("b.test"), 0);
    begin(DAY_S - 2 * TLSRPT_REPORT_DAY_S);
    assert_int_equal(process.day.table.domains.claimed_count, 0);
    end();
    sim_world_close();
}

static bool was(const char *domain, const char *url)
{
    return tls_report_day_was_posted(&process.day, span_cstr(domain), span_cstr(url));
}

static void note(const char *domain, const char *url)
{
    tls_report_day_note_posted(&process.day, span_cstr(domain), span_cstr(url));
}

static void test_posted_over_a_restart(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start();
    begin(DAY_S);
    assert_true(tls_report_day_is_saved(&process.day));
    note("a.test", "https://a.test/v1");
    note("b.test", "https://a.test/v1?x=1");
    assert_true(was("a.test", "https://a.test/v1"));
    assert_false(tls_report_day_is_saved(&process.day));
    pass(NS_PER_S);
    assert_true(tls_report_day_is_saved(&process.day));
    end();
    start();
    begin(DAY_S);
    assert_true(tls_report_day_is_saved(&process.day)); /* what was read is no news */
    assert_true(was("a.test", "https://a.test/v1"));
    assert_true(was("b.test", "https://a.test/v1?x=1"));
    assert_false(was("b.test", "https://a.test/v1")); /* a part of a line is no line */
    assert_false(was("test", "https://a.test/v1"));
    assert_false(was("a.test", "https://a.test/v2"));
    note("c.test", "https://c.test/");
    pass(NS_PER_S);
    begin(DAY_S + TLSRPT_REPORT_DAY_S);
    assert_false(was("a.test", "https://a.test/v1"));
    begin(DAY_S);
    assert_true(was("a.test", "https://a.test/v1"));
    assert_true(was("c.test", "https://c.test/"));
    end();
    sim_world_close();
}

/* A list that ends within a line: what is whole counts, and what is added stands alone. */
static void test_damaged_list(void **state)
{
    static const struct {
        const char *list;
        bool a, b;
    } cases[] = {
        {"", false, false},
        {"a.test https://a.test/\nb.test https://b.te", true, false},
        {"a.test https://a.test/", false, false},
        {"\n\n\na.test https://a.test/\n\nb.test https://b.test/\n", true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sim_world_open(1, NULL);
        start();
        assert_int_equal(sim_world_file_make(POSTED, span_cstr(cases[i].list)), 0);
        begin(DAY_S);
        assert_int_equal(was("a.test", "https://a.test/"), cases[i].a);
        assert_int_equal(was("b.test", "https://b.test/"), cases[i].b);
        note("c.test", "https://c.test/");
        assert_true(was("c.test", "https://c.test/"));
        pass(NS_PER_S);
        end();
        start();
        begin(DAY_S);
        assert_true(was("c.test", "https://c.test/"));
        assert_int_equal(was("a.test", "https://a.test/"), cases[i].a);
        end();
        sim_world_close();
    }
}

/* Told once, tried again after a minute, and nobody waits for it. */
static void test_failing_disk(void **state)
{
    int error = 0;

    (void)state;
    sim_world_open(1, NULL);
    start();
    begin(DAY_S);
    assert_false(tls_report_day_take_failure(&process.day, &error));
    sim_world_disk_options()->write_failure_permille = 1000;
    note("a.test", "https://a.test/");
    assert_false(tls_report_day_is_settled(&process.day));
    pass(NS_PER_S);
    assert_false(tls_report_day_is_saved(&process.day));
    assert_true(tls_report_day_is_settled(&process.day));
    assert_true(tls_report_day_is_idle(&process.day));
    assert_true(tls_report_day_take_failure(&process.day, &error));
    assert_int_equal(error, -EIO);
    pass(3 * SNAPSHOT_RETRY_NS);
    assert_false(tls_report_day_take_failure(&process.day, &error));
    /* The same day again keeps what is not in its file, another one tells anew. */
    begin(DAY_S);
    assert_true(was("a.test", "https://a.test/"));
    pass(2 * SNAPSHOT_RETRY_NS);
    assert_true(tls_report_day_take_failure(&process.day, &error));
    sim_world_disk_options()->write_failure_permille = 0;
    pass(2 * SNAPSHOT_RETRY_NS);
    assert_true(tls_report_day_is_saved(&process.day));
    end();
    start();
    begin(DAY_S);
    assert_true(was("a.test", "https://a.test/"));
    end();
    sim_world_close();
}

/* A list as long as the memory for it is written and read whole; what is beyond is left out. */
static void test_long_list(void **state)
{
    char url[64] = "";
    uint32_t fitting, line_size = 0;

    (void)state;
    sim_world_open(1, NULL);
    start();
    begin(DAY_S);
    for (uint32_t i = 0; i < 50000; i++) {
        (void)snprintf(url, sizeof(url), "https://a.test/%06u", i);
        line_size = (uint32_t)(strlen("a.test ") + strlen(url) + 1);
        note("a.test", url);
    }
    fitting = (uint32_t)(TLS_REPORT_DAY_POSTED_SIZE / line_size);
    assert_int_equal(process.day.posted.size, fitting * line_size);
    pass(10 * NS_PER_S);
    end();
    start();
    begin(DAY_S);
    assert_int_equal(process.day.posted.size, fitting * line_size);
    assert_true(was("a.test", "https://a.test/000000"));
    (void)snprintf(url, sizeof(url), "https://a.test/%06u", fitting - 1);
    assert_true(was("a.test", url));
    (void)snprintf(url, sizeof(url), "https://a.test/%06u", fitting);
    assert_false(was("a.test", url));
    end();
    sim_world_close();
}

static void test_old_files_go(void **state)
{
    static const struct {
        const char *name;
        bool goes;
    } cases[] = {
        {"rpt.18985.0", true},
        {"rpt.18986.0", false},
        {"rpt.18985.0.new", true},
        {"posted.18985", true},
        {"posted.18986", false},
        {"posted.1", true},
        {"posted.18985.new", true},
        {"rpt.19000.0", false},
        {"rpt.x", false},
        {"rpt.", false},
        {"posted.", false},
        {"tickets.1", false},
        {"policies.1", false},
        {"rpt.1234567890.0", false},
        {"rpt.0000000001.0", false},
    };

    (void)state;
    sim_world_open(1, NULL);
    start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[64] = "";

        (void)snprintf(path, sizeof(path), FOLDER "%s", cases[i].name);
        assert_int_equal(sim_world_file_make(path, SPAN("x")), 0);
    }
    tls_report_day_clean(&process.day, DAY_S);
    assert_false(tls_report_day_is_idle(&process.day));
    pass(NS_PER_S);
    assert_true(tls_report_day_is_idle(&process.day));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[64] = "";
        uint64_t size;

        (void)snprintf(path, sizeof(path), FOLDER "%s", cases[i].name);
        if ((sim_world_file_size(path, &size) == -ENOENT) != cases[i].goes)
            fail_msg("%s", cases[i].name);
    }
    end();
    sim_world_close();
}

/* More in a day than the shards can leave behind. */
static void test_many_old_files_go(void **state)
{
    enum { COUNT = 2 * (POLICY_SHARDS_MAX + 1) };
    char path[64] = "";
    uint64_t size;

    (void)state;
    sim_world_open(1, NULL);
    start();
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(path, sizeof(path), FOLDER "rpt.%u.%u", 100 + i % 2, i);
        assert_int_equal(sim_world_file_make(path, SPAN("x")), 0);
    }
    tls_report_day_clean(&process.day, DAY_S);
    pass(NS_PER_S);
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(path, sizeof(path), FOLDER "rpt.%u.%u", 100 + i % 2, i);
        assert_int_equal(sim_world_file_size(path, &size), -ENOENT);
    }
    end();
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_of_the_day), cmocka_unit_test(test_posted_over_a_restart),
        cmocka_unit_test(test_damaged_list),      cmocka_unit_test(test_failing_disk),
        cmocka_unit_test(test_long_list),         cmocka_unit_test(test_old_files_go),
        cmocka_unit_test(test_many_old_files_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
