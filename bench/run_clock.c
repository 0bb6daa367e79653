#include "bench/run_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

uint64_t run_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static double cpu_s(clockid_t clock)
{
    struct timespec used;

    (void)clock_gettime(clock, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double run_clock_cpu_s(void)
{
    return cpu_s(CLOCK_PROCESS_CPUTIME_ID);
}

double run_clock_thread_s(void)
{
    return cpu_s(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t run_clock_rss_peak(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * KIB : 0;
}

/* The number in the line of the file that begins with `key`; 0: unknown. */
static uint64_t number_of(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    uint64_t number = 0;
    char line[256];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtoull(line + strlen(key), NULL, 10);
    (void)fclose(file); /* was read only */
    return number;
}

uint64_t run_clock_rss_anonymous(void)
{
    return number_of("/proc/self/status", "RssAnon:") * KIB;
}

uint64_t run_clock_rss_files(void)
{
    return number_of("/proc/self/status", "RssFile:") * KIB;
}

uint64_t run_clock_device_bytes(void)
{
    return number_of("/proc/self/io", "write_bytes:");
}
