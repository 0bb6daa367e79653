#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/policy_mail.h"

static struct policy policy;
static char problem[1024];

static int complete(const char *hostname, const char *resolv)
{
    struct text error;
    int result;

    text_init(&error, problem, sizeof(problem) - 1);
    result = policy_complete(&policy, span_cstr(hostname), span_cstr(resolv), &error);
    (void)text_cstr_end(&error);
    return result;
}

static int read_yaml(const char *yaml)
{
    struct text error;
    int result;

    policy_init(&policy);
    text_init(&error, problem, sizeof(problem) - 1);
    result = policy_read(&policy, span_cstr(yaml), "r.yaml", &error);
    (void)text_cstr_end(&error);
    return result < 0 ? result : complete("host.example", "nameserver 192.0.2.53\n");
}

static void test_defaults(void **state)
{
    (void)state;
    policy_init(&policy);
    assert_int_equal(complete("host.example", ""), 0);
    assert_string_equal(policy.hostname, "host.example");
    assert_string_equal(policy.spool, "./spool");
    assert_string_equal(policy.events_directory, "./spool/events");
    assert_int_equal(policy.smtp_port, 25);
    assert_int_equal(policy.connections_max, 2000);
    assert_int_equal(policy.limits.connections_per_site, 20);
    assert_int_equal(policy.limits.messages_per_connection, 100);
    assert_int_equal(policy.limits.messages_per_hour_per_site, 0);
    assert_int_equal(policy.retry_schedule.count, 6);
    assert_int_equal(policy.retry_items[0], 5 * NS_PER_MINUTE);
    assert_int_equal(policy.retry_lifetime_ns, 4 * 86400 * NS_PER_S);
    assert_int_equal(policy.durability, DURABILITY_DURABLE);
    assert_int_equal(policy.tls_mode, POLICY_TLS_OPPORTUNISTIC);
    assert_false(policy.allow_private_addresses);
    assert_int_equal(policy.dns_servers.count, 1); /* there was none: the usual one */
    assert_string_equal(policy.dns_servers_items[0], "127.0.0.1");
}

static void test_resolvers(void **state)
{
    (void)state;
    policy_init(&policy);
    assert_int_equal(complete("h.example", "# nameserver 1.1.1.1\nsearch x\nnameserver  192.0.2.1\n"
                                           "nameserver fe80::1%eth0\n nameserver\t2001:db8::53\n"
                                           "nameserver\nnameservers 9.9.9.9"),
                     0);
    assert_int_equal(policy.dns_servers.count, 2);
    assert_string_equal(policy.dns_servers_items[0], "192.0.2.1");
    assert_int_equal(policy.dns_addresses[1].port, 53);
    assert_int_equal(read_yaml("dns: {servers: ['127.0.0.1:5353', '[::1]:54']}"), 0);
    assert_int_equal(policy.dns_servers.count, 2);
    assert_int_equal(policy.dns_addresses[0].port, 5353);
    assert_int_equal(policy.dns_addresses[1].port, 54);
}

static const struct {
    const char *yaml;
    const char *says;
} errors[] = {
    {"spol: x", "r.yaml:1:1: "},
    {"smtp:\n  prot: 25", "r.yaml:2:3: "},
    {"smtp: {port: 99x}", "r.yaml:1:14: "},
    {"smtp: {port: 0}", "r.yaml:1:14: "},
    {"smtp: {port: 65536}", "r.yaml:1:14: "},
    {"limits:\n  connections: 0\n", "r.yaml:2:16: "},
    {"durability: maybe", "r.yaml:1:13: "},
    {"retry: {schedule: [5m, soon]}", "r.yaml:1:24: "},
    {"retry: {lifetime: 31d}", "r.yaml:1:19: "},
    {"shards: 1\nshards: 2", "r.yaml:2:1: "},
    {"sites: [{connections_per_site: 3}]", "r.yaml:1:"},
    {"routes: {a.test: {hosts: [\"10.0.0.1\"], user: me}}",
     "r.yaml:1:1: routes: \"a.test\" needs both user and password_file"},
    {"routes: {a.test: {hosts: [\"10.0.0.1\"], user: me, password_file: p, tls: off}}",
     "r.yaml:1:1: routes: \"a.test\" has a password, which is never said without TLS"},
    {"tls: {domains: {a.test: {mode: perhaps}}}", "r.yaml:1:"},
    {"\ndns: {servers: [name.example]}", "r.yaml:2:7: dns.servers: \"name.example\" is not"},
    {"smtp: {source_addresses: [10.0.0.300]}",
     "r.yaml:1:8: smtp.source_addresses: \"10.0.0.300\" is not an IP address"},
    {"return_path: {domain: b.example}",
     "r.yaml:1:15: return_path.domain: \"b.example\" needs return_path.key_file"},
    {"return_path: {domain: 'a b', key_file: k}",
     "r.yaml:1:15: return_path.domain: \"a b\" is not a domain"},
    {"hostname: 'a b'", "r.yaml:1:1: hostname: \"a b\" cannot be said in EHLO"},
    {"unsubscribe: {mailto: a@b.example}",
     "r.yaml:1:15: unsubscribe.mailto: \"a@b.example\" needs return_path.domain"},
    {"unsubscribe: {url: 'https://u.example/'}",
     "r.yaml:1:15: unsubscribe.url: \"https://u.example/\" needs return_path.domain"},
    {"tlsrpt: {from: nobody}", "r.yaml:1:10: tlsrpt.from: \"nobody\" "},
    {"tlsrpt: {from: a@b.example, contact: '[x]'}", "r.yaml:1:29: tlsrpt.contact: \"[x]\" "},
    {"unsubscribe: {mailto: leave}", "r.yaml:1:15: unsubscribe.mailto: \"leave\" is not a plain"},
    {"unsubscribe: {url: 'http://u.example/'}",
     "r.yaml:1:15: unsubscribe.url: \"http://u.example/\" "
     "is not an https address"},
    {"headers: {feedback_id: news}", "r.yaml:1:11: headers.feedback_id: \"news\" has not the form"},
    {"headers: {cfbl_address: x}",
     "r.yaml:1:11: headers.cfbl_address: \"x\" is not a plain address"},
    {"headers: {cfbl_feedback_id: true}",
     "r.yaml:1:11: headers.cfbl_feedback_id: \"true\" needs headers.cfbl_address"},
    {"headers: {cfbl_address: f@b.c, cfbl_feedback_id: true}",
     "r.yaml:1:32: headers.cfbl_feedback_id: \"true\" needs return_path.domain"},
    {"signing: {threads: 65}", "r.yaml:1:20: \"signing.threads\" must be between 0 and 64"},
    {"dkim: [{domain: 'a b', selector: s, key_file: k}]",
     "r.yaml:1:8: dkim: \"a b\" is not a domain"},
    {"dkim: [{domain: a.example, key_file: k}]", "r.yaml:1:39: \"selector\" is missing"},
    {"dkim: [{domain: a.example, selector: s}]", "r.yaml:1:39: \"key_file\" is missing"},
    {"dkim: [{domain: a.b, selector: s, key_file: k},\n{domain: A.b, selector: S, key_file: l}]",
     "r.yaml:2:1: dkim: \"A.b\" has a key with this selector already"},
    {"dkim: [{domain: a.b, selector: s, key_file: k, also_sign: true},"
     "{domain: b.b, selector: s, key_file: k, also_sign: true},\n"
     "{domain: c.b, selector: s, key_file: k, also_sign: true}]",
     "r.yaml:2:1: dkim: \"c.b\" is one too many"},
    {"sites: [{match: a, connections: 3},\n{match: b, connections: 3, connections_per_site: 4}]",
     "r.yaml:2:1: sites: \"b\" has connections 3 and connections_per_site 4, which are the same"},
    {"bounces: {complaints_to: nope}", "r.yaml:1:11: bounces.complaints_to: \"nope\" "},
    {"tls:\n  domains: {a.test: off, bad domain: verified}",
     "r.yaml:2:26: tls.domains: \"bad domain\" is not a domain"},
    {"tls: {domains: {'*.': off}}", "r.yaml:1:17: tls.domains: \"*.\" is not a domain"},
    {"tls: {domains: {'*': off}}", "r.yaml:1:17: tls.domains: \"*\" is not a domain"},
    {"retry: {schedule: []}", "r.yaml:1:9: retry.schedule: \"[]\" has no wait"},
    {"retry: {schedule: null}", "r.yaml:1:9: retry.schedule: "},
    {"routes: {x.example: []}", "r.yaml:1:1: routes: \"x.example\" has no host"},
    {"routes: {x.example: ['a:99999']}",
     "r.yaml:1:1: routes: \"a:99999\" is not host or host:port"},
    {"routes: {x.example: ':25'}", "r.yaml:1:1: routes: \":25\" is not host or host:port"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (read_yaml(errors[i].yaml) == 0)
            fail_msg("accepted: %s", errors[i].yaml);
        if (strncmp(problem, errors[i].says, strlen(errors[i].says)) != 0)
            fail_msg("%s\nsays  %s\nnot   %s", errors[i].yaml, problem, errors[i].says);
    }
}

static void test_added_fields(void **state)
{
    struct added_fields_settings settings;

    (void)state;
    assert_int_equal(read_yaml("hostname: h.example"), 0);
    assert_false(policy_mail_added(&policy, &settings));
    assert_int_equal(read_yaml("return_path: {domain: b.example, key_file: k}\n"
                               "unsubscribe: {mailto: a@b.example, url: 'https://u.example/?t='}\n"
                               "headers: {feedback_id: '{{campaign}}:::s', cfbl_address: f@b.c,"
                               " cfbl_feedback_id: true}\n"),
                     0);
    assert_true(policy_mail_added(&policy, &settings));
    assert_true(span_equal(settings.mailto, SPAN("a@b.example")));
    assert_true(span_equal(settings.url, SPAN("https://u.example/?t=")));
    assert_true(span_equal(settings.feedback, SPAN("{{campaign}}:::s")));
    assert_true(span_equal(settings.cfbl, SPAN("f@b.c")));
    assert_true(settings.cfbl_id);
}

/* Of a From domain: the nearest of its own, never one that signs everybody's mail. */
static void test_signer(void **state)
{
    static const struct {
        const char *author, *signer;
    } cases[] = {
        {"b.example", "b.example"},
        {"B.EXAMPLE", "b.example"},
        {"x.b.example", "b.example"},
        {"y.n.b.example", "n.b.example"},
        {"xb.example", NULL},
        {"example", NULL},
        {"", NULL},
        {"esp.example", NULL},
        {"z.esp.example", NULL},
    };

    (void)state;
    assert_int_equal(
        read_yaml("dkim:\n"
                  "  - {domain: b.example, selector: s, key_file: k}\n"
                  "  - {domain: n.b.example, selector: s, key_file: k}\n"
                  "  - {domain: esp.example, selector: s, key_file: k, also_sign: true}\n"),
        0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct policy_dkim *signer = policy_mail_signer(&policy, span_cstr(cases[i].author));

        if ((signer == NULL) != (cases[i].signer == NULL) ||
            (signer != NULL && strcmp(signer->domain, cases[i].signer) != 0))
            fail_msg("%s: %s", cases[i].author, signer == NULL ? "none" : signer->domain);
    }
}

static void test_system_hostname_is_checked(void **state)
{
    (void)state;
    policy_init(&policy);
    assert_true(complete("my_host\r\nMAIL", "") < 0);
    policy_init(&policy);
    assert_true(complete("", "") < 0);
    assert_int_equal(read_yaml("hostname: '[192.0.2.1]'"), 0);
}

static const char *route_of(const char *domain)
{
    const struct policy_route *route = policy_route_for(&policy, span_cstr(domain));

    return route != NULL ? route->hosts_items[0] : "none";
}

static void test_routes(void **state)
{
    (void)state;
    assert_int_equal(read_yaml("routes:\n"
                               "  Exact.example: [e1, 'e2:26']\n"
                               "  '*.wide.example': w\n"
                               "  .dot.example: d\n"),
                     0);
    assert_string_equal(route_of("exact.EXAMPLE"), "e1");
    assert_string_equal(route_of("sub.exact.example"), "none");
    assert_string_equal(route_of("a.wide.example"), "w");
    assert_string_equal(route_of("wide.example"), "none");
    assert_string_equal(route_of("notwide.example"), "none");
    assert_string_equal(route_of("x.y.dot.example"), "d");
    assert_string_equal(route_of("else.example"), "none");
    assert_int_equal(read_yaml("routes: {'*': all, '.a.example': suffix, b.a.example: exact}"), 0);
    assert_string_equal(route_of("b.a.example"), "exact");
    assert_string_equal(route_of("c.a.example"), "suffix");
    assert_string_equal(route_of("z.example"), "all");
}

static void test_site_limits(void **state)
{
    struct policy_limits limits;

    (void)state;
    assert_int_equal(
        read_yaml("limits: {connections_per_site: 5, messages_per_second_per_site: 2}\n"
                  "sites:\n"
                  "  - {match: .google.com, connections_per_site: 50}\n"
                  "  - {match: mx.one.example, messages_per_second_per_site: 60/min}\n"
                  "  - {match: .example, messages_per_connection: 7}\n"),
        0);
    limits = policy_limits_for(&policy, SPAN("10:aspmx.l.GOOGLE.com,20:alt1.google.com"));
    assert_int_equal(limits.connections_per_site, 50);
    assert_int_equal(limits.messages_per_hour_per_site, 7200);
    limits = policy_limits_for(&policy, SPAN("mx.one.example"));
    assert_int_equal(limits.connections_per_site, 5);
    assert_int_equal(limits.messages_per_hour_per_site, 3600);
    assert_int_equal(limits.messages_per_connection, 100); /* the first that matches counts */
    limits = policy_limits_for(&policy, SPAN("two.example|other.net"));
    assert_int_equal(limits.messages_per_connection, 7);
    limits = policy_limits_for(&policy, SPAN("google.com.evil.net"));
    assert_int_equal(limits.connections_per_site, 5);
    limits = policy_limits_for(&policy, SPAN(""));
    assert_int_equal(limits.connections_per_site, 5);
}

/* Smart hosts are sites too: by name, with or without the port. */
static void test_site_limits_of_smart_hosts(void **state)
{
    static const struct {
        const char *site;
        uint32_t connections;
    } cases[] = {
        {"smart relay.one.example:2525", 1},
        {"smart RELAY.one.example", 1},
        {"smart tls me at relay.one.example:465", 1},
        {"smart cert 0123abcd at relay.one.example:465", 1},
        {"smart other.example:25,relay.one.example:26", 1},
        {"smart relay.two.example:26", 2},
        {"smart relay.two.example:25", 5},
        {"smart [2001:db8::1]:25", 3},
        {"smart 192.0.2.1:2525", 4},
        {"smart relay.one.example.evil.net:25", 5},
        {"smart relay.one.example at evil.net:25", 5},
    };

    (void)state;
    assert_int_equal(read_yaml("limits: {connections_per_site: 5}\n"
                               "sites:\n"
                               "  - {match: .one.example, connections_per_site: 1}\n"
                               "  - {match: 'relay.two.example:26', connections_per_site: 2}\n"
                               "  - {match: '[2001:db8::1]', connections_per_site: 3}\n"
                               "  - {match: 192.0.2.1, connections_per_site: 4}\n"),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (policy_limits_for(&policy, span_cstr(cases[i].site)).connections_per_site !=
            cases[i].connections)
            fail_msg("%s", cases[i].site);
}

/* Who asks where a setting comes from is told the line. */
static void test_lines(void **state)
{
    (void)state;
    assert_int_equal(read_yaml("routes:\n"
                               "  one.example: [10.0.0.1]\n"
                               "  two.example:\n"
                               "    hosts: [10.0.0.2]\n"
                               "limits: {connections: 30,\n"
                               "         connections_per_site: 5}\n"
                               "sites:\n"
                               "  - {match: .one.example, connections_per_site: 1}\n"
                               "  -\n"
                               "    match: .two.example\n"),
                     0);
    assert_int_equal(policy_route_for(&policy, SPAN("one.example"))->line, 2);
    assert_int_equal(policy_route_for(&policy, SPAN("two.example"))->line, 3);
    assert_int_equal(policy_site_for(&policy, SPAN("mx.one.example"))->line, 8);
    assert_int_equal(policy_site_for(&policy, SPAN("mx.two.example"))->line, 10);
    assert_null(policy_site_for(&policy, SPAN("mx.three.example")));
    assert_int_equal(policy_line(&policy, "limits.connections_per_site"), 6);
    assert_int_equal(policy_line(&policy, "limits.messages_per_connection"), 0);
}

/* Either name, or both with one value; 0 is the general limit. */
static void test_connections_of_a_site(void **state)
{
    (void)state;
    assert_int_equal(
        read_yaml("limits: {connections_per_site: 9}\n"
                  "sites:\n"
                  "  - {match: .one.example, connections: 3}\n"
                  "  - {match: .two.example, connections_per_site: 4}\n"
                  "  - {match: .three.example, connections: 5, connections_per_site: 5}\n"
                  "  - {match: .four.example, connections: 0}\n"),
        0);
    assert_int_equal(policy_limits_for(&policy, SPAN("mx.one.example")).connections_per_site, 3);
    assert_int_equal(policy_limits_for(&policy, SPAN("mx.two.example")).connections_per_site, 4);
    assert_int_equal(policy_limits_for(&policy, SPAN("mx.three.example")).connections_per_site, 5);
    assert_int_equal(policy_limits_for(&policy, SPAN("mx.four.example")).connections_per_site, 9);
}

static void test_schema_prints(void **state)
{
    static char buffer[256 * 1024];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer) - 1);
    config_reference(policy_schema(), &out);
    assert_false(out.overflow);
    text_reset(&out);
    config_json_schema(policy_schema(), &out);
    assert_false(out.overflow);
}

/* What the name servers are asked for is settled at start. */
static void test_needs_restart(void **state)
{
    static const struct {
        const char *yaml, *keys;
    } cases[] = {
        {"dns: {servers: [192.0.2.1, 192.0.2.2]}", ""},
        {"dns: {servers: [192.0.2.1]}", "dns"},
        {"dns: {servers: [192.0.2.1, 192.0.2.3]}", "dns"},
        {"dns: {servers: [192.0.2.1, '192.0.2.2:54']}", "dns"},
        {"dns: {servers: [192.0.2.1, 192.0.2.2], trust_ad: true}", "dns"},
        {"dns: {servers: [192.0.2.1, 192.0.2.2], timeout: 3s}", "dns"},
        {"dns: {servers: [192.0.2.1, 192.0.2.2]}\nshards: 3", "shards"},
        {"dns: {servers: [192.0.2.1, 192.0.2.2]}\nsigning: {threads: 2}", "signing.threads"},
        /* Off goes at once. */
        {"dns: {servers: [192.0.2.1, 192.0.2.2]}\ntls: {mta_sts: true}", "tls.mta_sts"},
    };
    static struct policy before;

    (void)state;
    assert_int_equal(read_yaml(cases[0].yaml), 0);
    before = policy;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[256];
        struct text keys;

        assert_int_equal(read_yaml(cases[i].yaml), 0);
        before.tls_mta_sts = strcmp(cases[i].keys, "tls.mta_sts") != 0;
        /* What stands between the members, and behind the last address, says nothing. */
        memset((uint8_t *)&policy.dns_addresses[0] + sizeof(struct ip), 0xa5,
               offsetof(struct ip_port, port) - sizeof(struct ip));
        policy.dns_addresses[policy.dns_servers.count].port = 1;
        text_init(&keys, buffer, sizeof(buffer));
        policy_needs_restart(&before, &policy, &keys);
        assert_string_equal(text_cstr_end(&keys), cases[i].keys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_resolvers),
        cmocka_unit_test(test_needs_restart),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_added_fields),
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_system_hostname_is_checked),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_site_limits),
        cmocka_unit_test(test_site_limits_of_smart_hosts),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_connections_of_a_site),
        cmocka_unit_test(test_schema_prints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
