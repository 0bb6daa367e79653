#include "engine/memory_lack.h"

#include <sys/resource.h>

static uint64_t whole_mib(uint64_t size)
{
    return (size + MIB - 1) / MIB;
}

bool memory_lack_write(uint64_t need_size, struct text *out)
{
    static const struct {
        __rlimit_resource_t resource;
        const char *words;
    } limits[] = {
        {RLIMIT_AS, "its address space (ulimit -v, LimitAS=)"},
        {RLIMIT_DATA, "its data (ulimit -d, LimitDATA=)"},
    };
    const char *words = NULL;
    uint64_t size_max = UINT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct rlimit limit;

        if (getrlimit(limits[i].resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
            limit.rlim_cur >= size_max)
            continue;
        size_max = limit.rlim_cur;
        words = limits[i].words;
    }
    text_add_format(out, "it takes %llu MiB of memory, ", (unsigned long long)whole_mib(need_size));
    if (words == NULL)
        text_add_cstr(out, "which the machine does not give the sender (memory, swap, "
                           "vm.overcommit_memory)");
    else
        text_add_format(out, "%s the sender's limit of %llu MiB for %s: raise it",
                        need_size > size_max ? "more than" : "which do not fit any more in",
                        (unsigned long long)whole_mib(size_max), words);
    return need_size <= size_max;
}
