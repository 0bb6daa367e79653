/* cmd_key.c - `ringpost key make|show|check`: signing keys, the DNS records that publish them, and
 * whether those are there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json_put.h"
#include "base/nearest.h"
#include "tools/exit_code.h"
#include "tools/key_check.h"
#include "tools/named_key.h"
#include "tools/option_reader.h"
#include "tools/txt_asker.h"
#include "tools/verb.h"

#define BITS_DEFAULT 2048
#define ASK_NS (30 * NS_PER_S)

struct key_options {
    const char *domain;
    const char *selector;
    const char *file;
    const char *config;
    const char *bits;
    bool ed25519;
    bool json;
};

static const struct option long_options[] = {{"domain", required_argument, NULL, 'd'},
                                             {"selector", required_argument, NULL, 's'},
                                             {"out", required_argument, NULL, 'o'},
                                             {"key", required_argument, NULL, 'o'},
                                             {"bits", required_argument, NULL, 'b'},
                                             {"ed25519", no_argument, NULL, 'e'},
                                             {"config", required_argument, NULL, 'f'},
                                             {"json", no_argument, NULL, 'j'},
                                             {NULL, 0, NULL, 0}};

static int parse(struct key_options *options, int argc, char **argv)
{
    const char **texts[256] = {['d'] = &options->domain,
                               ['s'] = &options->selector,
                               ['o'] = &options->file,
                               ['b'] = &options->bits,
                               ['f'] = &options->config};
    struct option_reader reader;
    int option;

    memset(options, 0, sizeof(*options));
    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'e')
            options->ed25519 = true;
        else if (option == 'j')
            options->json = true;
        else if (option > 0 && option < 256 && texts[option] != NULL)
            *texts[option] = optarg;
        else
            return verb_complain("key", "%s", reader.problem);
    }
    if (optind < argc)
        return verb_complain("key", "\"%s\" is one word too many", argv[optind]);
    return 0;
}

/* --- what is printed --- */

static void add_json(struct text *out, const struct named_key *named)
{
    json_put_key_cstr(out, "domain", named->domain);
    json_put_key_cstr(out, "selector", named->selector);
    json_put_key_cstr(out, "name", named->name);
    json_put_key_cstr(out, "key_file", named->path);
    json_put_key_cstr(out, "algorithm", sign_algorithm_name(named->key.algorithm));
    json_put_key_u64(out, "bits", named->key.bits);
}

static void print_json_line(const struct text *out)
{
    (void)printf("%.*s\n", (int)out->size, (const char *)out->data);
}

/* The record alone goes to standard output: it can be appended to a zone. */
static void print_record(const struct named_key *named, bool json)
{
    char buffer[8192];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    if (json) {
        json_put_open(&out, '{');
        add_json(&out, named);
        json_put_key_string(&out, "record", named->record);
        json_put_close(&out, '}');
    } else {
        dkim_record_write_zone(span_cstr(named->name), named->record, &out);
    }
    print_json_line(&out);
    if (sign_key_is_short(&named->key))
        (void)fprintf(stderr, "note: %u bits are few; receivers expect 2048 (RFC 8301)\n",
                      named->key.bits);
}

static void print_check(const struct named_key *named, const struct key_check *check, bool json)
{
    char buffer[4096];
    struct text out;

    if (!json) {
        (void)printf("%s: %s", named->name, key_check_status_name(check->status));
        if (check->status == KEY_CHECK_GOOD && named->key.algorithm == SIGN_RSA_SHA256)
            (void)printf(": publishes this key (RSA, %u bits)\n", named->key.bits);
        else if (check->status == KEY_CHECK_GOOD)
            (void)printf(": publishes this key (Ed25519)\n");
        else
            (void)printf(": %s\n", check->problem);
        return;
    }
    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    add_json(&out, named);
    json_put_key_cstr(&out, "status", key_check_status_name(check->status));
    json_put_key_u64(&out, "records", check->records);
    json_put_key_cstr(&out, "problem", check->problem[0] != '\0' ? check->problem : NULL);
    json_put_close(&out, '}');
    print_json_line(&out);
}

/* --- make --- */

static int parse_bits(const struct key_options *options, uint32_t *ret_bits)
{
    uint64_t bits = BITS_DEFAULT;

    if (options->bits != NULL && options->ed25519)
        return verb_complain("key", "an Ed25519 key has no --bits");
    if (options->bits != NULL &&
        (!span_number(span_cstr(options->bits), SIGN_KEY_BITS_MAX, &bits) ||
         (bits != 1024 && bits != 2048 && bits != 3072 && bits != 4096)))
        return verb_complain("key", "--bits is 1024, 2048, 3072 or 4096");
    *ret_bits = (uint32_t)bits;
    return 0;
}

static int make(const struct key_options *options)
{
    struct named_key named;
    uint32_t bits = 0;
    int result = parse_bits(options, &bits);

    if (result != 0)
        return result;
    if (options->domain == NULL || options->selector == NULL || options->file == NULL)
        return verb_complain("key", "make needs --domain, --selector and --out");
    if (options->config != NULL)
        return verb_complain("key", "make takes no --config");
    result = named_key_init(&named, options->domain, options->selector, options->file);
    if (result != 0)
        return result;
    result = named_key_make(&named, options->ed25519 ? SIGN_ED25519_SHA256 : SIGN_RSA_SHA256, bits);
    if (result != 0)
        return result;
    print_record(&named, options->json);
    (void)fflush(stdout); /* "above" */
    (void)fprintf(stderr,
                  "made %s (%s), which its owner alone can read\n"
                  "publish the record above, then: ringpost key check --domain %s --selector %s "
                  "--key %s\n"
                  "and sign with it: dkim: [{domain: %s, selector: %s, key_file: %s}]\n",
                  named.path, named_key_kind(&named), named.domain, named.selector, named.path,
                  named.domain, named.selector, named.path);
    return EXIT_ALL_ACCEPTED;
}

/* --- show and check --- */

struct visiting {
    const struct key_options *options;
    struct txt_asker *asker; /* check; NULL: show */
};

static int visit(const struct visiting *visiting, const char *domain, const char *selector,
                 const char *path)
{
    struct named_key named;
    struct key_check check;
    struct txt_set set;
    struct span name;
    int result = named_key_init(&named, domain, selector, path);

    if (result == 0)
        result = named_key_read(&named);
    if (result != 0)
        return result;
    if (visiting->asker == NULL) {
        print_record(&named, visiting->options->json);
        return EXIT_ALL_ACCEPTED;
    }
    name = span_cstr(named.name);
    txt_asker_ask(visiting->asker, &name, 1, ASK_NS, &set);
    key_check_judge(&set, &named.key, &check);
    print_check(&named, &check, visiting->options->json);
    if (check.status == KEY_CHECK_UNKNOWN)
        return EXIT_TRY_AGAIN;
    return check.status == KEY_CHECK_GOOD ? EXIT_ALL_ACCEPTED : EXIT_SOME_FAILED;
}

static bool wanted(const char *given, const char *configured)
{
    return given == NULL || span_equal_nocase(span_cstr(given), span_cstr(configured));
}

/* The key of the command line, or those of the configuration that it does not exclude. The worst
 * exit code. */
static int visit_all(const struct visiting *visiting, const struct policy *policy)
{
    const struct key_options *options = visiting->options;
    int worst = EXIT_ALL_ACCEPTED;
    uint32_t count = 0;

    if (options->file != NULL)
        return visit(visiting, options->domain, options->selector, options->file);
    for (uint32_t i = 0; i < policy->dkim.count; i++) {
        const struct policy_dkim *item = &policy->dkim_items[i];
        int result;

        if (!wanted(options->domain, item->domain) || !wanted(options->selector, item->selector))
            continue;
        result = visit(visiting, item->domain, item->selector, item->key_file);
        worst = result > worst ? result : worst;
        count++;
    }
    if (count > 0)
        return worst;
    return verb_complain("key", "%s, so say which: --domain, --selector and --key",
                         policy->dkim.count == 0 ? "no key is configured"
                                                 : "no such key is configured");
}

static int show(const struct key_options *options)
{
    const struct visiting visiting = {options, NULL};
    struct settings settings;
    int result = settings_load_policy(&settings, options->config, NULL);

    if (result != 0)
        return result;
    result = visit_all(&visiting, settings.policy);
    settings_free(&settings);
    return result;
}

static int check(const struct key_options *options)
{
    static struct txt_asker asker;
    const struct visiting visiting = {options, &asker};
    struct spool spool;
    int result = spool_open(&spool, options->config, NULL, false);

    if (result != 0)
        return result;
    result = txt_asker_open(&asker, &spool);
    if (result == 0) {
        result = visit_all(&visiting, spool.settings.policy);
        txt_asker_close(&asker);
    } else {
        result = verb_complain(
            "key", "%s", result == -ENODEV ? "no name server is configured" : strerror(-result));
    }
    (void)spool_close(&spool); /* nothing was written */
    return result;
}

static int look(const struct key_options *options, int (*run)(const struct key_options *options))
{
    if (options->ed25519 || options->bits != NULL)
        return verb_complain("key", "--ed25519 and --bits are for key make");
    if (options->file != NULL && (options->domain == NULL || options->selector == NULL))
        return verb_complain("key", "a key file needs --domain and --selector");
    return run(options);
}

int verb_key(int argc, char **argv)
{
    static const char *const words[] = {"make", "show", "check"};
    struct key_options options;
    struct nearest nearest;
    struct span found;
    int result;

    if (argc < 2 || argv[1][0] == '-')
        return verb_complain("key", "make, show or check?");
    result = parse(&options, argc - 1, argv + 1);
    if (strcmp(argv[1], "make") == 0)
        return result != 0 ? result : make(&options);
    if (strcmp(argv[1], "show") == 0)
        return result != 0 ? result : look(&options, show);
    if (strcmp(argv[1], "check") == 0)
        return result != 0 ? result : look(&options, check);
    nearest_init(&nearest, span_cstr(argv[1]));
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        nearest_offer(&nearest, span_cstr(words[i]));
    found = nearest_found(&nearest);
    if (found.size > 0)
        return verb_complain("key", "no \"%s\", did you mean \"%.*s\"", argv[1], (int)found.size,
                             (const char *)found.data);
    return verb_complain("key", "\"%s\" is not make, show or check", argv[1]);
}
