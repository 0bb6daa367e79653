#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "engine/memory_lack.h"

struct lack {
    __rlimit_resource_t resource;
    uint64_t limit_size, need_size;
    bool passes;
    const char *words;
};

/* The soft limit, and back: what the process has already stays. */
static void check(const struct lack *lack)
{
    struct rlimit before, low;
    struct text text;
    char words[512];
    bool passes;

    text_init(&text, words, sizeof(words));
    assert_int_equal(getrlimit(lack->resource, &before), 0);
    low = before;
    low.rlim_cur = lack->limit_size;
    assert_int_equal(setrlimit(lack->resource, &low), 0);
    passes = memory_lack_write(lack->need_size, &text);
    assert_int_equal(setrlimit(lack->resource, &before), 0);
    assert_string_equal(text_cstr_end(&text), lack->words);
    assert_int_equal(passes, lack->passes);
}

static void test_the_limit_is_named(void **state)
{
    static const struct lack cases[] = {
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
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_limit_is_named)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
