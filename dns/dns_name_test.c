#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "dns/dns_name.h"

static void parses_host_names(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"example.com", "example.com"},
        {"Example.COM.", "example.com"},
        {"a", "a"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"_mx.example.com", "_mx.example.com"},
        {"1.2.3.4.example", "1.2.3.4.example"},
        {"3com.com", "3com.com"},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {".com", NULL},
        {"a..b", NULL},
        {"a.b..", NULL},
        {"-a.example", NULL},
        {"a-.example", NULL},
        {"a b.example", NULL},
        {"a\nb.example", NULL},
        {"b\xc3\xbc"
         "cher.example",
         NULL},
        {"192.0.2.1", NULL},
        {"192.0.2.1.", NULL},
        {"example.123", NULL},
        {"2001:db8::1", NULL},
        {"[192.0.2.1]", NULL},
        {"a@b.example", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dns_name name;
        char buffer[300];
        struct text text;
        bool ok = dns_name_parse(span_cstr(cases[i].in), &name);

        assert_int_equal(ok, cases[i].out != NULL);
        if (!ok)
            continue;
        assert_true(dns_name_is_host(&name));
        text_init(&text, buffer, sizeof(buffer));
        dns_name_write(&name, &text);
        assert_string_equal(text_cstr_end(&text), cases[i].out);
    }
}

static void keeps_the_limits(void **state)
{
    char text[300];
    struct dns_name name;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(dns_name_parse(span_make(text, 63), &name));
    assert_false(dns_name_parse(span_make(text, 64), &name));
    for (size_t i = 63; i < sizeof(text); i += 64)
        text[i] = '.';
    assert_true(dns_name_parse(span_make(text, 253), &name));
    assert_int_equal(name.size, 255);
    assert_false(dns_name_parse(span_make(text, 254), &name));
    text[253] = '.';
    assert_true(dns_name_parse(span_make(text, 254), &name));
    assert_false(dns_name_parse(span_make(text, 255), &name));
}

static void reads_wire_form(void **state)
{
    static const struct {
        struct span wire;
        bool ok, host;
        const char *text;
    } cases[] = {
        {SPAN_INIT("\3WwW\2xY\0"), true, true, "www.xy"},
        {SPAN_INIT("\0"), true, false, ""},
        {SPAN_INIT("\3a.b\0"), true, false, "a\\046b"},
        {SPAN_INIT("\3a\\\1\0"), true, false, "a\\092\\001"},
        {SPAN_INIT("\4-abc\0"), true, false, "-abc"},
        {SPAN_INIT("\003192\0010\0012\0011\0"), true, false, "192.0.2.1"},
        {SPAN_INIT(""), false, false, ""},
        {SPAN_INIT("\3ab"), false, false, ""},
        {SPAN_INIT("\2ab"), false, false, ""},
        {SPAN_INIT("\2ab\0x"), false, false, ""},
        {SPAN_INIT("\0\0"), false, false, ""},
        {SPAN_INIT("\xc0\x0c"), false, false, ""},
        {SPAN_INIT("\x40x\0"), false, false, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dns_name name;
        char buffer[300];
        struct text text;
        struct span wire = cases[i].wire;

        if (wire.size > 0 && cases[i].ok)
            assert_int_equal(wire.data[wire.size - 1], 0);
        assert_int_equal(dns_name_from_wire(wire, &name), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(dns_name_is_host(&name), cases[i].host);
        text_init(&text, buffer, sizeof(buffer));
        dns_name_write(&name, &text);
        assert_string_equal(text_cstr_end(&text), cases[i].text);
    }
}

static void knows_what_lies_within(void **state)
{
    static const struct {
        const char *name, *zone;
        bool within;
    } cases[] = {
        {"a.example.com", "example.com", true},  {"example.com", "example.com", true},
        {"example.com", "a.example.com", false}, {"bexample.com", "example.com", false},
        {"a.example.com", "com", true},          {"a.example.org", "com", false},
        {"com", "example.com", false},
    };
    struct dns_name root = {.size = 1}, none = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dns_name name, zone;

        assert_true(dns_name_parse(span_cstr(cases[i].name), &name));
        assert_true(dns_name_parse(span_cstr(cases[i].zone), &zone));
        assert_int_equal(dns_name_within(&name, &zone), cases[i].within);
        assert_true(dns_name_within(&name, &root));
        assert_false(dns_name_within(&name, &none));
        assert_false(dns_name_is_root(&name));
    }
    assert_true(dns_name_is_root(&root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_host_names),
        cmocka_unit_test(keeps_the_limits),
        cmocka_unit_test(reads_wire_form),
        cmocka_unit_test(knows_what_lies_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
