#include "bench/micro_bounce.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json_put.h"
#include "bench/bounce_samples.h"
#include "bench/micro_small.h"
#include "bounce/report.h"

#define EXIT_USAGE 2
#define MESSAGES_MAX 100000

#define BUILT_IN "built in" /* the name of the samples that are compiled in */

/* All messages, in memory. */
struct bounce_work {
    struct report_reader *reader;
    struct span *messages;
    size_t messages_count;
    uint64_t octets;
    struct report report;
    uint64_t kinds[REPORT_KIND_COUNT]; /* of one round */
};

static void read_messages(void *context)
{
    struct bounce_work *work = context;

    memset(work->kinds, 0, sizeof(work->kinds));
    for (size_t i = 0; i < work->messages_count; i++) {
        report_read(work->reader, work->messages[i], &work->report);
        work->kinds[work->report.kind]++;
    }
}

static int load_file(struct bounce_work *work, const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size + 1);
    int result = -ENOMEM;

    if (file == NULL || data == NULL) {
        result = file == NULL ? -errno : result;
        free(data);
    } else {
        size = fread(data, 1, size, file);
        work->messages[work->messages_count++] = span_make(data, size);
        work->octets += size;
        result = 0;
    }
    if (file != NULL)
        (void)fclose(file); /* only read from */
    return result;
}

/* Every file in the folder and below. */
static int load_folder(struct bounce_work *work, char *folder)
{
    char *paths[] = {folder, NULL};
    FTS *walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    int result = walk == NULL ? -errno : 0;

    while (result == 0 && (entry = fts_read(walk)) != NULL)
        if (entry->fts_info == FTS_F && work->messages_count < MESSAGES_MAX)
            result = load_file(work, entry->fts_accpath, (size_t)entry->fts_statp->st_size);
    if (walk != NULL)
        (void)fts_close(walk); /* nothing was written */
    return result == 0 && work->messages_count == 0 ? -ENOENT : result;
}

static int load_samples(struct bounce_work *work)
{
    size_t count;
    const struct span *samples = bounce_samples(&count);

    for (; work->messages_count < count; work->messages_count++) {
        work->messages[work->messages_count] = samples[work->messages_count];
        work->octets += samples[work->messages_count].size;
    }
    return 0;
}

static void print(struct bounce_work *work, const char *set, double rate)
{
    char buffer[4096];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "benchmark", "bounce");
    json_put_key_cstr(&out, "set", set);
    json_put_key_u64(&out, "messages", work->messages_count);
    json_put_key_u64(&out, "octets", work->octets);
    micro_small_put(&out, "messages", rate);
    json_put_key_double(&out, "bytes_per_s",
                        rate * (double)work->octets / (double)work->messages_count, 0);
    for (int kind = 0; kind < REPORT_KIND_COUNT; kind++)
        json_put_key_u64(&out, report_kind_name((enum report_kind)kind), work->kinds[kind]);
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
}

/* `folder` NULL: the samples. */
static int measure_folder(struct bounce_work *work, char *folder)
{
    int result;

    work->messages = calloc(MESSAGES_MAX, sizeof(work->messages[0]));
    if (work->messages == NULL)
        return -ENOMEM;
    result = folder == NULL ? load_samples(work) : load_folder(work, folder);
    if (result == 0)
        print(work, folder == NULL ? BUILT_IN : folder,
              micro_small_rate(read_messages, work, (double)work->messages_count));
    for (size_t i = 0; folder != NULL && i < work->messages_count; i++)
        free((void *)(uintptr_t)work->messages[i].data);
    free(work->messages);
    return result;
}

static int measure(char *folder)
{
    static struct bounce_work work;
    const struct rules *rules = rules_builtin();
    struct arena arena;
    int result = arena_open(&arena, report_cost() + classify_memory(rules));

    if (result == 0) {
        work.reader = report_open(&arena, classify_open(&arena, rules));
        result = measure_folder(&work, folder);
        report_close(work.reader);
        arena_close(&arena);
    }
    if (result == 0)
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    (void)fprintf(stderr, "ringpost-bench micro bounce: %s: %s\n",
                  folder == NULL ? BUILT_IN : folder, strerror(-result));
    return EXIT_FAILURE;
}

int micro_bounce_run(int count, char **arguments)
{
    char *folder = NULL;

    for (int i = 1; i < count; i++) {
        bool asked = strcmp(arguments[i], "--help") == 0;

        if (strcmp(arguments[i], "--json") == 0)
            continue; /* there is no other form */
        if (!asked && arguments[i][0] != '-' && folder == NULL) {
            folder = arguments[i];
            continue;
        }
        (void)fprintf(asked ? stdout : stderr,
                      "usage: ringpost-bench micro bounce [--json] [FOLDER]\n\n"
                      "Reads and classes every file in FOLDER and below as one message; without a\n"
                      "folder, ten samples that are compiled in.\n");
        return asked ? EXIT_SUCCESS : EXIT_USAGE;
    }
    return measure(folder);
}
