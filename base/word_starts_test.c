#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/prng.h"
#include "base/word_starts.h"

static void test_of_words(void **state)
{
    static const struct {
        const char *text;
        uint64_t starts;
        bool before, behind;
    } cases[] = {
        {"", 0, false, false},
        {"", 0, true, false},
        {"no such user", 0x109, false, true},
        {"o such ", 0x04, true, false},
        {"a1-b2", 0x09, false, true},
        {"(x)", 0x02, false, false},
        {"\xd0\xbd\xd0\xb5 x", 0x25, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool in_word = cases[i].before;
        size_t size = strlen(cases[i].text);

        assert_int_equal(word_starts((const uint8_t *)cases[i].text, size, &in_word),
                         cases[i].starts);
        assert_int_equal(in_word, size > 0 ? cases[i].behind : cases[i].before);
    }
}

static void test_the_machine_agrees(void **state)
{
    static const char alphabet[] = "aZ09 /:@[`{\x7f\x80\xbf\xc0\xff\t\n";
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t bytes[WORD_STARTS_SIZE];
        bool plain = prng_below(&prng, 2) != 0, fast = plain;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = round % 2 == 0 ? (uint8_t)prng_below(&prng, 256)
                                      : (uint8_t)alphabet[prng_below(&prng, sizeof(alphabet) - 1)];
        assert_int_equal(word_starts(bytes, sizeof(bytes), &fast),
                         word_starts_plain(bytes, sizeof(bytes), &plain));
        assert_int_equal(fast, plain);
    }
}

static void test_folding(void **state)
{
    struct prng prng;
    uint8_t plain[WORD_STARTS_FRONT], fast[WORD_STARTS_FRONT];

    (void)state;
    assert_int_equal(word_starts_fold((const uint8_t *)"Not\r\n\tSENT @[z\xc3\x80", fast), 0x438);
    assert_memory_equal(fast, "not   sent @[z\xc3\x80", WORD_STARTS_FRONT);
    prng_seed(&prng, 8);
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t bytes[WORD_STARTS_FRONT];

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)prng_below(&prng, round % 2 == 0 ? 256 : 128);
        assert_int_equal(word_starts_fold(bytes, fast), word_starts_fold_plain(bytes, plain));
        assert_memory_equal(fast, plain, sizeof(fast));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_words),
        cmocka_unit_test(test_the_machine_agrees),
        cmocka_unit_test(test_folding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
