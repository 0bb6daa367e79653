#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "engine/memory_lack.h"

/* The soft limit, and back: what the process has already stays. */
static bool ask(__rlimit_resource_t resource, uint64_t limit_size, uint64_t need_size,
                char *ret_words, size_t size)
{
    struct rlimit before, low;
    struct text text;
    bool passes;

    text_init(&text, ret_words, size);
    assert_int_equal(getrlimit(resource, &before), 0);
    low = before;
    low.rlim_cur = limit_size;
    assert_int_equal(setrlimit(resource, &low), 0);
    passes = memory_lack_write(need_size, &text);
    assert_int_equal(setrlimit(resource, &before), 0);
    (void)text_cstr_end(&text);
    return passes;
}

static void test_the_limit_is_named(void **state)
{
    static const struct {
        __rlimit_resource_t resource;
        uint64_t limit_size, need_size;
        bool passes;
        const char *words;
    } cases[] = {
        {RLIMIT_AS, 100 * MIB, 96 * MIB, true,
         "it takes 96 MiB of memory, which do not fit any more in the sender's limit of 100 MiB "
         "for its address space (ulimit -v, LimitAS=): raise it"},
        {RLIMIT_AS, 100 * MIB, 100 * MIB, true,
         "it takes 100 MiB of memory, which do not fit any more in the sender's limit of 100 MiB "
         "for its address space (ulimit -v, LimitAS=): raise it"},
        {RLIMIT_AS, 100 * MIB, 100 * MIB + 1, false,
         "it takes 101 MiB of memory, more than the sender's limit of 100 MiB for its address "
         "space (ulimit -v, LimitAS=): raise it"},
        {RLIMIT_DATA, 10 * MIB, 12 * MIB, false,
         "it takes 12 MiB of memory, more than the sender's limit of 10 MiB for its data "
         "(ulimit -d, LimitDATA=): raise it"},
        {RLIMIT_AS, RLIM_INFINITY, 12 * MIB, true,
         "it takes 12 MiB of memory, which the machine does not give the sender (memory, swap, "
         "vm.overcommit_memory)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char words[512];

        assert_int_equal(
            ask(cases[i].resource, cases[i].limit_size, cases[i].need_size, words, sizeof(words)),
            cases[i].passes);
        assert_string_equal(words, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_limit_is_named)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
