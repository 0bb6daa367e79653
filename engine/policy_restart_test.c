#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/policy.h"

/* The one in force; a fresh one says some of it otherwise. */
static const char base[] =
    "hostname: a.example\n"
    "shards: 2\n"
    "return_path: {domain: b.example, key_file: /key}\n"
    "dns: {servers: [192.0.2.1, 192.0.2.2]}\n"
    "tls: {mta_sts: false, ca_file: /ca}\n"
    "limits: {connections: 100}\n"
    "durability: os\n"
    "events: {directory: /events}\n"
    "hygiene: {path: /hygiene, addresses: 5000}\n"
    "bounces: {foreign_verp: [{pattern: '{list}+{local}={domain}@l.example'}],\n"
    "          listen: ['192.0.2.7:25'], tls_cert: /cert, tls_key: /ckey}\n"
    "routes: {c.example: {hosts: [relay], tls_cert: /rc, tls_key: /rk}}\n";

static const struct {
    const char *from, *to; /* in `base` */
    const char *keys;
} changes[] = {
    {"", "", ""},
    {"a.example", "z.example", "hostname"},
    {"shards: 2", "shards: 3", "shards"},
    {"shards: 2", "signing: {threads: 1}\nshards: 2", "signing.threads"},
    {"b.example", "d.example", ""},
    {"/key}", "/other}", "return_path"},
    {"/key}", "/key, previous_keys: [/old]}", "return_path"},
    {"shards: 2", "spool: /elsewhere\nshards: 2", "spool"},
    {"return_path: {domain: b.example, key_file: /key}", "", "return_path"},
    {"192.0.2.1,", "192.0.2.3,", "dns"},
    {", 192.0.2.2", "", "dns"},
    {"192.0.2.2", "'192.0.2.2:54'", "dns"},
    {"192.0.2.2]", "192.0.2.2], timeout: 1s", "dns"},
    {"192.0.2.2]", "192.0.2.2], trust_ad: true", "dns"},
    {"shards", "smtp: {allow_private_addresses: true}\nshards", "smtp.allow_private_addresses"},
    {"mta_sts: false", "mta_sts: true", "tls.mta_sts"},
    {"/ca}", "/authorities}", "tls.ca_file"},
    {"connections: 100", "connections: 101", "limits.connections"},
    {"connections: 100", "connections: 100, connections_per_site: 1", ""},
    {"durability: os", "durability: durable", "durability"},
    {"/events", "/events2", "events.directory"},
    {"/hygiene", "/hygiene2", "hygiene.path"},
    {"5000", "6000", "hygiene.addresses"},
    {"192.0.2.7:25", "192.0.2.7:26", "bounces"},
    {"'192.0.2.7:25'", "'192.0.2.7:25', '192.0.2.8:25'", "bounces"},
    {"/cert", "/cert2", "bounces"},
    {"/ckey", "/ckey2", "bounces"},
    {"/ckey}", "/ckey, timeout: 1m}", ""},
    {"[relay]", "[relay, 'second:26']", ""},
    {"/rc", "/rc2", "routes.tls_cert"},
    {"/rk", "/rk2", "routes.tls_cert"},
    {"c.example", "'*'", ""}, /* read already, for whichever route */
    {"routes: {", "routes: {e.example: {hosts: [x], tls_cert: /rc, tls_key: /rk}, ", ""},
    {"routes: {", "routes: {e.example: {hosts: [x], tls_cert: /rk, tls_key: /rc}, ",
     "routes.tls_cert"},
    {", tls_cert: /rc, tls_key: /rk", "", ""}, /* one fewer */
    {"a.example\nshards: 2", "z.example\nshards: 3", "hostname, shards"},
};

static void read_policy(struct policy *policy, struct span yaml)
{
    char problem[1024];
    struct text error;
    int result;

    policy_init(policy);
    text_init(&error, problem, sizeof(problem) - 1);
    result = policy_read(policy, yaml, "r.yaml", &error);
    if (result == 0)
        result = policy_complete(policy, SPAN("host.example"), SPAN(""), &error);
    if (result < 0)
        fail_msg("%s", text_cstr_end(&error));
}

static void test_what_only_a_start_reads(void **state)
{
    static struct policy policy, fresh;

    (void)state;
    read_policy(&policy, span_cstr(base));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        char bytes[sizeof(base) + 200], buffer[256];
        size_t at = span_find(span_cstr(base), span_cstr(changes[i].from));
        struct text yaml, keys;

        assert_true(at != SPAN_NOT_FOUND);
        text_init(&yaml, bytes, sizeof(bytes));
        text_add(&yaml, span_make(base, at));
        text_add_cstr(&yaml, changes[i].to);
        text_add_cstr(&yaml, base + at + strlen(changes[i].from));
        assert_false(yaml.overflow);
        read_policy(&fresh, text_span(&yaml));
        text_init(&keys, buffer, sizeof(buffer));
        policy_needs_restart(&policy, &fresh, &keys);
        if (strcmp(text_cstr_end(&keys), changes[i].keys) != 0)
            fail_msg("\"%s\" for \"%s\": \"%s\"", changes[i].to, changes[i].from, buffer);
    }
}

/* Where nothing is taken in and nothing kept apart there is nothing to compare either. */
static void test_defaults_agree(void **state)
{
    static struct policy policy, fresh;
    char buffer[256];
    struct text keys;

    (void)state;
    read_policy(&policy, SPAN(""));
    read_policy(&fresh, SPAN(""));
    text_init(&keys, buffer, sizeof(buffer));
    policy_needs_restart(&policy, &fresh, &keys);
    assert_string_equal(text_cstr_end(&keys), "");
    read_policy(&fresh, span_cstr(base)); /* mta_sts goes off at once */
    policy_needs_restart(&policy, &fresh, &keys);
    assert_string_equal(
        text_cstr_end(&keys),
        "hostname, shards, dns, limits.connections, durability, routes.tls_cert, tls.ca_file, "
        "return_path, events.directory, bounces, hygiene.addresses, hygiene.path");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_only_a_start_reads),
        cmocka_unit_test(test_defaults_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
