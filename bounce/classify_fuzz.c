/* Any reply from any host: the same class each time, by a rule that is one of the table's; the
 * folded text is plain and never longer. The first octets choose code, status, stage and the host's
 * size. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "bounce/classify.h"
#include "bounce/reply_fold.h"
#include "bounce/reply_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_folded(struct span text)
{
    static uint8_t into[CLASSIFY_TEXT_MAX];
    uint8_t shape[REPLY_SHAPE_MAX];
    size_t size = reply_fold(text, into, sizeof(into));

    CHECK(size <= text.size);
    for (size_t i = 0; i < size; i++) {
        CHECK(into[i] > 0 && into[i] <= 0x7f && span_lower_byte(into[i]) == into[i]);
        CHECK(i == 0 || into[i] != ' ' || into[i - 1] != ' ');
    }
    CHECK(reply_shape(text, shape, sizeof(shape)) <= sizeof(shape));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    static struct classifier *classifier;
    struct classify_question question = {0};
    struct classify_answer first, second;
    struct span rest;

    if (classifier == NULL) {
        CHECK(arena_open(&arena, classify_memory(rules_builtin())) == 0);
        classifier = classify_open(&arena, rules_builtin());
    }
    if (size < 6)
        return 0;
    question.code = (uint16_t)(data[0] % 5 == 0 ? 0 : 200 + (data[0] << 8 | data[1]) % 400);
    question.enhanced[0] = data[2] % 6;
    question.enhanced[1] = data[3];
    question.enhanced[2] = data[4];
    question.stage = (enum outcome_stage)(data[5] % STAGE_COUNT);
    rest = span_make(data + 6, size - 6);
    question.host = span_split(&rest, '\n');
    question.text = rest;
    first = classify_reply(classifier, &question);
    second = classify_reply(classifier, &question);
    CHECK(first.class == second.class && first.rule == second.rule && first.step == second.step);
    CHECK(first.class < BOUNCE_CLASS_COUNT &&
          (first.step == CLASSIFY_NOTHING) == (first.rule[0] == 0));
    check_folded(rest);
    return 0;
}
