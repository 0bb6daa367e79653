#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/config.h"
#include "base/config_sample.h"

static char message[2048];

static int read_into(struct sample_settings *settings, struct config_origin *origin,
                     const char *yaml)
{
    struct text error;
    int status;

    text_init(&error, message, sizeof(message));
    status = config_read(&sample_schema, span_cstr(yaml), "t.yaml", settings, origin, &error);
    (void)text_cstr_end(&error);
    return status;
}

static void test_defaults(void **state)
{
    struct sample_settings settings;

    (void)state;
    sample_prepare(&settings);
    assert_string_equal(settings.hostname, "");
    assert_string_equal(settings.required, "abc");
    assert_int_equal(settings.port, 25);
    assert_false(settings.allow);
    assert_int_equal(settings.size, 65536);
    assert_int_equal(settings.timeout_ns, 300 * NS_PER_MS);
    assert_int_equal(settings.mode, 1);
    assert_int_equal(settings.schedule.count, 3);
    assert_int_equal(settings.schedule_items[2], 3600 * NS_PER_S);
    assert_int_equal(settings.servers.count, 0);
    assert_int_equal(settings.sites.count, 0);
}

static const char whole_file[] = "# a comment\n"
                                 "hostname: mail.example\n"
                                 "shards: 8\n"
                                 "smtp:\n"
                                 "  port: 2525\n"
                                 "  allow_private_addresses: yes\n"
                                 "  deep: {size: 10MB, timeout: 1m30s}\n"
                                 "  rate: 100/min\n"
                                 "tls: {mode: off}\n"
                                 "retry: {schedule: [1s, 2h]}\n"
                                 "dns: {servers: [\"192.0.2.1\", '2001:db8::1']}\n"
                                 "dkim:\n"
                                 "  - domain: a.example\n"
                                 "  - {domain: b.example, selector: x, limits: {connections: 9}}\n"
                                 "routes:\n"
                                 "  \"example.net\": [\"10.0.0.5:2525\", b]\n"
                                 "  one.example: host\n"
                                 "  \"*\": {hosts: [c], tls: required}\n";

static void check_whole(const struct sample_settings *settings)
{
    assert_string_equal(settings->hostname, "mail.example");
    assert_int_equal(settings->shards, 8);
    assert_int_equal(settings->port, 2525);
    assert_true(settings->allow);
    assert_int_equal(settings->size, 10000000);
    assert_int_equal(settings->timeout_ns, 90 * NS_PER_S);
    assert_int_equal(settings->rate_per_hour, 6000);
    assert_int_equal(settings->mode, 0);
    assert_int_equal(settings->schedule.count, 2);
    assert_int_equal(settings->schedule_items[0], NS_PER_S);
    assert_int_equal(settings->servers.count, 2);
    assert_string_equal(settings->servers_items[1], "2001:db8::1");
    assert_int_equal(settings->sites.count, 2);
    assert_string_equal(settings->sites_items[0].domain, "a.example");
    assert_string_equal(settings->sites_items[0].selector, "s1");
    assert_int_equal(settings->sites_items[0].connections, 7);
    assert_string_equal(settings->sites_items[1].selector, "x");
    assert_int_equal(settings->sites_items[1].connections, 9);
    assert_int_equal(settings->sites_items[1].timeout_ns, 5 * NS_PER_S);
    assert_int_equal(settings->routes.count, 3);
    assert_string_equal(settings->routes_items[0].key, "example.net");
    assert_int_equal(settings->routes_items[0].hosts.count, 2);
    assert_string_equal(settings->routes_items[0].hosts_items[0], "10.0.0.5:2525");
    assert_int_equal(settings->routes_items[0].tls, 1);
    assert_int_equal(settings->routes_items[1].hosts.count, 1);
    assert_string_equal(settings->routes_items[2].key, "*");
    assert_string_equal(settings->routes_items[2].hosts_items[0], "c");
    assert_int_equal(settings->routes_items[2].tls, 2);
}

static void test_whole_file(void **state)
{
    struct sample_settings settings;
    struct config_origin origin;

    (void)state;
    sample_prepare(&settings);
    if (read_into(&settings, &origin, whole_file) != 0)
        fail_msg("%s", message);
    check_whole(&settings);
    assert_int_equal(origin.line[0], 2);
    assert_int_equal(origin.column[0], 1);
    assert_int_equal(origin.line[1], 0);
    assert_int_equal(origin.line[3], 5);
    assert_int_equal(origin.line[5], 7);
    assert_int_equal(origin.line[12], 15);
}

/* What config_show prints reads back as the same values, and prints the same again. */
static void test_show_reads_back(void **state)
{
    static char shown[2][8192];
    struct sample_settings settings, again;
    struct config_origin origin;
    struct text out;

    (void)state;
    sample_prepare(&settings);
    assert_int_equal(read_into(&settings, &origin, whole_file), 0);
    text_init(&out, shown[0], sizeof(shown[0]));
    config_show(&sample_schema, &settings, &origin, "t.yaml", true, &out);
    assert_false(out.overflow);
    assert_non_null(strstr(text_cstr_end(&out), "\n  port: 2525  # t.yaml:5\n"));
    assert_non_null(strstr(shown[0], "required: \"abc\"  # default\n"));
    sample_prepare(&again);
    if (read_into(&again, &origin, shown[0]) != 0)
        fail_msg("%s\n%s", message, shown[0]);
    check_whole(&again);

    text_reset(&out);
    config_show(&sample_schema, &settings, &origin, "t.yaml", false, &out);
    (void)text_cstr_end(&out);
    text_init(&out, shown[1], sizeof(shown[1]));
    config_show(&sample_schema, &again, &origin, "t.yaml", false, &out);
    assert_string_equal(shown[0], text_cstr_end(&out));
}

static void test_accepted(void **state)
{
    static const char *const files[] = {
        "",
        "# nothing\n",
        "---\n",
        "null\n",
        "smtp:\n",
        "smtp: {}\n",
        "hostname:\n",
        "hostname: ~\n",
        "dns: {servers: }\n",
        "dns: {servers: 192.0.2.1}\n",
        "dkim:\n",
        "dkim: []\n",
        "routes: {}\n",
        "retry: {schedule: 5m}\n",
        "\xef\xbb\xbfshards: 3\n",
        "smtp: {port: '26'}\n",
        "hostname: \"null\"\n",
        "%YAML 1.1\n---\nshards: 1\n...\n",
        "hostname: k\xc3\xb6ln\n",
        "smtp: {deep: {size: 1024}}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct sample_settings settings;
        struct config_origin origin;

        sample_prepare(&settings);
        if (read_into(&settings, &origin, files[i]) != 0)
            fail_msg("%s: %s", files[i], message);
    }
}

static size_t print_wrong(const char *yaml, const char *wanted)
{
    print_error("%s\nwanted %s\n   got %s\n", yaml, wanted, message);
    return 1;
}

static void test_refused(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"shard: 1\n", "t.yaml:1:1: unknown key \"shard\", did you mean \"shards\""},
        {"smtp:\n  prot: 1\n", "t.yaml:2:3: unknown key \"prot\", did you mean \"port\""},
        {"port: 1\n", "t.yaml:1:1: unknown key \"port\", did you mean \"smtp.port\""},
        {"smtp.port: 1\n", "t.yaml:1:1: unknown key \"smtp.port\""},
        {"zzzzzzz: 1\n", "t.yaml:1:1: unknown key \"zzzzzzz\""},
        {"\"\": 1\n", "t.yaml:1:1: unknown key \"\""},
        {"shards: 65\n", "t.yaml:1:9: \"shards\" must be between 0 and 64"},
        {"shards: -1\n", "t.yaml:1:9: \"shards\" must be a whole number"},
        {"shards: 99999999999999999999\n", "t.yaml:1:9: \"shards\" must be a whole number"},
        {"shards:\n", "t.yaml:1:8: \"shards\" needs a value"},
        {"shards: [1]\n", "t.yaml:1:9: \"shards\" needs one value"},
        {"shards: 1\nshards: 2\n", "t.yaml:2:1: \"shards\" is here twice"},
        {"smtp: {port: 1}\nsmtp: {rate: 1}\n", "t.yaml:2:1: \"smtp\" is here twice"},
        {"smtp: 5\n", "t.yaml:1:7: \"smtp\" needs settings below it (name: value)"},
        {"smtp: {deep: {size: 5}}\n",
         "t.yaml:1:21: \"smtp.deep.size\" must be between 1KiB and 10MB"},
        {"smtp: {deep: {timeout: 5}}\n",
         "t.yaml:1:24: \"smtp.deep.timeout\" must be a time such as 300ms, 5m or 4d"},
        {"smtp: {deep: {timeout: 5us}}\n",
         "t.yaml:1:24: \"smtp.deep.timeout\" must be at least 1ms"},
        {"smtp: {allow_private_addresses: maybe}\n",
         "t.yaml:1:33: \"smtp.allow_private_addresses\" must be true or false"},
        {"tls: {mode: requird}\n", "t.yaml:1:13: \"tls.mode\" must be one of off, opportunistic, "
                                   "required; did you mean \"required\""},
        {"tls: {mode: 7}\n",
         "t.yaml:1:13: \"tls.mode\" must be one of off, opportunistic, required"},
        {"hostname: sixteen-bytes-xy\n", "t.yaml:1:11: \"hostname\" is longer than 15 bytes"},
        {"hostname: \"a\\r\\nb\"\n",
         "t.yaml:1:11: \"hostname\" must not contain control characters"},
        {"hostname: \"a\\0b\"\n", "t.yaml:1:11: \"hostname\" must not contain control characters"},
        {"required: \"\"\n", "t.yaml:1:11: \"required\" must not be empty"},
        {"required: x\n", "t.yaml:1:11: \"required\" is too short"},
        {"required:\n", "t.yaml:1:10: \"required\" needs a value"},
        {"retry: {schedule: [1s, 2s, 3s, 4s, 5s]}\n",
         "t.yaml:1:36: \"retry.schedule\" takes at most 4 items"},
        {"retry: {schedule: [soon]}\n",
         "t.yaml:1:20: \"retry.schedule\" must be a time such as 300ms, 5m or 4d"},
        {"retry: {schedule: [[1s]]}\n", "t.yaml:1:20: \"retry.schedule\" takes single values only"},
        {"retry: {schedule: [1s, ~]}\n",
         "t.yaml:1:24: \"retry.schedule\" takes single values only"},
        {"dns: {servers: {a: b}}\n", "t.yaml:1:16: \"dns.servers\" needs a list"},
        {"dns: {servers: [a, b, c, d]}\n", "t.yaml:1:26: \"dns.servers\" takes at most 3 items"},
        {"dkim: {domain: x}\n", "t.yaml:1:7: \"dkim\" needs a list (- item)"},
        {"dkim: [x]\n", "t.yaml:1:8: \"dkim\" takes items with settings (name: value)"},
        {"dkim: [{selector: x}]\n", "t.yaml:1:20: \"domain\" is missing before this place"},
        {"dkim: [{domain: x, domain: y}]\n", "t.yaml:1:20: \"domain\" is here twice"},
        {"dkim: [{domain: x, limits: {conections: 1}}]\n",
         "t.yaml:1:29: unknown key \"conections\", did you mean \"connections\""},
        {"dkim: [{domain: a}, {domain: b}, {domain: c}, {domain: d}]\n",
         "t.yaml:1:47: \"dkim\" takes at most 3 items"},
        {"routes: [a]\n", "t.yaml:1:9: \"routes\" needs a map (key: value)"},
        {"routes: {a: b, a: c}\n", "t.yaml:1:16: \"a\" is here twice"},
        {"routes: {a: b, c: d, e: f, g: h}\n", "t.yaml:1:28: \"routes\" takes at most 3 items"},
        {"routes: {\"\": b}\n", "t.yaml:1:10: \"\" is empty, too long or has control characters"},
        {"routes: {a: {host: b}}\n", "t.yaml:1:14: unknown key \"host\", did you mean \"hosts\""},
        {"- a\n", "t.yaml:1:1: the file must hold settings (name: value)"},
        {"hello\n", "t.yaml:1:1: the file must hold settings (name: value)"},
        {"? [a]\n: b\n", "t.yaml:1:3: a key must be a name"},
        {"shards: 1\n---\nshards: 2\n", "t.yaml:2:1: a second document in the file"},
        {"shards: &a 1\n", "t.yaml:1:9: anchors (&), aliases (*) and tags (!) are not taken"},
        {"shards: *a\n", "t.yaml:1:9: anchors (&), aliases (*) and tags (!) are not taken"},
        {"shards: !!int 1\n", "t.yaml:1:9: anchors (&), aliases (*) and tags (!) are not taken"},
        {"smtp: {port: 1\n", "t.yaml:2:1: did not find expected ',' or '}'"},
        {"hostname: b: c\n", "t.yaml:1:12: mapping values are not allowed in this context"},
        {"shards: 1\n\tsmtp:\n", "t.yaml:2:1: "},
        {"hostname: ok\nrequired: a\xff\n", "t.yaml:2:12: invalid leading UTF-8 octet"},
        {"hostname: \"unfinished\n", "t.yaml:2:1: found unexpected end of stream"},
    };

    size_t wrong_count = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sample_settings settings;
        struct config_origin origin;
        int status;

        sample_prepare(&settings);
        status = read_into(&settings, &origin, cases[i].yaml);
        if (status != -EINVAL || strncmp(message, cases[i].error, strlen(cases[i].error)) != 0)
            wrong_count += print_wrong(cases[i].yaml, cases[i].error);
    }
    assert_int_equal(wrong_count, 0);
}

/* Every cut and every changed byte of a good file ends in 0 or -EINVAL, with a message. */
static void test_damaged(void **state)
{
    static const char odd[] = "\0\n\t:-[{}]\"'&*!%#@`\xff\xc3?|>~";
    char yaml[sizeof(whole_file)];
    struct text error;

    (void)state;
    for (size_t i = 0; i < sizeof(whole_file) * 2; i++) {
        struct sample_settings settings;
        struct config_origin origin;
        size_t at = i % sizeof(whole_file);
        bool cut = i >= sizeof(whole_file);
        int status;

        memcpy(yaml, whole_file, sizeof(whole_file));
        if (!cut)
            yaml[at] = odd[i % (sizeof(odd) - 1)];
        sample_prepare(&settings);
        text_init(&error, message, sizeof(message));
        status = config_read(&sample_schema, span_make(yaml, cut ? at : sizeof(whole_file) - 1),
                             "t.yaml", &settings, &origin, &error);
        assert_true(status == 0 || status == -EINVAL);
        assert_true((status == 0) == (error.size == 0));
    }
}

static void test_deep_nesting(void **state)
{
    char yaml[4096];
    struct sample_settings settings;
    struct config_origin origin;

    (void)state;
    memset(yaml, '[', sizeof(yaml) - 1);
    yaml[sizeof(yaml) - 1] = 0;
    memcpy(yaml, "dkim: ", 6);
    sample_prepare(&settings);
    assert_int_equal(read_into(&settings, &origin, yaml), -EINVAL);
}

static void test_json_schema(void **state)
{
    static char buffer[16384];
    struct text out;
    json_error_t error;
    json_t *root, *node;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    config_json_schema(&sample_schema, &out);
    assert_false(out.overflow);
    root = json_loads(text_cstr_end(&out), JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s at %d: %s", error.text, error.position, buffer);
    node = json_object_get(root, "properties");
    assert_int_equal(json_object_size(node), 9);
    node = json_object_get(json_object_get(node, "smtp"), "properties");
    assert_int_equal(json_object_size(node), 4);
    node = json_object_get(json_object_get(node, "deep"), "properties");
    assert_int_equal(json_object_size(node), 2);
    node = json_object_get(json_object_get(root, "properties"), "dkim");
    node = json_object_get(json_object_get(node, "items"), "properties");
    assert_int_equal(json_object_size(node), 4);
    json_decref(root);
}

static void test_reference(void **state)
{
    static char buffer[8192];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    config_reference(&sample_schema, &out);
    assert_false(out.overflow);
    (void)text_cstr_end(&out);
    assert_non_null(strstr(buffer, "| `smtp.port` | number | `25` | 1 to 65535 | Port. |\n"));
    assert_non_null(strstr(buffer, "| `dkim[].limits.connections` | number | `7` |"));
    assert_non_null(strstr(buffer, "| `routes.<key>.tls` | one of | `opportunistic` | off, "));
    assert_non_null(strstr(buffer, "EHLO name \\| as it is."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_accepted),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),         cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_json_schema),     cmocka_unit_test(test_reference),
        cmocka_unit_test(test_show_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
