#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/route.h"

static void statuses_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < ROUTE_STATUS_COUNT; i++) {
        assert_true(strlen(route_status_name((enum route_status)i)) > 1);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(route_status_name((enum route_status)i),
                                    route_status_name((enum route_status)k));
    }
}

static void the_site_is_written(void **state)
{
    struct route route = {.status = ROUTE_OK, .site = "a.example;b.example"};
    char buffer[ROUTE_SITE_SIZE];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    route_site_name(&route, &text);
    assert_true(span_equal(text_span(&text), SPAN("a.example;b.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(the_site_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
