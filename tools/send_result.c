#include "tools/send_result.h"

#include <errno.h>
#include <stdio.h>

#include "base/json_put.h"
#include "tools/exit_code.h"

#define PAUSES_MAX 3 /* domains that are named */

struct account {
    const char *name;
    uint64_t accepted, failed, queued, suppressed, unsure;
    double seconds;
    double rate;
};

static void print_json(const struct account *account)
{
    char buffer[2048];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "campaign", account->name);
    json_put_key_u64(&out, "recipients",
                     account->accepted + account->failed + account->queued + account->suppressed);
    json_put_key_u64(&out, "suppressed", account->suppressed);
    json_put_key_u64(&out, "accepted", account->accepted);
    json_put_key_u64(&out, "failed", account->failed);
    json_put_key_u64(&out, "queued", account->queued);
    json_put_key_u64(&out, "unsure", account->unsure);
    json_put_key_double(&out, "seconds", account->seconds, 3);
    json_put_key_double(&out, "messages_per_second", account->rate, 1);
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
}

static void print_plain(const struct account *account)
{
    const uint64_t recipients =
        account->accepted + account->failed + account->queued + account->suppressed;

    (void)printf("campaign=%s recipients=%llu suppressed=%llu accepted=%llu failed=%llu "
                 "queued=%llu unsure=%llu seconds=%.2f messages_per_second=%.0f\n",
                 account->name, (unsigned long long)recipients,
                 (unsigned long long)account->suppressed, (unsigned long long)account->accepted,
                 (unsigned long long)account->failed, (unsigned long long)account->queued,
                 (unsigned long long)account->unsure, account->seconds, account->rate);
}

void send_result_print(const struct send_result *result, bool json)
{
    const struct campaign_counts *counts = &result->counts;
    struct account account = {
        .name = result->name,
        .accepted = (uint64_t)counts->delivered,
        .failed =
            (uint64_t)(counts->failed + counts->expired + counts->cancelled + counts->damaged),
        .queued = (uint64_t)campaign_counts_open(counts),
        .suppressed = (uint64_t)counts->suppressed,
        .unsure = (uint64_t)counts->unsure,
        .seconds = result->seconds,
    };

    if (result->seconds > 0 && counts->delivered > result->before.delivered)
        account.rate = (double)(counts->delivered - result->before.delivered) / result->seconds;
    if (json)
        print_json(&account);
    else
        print_plain(&account);
    if (account.queued > 0)
        (void)fprintf(stderr,
                      "%llu recipients wait for a later attempt: the same command goes on "
                      "(--until done waits for the end)\n",
                      (unsigned long long)account.queued);
}

void send_result_pauses(const struct queue *queue, uint32_t campaign_index)
{
    const struct stops *stops = queue_stops(queue);
    uint32_t count = 0;

    for (uint32_t i = 0; i < stops->count; i++) {
        const struct stop *stop = &stops->list[i];
        struct span domain = queue_domain_name(queue, stop->domain);

        if (stop->kind != STOP_PAUSED ||
            (stop->campaign != STOPS_EVERY && stop->campaign != campaign_index))
            continue;
        if (count++ < PAUSES_MAX)
            (void)fprintf(stderr, "mail to %.*s is paused: see ringpost queue resume --domain\n",
                          (int)domain.size, (const char *)domain.data);
    }
    if (count > PAUSES_MAX)
        (void)fprintf(stderr, "...and to %u more domains: see ringpost queue summary\n",
                      count - PAUSES_MAX);
}

int send_result_exit_code(int result, const struct campaign_counts *counts)
{
    if (result == -EINTR)
        return EXIT_INTERRUPTED;
    if (result < 0 && result != -ETIME)
        return EXIT_TRY_AGAIN;
    if (campaign_counts_open(counts) > 0)
        return EXIT_STILL_QUEUED;
    if (counts->failed + counts->expired + counts->cancelled + counts->damaged > 0)
        return EXIT_SOME_FAILED;
    return EXIT_ALL_ACCEPTED;
}
