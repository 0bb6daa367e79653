#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>

#include "dns/question.h"
#include "dns/test_packet.h"
#include "dns/wire_check.h"

static uint8_t buffer[QUESTION_SIZE_MAX];

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(text), &name));
    return name;
}

/* The packet, octet for octet, as RFC 1035 4.1 and RFC 6891 6.1.2 lay it out. */
static void writes_the_packet(void **state)
{
    struct question question = {
        .id = 0xabcd, .type = 15, .edns = true, .name = SPAN("\3wWw\7eXample\0")};
    struct span plain = SPAN("\xab\xcd\1\0\0\1\0\0\0\0\0\0\3wWw\7eXample\0\0\x0f\0\1");
    struct span edns = SPAN("\0\0\x29\x04\xd0\0\0\0\0\0\0");
    int size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});

    (void)state;
    assert_int_equal(size, plain.size + edns.size);
    assert_memory_equal(&buffer[12], &plain.data[12], plain.size - 12);
    assert_memory_equal(&buffer[plain.size], edns.data, edns.size);
    assert_int_equal(buffer[11], 1); /* one additional record */
    question.edns = false;
    size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});
    assert_true(span_equal(span_make(buffer, (size_t)size), plain));
    assert_int_equal(question_write(&question, (struct span_mut){buffer, 20}), -ENOBUFS);
}

/* RFC 6840 5.7, RFC 3225: AD in the header, DO in what stands for the TTL of the OPT record. */
static void asks_what_is_secure(void **state)
{
    struct question question = {.type = 52, .edns = true, .dnssec = true, .name = SPAN("\1a\0")};
    int size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});

    (void)state;
    assert_int_equal(size, 12 + 3 + 4 + 11);
    assert_int_equal(buffer[3] & 0x20, 0x20);
    assert_int_equal(buffer[size - 4], 0x80);
    question.edns = false;
    size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});
    assert_int_equal(size, 12 + 3 + 4);
    assert_int_equal(buffer[3] & 0x20, 0x20);
    question.dnssec = false;
    question.edns = true;
    size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});
    assert_int_equal(buffer[3] & 0x20, 0);
    assert_int_equal(buffer[size - 4], 0);
}

static void the_largest_name_fits(void **state)
{
    char text[254];
    struct question question = {.type = 28, .edns = true};

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 63; i < sizeof(text); i += 64)
        text[i] = '.';
    text[253] = '\0';
    struct dns_name name = name_of(text);
    question.name = dns_name_span(&name);
    assert_int_equal(question_write(&question, (struct span_mut){buffer, sizeof(buffer)}),
                     12 + 255 + 4 + 11);
}

static void what_is_written_can_be_read(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (int i = 0; i < 200; i++) {
        struct dns_name name = name_of("a-long.name.with.letters.example"), again;
        uint8_t cased[DNS_NAME_SIZE_MAX];
        struct wire_question read;

        question_draw_case(&name, &prng, cased);
        struct question question = {.id = (uint16_t)prng_next(&prng),
                                    .type = 1,
                                    .edns = true,
                                    .name = span_make(cased, name.size)};
        int size = question_write(&question, (struct span_mut){buffer, sizeof(buffer)});
        assert_true(size > 0);
        assert_true(wire_check_question(span_make(buffer, (size_t)size), &read));
        assert_false(read.response);
        assert_int_equal(read.id, question.id);
        assert_true(span_equal(read.name, question.name));
        assert_true(dns_name_from_wire(read.name, &again));
        assert_true(dns_name_equal(&again, &name));
    }
}

/* Every letter is drawn, nothing else is touched. */
static void the_case_is_drawn(void **state)
{
    struct dns_name name = name_of("abcdefgh-0.example");
    uint8_t first[DNS_NAME_SIZE_MAX], cased[DNS_NAME_SIZE_MAX];
    uint32_t upper[DNS_NAME_SIZE_MAX] = {0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 2);
    question_draw_case(&name, &prng, first);
    for (int i = 0; i < 1000; i++) {
        question_draw_case(&name, &prng, cased);
        for (size_t k = 0; k < name.size; k++) {
            assert_int_equal(span_lower_byte(cased[k]), name.bytes[k]);
            upper[k] += cased[k] != name.bytes[k];
        }
    }
    for (size_t k = 0; k < name.size; k++) {
        bool letter = name.bytes[k] >= 'a' && name.bytes[k] <= 'z';

        assert_true(letter ? upper[k] > 400 && upper[k] < 600 : upper[k] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_packet),     cmocka_unit_test(asks_what_is_secure),
        cmocka_unit_test(the_largest_name_fits), cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(the_case_is_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
