#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/route.h"
#include "dns/route_site.h"

static char into[ROUTE_SITE_SIZE + 1]; /* and a guard */

static const char *name_of(const char *text, size_t size, const char *last)
{
    struct route_site site;

    memset(into, '#', sizeof(into));
    route_site_begin(&site, into);
    route_site_add(&site, ',', span_make(text, size));
    if (last != NULL)
        route_site_add(&site, ';', span_cstr(last));
    route_site_end(&site);
    assert_int_equal(into[ROUTE_SITE_SIZE], '#');
    assert_true(strlen(into) < ROUTE_SITE_SIZE);
    return into;
}

static void short_names_are_whole(void **state)
{
    (void)state;
    assert_string_equal(name_of("a.example", 9, NULL), "a.example");
    assert_string_equal(name_of("a.example", 9, "b.example"), "a.example;b.example");
}

static void long_names_end_in_a_hash(void **state)
{
    char text[ROUTE_SITE_SIZE], first[ROUTE_SITE_SIZE];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(strlen(name_of(text, ROUTE_SITE_SIZE - 1, NULL)), ROUTE_SITE_SIZE - 1);
    assert_null(strchr(into, '~'));
    assert_int_equal(strlen(name_of(text, ROUTE_SITE_SIZE, NULL)), ROUTE_SITE_SIZE - 1);
    assert_int_equal(into[ROUTE_SITE_SIZE - 18], '~');
    memcpy(first, into, sizeof(first));
    assert_string_equal(name_of(text, ROUTE_SITE_SIZE, NULL), first);
    assert_string_not_equal(name_of(text, ROUTE_SITE_SIZE - 1, "y"), first);
    memcpy(first, into, sizeof(first));
    assert_string_not_equal(name_of(text, ROUTE_SITE_SIZE - 1, "z"), first);
    /* The same in every build and on every machine: it names a site in events and leases. */
    assert_string_equal(&name_of(text, ROUTE_SITE_SIZE, NULL)[ROUTE_SITE_SIZE - 18],
                        "~b61eccc049150818");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_names_are_whole),
        cmocka_unit_test(long_names_end_in_a_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
