/* clock_shift.c - a clock that a test can move: preloaded (LD_PRELOAD), it adds to the wall clock
 * the whole seconds that stand in the first eight octets of the file that $RINGPOST_CLOCK_SHIFT
 * names, as they are at that moment. The monotonic clocks go on. A part of the tests; ringpost
 * knows nothing of it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The build hides names by default; these stand in for the C library's, with its parameters. */
#define SEEN __attribute__((visibility("default")))

SEEN int clock_gettime(clockid_t clock_id, struct timespec *tp);
SEEN time_t time(time_t *timer);
SEEN int gettimeofday(struct timeval *restrict tv, void *restrict tz);

/* Two threads may map it twice; both see the same. */
static int64_t shift_s(void)
{
    static const volatile int64_t *mapped;
    const char *path = getenv("RINGPOST_CLOCK_SHIFT");
    void *map;
    int fd;

    if (mapped == NULL && path != NULL) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            abort(); /* a test that believes its clock moves */
        map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            abort();
        (void)close(fd);
        mapped = map;
    }
    return mapped != NULL ? *mapped : 0;
}

int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    int result = (int)syscall(SYS_clock_gettime, clock_id, tp);

    if (result == 0 && (clock_id == CLOCK_REALTIME || clock_id == CLOCK_REALTIME_COARSE))
        tp->tv_sec += shift_s();
    return result;
}

time_t time(time_t *timer)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (timer != NULL)
        *timer = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec now;

    (void)tz;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    tv->tv_sec = now.tv_sec;
    tv->tv_usec = now.tv_nsec / 1000;
    return 0;
}
