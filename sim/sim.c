/* sim - ringpost in a simulated world: `sim [SEED] [--seeds N] [--seconds S] [--list FILE]
 * [--trace]`.
 *
 * Runs seeds from SEED on (default 1), or those of a list (one a line, '#' begins a comment), each
 * twice and in a process of its own, so that a crash of the product is one seed's failure; the
 * trace hashes of both runs must agree. A failing seed prints itself and how to run it again. Exit
 * status: 0 all well, 1 some seed failed, 2 usage. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/world.h"

#define PROBLEMS_MAX 4000
#define SEED_SECONDS_MAX 300 /* then a seed counts as hanging */

struct arguments {
    uint64_t seed;
    uint64_t seeds_count;
    uint64_t seconds;
    const char *list;
    bool trace;
    bool verbose;
};

static bool run_once(uint64_t seed, const struct world_options *options,
                     struct world_result *result, char *problems)
{
    memset(result, 0, sizeof(*result));
    text_init(&result->problems, problems, PROBLEMS_MAX - 1);
    return world_run(seed, options, result);
}

static void print_result(uint64_t seed, const struct world_result *result)
{
    printf("seed %llu: %s hash %016llx, %llu events, %llu virtual s, %llu recipients, "
           "%llu accepted, %llu delivered, %llu cancelled, %llu envelopes behind TLS\n",
           (unsigned long long)seed, result->problems_count == 0 ? "well" : "FAILED",
           (unsigned long long)result->hash, (unsigned long long)result->events,
           (unsigned long long)(result->virtual_ns / NS_PER_S),
           (unsigned long long)result->recipients, (unsigned long long)result->accepted,
           (unsigned long long)result->delivered, (unsigned long long)result->cancelled,
           (unsigned long long)result->covered);
}

static void print_options(const struct world_options *options)
{
    char words[4000];
    struct text text;

    text_init(&text, words, sizeof(words) - 1);
    world_print(options, &text);
    printf("%s", text_cstr_end(&text));
}

/* In the child: 0 when all is well. */
static int run_seed(const struct arguments *arguments, uint64_t seed)
{
    static char problems[2][PROBLEMS_MAX];
    struct world_options options;
    struct world_result first;
    struct world_result second;
    bool well;

    world_draw(&options, seed);
    options.trace = arguments->trace;
    if (arguments->verbose)
        print_options(&options);
    well = run_once(seed, &options, &first, problems[0]);
    if (arguments->verbose || !well)
        print_result(seed, &first);
    if (!well) {
        print_options(&options);
        printf("%s", text_cstr_end(&first.problems));
        return 1;
    }
    if (arguments->trace)
        return 0;
    if (!run_once(seed, &options, &second, problems[1]) || second.hash != first.hash ||
        second.events != first.events) {
        printf("seed %llu: FAILED: the second run differs: hash %016llx, %llu events\n%s",
               (unsigned long long)seed, (unsigned long long)second.hash,
               (unsigned long long)second.events, text_cstr_end(&second.problems));
        return 1;
    }
    return 0;
}

/* Runs the seed in a process of its own. True when all was well. */
static bool try_seed(const struct arguments *arguments, uint64_t seed)
{
    const struct rlimit no_core = {0};
    int status = 0;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child < 0) {
        perror("sim: fork");
        exit(1);
    }
    if (child == 0) {
        int code;

        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(SEED_SECONDS_MAX);
        code = run_seed(arguments, seed);
        (void)fflush(stdout);
        _exit(code);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        printf("seed %llu: FAILED: ended by signal %d\n", (unsigned long long)seed,
               WTERMSIG(status));
    else if (WEXITSTATUS(status) != 1)
        printf("seed %llu: FAILED: exit status %d\n", (unsigned long long)seed,
               WEXITSTATUS(status));
    printf("again: sim %llu\n", (unsigned long long)seed);
    return false;
}

static bool parse_number(const char *text, uint64_t *ret)
{
    return span_number(span_cstr(text), UINT64_MAX, ret);
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 's'},
        {"list", required_argument, NULL, 'l'},  {"trace", no_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},     {NULL, 0, NULL, 0},
    };
    int option;

    *arguments = (struct arguments){.seed = 1, .seeds_count = 1};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            if (!parse_number(optarg, &arguments->seeds_count))
                return false;
            break;
        case 's':
            if (!parse_number(optarg, &arguments->seconds))
                return false;
            arguments->seeds_count = UINT64_MAX;
            break;
        case 'l':
            arguments->list = optarg;
            break;
        case 't':
            arguments->trace = true;
            break;
        case 'v':
            arguments->verbose = true;
            break;
        default:
            return false;
        }
    }
    if (optind < argc && !parse_number(argv[optind++], &arguments->seed))
        return false;
    return optind == argc;
}

static volatile sig_atomic_t time_is_up;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    time_is_up = 1;
}

struct tally {
    uint64_t count;
    uint64_t failed_count;
};

static void run_range(const struct arguments *arguments, struct tally *tally)
{
    for (; tally->count < arguments->seeds_count && time_is_up == 0; tally->count++)
        tally->failed_count += !try_seed(arguments, arguments->seed + tally->count);
}

static bool run_list(const struct arguments *arguments, struct tally *tally)
{
    FILE *stream = fopen(arguments->list, "r");
    char line[256];

    if (stream == NULL) {
        perror(arguments->list);
        return false;
    }
    while (fgets(line, sizeof(line), stream) != NULL && time_is_up == 0) {
        struct span rest = span_cstr(line);
        struct span word = span_trim(span_split(&rest, '#'));
        uint64_t seed;

        if (word.size == 0 || !span_number(word, UINT64_MAX, &seed))
            continue;
        tally->count++;
        tally->failed_count += !try_seed(arguments, seed);
    }
    (void)fclose(stream);
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct tally tally = {0};

    if (!parse(argc, argv, &arguments)) {
        (void)fprintf(
            stderr,
            "usage: sim [SEED] [--seeds N] [--seconds S] [--list FILE] [--trace] [--verbose]\n");
        return 2;
    }
    if (arguments.seeds_count == 1 && arguments.list == NULL)
        arguments.verbose = true;
    if (signal(SIGALRM, on_alarm) == SIG_ERR)
        return 1;
    (void)alarm((unsigned)arguments.seconds);
    if (arguments.list == NULL)
        run_range(&arguments, &tally);
    else if (!run_list(&arguments, &tally))
        return 2;
    printf("sim: %llu seeds, %llu failed\n", (unsigned long long)tally.count,
           (unsigned long long)tally.failed_count);
    return tally.failed_count == 0 ? 0 : 1;
}
