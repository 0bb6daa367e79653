/* cmd_send.c - `ringpost send`: plan, load, run, account. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "engine/content.h"
#include "tools/dry_run.h"
#include "tools/exit_code.h"
#include "tools/hand_over.h"
#include "tools/plan.h"
#include "tools/progress.h"
#include "tools/reload.h"
#include "tools/send_checks.h"
#include "tools/send_options.h"
#include "tools/send_result.h"
#include "tools/spool.h"
#include "tools/verb.h"

#define AGAIN_MS 200
#define LOCKED_TRIES_MAX 25 /* of AGAIN_MS: whoever has the spool may be about to leave it */

struct send {
    struct send_options options;
    struct plan plan;
    struct plan_list list;
    struct spool spool;
    struct store_load *load;
    uint32_t campaign_index;
    struct progress progress;
    bool control_told;
    const struct policy *first_policy; /* in force at the start */
};

/* --- loading --- */

static int complain_load(const struct send *send, int error)
{
    (void)fprintf(stderr,
                  "ringpost send: the list cannot be queued in %s: %s; nothing was queued\n",
                  send->spool.settings.policy->spool, strerror(-error));
    return EXIT_TRY_AGAIN;
}

static int load_one(void *context, const struct store_recipient *recipient)
{
    struct send *send = context;

    for (;;) {
        int result = store_load_add(send->load, recipient);

        if (result == 0)
            return 0;
        if (result != -EAGAIN)
            return complain_load(send, result);
        spool_turn(&send->spool, NS_PER_MS);
    }
}

static int commit_load(struct send *send, const struct plan_list *loaded)
{
    store_load_commit(send->load, loaded->digest);
    while (store_load_state(send->load) == STORE_LOAD_COMMITTING)
        spool_turn(&send->spool, NS_PER_MS * 10);
    if (store_load_state(send->load) != STORE_LOAD_READY)
        return complain_load(send, store_load_error(send->load));
    send->campaign_index = store_load_campaign(send->load);
    return 0;
}

/* Before the list: what is queued has its memory. */
static int prepare(struct send *send, struct span content)
{
    struct engine *engine = send->spool.engine;
    uint32_t index = store_load_campaign(send->load);
    bool passes = false;
    char buffer[512];
    struct text error;

    text_init(&error, buffer, sizeof(buffer));
    if (content_draft(engine_contents(engine), index,
                      queue_campaign(store_queue(engine_store(engine)), index), content, &error,
                      &passes) == 0)
        return 0;
    (void)fprintf(stderr, "ringpost send: the content cannot be prepared: %s; nothing was queued\n",
                  text_cstr_end(&error));
    return passes ? EXIT_TRY_AGAIN : EXIT_USAGE;
}

static int load(struct send *send)
{
    struct campaign_descriptor draft = plan_describe(&send->plan);
    struct span content = span_make(send->plan.content, send->plan.content_size);
    struct plan_list loaded;
    int result;

    result = store_load_begin(engine_store(send->spool.engine), &draft, content, &send->load);
    if (result < 0)
        return complain_load(send, result);
    result = prepare(send, content);
    if (result == 0)
        result = plan_read_list(&send->plan, load_one, send, &loaded);
    if (result == 0 && memcmp(loaded.digest, send->list.digest, sizeof(loaded.digest)) != 0 &&
        send->list.recipients_count > 0)
        result = verb_complain("send", "the list changed while it was being read: nothing was "
                                       "queued");
    if (result == 0)
        send->list = loaded;
    if (result == 0)
        result = commit_load(send, &loaded);
    store_load_end(send->load);
    send->load = NULL;
    if (result == 0)
        content_place(
            engine_contents(send->spool.engine), send->campaign_index,
            queue_campaign(store_queue(engine_store(send->spool.engine)), send->campaign_index));
    return result;
}

/* The campaign is in the spool already: it goes on if it is the same. */
static int resume(struct send *send, uint32_t index)
{
    const struct campaign *campaign =
        queue_campaign(store_queue(engine_store(send->spool.engine)), index);
    struct send_checks_found found = {
        .content_digest = campaign->descriptor.content_digest,
        .list_digest = campaign->list_digest,
        .fault = content_fault(engine_contents(send->spool.engine), index),
        .state = campaign->state,
        .require_tls = campaign->descriptor.require_tls,
    };

    send->campaign_index = index;
    return send_checks_resume(&send->plan, &send->list, &found);
}

/* --- running --- */

static bool look(void *context, const struct front_picture *picture)
{
    struct send *send = context;

    if (picture->control_error != 0 && !send->control_told) {
        send->control_told = true;
        progress_end(&send->progress);
        (void)fprintf(
            stderr,
            "ringpost send: %s/control cannot be used (%s): ringpost queue will not reach "
            "this sender\n",
            send->spool.settings.policy->spool, strerrordesc_np(-picture->control_error));
    }
    progress_show(&send->progress, picture);
    return false;
}

static const struct policy *reload(void *context)
{
    struct send *send = context;

    progress_end(&send->progress);
    return reload_policy("send", &send->spool.settings, send->first_policy, send->options.config,
                         send->options.spool);
}

static void retire(void *context, const struct policy *policy)
{
    const struct send *send = context;

    if (policy != send->first_policy) /* that one is kept, to compare with */
        settings_free_policy(policy);
}

static int run(struct send *send)
{
    struct store *store = engine_store(send->spool.engine);
    struct front_options front = {
        .engine = send->spool.engine,
        .io = send->spool.io,
        .policy = send->spool.settings.policy,
        .goal = send->options.goal,
        .duration_ns = send->options.duration_ns,
        .uid = (uint32_t)getuid(),
        .look = look,
        .reload = reload,
        .retire = retire,
        .look_context = send,
    };
    char buffer[1024];
    struct text error;
    struct summary summary;
    struct send_result sent = {.name = send->plan.name};
    uint64_t started_ns = io_now_ns(send->spool.io);
    int result;

    store_counts(store, send->campaign_index, &sent.before);
    send->first_policy = send->spool.settings.policy;
    progress_init(&send->progress, started_ns, (uint64_t)campaign_counts_open(&sent.before));
    text_init(&error, buffer, sizeof(buffer));
    summary_reset(&summary);
    result = front_run(&front, &summary, &error);
    progress_end(&send->progress);
    if (error.size > 0)
        (void)fprintf(stderr, "ringpost: %s\n", text_cstr_end(&error));
    store_counts(store, send->campaign_index, &sent.counts);
    progress_reasons(&summary);
    sent.seconds = (double)(io_now_ns(send->spool.io) - started_ns) / (double)NS_PER_S;
    send_result_print(&sent, send->options.json);
    if (campaign_counts_open(&sent.counts) > 0)
        send_result_pauses(store_queue(store), send->campaign_index);
    return send_result_exit_code(result, &sent.counts);
}

static int find_or_load(struct send *send)
{
    struct queue *queue = store_queue(engine_store(send->spool.engine));
    uint32_t index =
        queue_find_campaign(queue, span_cstr(send->options.tenant), span_cstr(send->plan.name));
    int result;

    if (index != QUEUE_NONE)
        return resume(send, index);
    result = send_checks_ask(&send->plan, &send->list);
    return result == 0 ? load(send) : result;
}

/* The spool is ours, or the command ends. */
static int send_here(struct send *send)
{
    const struct policy *last;
    int result = spool_open(&send->spool, send->options.config, send->options.spool, true);

    if (result != 0)
        return result;
    result = find_or_load(send);
    if (result == 0)
        result = run(send);
    last = send->spool.settings.policy;
    if (spool_close(&send->spool) < 0 && result == 0)
        result = EXIT_TRY_AGAIN;
    if (send->first_policy != NULL && send->first_policy != last)
        settings_free_policy(send->first_policy);
    return result;
}

static int find_spool(const struct send *send, char *ret_folder, size_t size)
{
    struct settings settings;
    int result = settings_load_policy(&settings, send->options.config, send->options.spool);

    if (result != 0)
        return result;
    (void)snprintf(ret_folder, size, "%s", settings.policy->spool);
    settings_free(&settings);
    return 0;
}

/* Beside a running sender if there is one; one that begins or ends is waited for, a little. */
static int send_there_or_here(struct send *send)
{
    char folder[POLICY_PATH_MAX + 1];
    bool told = false;
    int result = find_spool(send, folder, sizeof(folder));

    for (uint32_t locked = 0; result == 0;) {
        result = hand_over(&send->plan, &send->list, folder);
        if (result >= 0)
            return result;
        if (result == HAND_OVER_NOBODY &&
            (!hand_over_is_locked(folder) || locked++ == LOCKED_TRIES_MAX))
            return send_here(send);
        if (result == HAND_OVER_AGAIN && !told)
            (void)fprintf(stderr, "ringpost send: the running sender is taking in a campaign, or "
                                  "ends: waiting\n");
        told = told || result == HAND_OVER_AGAIN;
        (void)poll(NULL, 0, AGAIN_MS);
        result = 0;
    }
    return result;
}

static int check_signable(struct send *send)
{
    struct settings settings;
    int result = settings_load_policy(&settings, send->options.config, send->options.spool);

    if (result != 0)
        return result;
    result = send_checks_signable(&send->plan, settings.policy);
    settings_free(&settings);
    return result;
}

static int send_planned(struct send *send)
{
    bool stream =
        send->options.recipients_file != NULL && strcmp(send->options.recipients_file, "-") == 0;
    int result = check_signable(send);

    if (result != 0)
        return result;
    if (send->options.dry_run)
        return dry_run(&send->plan);
    /* A stream can be read only once: it is loaded unseen when the user has said yes already. */
    if (!stream || !send->options.yes) {
        result = plan_read_list(&send->plan, NULL, NULL, &send->list);
        if (result != 0)
            return result;
    }
    plan_choose_name(&send->plan, &send->list);
    if (stream && !send->options.yes)
        return send_checks_ask(&send->plan, &send->list) != 0
                   ? EXIT_USAGE
                   : verb_complain("send", "a list on standard input needs --yes");
    return send_there_or_here(send);
}

int verb_send(int argc, char **argv)
{
    struct send *send = calloc(1, sizeof(*send));
    int result;

    if (send == NULL)
        return EXIT_TRY_AGAIN;
    result = send_options_parse(&send->options, argc, argv);
    if (result == 0)
        result = plan_open(&send->plan, &send->options);
    if (result == 0)
        result = send_planned(send);
    plan_close(&send->plan);
    free(send->options.to);
    free(send);
    return result;
}
