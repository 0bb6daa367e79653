#include "tools/hand_over.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/campaign_answer.h"
#include "tools/courier.h"
#include "tools/exit_code.h"
#include "tools/progress.h"
#include "tools/send_checks.h"
#include "tools/send_result.h"
#include "tools/sender_line.h"
#include "tools/verb.h"

#define LOOK_MS 100
#define REST_MS 10000      /* without a move and a session: what is left is kept back */
#define REST_LONG_MS 60000 /* ...with sessions, perhaps of others: longer than connecting takes */
#define GONE_MS 10000      /* a service that is restarted may be away for so long */

struct hand_over {
    struct plan *plan;
    struct plan_list *list;
    const char *spool;
    struct courier courier;
    enum courier_result result; /* of the courier */
    struct progress progress;
    uint64_t started_ns;
    struct campaign_counts before; /* when it was found; zero: it is new */
    bool stream;                   /* the list can be read once */
    bool service;                  /* the sender does not end by itself */
    bool paused_before;            /* an operator kept mail to some domain back */
    struct campaign_counts seen;   /* ...and how it stood when something moved last */
    uint64_t seen_ns;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* calls in progress end */

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* 0, or -errno: nobody answers. */
static int find(struct hand_over *hand, struct campaign_answer *ret)
{
    int result = campaign_answer_ask(hand->plan, hand->spool, ret);

    if (result == 0)
        hand->service = ret->service;
    return result;
}

/* --- handing over --- */

static int take_row(void *context, const struct store_recipient *recipient)
{
    struct hand_over *hand = context;

    hand->result = courier_recipient(&hand->courier, recipient);
    return hand->result == COURIER_FINE ? 0 : EXIT_TRY_AGAIN;
}

/* What the courier's failure means for the user. */
static int explain(struct hand_over *hand)
{
    bool committed = hand->courier.committed;

    switch (hand->result) {
    case COURIER_FINE:
        return 0;
    case COURIER_STOPPED:
        (void)fprintf(stderr, "ringpost send: interrupted: %s\n",
                      committed ? "the campaign may have been queued: the same command finds out"
                                : "nothing was queued");
        return EXIT_INTERRUPTED;
    case COURIER_TOO_LONG:
        return verb_complain("send", "a row is too long: nothing was queued");
    case COURIER_REFUSED:
        if (hand->courier.again && (!hand->stream || !hand->courier.begun))
            return HAND_OVER_AGAIN;
        (void)fprintf(stderr,
                      "ringpost send: the running sender refuses the campaign: %s; "
                      "nothing was queued\n",
                      hand->courier.words);
        return hand->courier.later ? EXIT_TRY_AGAIN : EXIT_USAGE;
    case COURIER_GONE:
        break;
    }
    (void)fprintf(stderr,
                  "ringpost send: the running sender ended while the campaign was handed "
                  "over; %s\n",
                  committed ? "perhaps it is queued: the same command finds out and goes on"
                            : "nothing was queued: the same command tries again");
    return EXIT_TRY_AGAIN;
}

static int commit(struct hand_over *hand, const struct plan_list *loaded)
{
    if (memcmp(loaded->digest, hand->list->digest, sizeof(loaded->digest)) != 0 &&
        hand->list->recipients_count > 0)
        return verb_complain("send", "the list changed while it was being read: nothing was "
                                     "queued");
    *hand->list = *loaded;
    hand->result = courier_commit(&hand->courier, loaded->digest);
    return explain(hand);
}

static int load(struct hand_over *hand)
{
    struct campaign_descriptor draft = plan_describe(hand->plan);
    struct plan_list loaded;
    int result;

    hand->result = courier_open(&hand->courier, hand->spool, &stopped);
    if (hand->result == COURIER_GONE)
        return HAND_OVER_AGAIN; /* it was there a moment ago */
    if (hand->result == COURIER_FINE)
        hand->result = courier_campaign(&hand->courier, &draft,
                                        span_make(hand->plan->content, hand->plan->content_size));
    if (hand->result != COURIER_FINE)
        return explain(hand);
    result = plan_read_list(hand->plan, take_row, hand, &loaded);
    if (hand->result != COURIER_FINE)
        return explain(hand);
    return result != 0 ? result : commit(hand, &loaded);
}

/* --- waiting --- */

static void show(struct hand_over *hand, const struct campaign_answer *answer)
{
    static const struct summary nothing;
    struct front_picture picture = {
        .now_ns = now_ns(),
        .open_count = (uint64_t)campaign_counts_open(&answer->counts),
        .deferred_count = (uint64_t)answer->counts.deferred,
        .summary = &nothing,
    };

    picture.stats.outcomes[OUTCOME_DELIVERED] = (uint64_t)answer->counts.delivered;
    picture.stats.outcomes[OUTCOME_FAILED] = (uint64_t)answer->counts.failed;
    picture.stats.outcomes[OUTCOME_EXPIRED] = (uint64_t)answer->counts.expired;
    picture.stats.gauges[STATS_SESSIONS] = answer->sessions;
    picture.stats.gauges[STATS_OPENING] = answer->opening;
    progress_show(&hand->progress, &picture);
}

/* A pause that came while it waits is waited out. */
static bool is_kept_back(struct hand_over *hand, const struct campaign_answer *answer)
{
    if (hand->paused_before && answer->pauses > 0 && answer->counts.in_flight == 0 &&
        answer->counts.queued == hand->seen.queued &&
        answer->counts.deferred == hand->seen.deferred)
        return now_ns() - hand->seen_ns >=
               (answer->sessions == 0 ? REST_MS : REST_LONG_MS) * NS_PER_MS;
    hand->seen = answer->counts;
    hand->seen_ns = now_ns();
    return false;
}

static bool goal_reached(struct hand_over *hand, const struct campaign_answer *answer)
{
    const struct campaign_counts *counts = &answer->counts;

    if (hand->plan->options->goal == FRONT_UNTIL_IDLE &&
        hand->plan->options->not_before_s > (uint64_t)time(NULL))
        return true; /* what is left waits for its time */
    if (hand->plan->options->goal == FRONT_UNTIL_IDLE)
        return (counts->queued == 0 && counts->in_flight == 0) || is_kept_back(hand, answer);
    return campaign_counts_open(counts) == 0;
}

/* 0; -EINTR; -ETIME; -ECONNRESET: the sender has gone. */
static int wait_for_goal(struct hand_over *hand, struct campaign_answer *answer)
{
    uint64_t duration_ns = hand->plan->options->duration_ns;
    uint64_t seen_ns = now_ns();

    for (;;) {
        struct campaign_answer fresh;
        int result = find(hand, &fresh);

        if (result == 0 && fresh.found) {
            *answer = fresh;
            seen_ns = now_ns();
            show(hand, answer);
            if (goal_reached(hand, answer))
                return 0;
        } else if (!hand->service || now_ns() - seen_ns >= GONE_MS * NS_PER_MS) {
            return -ECONNRESET;
        }
        if (stopped != 0)
            return -EINTR;
        if (duration_ns != 0 && now_ns() - hand->started_ns >= duration_ns)
            return -ETIME;
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int wait_and_tell(struct hand_over *hand)
{
    const char *name = hand->plan->name;
    struct campaign_answer answer = {.counts = {.queued = (int64_t)hand->list->recipients_count}};
    struct send_result sent = {.name = name, .before = hand->before};
    int result;

    progress_init(&hand->progress, hand->started_ns, hand->list->recipients_count);
    result = wait_for_goal(hand, &answer);
    progress_end(&hand->progress);
    if (result == -ECONNRESET && !hand->service)
        return HAND_OVER_AGAIN; /* the spool is free, or soon: its end is our turn */
    if (result == -ECONNRESET)
        (void)fprintf(stderr,
                      "ringpost send: the service has ended; campaign \"%s\" is in the spool and "
                      "goes on with it\n",
                      name);
    else if (result == -EINTR)
        (void)fprintf(stderr, "ringpost send: campaign \"%s\" stays with the running sender\n",
                      name);
    sent.counts = answer.counts;
    sent.seconds = (double)(now_ns() - hand->started_ns) / (double)NS_PER_S;
    send_result_print(&sent, hand->plan->options->json);
    if (campaign_counts_open(&answer.counts) > 0 && answer.pauses > 0)
        (void)fprintf(stderr,
                      "mail is paused to so many domains: %llu: see ringpost queue summary\n",
                      (unsigned long long)answer.pauses);
    return send_result_exit_code(result, &answer.counts);
}

static int find_or_load(struct hand_over *hand)
{
    struct campaign_answer answer;
    struct send_checks_found found = {.content_digest = answer.content_digest,
                                      .list_digest = answer.list_digest};
    int result = find(hand, &answer);

    if (result < 0)
        return HAND_OVER_NOBODY;
    hand->paused_before = answer.pauses > 0;
    if (answer.found && answer.state == CAMPAIGN_LOADING)
        return HAND_OVER_AGAIN; /* by another client, at this moment */
    if (answer.found) {
        hand->before = answer.counts;
        found.fault = answer.held ? answer.fault : NULL;
        found.state = answer.state;
        found.require_tls = answer.require_tls;
        return send_checks_resume(hand->plan, hand->list, &found);
    }
    if (answer.leaves_unsigned)
        return verb_complain("send",
                             "the running sender has no key that signs mail of %s (From), and "
                             "dkim: names one here: send it SIGHUP if it has this "
                             "configuration, or name its own with --config; nothing was queued",
                             hand->plan->author);
    result = send_checks_ask(hand->plan, hand->list);
    if (result == 0)
        result = load(hand);
    courier_close(&hand->courier);
    if (result == 0)
        (void)fprintf(stderr, "campaign \"%s\": %llu recipients are with the running sender\n",
                      hand->plan->name, (unsigned long long)hand->list->recipients_count);
    return result;
}

bool hand_over_is_locked(const char *spool)
{
    char path[POLICY_PATH_MAX + 16], bytes[32] = "";
    struct text text;
    FILE *file;
    pid_t pid;

    text_init(&text, path, sizeof(path));
    text_add_format(&text, "%s/lock", spool);
    file = fopen(text_cstr_end(&text), "re");
    if (file == NULL)
        return false;
    pid = fgets(bytes, sizeof(bytes), file) != NULL ? (pid_t)strtol(bytes, NULL, 10) : 0;
    (void)fclose(file);
    return pid > 0 && kill(pid, 0) == 0;
}

int hand_over(struct plan *plan, struct plan_list *list, const char *spool)
{
    struct hand_over hand = {
        .plan = plan,
        .list = list,
        .spool = spool,
        .courier = {.handle = -1},
        .started_ns = now_ns(),
        .stream = plan->options->recipients_file != NULL &&
                  strcmp(plan->options->recipients_file, "-") == 0,
    };
    int result;

    if (stopped == 0 && !sender_line_is_there(spool))
        return HAND_OVER_NOBODY;
    catch_signals();
    result = stopped != 0 ? HAND_OVER_AGAIN : find_or_load(&hand);
    if (result == 0)
        result = wait_and_tell(&hand);
    if (result >= 0 || stopped == 0)
        return result;
    (void)fprintf(stderr, "ringpost send: interrupted\n");
    return EXIT_INTERRUPTED;
}
