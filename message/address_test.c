#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "message/address.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define L63 X60 "xxx"

static const struct {
    const char *in;
    const char *key; /* NULL: refused */
    bool quoted;
    bool literal;
    bool utf8;
} cases[] = {
    {"a@example.com", "a@example.com", false, false, false},
    {"Some.One+Tag@Example.COM", "some.one+tag@example.com", false, false, false},
    {"!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~@x.org", false, false, false},
    {"root@localhost", "root@localhost", false, false, false},
    {"1@1.com", "1@1.com", false, false, false},
    {"a@3com.com", "a@3com.com", false, false, false},
    {"a@a-b.c--d.com", "a@a-b.c--d.com", false, false, false},
    {"\"a b\"@x.org", "\"a b\"@x.org", true, false, false},
    {"\"Plain\"@x.org", "plain@x.org", true, false, false},
    {"\"a.b\"@x.org", "a.b@x.org", true, false, false},
    {"\"a..b\"@x.org", "\"a..b\"@x.org", true, false, false},
    {"\"a@b\"@x.org", "\"a@b\"@x.org", true, false, false},
    {"\"\\a\\b\"@x.org", "ab@x.org", true, false, false},
    {"\"a\\\"\\\\b\"@x.org", "\"a\\\"\\\\b\"@x.org", true, false, false},
    {"\"\"@x.org", "\"\"@x.org", true, false, false},
    {"\"a>b\"@x.org", "\"a>b\"@x.org", true, false, false},
    {"a@[192.0.2.1]", "a@[192.0.2.1]", false, true, false},
    {"a@[IPv6:2001:DB8:0:0::1]", "a@[ipv6:2001:db8::1]", false, true, false},
    {"j\xc3\xbcrgen@example.com", "j\xc3\xbcrgen@example.com", false, false, true},
    {"\"j\xc3\xbc rg\"@example.com", "\"j\xc3\xbc rg\"@example.com", true, false, true},
    {"a@b\xc3\xbc"
     "cher.example",
     "a@xn--bcher-kva.example", false, false, true},
    {"a@B\xc3\x9c"
     "CHER.Example",
     "a@xn--bcher-kva.example", false, false, true},
    {"a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example", false, false, false},
    {"a@\xe4\xbe\x8b\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95", "a@xn--fsq.xn--0zwm56d", false, false,
     true},
    {X60 "abcd@x.org", X60 "abcd@x.org", false, false, false},
    {"a@" L63 ".org", "a@" L63 ".org", false, false, false},

    {"", NULL, false, false, false},
    {"a", NULL, false, false, false},
    {"@", NULL, false, false, false},
    {"@x.org", NULL, false, false, false},
    {"a@", NULL, false, false, false},
    {"a@@x.org", NULL, false, false, false},
    {"a@b@x.org", NULL, false, false, false},
    {" a@x.org", NULL, false, false, false},
    {"a@x.org ", NULL, false, false, false},
    {"a b@x.org", NULL, false, false, false},
    {"a@x .org", NULL, false, false, false},
    {".a@x.org", NULL, false, false, false},
    {"a.@x.org", NULL, false, false, false},
    {"a..b@x.org", NULL, false, false, false},
    {"<a@x.org>", NULL, false, false, false},
    {"A <a@x.org>", NULL, false, false, false},
    {"a(c)@x.org", NULL, false, false, false},
    {"a@(c)x.org", NULL, false, false, false},
    {"@a.org:b@x.org", NULL, false, false, false},
    {"a@x.org, b@x.org", NULL, false, false, false},
    {"a,b@x.org", NULL, false, false, false},
    {"a@b>\r\nRCPT TO:<x@y", NULL, false, false, false},
    {"a\r\n@x.org", NULL, false, false, false},
    {"\"a\r\nb\"@x.org", NULL, false, false, false},
    {"\"a\\\nb\"@x.org", NULL, false, false, false},
    {"a\t@x.org", NULL, false, false, false},
    {"a\x7f@x.org", NULL, false, false, false},
    {"a\xc2\x85@x.org", NULL, false, false, false},
    {"a\xe2\x80\xa8@x.org", NULL, false, false, false},
    {"a\xff@x.org", NULL, false, false, false},
    {"a@x.org\xc0\x80", NULL, false, false, false},
    {"\"a@x.org", NULL, false, false, false},
    {"\"a\\\"@x.org", NULL, false, false, false},
    {"\"a\"b@x.org", NULL, false, false, false},
    {"a\"b\"@x.org", NULL, false, false, false},
    {"\"a\"", NULL, false, false, false},
    {"\"\\\xc3\xbc\"@x.org", NULL, false, false, false},
    {"a@x..org", NULL, false, false, false},
    {"a@.x.org", NULL, false, false, false},
    {"a@x.org.", NULL, false, false, false},
    {"a@-x.org", NULL, false, false, false},
    {"a@x-.org", NULL, false, false, false},
    {"a@x_y.org", NULL, false, false, false},
    {"a@192.0.2.1", NULL, false, false, false},
    {"a@[192.0.2.1", NULL, false, false, false},
    {"a@[192.0.2.256]", NULL, false, false, false},
    {"a@[]", NULL, false, false, false},
    {"a@[", NULL, false, false, false},
    {"a@[2001:db8::1]", NULL, false, false, false},
    {"a@[IPv6:192.0.2.1]", NULL, false, false, false},
    {"a@[x:y]", NULL, false, false, false},
    {"a@[192.0.2.1].org", NULL, false, false, false},
    {X60 "abcde@x.org", NULL, false, false, false},
    {"a@" L63 "x.org", NULL, false, false, false},
    {"a@" L63 "." L63 "." L63 "." L63, NULL, false, false, false},
};

static void check_key(const struct address *address, struct span key)
{
    uint8_t buffer[ADDRESS_KEY_MAX];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    assert_true(address_canonical(address, &out));
    assert_false(out.overflow);
    assert_true(span_equal(text_span(&out), key));
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address address = {.quoted = false};
        const char *problem = NULL;
        bool ok = address_parse(span_cstr(cases[i].in), &address, &problem);

        print_message("%s: %s\n", cases[i].in, problem == NULL ? "ok" : problem);
        assert_int_equal(ok, cases[i].key != NULL);
        assert_int_equal(ok, problem == NULL);
        if (!ok)
            continue;
        assert_int_equal(address.quoted, cases[i].quoted);
        assert_int_equal(address.literal, cases[i].literal);
        assert_int_equal(address.utf8, cases[i].utf8);
        check_key(&address, span_cstr(cases[i].key));
        assert_true(address_parse(span_cstr(cases[i].key), &address, &problem));
        check_key(&address, span_cstr(cases[i].key));
    }
}

static void test_nul_is_refused(void **state)
{
    static const struct span hostile[] = {SPAN_INIT("a\0b@x.org"), SPAN_INIT("a@x\0.org"),
                                          SPAN_INIT("a@x.org\0"), SPAN_INIT("\"\0\"@x.org"),
                                          SPAN_INIT("a@\xc3\xbc\0.org")};
    struct address address;
    const char *problem;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
        assert_false(address_parse(hostile[i], &address, &problem));
}

static void test_sizes(void **state)
{
    char longest[] = "a@" L63 "." L63 "." L63 ".xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                     "xxxxxxxxxxxxx";
    struct address address;
    const char *problem = NULL;
    size_t size = strlen(longest);

    (void)state;
    assert_true(size > ADDRESS_SIZE_MAX - 3);
    for (size_t cut = size; cut > 0; cut--) {
        bool ok = address_parse(span_make(longest, cut), &address, &problem);

        if (cut > ADDRESS_SIZE_MAX) {
            assert_false(ok);
            assert_string_equal(problem, "the address is longer than 254 octets");
        }
    }
}

static const struct {
    const char *in;
    const char *key;
} domain_cases[] = {
    {"Example.COM", "example.com"},
    {"example.com.", "example.com"},
    {"b\xc3\xbc"
     "cher.example.",
     "xn--bcher-kva.example"},
    {"fa\xc3\x9f.de", "xn--fa-hia.de"}, /* non-transitional: not fass.de */
    {"[192.0.2.1]", "[192.0.2.1]"},
    {"[IPV6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {"a..", NULL},
    {"a b", NULL},
    {"\xe2\x84\x80.com", NULL},  /* maps to a/c */
    {"a\xef\xbc\x8f.com", NULL}, /* a full-width slash */
    {"a\xef\xbc\xa0"
     "b.com",
     NULL},                 /* a full-width @ */
    {"\xe2\x80\x8b", NULL}, /* a lone zero-width space */
    {"\xff", NULL},
    {"\xc3\xbc" X60 ".com", NULL}, /* an A-label over 63 octets */
    /* B15: what an international domain may not be, and what looks alike and is. */
    {"abc\xd7\x90\xd7\x91\xd7\x92.example", NULL}, /* Latin and Hebrew in one label (RFC 5893) */
    {"\xd7\x90\xd7\x91\xd7\x92.example", "xn--4dbcd.example"},
    {"1\xd7\x90\xd7\x91.example", NULL}, /* right to left, a digit first */
    {"a\xe2\x80\x8d"
     "b.example",
     NULL}, /* a zero-width joiner that joins nothing (RFC 5892 A.2) */
    {"\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7.example",
     "xn--11b2ezcw70k.example"}, /* and one that does */
    {"a\xe2\x80\x8c"
     "b.example",
     NULL}, /* a zero-width non-joiner */
    {"\xe2\x80\xae"
     "abc.example",
     NULL}, /* a right-to-left override */
    {"\xcc\x81"
     "a.example",
     NULL}, /* a combining mark first */
    {"p\xd0\xb0ypal.example",
     "xn--pypal-4ve.example"}, /* mixed scripts: another name, and looked up as that */
    {"a\xef\xbc\x8e"
     "b.example",
     "a.b.example"}, /* a full-width dot */
    {"xn--\xc3\xbc"
     "a.example",
     NULL},                             /* a prefix that lies */
    {"\xc3\xbc.xn--99999999999", NULL}, /* punycode that overflows (RFC 3492 6.4) */
    {"\xc3\xbc.xn--a-.example", NULL},  /* punycode of nothing but ASCII */
    {"\xf3\xa0\xbf\xbf.example", NULL}, /* a character that does not exist */
};

static void test_domain_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(domain_cases); i++) {
        uint8_t buffer[ADDRESS_DOMAIN_KEY_MAX];
        struct text out;
        bool ok;

        text_init(&out, buffer, sizeof(buffer));
        ok = address_domain_key(span_cstr(domain_cases[i].in), &out);
        print_message("%s\n", domain_cases[i].in);
        assert_int_equal(ok, domain_cases[i].key != NULL);
        if (ok)
            assert_true(span_equal(text_span(&out), span_cstr(domain_cases[i].key)));
        else
            assert_int_equal(out.size, 0);
    }
}

/* Drawn from the characters that matter: what parses, writes itself, has a key that is its own key,
 * and never holds a byte that could end a command. */
static void test_property(void **state)
{
    static const char *const pieces[] = {
        "a",         "B", ".",        "@",    "\"", "\\", " ",     "x.org", "[", "]",
        "192.0.2.1", "-", "\xc3\xbc", "\r\n", "<",  ">",  "IPv6:", "::1",   "7", "\xe3\x80\x82"};
    struct prng prng;
    uint32_t parsed_count = 0;

    (void)state;
    prng_seed(&prng, 4711);
    for (uint32_t round = 0; round < 300000; round++) {
        char in_buffer[64];
        struct text text;
        uint64_t count = 1 + prng_below(&prng, 8);
        struct address address;
        const char *problem = NULL;
        uint8_t buffer[ADDRESS_KEY_MAX];
        struct text out;
        struct span in;

        text_init(&text, in_buffer, sizeof(in_buffer));
        for (uint64_t i = 0; i < count; i++)
            text_add_cstr(&text, pieces[prng_below(&prng, ARRAY_LEN(pieces))]);
        in = text_span(&text);
        if (!address_parse(in, &address, &problem)) {
            assert_non_null(problem);
            continue;
        }
        parsed_count++;
        assert_int_equal(span_find_byte(in, '\r'), SPAN_NOT_FOUND);
        text_init(&out, buffer, sizeof(buffer));
        address_write(&address, &out);
        assert_true(span_equal(text_span(&out), in));
        text_reset(&out);
        if (!address_canonical(&address, &out))
            continue;
        assert_true(address_parse(text_span(&out), &address, &problem));
        check_key(&address, text_span(&out));
    }
    assert_true(parsed_count > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_domain_key),
        cmocka_unit_test(test_property),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
