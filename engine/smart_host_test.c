#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/smart_host.h"

static const struct {
    const char *item;
    const char *host; /* NULL: refused */
    uint16_t port;
} samples[] = {
    {"relay.example", "relay.example", 25},
    {"relay.example:2525", "relay.example", 2525},
    {"10.0.0.5:587", "10.0.0.5", 587},
    {"10.0.0.5", "10.0.0.5", 25},
    {"[10.0.0.5]:26", "[10.0.0.5]", 26},
    {"[2001:db8::1]", "[2001:db8::1]", 25},
    {"[2001:db8::1]:65535", "[2001:db8::1]", 65535},
    {"2001:db8::1", "2001:db8::1", 25},
    {"::1", "::1", 25},
    {"", NULL, 0},
    {":25", NULL, 0},
    {"relay.example:", NULL, 0},
    {"relay.example:0", NULL, 0},
    {"relay.example:65536", NULL, 0},
    {"relay.example:smtp", NULL, 0},
    {"relay.example:25 ", NULL, 0},
    {"[2001:db8::1", NULL, 0},
    {"[]", NULL, 0},
    {"[::1]25", NULL, 0},
    {"[::1]:", NULL, 0},
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct span host = SPAN("untouched");
        uint16_t port = 1;
        bool good = smart_host_split(span_cstr(samples[i].item), 25, &host, &port);

        if (good != (samples[i].host != NULL))
            fail_msg("\"%s\"", samples[i].item);
        if (!good)
            continue;
        if (!span_equal(host, span_cstr(samples[i].host)) || port != samples[i].port)
            fail_msg("\"%s\": host %.*s, port %u", samples[i].item, (int)host.size,
                     (const char *)host.data, port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
