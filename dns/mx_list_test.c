#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "dns/mx_list.h"
#include "dns/route.h"

static uint8_t bytes[30000];
static struct text payload;
static struct mx_list list;

static void add(uint16_t preference, const char *host)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(host), &name));
    text_add_byte(&payload, (uint8_t)(preference >> 8));
    text_add_byte(&payload, (uint8_t)preference);
    text_add_byte(&payload, name.size);
    text_add(&payload, dns_name_span(&name));
    assert_false(payload.overflow);
}

static void assert_host(uint32_t index, uint16_t preference, const char *host)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(host), &name));
    assert_int_equal(list.hosts[index].preference, preference);
    assert_true(dns_name_equal(&list.hosts[index].name, &name));
}

static void is_sorted_and_without_doubles(void **state)
{
    (void)state;
    text_init(&payload, bytes, sizeof(bytes));
    add(20, "b.example");
    add(10, "c.example");
    add(10, "a.example");
    add(65535, "a.example");
    add(5, "b.example");
    add(256, "d.example");
    add(10, "A.example.");
    mx_list_read(&list, text_span(&payload));
    assert_int_equal(list.count, 4);
    assert_host(0, 5, "b.example");
    assert_host(1, 10, "a.example");
    assert_host(2, 10, "c.example");
    assert_host(3, 256, "d.example");
}

static void a_hundred_in_falling_order(void **state)
{
    char host[32];
    struct text text;

    (void)state;
    text_init(&payload, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < 100; i++) {
        text_init(&text, host, sizeof(host));
        text_add_format(&text, "h%02u.example", 99 - i);
        add((uint16_t)((99 - i) / 10), text_cstr_end(&text));
    }
    mx_list_read(&list, text_span(&payload));
    assert_int_equal(list.count, 100);
    assert_host(0, 0, "h00.example");
    assert_host(99, 9, "h99.example");
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(list.hosts[i].preference, i / 10);
    mx_list_shuffle(&list, 1);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(list.hosts[i].preference, i / 10);
}

static void the_salt_decides_the_order(void **state)
{
    struct mx_list first, second;
    uint32_t differs = 0;

    (void)state;
    text_init(&payload, bytes, sizeof(bytes));
    add(1, "a.example");
    add(1, "b.example");
    add(1, "c.example");
    add(1, "d.example");
    for (uint64_t salt = 0; salt < 100; salt++) {
        mx_list_read(&first, text_span(&payload));
        mx_list_read(&second, text_span(&payload));
        mx_list_read(&list, text_span(&payload));
        mx_list_shuffle(&first, salt);
        mx_list_shuffle(&second, salt);
        for (uint32_t i = 0; i < 4; i++) {
            assert_true(dns_name_equal(&first.hosts[i].name, &second.hosts[i].name));
            differs += !dns_name_equal(&first.hosts[i].name, &list.hosts[i].name);
        }
    }
    assert_in_range(differs, 200, 380);
}

/* The figures do not matter, only the groups do; nor does the order in the answer. */
static void the_site_is_canonical(void **state)
{
    char one[ROUTE_SITE_SIZE], two[ROUTE_SITE_SIZE];

    (void)state;
    text_init(&payload, bytes, sizeof(bytes));
    add(10, "b.example");
    add(20, "c.example");
    add(10, "a.example");
    mx_list_read(&list, text_span(&payload));
    mx_list_site(&list, one);
    assert_string_equal(one, "a.example,b.example;c.example");
    text_init(&payload, bytes, sizeof(bytes));
    add(0, "A.example");
    add(7, "c.example");
    add(0, "b.example");
    mx_list_read(&list, text_span(&payload));
    mx_list_site(&list, two);
    assert_string_equal(one, two);
    text_init(&payload, bytes, sizeof(bytes));
    add(0, "a.example");
    add(1, "b.example");
    add(7, "c.example");
    mx_list_read(&list, text_span(&payload));
    mx_list_site(&list, two);
    assert_string_equal(two, "a.example;b.example;c.example");
}

static void null_mx_stands_alone(void **state)
{
    (void)state;
    assert_true(mx_list_is_null(SPAN("\0\0\1\0"), 1));
    assert_false(mx_list_is_null(SPAN("\0\0\1\0\0\0\1\0"), 2));
    assert_false(mx_list_is_null(SPAN(""), 0));
    text_init(&payload, bytes, sizeof(bytes));
    add(0, "a.example");
    assert_false(mx_list_is_null(text_span(&payload), 1));
    mx_list_read(&list, SPAN("\0\0\1\0\0\0\1\0"));
    assert_int_equal(list.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_and_without_doubles),
        cmocka_unit_test(a_hundred_in_falling_order),
        cmocka_unit_test(the_salt_decides_the_order),
        cmocka_unit_test(the_site_is_canonical),
        cmocka_unit_test(null_mx_stands_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
