/* Any file of rules: refused with one line that names the place, or rules that can be used. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "bounce/classify.h"
#include "bounce/rules_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct rules *rules)
{
    struct classify_question question = {.code = 550, .text = SPAN("user unknown, mailbox full")};
    struct classify_answer answer;
    struct classifier *classifier;
    struct arena arena;

    CHECK(arena_open(&arena, classify_memory(rules)) == 0);
    classifier = classify_open(&arena, rules);
    answer = classify_reply(classifier, &question);
    CHECK(answer.class < BOUNCE_CLASS_COUNT);
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rules *rules;
    struct arena arena;
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    CHECK(arena_open(&arena, rules_file_memory()) == 0);
    if (rules_file_read(&arena, span_make(data, size), "r", &rules, &error) == 0)
        use(rules);
    else
        CHECK(error.overflow || span_starts(text_span(&error), SPAN("r:")));
    arena_close(&arena);
    return 0;
}
