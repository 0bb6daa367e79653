#include "tls/dane.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static const uint8_t octets[80];

static struct tlsa_record record_of(int usage, int selector, int matching, size_t size)
{
    return (struct tlsa_record){.usage = (uint8_t)usage,
                                .selector = (uint8_t)selector,
                                .matching = (uint8_t)matching,
                                .data = span_make(octets, size)};
}

static void test_what_is_usable(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int usage, selector, matching;
        size_t size;
        bool usable;
    } cases[] = {
        {"3 1 1", 3, 1, 1, 32, true},
        {"3 0 2", 3, 0, 2, 64, true},
        {"2 0 1", 2, 0, 1, 32, true},
        {"2 1 2", 2, 1, 2, 64, true},
        {"PKIX-TA", 0, 1, 1, 32, false},
        {"PKIX-EE", 1, 1, 1, 32, false},
        {"usage of tomorrow", 4, 1, 1, 32, false},
        {"private usage", 255, 1, 1, 32, false},
        {"selector of tomorrow", 3, 2, 1, 32, false},
        {"matching of tomorrow", 3, 1, 3, 32, false},
        {"digest too short", 3, 1, 1, 31, false},
        {"digest too long", 3, 1, 1, 33, false},
        {"digest of the other kind", 3, 1, 2, 32, false},
        {"no digest", 3, 1, 1, 0, false},
        {"full key that is none", 3, 1, 0, 64, false},
        {"full certificate that is none", 2, 0, 0, 64, false},
        {"full and empty", 3, 0, 0, 0, false},
    };
    struct tlsa_record all[ARRAY_LEN(cases)];
    uint32_t usable = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        all[i] = record_of(cases[i].usage, cases[i].selector, cases[i].matching, cases[i].size);
        usable += cases[i].usable;
        if (dane_is_usable(&all[i]) != cases[i].usable)
            fail_msg("%s", cases[i].label);
    }
    assert_int_equal(dane_usable_count(all, ARRAY_LEN(all)), usable);
    assert_int_equal(dane_usable_count(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
