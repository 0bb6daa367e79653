#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "bounce/classify.h"

/* Replies as receivers give them, long and short, known and unknown. */
static const struct {
    uint16_t code;
    uint16_t enhanced[3];
    const char *text;
} replies[] = {
    {550,
     {5, 1, 1},
     "<a@example.com>: Recipient address rejected: User unknown in virtual mailbox table"},
    {550,
     {5, 1, 1},
     "The email account that you tried to reach does not exist. Please try double-checking the "
     "recipient's email address for typos or unnecessary spaces. For more information, go to "
     "https://support.example.com/mail/?p=NoSuchUser d2e1a72fcca58-7ef86b0a5a5si1234567b3a.115"},
    {452,
     {4, 2, 2},
     "The recipient's inbox is out of storage space. Please direct the recipient to a page"},
    {421,
     {4, 7, 0},
     "[TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user "
     "complaints - 4.16.55.1; see https://postmaster.example.com/error-codes"},
    {554,
     {5, 7, 1},
     "Service unavailable; Client host [192.0.2.4] blocked using a list of addresses; see "
     "https://www.example.org/query/ip/192.0.2.4"},
    {451, {4, 7, 1}, "Greylisting in action, please come back later"},
    {550,
     {5, 4, 1},
     "Recipient address rejected: Access denied. "
     "[AM0EUR02FT003.eop-EUR02.prod.protection.example]"},
    {550, {0, 0, 0}, "Something that nobody has said before in these words, 0123456789"},
};

struct classify_work {
    struct classifier *classifier;
    uint64_t classes;
};

static void classify_all(void *context)
{
    struct classify_work *work = context;

    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct classify_question question = {.host = SPAN("mx1.mail.example.com"),
                                             .text = span_cstr(replies[i].text),
                                             .code = replies[i].code,
                                             .stage = STAGE_RCPT};

        memcpy(question.enhanced, replies[i].enhanced, sizeof(question.enhanced));
        work->classes += classify_reply(work->classifier, &question).class;
    }
}

int micro_small_classify(struct text *out)
{
    struct classify_work work = {0};
    struct arena arena;
    size_t replies_count = ARRAY_LEN(replies);
    size_t memory = classify_memory(rules_builtin());
    int result = arena_open(&arena, memory);

    if (result < 0)
        return result;
    work.classifier = classify_open(&arena, rules_builtin());
    micro_small_put(out, "classify", micro_small_rate(classify_all, &work, (double)replies_count));
    json_put_key_u64(out, "rules", rules_builtin()->count);
    json_put_key_u64(out, "phrases", rules_builtin()->phrases_count);
    json_put_key_u64(out, "automaton_bytes", memory);
    arena_close(&arena);
    return 0;
}
