/* cmd_tlsrpt.c - `ringpost tlsrpt`: what was counted of TLS sessions, day by day (RFC 8460), and
 * the reports about it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tlsrpt_file.h"
#include "tls/tlsrpt_report.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/settings.h"
#include "tools/tls_reports.h"
#include "tools/verb.h"

#define FILE_SIZE_MAX (64 * MIB)
#define DOMAINS_MAX 65536
#define DETAILS_MAX 131072
#define FOLDER_SIZE (POLICY_PATH_MAX + 8)

struct showing {
    const struct policy *policy;
    const char *folder;
    struct tlsrpt_table table;
    uint64_t day_s; /* the latest that there is a file of */
    bool json;
};

static int is_counts(const struct dirent *entry)
{
    return strncmp(entry->d_name, "rpt.", 4) == 0 && strstr(entry->d_name, ".new") == NULL;
}

/* Finds the day (first) or adds the counts of it (second). */
static int take_file(struct showing *showing, const char *name, bool add)
{
    char path[FOLDER_SIZE + 280];
    uint8_t *data = NULL;
    uint64_t day_s = 0;
    size_t size = 0;
    struct text text;
    int r;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, showing->folder);
    text_add_byte(&text, '/');
    text_add_cstr(&text, name);
    r = settings_read_file(text_cstr_end(&text), FILE_SIZE_MAX, &data, &size);
    if (r < 0)
        return r;
    if (tlsrpt_file_day(span_make(data, size), &day_s) && !add && day_s > showing->day_s)
        showing->day_s = day_s;
    if (add && day_s == showing->day_s &&
        tlsrpt_file_read(&showing->table, span_make(data, size)) < 0)
        (void)verb_complain("tlsrpt", "%s is damaged: counted as far as it is good", path);
    free(data);
    return 0;
}

static int take_files(struct showing *showing, bool add)
{
    struct dirent **entries = NULL;
    int count = scandir(showing->folder, &entries, is_counts, alphasort);
    int result = count < 0 && errno != ENOENT ? -errno : 0;

    for (int i = 0; i < count; i++) {
        int r = take_file(showing, entries[i]->d_name, add);

        result = result == 0 ? r : result;
        free(entries[i]);
    }
    free(entries);
    return result;
}

static void show_json(const struct showing *showing, const struct tlsrpt_domain *domain,
                      uint64_t number)
{
    static uint8_t buffer[TLSRPT_REPORT_JSON_MAX];
    char contact[POLICY_NAME_MAX + 16];
    struct text text, out;
    struct tlsrpt_report report = {.organization = span_cstr(showing->policy->hostname),
                                   .submitter = span_cstr(showing->policy->hostname),
                                   .domain = span_make(domain->name, domain->name_size),
                                   .day_s = showing->day_s,
                                   .number = number};

    text_init(&text, contact, sizeof(contact));
    text_add_cstr(&text, "postmaster@");
    text_add_cstr(&text, showing->policy->hostname);
    report.contact = text_span(&text);
    text_init(&out, buffer, sizeof(buffer));
    tlsrpt_report_json(&report, &showing->table, domain, &out);
    (void)printf("%.*s\n", (int)out.size, (const char *)out.data);
}

static void show_plain(const struct showing *showing, const struct tlsrpt_domain *domain)
{
    static const char *const policies[] = {
        [TLSRPT_NO_POLICY] = "no policy", [TLSRPT_STS] = "MTA-STS", [TLSRPT_TLSA] = "DANE"};
    char buffer[512];
    struct text text;

    for (uint32_t i = 0; i < TLSRPT_POLICIES; i++) {
        const struct tlsrpt_count *count = &domain->counts[i];

        if (count->good > 0 || count->failed > 0)
            (void)printf("%.*s: %s: %llu good, %llu failed\n", domain->name_size, domain->name,
                         policies[i], (unsigned long long)count->good,
                         (unsigned long long)count->failed);
    }
    for (const struct tlsrpt_detail *detail = tlsrpt_table_detail(&showing->table, domain, NULL);
         detail != NULL; detail = tlsrpt_table_detail(&showing->table, domain, detail)) {
        text_init(&text, buffer, sizeof(buffer));
        text_add_printable(&text, span_make(detail->host, detail->host_size), 64);
        text_add_cstr(&text, detail->reason_size > 0 ? ": " : "");
        text_add_printable(&text, span_make(detail->reason, detail->reason_size), 64);
        (void)printf("  %8llu %s %s\n", (unsigned long long)detail->count,
                     tls_demand_fault_name(detail->fault), text_cstr_end(&text));
    }
}

static int show(struct showing *showing)
{
    const struct tlsrpt_domain *domain;
    uint32_t cursor = 0;
    uint64_t number = 0;
    int r = take_files(showing, false);

    if (r == 0)
        r = take_files(showing, true);
    if (r < 0) {
        (void)verb_complain("tlsrpt", "%s: %s", showing->folder, strerror(-r));
        return EXIT_IO;
    }
    while ((domain = tlsrpt_table_next(&showing->table, &cursor)) != NULL) {
        if (showing->json)
            show_json(showing, domain, ++number);
        else
            show_plain(showing, domain);
    }
    if (showing->table.sessions == 0 && !showing->json)
        (void)printf("nothing has been counted yet\n");
    return EXIT_ALL_ACCEPTED;
}

static int run(const char *config, bool json)
{
    struct tlsrpt_table_options options = {.domains_max = DOMAINS_MAX, .details_max = DETAILS_MAX};
    static struct showing showing;
    struct settings settings;
    char folder[FOLDER_SIZE];
    struct arena arena;
    struct text text;
    int result = settings_load_policy(&settings, config, NULL);

    if (result != 0)
        return result;
    if (arena_open(&arena, tlsrpt_table_cost(&options)) < 0) {
        settings_free(&settings);
        return EXIT_TRY_AGAIN;
    }
    tlsrpt_table_init(&showing.table, &arena, &options);
    text_init(&text, folder, sizeof(folder));
    text_add_cstr(&text, settings.policy->spool);
    text_add_cstr(&text, "/tls");
    showing.folder = text_cstr_end(&text);
    showing.policy = settings.policy;
    showing.json = json;
    result = show(&showing);
    arena_close(&arena);
    settings_free(&settings);
    return result;
}

int verb_tlsrpt(int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'f'},
                                                 {"day", required_argument, NULL, 'd'},
                                                 {"dry-run", no_argument, NULL, 'n'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {NULL, 0, NULL, 0}};
    struct tls_reports_order order = {0};
    const char *what;
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'f')
            order.config = optarg;
        else if (option == 'd')
            order.day = optarg;
        else if (option == 'n')
            order.dry_run = true;
        else if (option == 'j')
            order.json = true;
        else
            return verb_complain("tlsrpt", "%s", reader.problem);
    }
    what = optind + 1 == argc ? argv[optind] : "";
    if (strcmp(what, "send") == 0)
        return tls_reports_send(&order);
    if (strcmp(what, "show") != 0)
        return verb_complain("tlsrpt", "what to do? \"tlsrpt show\" or \"tlsrpt send\"");
    if (order.day != NULL || order.dry_run)
        return verb_complain("tlsrpt", "--day and --dry-run go with send only");
    return run(order.config, order.json);
}
