#include "tools/reply_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/rules_file.h"
#include "tools/settings.h"

struct reply_rules {
    struct arena rules_arena; /* of a file */
    struct arena arena;
    const struct rules *rules;
    const struct classifier *classifier;
};

static int read_file(struct reply_rules *rules, const char *file, struct text *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int result = settings_read_file(file, RULES_FILE_SIZE_MAX, &bytes, &size);

    if (result == 0)
        result = arena_open(&rules->rules_arena, rules_file_memory());
    if (result < 0)
        text_add_format(error, "%s: %s", file, strerror(-result));
    else
        result = rules_file_read(&rules->rules_arena, span_make(bytes, size), file, &rules->rules,
                                 error);
    free(bytes);
    return result;
}

int reply_rules_open(struct reply_rules **ret, const char *file, struct text *error)
{
    struct reply_rules *rules = calloc(1, sizeof(*rules));
    int result = 0;

    if (rules == NULL) {
        text_add_cstr(error, "no memory for the rules of replies");
        return -ENOMEM;
    }
    rules->rules = rules_builtin();
    if (file != NULL && file[0] != '\0')
        result = read_file(rules, file, error);
    if (result == 0 && arena_open(&rules->arena, classify_memory(rules->rules)) < 0) {
        text_add_cstr(error, "no memory for the rules of replies");
        result = -ENOMEM;
    }
    if (result < 0) {
        reply_rules_close(rules);
        return result;
    }
    rules->classifier = classify_open(&rules->arena, rules->rules);
    *ret = rules;
    return 0;
}

const struct classifier *reply_rules_classifier(const struct reply_rules *rules)
{
    return rules->classifier;
}

void reply_rules_close(struct reply_rules *rules)
{
    if (rules == NULL)
        return;
    arena_close(&rules->arena);
    arena_close(&rules->rules_arena);
    free(rules);
}
