#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tools/option_reader.h"

#define WORDS_MAX 12

static const struct option known[] = {
    {"config", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
    {"yes", no_argument, NULL, 'y'},          {"require-tls", no_argument, NULL, 256},
    {"require-all", no_argument, NULL, 257},  {NULL, 0, NULL, 0}};

/* The options seen, the problem, and the words behind them. */
static void read_all(const char *line, char *ret_seen, size_t size)
{
    static char words[512];
    char *argv[WORDS_MAX + 1] = {NULL};
    struct option_reader reader;
    size_t used = 0;
    int argc = 0, option;

    (void)snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    ret_seen[0] = '\0';
    option_reader_init(&reader, argc, argv, known);
    while ((option = option_reader_next(&reader)) != -1 && option != OPTION_READER_WRONG) {
        if (option == 'c')
            used += (size_t)snprintf(ret_seen + used, size - used, "c=%s ", optarg);
        else if (option < 256)
            used += (size_t)snprintf(ret_seen + used, size - used, "%c ", option);
        else
            used += (size_t)snprintf(ret_seen + used, size - used, "%d ", option);
    }
    if (option == OPTION_READER_WRONG)
        used += (size_t)snprintf(ret_seen + used, size - used, "! %s", reader.problem);
    else
        for (int i = optind; i < argc; i++)
            used += (size_t)snprintf(ret_seen + used, size - used, "[%s]", argv[i]);
    assert_true(used < size);
}

static void test_words(void **state)
{
    static const struct {
        const char *line, *seen;
    } cases[] = {
        {"send", ""},
        {"send --json --config f --yes", "j c=f y "},
        {"send a --json b --config=f c", "j c=f [a][b][c]"},
        {"send a - b --json", "j [a][-][b]"},
        {"send --json -- --yes -x", "j [--yes][-x]"},
        {"send a -- -x", "[a][-x]"},
        {"send --conf f", "c=f "},
        {"send --config -x --json", "c=-x j "}, /* a value may begin so */
        {"send -xv", "! -xv is not an option"},
        {"send --yes -xv --json", "y ! -xv is not an option"},
        {"send --config f -xv", "c=f ! -xv is not an option"},
        {"send a b -xv", "! -xv is not an option"},
        {"send -x", "! -x is not an option"},
        {"send -json", "! -json is not an option, did you mean --json"},
        {"send -- -xv", "[-xv]"},
        {"send --jsno", "! --jsno is not an option, did you mean --json"},
        {"send --zzzzzz", "! --zzzzzz is not an option"},
        {"send --zzzzzz=secret", "! --zzzzzz is not an option"},
        {"send --require", "! --require is not an option"}, /* of two */
        {"send a --config", "! --config lacks its value"},
        {"send --yes --config", "y ! --config lacks its value"},
        {"send --json=yes", "! --json takes no value"},
        {"send --yes=\x1b[2J --json", "! --yes takes no value"},
        {"send --\x1b[2J", "! --\\x1b[2J is not an option"},
    };
    char seen[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_all(cases[i].line, seen, sizeof(seen));
        if (strcmp(seen, cases[i].seen) != 0)
            fail_msg("%s: \"%s\"", cases[i].line, seen);
    }
}

static void test_long_word(void **state)
{
    char word[400] = "--", seen[512];
    char line[420];

    (void)state;
    memset(word + 2, 'z', sizeof(word) - 3);
    (void)snprintf(line, sizeof(line), "send %s", word);
    read_all(line, seen, sizeof(seen));
    assert_non_null(strstr(seen, "is not an option"));
    assert_true(strlen(seen) < 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
