#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "bounce/rules_file.h"

static const char *rules_path;

static int read_rules(struct arena *arena, struct span yaml, const struct rules **ret,
                      struct text *error)
{
    assert_int_equal(arena_open(arena, rules_file_memory()), 0);
    return rules_file_read(arena, yaml, "r.yaml", ret, error);
}

static void assert_ranges_equal(struct rules_range a, struct rules_range b)
{
    assert_int_equal(a.count, b.count);
}

/* The two readers of the form agree: the one in Python that compiled the table, and this one. */
static void test_reads_the_compiled_rules(void **state)
{
    static char bytes[RULES_FILE_SIZE_MAX];
    FILE *file = fopen(rules_path, "r");
    const struct rules *rules, *builtin = rules_builtin();
    struct arena arena;
    char message[512];
    struct text error;

    (void)state;
    assert_non_null(file);
    text_init(&error, message, sizeof(message));
    if (read_rules(&arena, span_make(bytes, fread(bytes, 1, sizeof(bytes), file)), &rules,
                   &error) != 0)
        fail_msg("%s", text_cstr_end(&error));
    (void)fclose(file);
    assert_int_equal(rules->version, builtin->version);
    assert_int_equal(rules->count, builtin->count);
    assert_int_equal(rules->phrases_count, builtin->phrases_count);
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct rules_rule *a = &rules->list[i], *b = &builtin->list[i];

        assert_string_equal(a->id, b->id);
        assert_int_equal(a->step, b->step);
        assert_int_equal(a->class, b->class);
        assert_int_equal(a->code_min, b->code_min);
        assert_int_equal(a->code_max, b->code_max);
        assert_int_equal(a->stages, b->stages);
        assert_ranges_equal(a->hosts, b->hosts);
        assert_ranges_equal(a->statuses, b->statuses);
        assert_ranges_equal(a->text, b->text);
        assert_ranges_equal(a->with, b->with);
        assert_ranges_equal(a->without, b->without);
        for (uint32_t p = 0; p < a->text.count; p++)
            assert_string_equal(rules->phrases[a->text.first + p],
                                builtin->phrases[b->text.first + p]);
        for (uint32_t p = 0; p < a->statuses.count; p++)
            assert_memory_equal(&rules->statuses[a->statuses.first + p],
                                &builtin->statuses[b->statuses.first + p],
                                sizeof(struct rules_status));
    }
    arena_close(&arena);
}

static void test_errors_name_the_place(void **state)
{
    static const struct {
        const char *yaml;
        const char *want;
    } table[] = {
        {"", "r.yaml:1:1: the file is empty"},
        {"[]\n", "r.yaml:1:1: a map is expected"},
        {"version: 1\n", "r.yaml:2:1: the file needs version and rules"},
        {"rules: []\n", "r.yaml:2:1: the file needs version and rules"},
        {"version: x\nrules: []\n", "r.yaml:1:10: the version is a number from 1 on"},
        {"version: 1\nversion: 1\n", "r.yaml:2:1: only version and rules stand here, once each"},
        {"version: 1\nrules:\n- {id: a, class: no-usr, code: 550}\n",
         "r.yaml:3:18: did you mean no-user? \"no-usr\" is not a class"},
        {"version: 1\nrules:\n- {id: a, class: zebra, code: 550}\n",
         "r.yaml:3:18: \"zebra\" is not a class"},
        {"version: 1\nrules:\n- {class: spam, code: 550}\n",
         "r.yaml:3:1: a rule needs id and class"},
        {"version: 1\nrules:\n- {id: a, class: spam}\n",
         "r.yaml:3:1: a rule that asks for nothing"},
        {"version: 1\nrules:\n- {id: a, class: spam, cod: 550}\n",
         "r.yaml:3:24: \"cod\" is not a key of a rule"},
        {"version: 1\nrules:\n- {id: a, id: b}\n", "r.yaml:3:11: \"id\" stands here a second time"},
        {"version: 1\nrules:\n- {id: a, class: spam, code: 5x0}\n",
         "r.yaml:3:30: \"5x0\" is not a code such as 550, 55x or 550-554"},
        {"version: 1\nrules:\n- {id: a, class: spam, code: 600}\n",
         "r.yaml:3:30: \"600\" is not a code such as 550, 55x or 550-554"},
        {"version: 1\nrules:\n- {id: a, class: spam, status: 5.1}\n",
         "r.yaml:3:32: \"5.1\" is not a status such as 5.1.1 or x.7.1"},
        {"version: 1\nrules:\n- {id: a, class: spam, status: 5.1.1.1}\n",
         "r.yaml:3:32: \"5.1.1.1\" is not a status such as 5.1.1 or x.7.1"},
        {"version: 1\nrules:\n- {id: a, class: spam, stage: rctp}\n",
         "r.yaml:3:31: \"rctp\" is not a stage such as rcpt or dot"},
        {"version: 1\nrules:\n- {id: a, class: spam, text: \"\"}\n",
         "r.yaml:3:30: \"\" is not a phrase: 1 to 120 bytes, at most 3 gaps, words on both sides"},
        {"version: 1\nrules:\n- {id: a, class: [spam]}\n", "r.yaml:3:18: text is expected"},
        {"version: 1\nrules:\n- {id: a, class: spam, text: {a: b}}\n",
         "r.yaml:3:30: text or a list of texts is expected"},
        {"version: 1\nrules:\n- &x {id: a}\n",
         "r.yaml:3:3: anchors (&), aliases (*) and tags (!) are not taken"},
        {"version: 1\nrules:\n- {id: a, class: spam, code: 550}\n- {id: a, class: spam}\n",
         "r.yaml:4:8: \"a\" is the id of an earlier rule"},
        {"version: 1\nrules: []\n---\n", "r.yaml:3:1: a second document in the file"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct rules *rules;
        struct arena arena;
        char message[512];
        struct text error;

        text_init(&error, message, sizeof(message));
        assert_int_equal(read_rules(&arena, span_cstr(table[i].yaml), &rules, &error), -EINVAL);
        assert_string_equal(text_cstr_end(&error), table[i].want);
        arena_close(&arena);
    }
}

static void test_limits(void **state)
{
    static char bytes[RULES_FILE_SIZE_MAX + 1];
    const struct rules *rules;
    struct arena arena;
    char message[512];
    struct text error, yaml;

    (void)state;
    text_init(&error, message, sizeof(message));
    memset(bytes, '#', sizeof(bytes));
    assert_int_equal(read_rules(&arena, span_make(bytes, sizeof(bytes)), &rules, &error), -EINVAL);
    arena_close(&arena);
    text_init(&yaml, bytes, sizeof(bytes));
    text_add_cstr(&yaml, "version: 1\nrules:\n");
    for (uint32_t i = 0; i <= RULES_MAX; i++)
        text_add_format(&yaml, "- {id: r%u, class: spam, code: 550}\n", i);
    text_reset(&error);
    assert_int_equal(read_rules(&arena, text_span(&yaml), &rules, &error), -EINVAL);
    assert_non_null(strstr(text_cstr_end(&error), "too many rules"));
    arena_close(&arena);
    text_reset(&yaml);
    text_add_cstr(&yaml, "version: 1\nrules:\n- {id: a, class: spam, text: [");
    for (uint32_t i = 0; i <= RULES_PHRASES_MAX; i++)
        text_add_format(&yaml, "w%u,", i);
    text_add_cstr(&yaml, "]}\n");
    text_reset(&error);
    assert_int_equal(read_rules(&arena, text_span(&yaml), &rules, &error), -EINVAL);
    assert_non_null(strstr(text_cstr_end(&error), "too many phrases"));
    arena_close(&arena);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_compiled_rules),
        cmocka_unit_test(test_errors_name_the_place),
        cmocka_unit_test(test_limits),
    };

    if (count != 2)
        return 2;
    rules_path = arguments[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
