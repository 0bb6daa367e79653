/* cmd_bounce.c - `ringpost bounce`: what comes back, and here `bounce replies`: the class of
 * replies on standard input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "bounce/reply_shape.h"
#include "tools/bounce_verbs.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/reply_rules.h"
#include "tools/verb.h"

#define SHAPES_MAX 65536
#define LINE_MAX_SIZE ((size_t)64 * KIB)

struct replies_options {
    const char *rules;
    bool unclassified;
    bool explain;
    uint32_t top;
};

/* Texts that no rule knows. */
struct shape {
    uint64_t count;
    uint8_t size;
    uint8_t text[REPLY_SHAPE_MAX];
};

struct replies {
    struct replies_options options;
    struct arena arena;
    struct reply_rules *rules;
    struct table table;
    struct shape *shapes;
    uint32_t shapes_count;
    uint64_t total_count;
    uint64_t unknown_count;
    uint64_t left_out_count; /* unknown, when SHAPES_MAX others are kept */
};

static int parse(struct replies_options *options, int argc, char **argv)
{
    static const struct option long_options[] = {{"rules", required_argument, NULL, 'r'},
                                                 {"unclassified", no_argument, NULL, 'u'},
                                                 {"explain", no_argument, NULL, 'e'},
                                                 {"top", required_argument, NULL, 't'},
                                                 {NULL, 0, NULL, 0}};
    uint64_t top;
    struct option_reader reader;
    int option;

    *options = (struct replies_options){.top = 50};
    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        switch (option) {
        case 'r':
            options->rules = optarg;
            break;
        case 'u':
            options->unclassified = true;
            break;
        case 'e':
            options->explain = true;
            break;
        case 't':
            if (!span_number(span_cstr(optarg), SHAPES_MAX, &top) || top == 0)
                return verb_complain("bounce", "--top takes a number from 1 to %d", SHAPES_MAX);
            options->top = (uint32_t)top;
            break;
        default:
            return verb_complain("bounce", "%s", reader.problem);
        }
    }
    return optind == argc ? 0 : verb_complain("bounce", "replies come on standard input");
}

static int load_rules(struct replies *replies)
{
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    if (reply_rules_open(&replies->rules, replies->options.rules, &error) == 0)
        return 0;
    (void)fprintf(stderr, "ringpost bounce: %s\n", text_cstr_end(&error));
    return EXIT_USAGE;
}

/* "550\t5.1.1\ttext"; fields that are missing or no numbers count as not given. */
static struct classify_question read_line(struct span line)
{
    struct classify_question question = {0};
    struct span code = span_split(&line, '\t'), status = span_split(&line, '\t');
    uint64_t number;

    if (span_number(span_trim(code), 599, &number) && number >= 200)
        question.code = (uint16_t)number;
    for (uint32_t part = 0; part < 3; part++) {
        struct span word = span_split(&status, '.');

        if (!span_number(span_trim(word), 999, &number)) {
            memset(question.enhanced, 0, sizeof(question.enhanced));
            break;
        }
        question.enhanced[part] = (uint16_t)number;
    }
    question.text = span_split(&line, '\t');
    return question;
}

static bool shape_matches(const void *context, uint32_t value, const void *key)
{
    const struct replies *replies = context;
    const struct span *wanted = key;
    const struct shape *shape = &replies->shapes[value];

    return span_equal(span_make(shape->text, shape->size), *wanted);
}

static void count_unknown(struct replies *replies, const struct classify_question *question)
{
    static const struct table_key seed = {{1, 2}};
    uint8_t bytes[REPLY_SHAPE_MAX];
    struct span shape = span_make(bytes, reply_shape(question->text, bytes, sizeof(bytes)));
    uint64_t hash = table_hash(&seed, shape);
    uint32_t place = table_find(&replies->table, hash, shape_matches, replies, &shape);

    replies->unknown_count++;
    if (place == TABLE_NONE) {
        if (table_insert(&replies->table, hash, replies->shapes_count) < 0) {
            replies->left_out_count++;
            return;
        }
        place = replies->shapes_count++;
        replies->shapes[place].size = (uint8_t)shape.size;
        memcpy(replies->shapes[place].text, shape.data, shape.size);
    }
    replies->shapes[place].count++;
}

static void on_line(struct replies *replies, struct span line)
{
    struct classify_question question = read_line(line);
    struct classify_answer answer =
        classify_reply(reply_rules_classifier(replies->rules), &question);

    replies->total_count++;
    if (replies->options.unclassified) {
        if (answer.step == CLASSIFY_NOTHING)
            count_unknown(replies, &question);
    } else if (replies->options.explain) {
        (void)printf("%s\t%s\t%s\n", bounce_class_name(answer.class),
                     classify_step_name(answer.step), answer.rule);
    } else {
        (void)printf("%s\n", bounce_class_name(answer.class));
    }
}

static struct span without_return(struct span line)
{
    return line.size > 0 && line.data[line.size - 1] == '\r' ? span_first(line, line.size - 1)
                                                             : line;
}

/* Of a line that is too long, what fits counts. */
static void read_lines(struct replies *replies)
{
    static char line[LINE_MAX_SIZE];
    size_t size = 0;
    bool any = false;
    int byte;

    while ((byte = getc_unlocked(stdin)) != EOF) {
        any = true;
        if (byte == '\n') {
            on_line(replies, without_return(span_make(line, size)));
            size = 0;
            any = false;
        } else if (size < sizeof(line)) {
            line[size++] = (char)byte;
        }
    }
    if (any)
        on_line(replies, without_return(span_make(line, size)));
}

static int more_first(const void *a, const void *b)
{
    const struct shape *first = a, *second = b;

    return (first->count < second->count) - (first->count > second->count);
}

static void print_unknown(struct replies *replies)
{
    qsort(replies->shapes, replies->shapes_count, sizeof(*replies->shapes), more_first);
    for (uint32_t i = 0; i < replies->shapes_count && i < replies->options.top; i++)
        (void)printf("%llu\t%.*s\n", (unsigned long long)replies->shapes[i].count,
                     (int)replies->shapes[i].size, (const char *)replies->shapes[i].text);
    (void)fprintf(stderr, "%llu of %llu replies unclassified, %u different%s\n",
                  (unsigned long long)replies->unknown_count,
                  (unsigned long long)replies->total_count, replies->shapes_count,
                  replies->left_out_count > 0 ? " and more that were left out" : "");
}

int bounce_verbs_replies(int argc, char **argv)
{
    static struct replies replies;
    int result = parse(&replies.options, argc, argv);

    if (result == 0)
        result = load_rules(&replies);
    if (result != 0)
        return result;
    if (arena_open(&replies.arena,
                   table_cost(SHAPES_MAX) + arena_cost(SHAPES_MAX, sizeof(struct shape))) < 0) {
        reply_rules_close(replies.rules);
        return EXIT_TRY_AGAIN;
    }
    table_init(&replies.table, &replies.arena, SHAPES_MAX);
    replies.shapes = arena_alloc(&replies.arena, SHAPES_MAX, sizeof(struct shape));
    read_lines(&replies);
    if (replies.options.unclassified)
        print_unknown(&replies);
    if (ferror(stdin) != 0 || fflush(stdout) != 0) {
        (void)fprintf(stderr, "ringpost bounce: %s\n", strerror(errno));
        result = EXIT_IO;
    }
    arena_close(&replies.arena);
    reply_rules_close(replies.rules);
    return result;
}

int verb_bounce(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } table[] = {
        {"decisions", bounce_verbs_decisions},
        {"ingest", bounce_verbs_ingest},
        {"read", bounce_verbs_read},
        {"replies", bounce_verbs_replies},
    };

    for (size_t i = 0; argc >= 2 && i < ARRAY_LEN(table); i++)
        if (strcmp(argv[1], table[i].name) == 0)
            return table[i].run(argc - 1, argv + 1);
    if (argc < 2)
        return verb_complain("bounce", "read, ingest, decisions or replies?");
    return verb_complain("bounce", "\"%s\" is none of read, ingest, decisions and replies",
                         argv[1]);
}
