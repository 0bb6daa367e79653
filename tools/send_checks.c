#include "tools/send_checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/content_signable.h"
#include "engine/policy_mail.h"
#include "tools/exit_code.h"
#include "tools/verb.h"

void send_checks_samples(const struct plan *plan, const struct plan_list *list)
{
    (void)fprintf(stderr, "campaign \"%s\": %llu recipients, the first:\n", plan->name,
                  (unsigned long long)list->recipients_count);
    for (uint32_t i = 0; i < PLAN_SAMPLES && i < list->recipients_count; i++)
        (void)fprintf(stderr, "  %s\n", list->samples[i]);
}

int send_checks_ask(const struct plan *plan, const struct plan_list *list)
{
    char answer[16];

    if (plan->options->yes)
        return 0;
    send_checks_samples(plan, list);
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)fprintf(stderr, "nothing was queued: say --yes to send\n");
        return EXIT_USAGE;
    }
    (void)fprintf(stderr, "send? [y/N] ");
    if (fgets(answer, sizeof(answer), stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y')) {
        (void)fprintf(stderr, "nothing was queued\n");
        return EXIT_USAGE;
    }
    return 0;
}

int send_checks_resume(struct plan *plan, struct plan_list *list,
                       const struct send_checks_found *found)
{
    if (list->recipients_count == 0) { /* a stream that nobody has read yet */
        int result = plan_read_list(plan, NULL, NULL, list);

        if (result != 0)
            return result;
    }
    if (found->require_tls != plan->options->require_tls)
        return verb_complain("send",
                             "campaign \"%s\" is in this spool with%s --require-tls: choose "
                             "another name",
                             plan->name, found->require_tls ? "" : "out");
    if (memcmp(found->content_digest, plan->content_digest, CAMPAIGN_DIGEST_SIZE) != 0)
        return verb_complain("send",
                             "campaign \"%s\" is in this spool with another content: "
                             "choose another name",
                             plan->name);
    if (memcmp(found->list_digest, list->digest, CAMPAIGN_DIGEST_SIZE) != 0)
        return verb_complain("send",
                             "campaign \"%s\" is in this spool with another list: choose "
                             "another name",
                             plan->name);
    if (found->fault != NULL)
        return verb_complain(
            "send",
            "campaign \"%s\" is held: %s. It can only be cancelled, or sent by the "
            "ringpost that took it",
            plan->name, found->fault);
    if (found->state == CAMPAIGN_PAUSED)
        return verb_complain("send",
                             "campaign \"%s\" is paused: ringpost queue resume --campaign "
                             "%s",
                             plan->name, plan->name);
    (void)fprintf(stderr, "campaign \"%s\" %s\n", plan->name,
                  found->state == CAMPAIGN_CANCELLED ? "was cancelled"
                  : found->state == CAMPAIGN_DONE    ? "is done"
                                                     : "goes on where it was");
    return 0;
}

int send_checks_signable(struct plan *plan, const struct policy *policy)
{
    const struct campaign_descriptor draft = {
        .id = 1,
        .sender = span_cstr(plan->options->from),
        .kind = plan->has_template ? CAMPAIGN_TEMPLATE : CAMPAIGN_MESSAGE,
        .lane = plan->options->lane,
    };
    char buffer[512];
    struct text why, author;
    int result;

    text_init(&why, buffer, sizeof(buffer) - 1);
    text_init(&author, plan->author, sizeof(plan->author));
    result = content_signable_draft(&draft, span_make(plan->content, plan->content_size), policy,
                                    &why, &author);
    if (result == 0 && policy_mail_signer(policy, text_span(&author)) == NULL)
        text_reset(&author);
    (void)text_cstr_end(&author); /* ends in place */
    if (result == 0)
        return 0;
    if (why.size == 0)
        text_add_cstr(&why, strerror(-result));
    (void)fprintf(stderr, "ringpost send: the message: %s; nothing was queued\n",
                  text_cstr_end(&why));
    return result == -EINVAL ? EXIT_USAGE : EXIT_TRY_AGAIN;
}
