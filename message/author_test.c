#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/author.h"

static const struct {
    const char *from, *domain;
} cases[] = {
    {" a@b.example", "b.example"},
    {" Ringel <news@Ringel.example>", "Ringel.example"},
    {"\r\n Ringel\r\n <news@ringel.example>\r\n", "ringel.example"},
    {" \"x@evil.example\" <a@b.example>", "b.example"},
    {" x@evil.example <a@b.example>", "b.example"},
    {" \"a \\\" <x@evil.example>\" <a@b.example>", "b.example"},
    {" (x@evil.example) a@b.example (y@z.example)", "b.example"},
    {" (a (x@evil.example) \\) b@evil.example) a@b.example", "b.example"},
    {" <\"x@y\"@b.example>", "b.example"},
    {" a@b.example, c@d.example", "b.example"},
    {" A <a@b.example>, C <c@d.example>", "b.example"},
    {" Friends: a@b.example;", "b.example"},
    {" a@ b.example", "b.example"},
    {" a@b.example(x)", "b.example"},
    {" a@b_c.example>", "b_c.example"},
    {" <a@b\xc3\xa4.example>", "b\xc3\xa4.example"},
    {" <a@b>c@d>", "b"},
    {" nobody", ""},
    {" <>", ""},
    {"", ""},
    {" \"unclosed a@b", ""},
    {" (unclosed a@b", ""},
    {" \\", ""},
    {" \"\\", ""},
    {" a@", ""},
};

static void test_domains(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span domain = author_domain(span_cstr(cases[i].from));

        if (!span_equal(domain, span_cstr(cases[i].domain)))
            fail_msg("%s: %.*s", cases[i].from, (int)domain.size, (const char *)domain.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
