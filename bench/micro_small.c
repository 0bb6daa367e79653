#include "bench/micro_small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "bench/run_clock.h"

#define EXIT_USAGE 2
#define ROUNDS 5
#define ROUND_S 0.1

static const struct {
    const char *name;
    int (*measure)(struct text *out);
} benchmarks[] = {
    {"template", micro_small_template}, {"smtp", micro_small_smtp},
    {"crc", micro_small_crc},           {"csv", micro_small_csv},
    {"classify", micro_small_classify}, {"hygiene", micro_small_hygiene},
    {"event", micro_small_event},       {"tls", micro_small_tls},
    {"sign", micro_small_sign},
};

static int by_size(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

double micro_small_rate(micro_small_work *work, void *context, double items)
{
    double rates[ROUNDS];

    work(context); /* to warm up */
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double started_s = run_clock_thread_s(), used_s = 0;
        uint64_t calls = 0, step = 1;

        while (used_s < ROUND_S) {
            for (uint64_t i = 0; i < step; i++)
                work(context);
            calls += step;
            used_s = run_clock_thread_s() - started_s;
            if (used_s < ROUND_S / 20)
                step *= 2; /* the clock shall not be what is measured */
        }
        rates[round] = (double)calls * items / used_s;
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), by_size);
    return rates[ROUNDS / 2];
}

void micro_small_put(struct text *out, const char *name, double rate)
{
    char buffer[64];
    struct text key;

    text_init(&key, buffer, sizeof(buffer));
    text_add_format(&key, "%s_per_s", name);
    json_put_key_double(out, text_cstr_end(&key), rate, 0);
    text_reset(&key);
    text_add_format(&key, "%s_us", name);
    json_put_key_double(out, text_cstr_end(&key), rate > 0 ? 1e6 / rate : 0, 4);
}

static int measure(size_t index)
{
    char buffer[4096];
    struct text out;
    int result;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "benchmark", benchmarks[index].name);
    result = benchmarks[index].measure(&out);
    if (result < 0) {
        (void)fprintf(stderr, "ringpost-bench micro %s: %s\n", benchmarks[index].name,
                      strerror(-result));
        return EXIT_FAILURE;
    }
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int micro_small_run(int count, char **arguments)
{
    size_t index = 0;

    while (strcmp(benchmarks[index].name, arguments[0]) != 0)
        index++; /* the caller's table names no other */
    for (int i = 1; i < count; i++) {
        bool asked = strcmp(arguments[i], "--help") == 0;

        if (strcmp(arguments[i], "--json") == 0)
            continue; /* there is no other form */
        (void)fprintf(asked ? stdout : stderr, "usage: ringpost-bench micro %s [--json]\n",
                      arguments[0]);
        return asked ? EXIT_SUCCESS : EXIT_USAGE;
    }
    return measure(index);
}
