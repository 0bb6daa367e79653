#include "tls/tlsrpt_report.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/prng.h"

#define DAY UINT64_C(1700006400) /* 2023-11-15 */

static uint8_t json_bytes[TLSRPT_REPORT_JSON_MAX];
static uint8_t gzip_bytes[TLSRPT_REPORT_GZIP_MAX];
static uint8_t mail_bytes[TLSRPT_REPORT_MAIL_MAX];
static uint8_t workspace[TLSRPT_REPORT_WORKSPACE];

static const struct tlsrpt_report report = {.organization = SPAN_INIT("Ringel & \"Co\""),
                                            .submitter = SPAN_INIT("mailer.ringel.example"),
                                            .contact = SPAN_INIT("postmaster@ringel.example"),
                                            .domain = SPAN_INIT("a.example"),
                                            .day_s = DAY,
                                            .number = 7};

struct world {
    struct arena arena;
    struct tlsrpt_table table;
};

static void world_open(struct world *world)
{
    struct tlsrpt_table_options options = {.domains_max = 4, .details_max = 400};

    assert_int_equal(arena_open(&world->arena, tlsrpt_table_cost(&options)), 0);
    tlsrpt_table_init(&world->table, &world->arena, &options);
}

static struct span write_json(const struct world *world)
{
    uint32_t cursor = 0;
    const struct tlsrpt_domain *domain = tlsrpt_table_next(&world->table, &cursor);
    struct text out;

    assert_non_null(domain);
    text_init(&out, json_bytes, sizeof(json_bytes));
    tlsrpt_report_json(&report, &world->table, domain, &out);
    assert_false(out.overflow);
    return text_span(&out);
}

static json_t *load(struct span json)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL)
        fail_msg("%s", error.text);
    return root;
}

static void test_days(void **state)
{
    static const struct {
        uint64_t day_s;
        const char *id;
    } days[] = {
        {0, "1970-01-01.7.a.example"},
        {UINT64_C(951782400), "2000-02-29.7.a.example"},
        {UINT64_C(951868800), "2000-03-01.7.a.example"},
        {DAY, "2023-11-15.7.a.example"},
        {UINT64_C(1709164800), "2024-02-29.7.a.example"},
        {UINT64_C(4107542400), "2100-03-01.7.a.example"},
        {UINT64_C(1798675200), "2026-12-31.7.a.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct tlsrpt_report other = report;
        char buffer[TLSRPT_REPORT_ID_MAX + 1];
        struct text text;

        other.day_s = days[i].day_s;
        text_init(&text, buffer, sizeof(buffer));
        tlsrpt_report_id(&other, &text);
        assert_string_equal(text_cstr_end(&text), days[i].id);
    }
}

static void test_json(void **state)
{
    struct world world;
    struct tlsrpt_session session = {
        .domain = SPAN("a.example"),
        .policy = TLSRPT_STS,
        .policy_lines = SPAN("version: STSv1\nmode: testing\nmx: *.a.example\nmax_age: 9\n"),
        .fault = TLS_FAULT_EXPIRED,
        .mx_host = SPAN("mx.a.example"),
        .mx_ip = {IP_V6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        .source_ip = {IP_V4, {192, 0, 2, 9}},
        .reason = SPAN("expired \"yesterday\"\x1b"),
    };
    const char *type = NULL, *domain = NULL, *host = NULL, *pattern = NULL, *ip = NULL,
               *start = NULL;
    json_int_t good = 0, failed = 0, details = 0;
    json_t *root;

    (void)state;
    world_open(&world);
    tlsrpt_table_add(&world.table, &session);
    tlsrpt_table_add(&world.table, &session);
    session.fault = TLS_FAULT_NONE;
    tlsrpt_table_add(&world.table, &session);
    root = load(write_json(&world));
    assert_int_equal(
        json_unpack(root, "{s:{s:s},s:[{s:{s:s,s:s,s:[s]},s:{s:I,s:I},s:[{s:s,s:s,s:I}]}]}",
                    "date-range", "start-datetime", &start, "policies", "policy", "policy-type",
                    &type, "policy-domain", &domain, "mx-host", &pattern, "summary",
                    "total-successful-session-count", &good, "total-failure-session-count", &failed,
                    "failure-details", "receiving-mx-hostname", &host, "receiving-ip", &ip,
                    "failed-session-count", &details),
        0);
    assert_string_equal(start, "2023-11-15T00:00:00Z");
    assert_string_equal(type, "sts");
    assert_string_equal(domain, "a.example");
    assert_string_equal(pattern, "*.a.example");
    assert_string_equal(host, "mx.a.example");
    assert_string_equal(ip, "2001:db8::1");
    assert_int_equal(good, 1);
    assert_int_equal(failed, 2);
    assert_int_equal(details, 2);
    json_decref(root);
    arena_close(&world.arena);
}

/* The worst that can be told of a domain: every text full of what JSON must escape. */
static void fill(struct world *world)
{
    static char lines[2000], host[255], reason[96];
    struct tlsrpt_session session = {.domain = SPAN("a.example")};
    struct prng prng;

    prng_seed(&prng, 5);
    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % 100 == 99 ? '\n' : '\x01';
    memcpy(lines, "mx: ", 4);
    session.policy_lines = span_make(lines, sizeof(lines));
    for (uint32_t i = 0; i < 400; i++) {
        memset(host, '\x02', sizeof(host));
        prng_fill(&prng, host, 8);
        memset(reason, '\x03', sizeof(reason));
        session.policy = i % TLSRPT_POLICIES;
        session.fault = TLS_FAULT_NAME;
        session.mx_host = span_make(host, sizeof(host));
        session.reason = span_make(reason, sizeof(reason));
        session.mx_ip = (struct ip){IP_V6, {0}};
        prng_fill(&prng, session.mx_ip.bytes, 16);
        tlsrpt_table_add(&world->table, &session);
    }
}

static void test_the_largest_fits(void **state)
{
    struct world world;
    struct text gzip, mail;
    struct span json;

    (void)state;
    world_open(&world);
    fill(&world);
    json = write_json(&world);
    json_decref(load(json));
    text_init(&gzip, gzip_bytes, sizeof(gzip_bytes));
    assert_int_equal(
        tlsrpt_report_gzip(json, (struct span_mut){workspace, sizeof(workspace)}, &gzip), 0);
    text_init(&mail, mail_bytes, sizeof(mail_bytes));
    assert_int_equal(tlsrpt_report_mail(&report, SPAN("r@a.example"), text_span(&gzip), DAY, &mail),
                     0);
    arena_close(&world.arena);
}

static void expect_unpacked(struct span gzip, struct span wanted)
{
    uint8_t *bytes = malloc(wanted.size + 1);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)gzip.data,
                       .avail_in = (uInt)gzip.size,
                       .next_out = bytes,
                       .avail_out = (uInt)wanted.size + 1};

    assert_non_null(bytes);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, wanted.size);
    if (wanted.size > 0)
        assert_memory_equal(bytes, wanted.data, wanted.size);
    (void)inflateEnd(&stream); /* the end of the test */
    free(bytes);
}

static void test_gzip(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 100000, TLSRPT_REPORT_JSON_MAX};
    struct span_mut memory = {workspace + 3, sizeof(workspace) - 3}; /* not aligned */
    struct prng prng;
    struct text gzip;

    (void)state;
    prng_seed(&prng, 1);
    prng_fill(&prng, json_bytes, sizeof(json_bytes)); /* what cannot be packed */
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        text_init(&gzip, gzip_bytes, sizeof(gzip_bytes));
        assert_int_equal(tlsrpt_report_gzip(span_make(json_bytes, sizes[i]), memory, &gzip), 0);
        expect_unpacked(text_span(&gzip), span_make(json_bytes, sizes[i]));
    }
    text_init(&gzip, gzip_bytes, 1000);
    assert_int_equal(tlsrpt_report_gzip(span_make(json_bytes, 2000), memory, &gzip), -ENOSPC);
    assert_int_equal(gzip.size, 0);
    memory.size = 100000;
    text_init(&gzip, gzip_bytes, sizeof(gzip_bytes));
    assert_int_equal(tlsrpt_report_gzip(span_make(json_bytes, 2000), memory, &gzip), -ENOSPC);
}

static void test_mail(void **state)
{
    static const char *const wanted[] = {
        "From: postmaster@ringel.example\r\n",
        "To: r@a.example\r\n",
        "Subject: Report Domain: a.example\r\n Submitter: mailer.ringel.example\r\n",
        " Report-ID: <2023-11-15.7.a.example@mailer.ringel.example>\r\n",
        "TLS-Report-Domain: a.example\r\n",
        "TLS-Report-Submitter: mailer.ringel.example\r\n",
        "TLS-Required: No\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n",
        "Content-Type: application/tlsrpt+gzip\r\n",
        "filename=\"mailer.ringel.example!a.example!1700006400!1700092799!7.json.gz\"\r\n",
        "\r\n\r\nYWJj\r\n--",
    };
    struct text mail;

    (void)state;
    text_init(&mail, mail_bytes, sizeof(mail_bytes));
    assert_int_equal(tlsrpt_report_mail(&report, SPAN("r@a.example"), SPAN("abc"), DAY, &mail), 0);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (span_find(text_span(&mail), span_cstr(wanted[i])) == SPAN_NOT_FOUND)
            fail_msg("missing: %s", wanted[i]);
    for (size_t i = 0; i < mail.size; i++)
        if (mail.data[i] == '\n')
            assert_int_equal(mail.data[i - 1], '\r');
    text_init(&mail, mail_bytes, 500);
    assert_int_equal(tlsrpt_report_mail(&report, SPAN("r@a.example"), SPAN("abc"), DAY, &mail),
                     -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_the_largest_fits),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_mail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
