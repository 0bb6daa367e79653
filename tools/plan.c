#include "tools/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/json_put.h"
#include "tools/exit_code.h"
#include "tools/settings.h"
#include "tools/verb.h"

void plan_hash(SHA256_CTX *hash, struct span span)
{
    uint64_t size = span.size;

    SHA256_Update(hash, &size, sizeof(size));
    SHA256_Update(hash, span.data, span.size);
}

/* --- content --- */

static int read_content(struct plan *plan)
{
    const struct send_options *options = plan->options;
    const char *path =
        options->template_file != NULL ? options->template_file : options->message_file;
    int result =
        settings_read_file(path, CAMPAIGN_CONTENT_MAX, &plan->content, &plan->content_size);

    if (result == -EFBIG)
        return verb_complain("send", "%s: larger than %zu MiB", path, CAMPAIGN_CONTENT_MAX / MIB);
    if (result < 0)
        return verb_complain("send", "%s: %s", path, strerror(-result));
    return 0;
}

static int compile_template(struct plan *plan)
{
    size_t size = template_memory_size(plan->content_size);
    struct template_error error = {0};
    int result;

    plan->template_memory = malloc(size);
    if (plan->template_memory == NULL)
        return verb_complain("send", "no memory for the template");
    result = template_compile(&plan->template, span_make(plan->content, plan->content_size),
                              (struct span_mut){plan->template_memory, size}, &error);
    if (result == 0) {
        plan->has_template = true;
        return 0;
    }
    return verb_complain("send", "%s:%u:%u: %s", plan->options->template_file, error.line,
                         error.column, error.what);
}

static int check_message(struct plan *plan)
{
    struct body_scan scan = {0};
    const char *path = plan->options->message_file;

    body_scan_add(&scan, span_make(plan->content, plan->content_size));
    body_scan_end(&scan);
    if (scan.octets == 0)
        return verb_complain("send", "%s: the message is empty", path);
    if (scan.nul > 0)
        return verb_complain("send", "%s: the message holds NUL octets", path);
    if (scan.line_longest > BODY_LINE_MAX)
        return verb_complain("send",
                             "%s: a line has %llu octets, at most %u may stand in a message", path,
                             (unsigned long long)scan.line_longest, BODY_LINE_MAX);
    return 0;
}

int plan_open(struct plan *plan, const struct send_options *options)
{
    const char *problem = NULL;
    SHA256_CTX hash;
    int result;

    memset(plan, 0, sizeof(*plan));
    plan->options = options;
    if (!address_parse(span_cstr(options->from), &plan->from, &problem))
        return verb_complain("send", "--from: \"%s\" is not an address: %s", options->from,
                             problem);
    result = read_content(plan);
    if (result == 0)
        result = options->template_file != NULL ? compile_template(plan) : check_message(plan);
    if (result != 0)
        return result;
    SHA256_Init(&hash);
    plan_hash(&hash, span_cstr(plan->has_template ? "template" : "message"));
    plan_hash(&hash, span_cstr(options->from));
    plan_hash(&hash, span_make(plan->content, plan->content_size));
    if (options->require_tls)
        plan_hash(&hash, SPAN("require-tls"));
    SHA256_Final(plan->content_digest, &hash);
    return 0;
}

void plan_close(struct plan *plan)
{
    free(plan->content);
    free(plan->template_memory);
    plan->content = NULL;
    plan->template_memory = NULL;
}

static void write_digest(struct text *text, const uint8_t *digest, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text_add_hex(text, digest[i], 2);
}

void plan_choose_name(struct plan *plan, const struct plan_list *list)
{
    struct text text;
    SHA256_CTX hash;
    uint8_t digest[SHA256_DIGEST_LENGTH];

    text_init(&text, plan->name, sizeof(plan->name));
    if (plan->options->campaign != NULL) {
        text_add_cstr(&text, plan->options->campaign);
        (void)text_cstr_end(&text);
        return;
    }
    SHA256_Init(&hash);
    SHA256_Update(&hash, plan->content_digest, sizeof(plan->content_digest));
    SHA256_Update(&hash, list->digest, sizeof(list->digest));
    if (!plan->has_template) {
        struct timespec now; /* a single message without a name is a new one each time */

        (void)clock_gettime(CLOCK_REALTIME, &now);
        SHA256_Update(&hash, &now, sizeof(now));
    }
    SHA256_Final(digest, &hash);
    text_add_cstr(&text, plan->has_template ? "list-" : "message-");
    write_digest(&text, digest, 8);
    (void)text_cstr_end(&text);
}

struct campaign_descriptor plan_describe(const struct plan *plan)
{
    const struct send_options *options = plan->options;
    struct campaign_descriptor draft = {
        .name = span_cstr(plan->name),
        .tenant = span_cstr(options->tenant),
        .sender = span_cstr(options->from),
        .lane = options->lane,
        .require_tls = options->require_tls,
        .kind = plan->has_template ? CAMPAIGN_TEMPLATE : CAMPAIGN_MESSAGE,
        .weight = 1,
        .rate = options->rate_per_hour,
        .not_before_s = options->not_before_s,
        .created_s = (uint64_t)time(NULL),
    };

    memcpy(draft.content_digest, plan->content_digest, CAMPAIGN_DIGEST_SIZE);
    return draft;
}
