#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns_stream.h"

static uint8_t buffer[DNS_STREAM_BUFFER_SIZE];

/* Three messages, cut after every octet, at every pair of places, or not at all. */
static void any_cut_gives_the_same_messages(void **state)
{
    struct span wire = SPAN("\0\x0cmessage one.\0\x0dmessage three\0\x0c"
                            "012345678901");
    static const char *const expected[] = {"message one.", "message three", "012345678901"};

    (void)state;
    for (size_t a = 0; a <= wire.size; a++) {
        for (size_t b = a; b <= wire.size; b++) {
            struct span parts[] = {span_first(wire, a), span_slice(wire, a, b - a),
                                   span_skip(wire, b)};
            struct dns_stream stream;
            struct span message;
            size_t count = 0;

            dns_stream_init(&stream, buffer);
            for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                while (dns_stream_next(&stream, &parts[i], &message) == 1) {
                    const char *text = count < ARRAY_LEN(expected) ? expected[count] : "none";

                    assert_true(span_equal(message, span_cstr(text)));
                    count++;
                }
                assert_int_equal(parts[i].size, 0);
            }
            assert_int_equal(count, 3);
        }
    }
}

static void the_largest_fits(void **state)
{
    uint8_t *wire = calloc(1, DNS_STREAM_BUFFER_SIZE);
    struct dns_stream stream;
    struct span message;

    (void)state;
    assert_non_null(wire);
    memset(wire, 0xff, 2);
    dns_stream_init(&stream, buffer);
    struct span bytes = span_make(wire, DNS_STREAM_BUFFER_SIZE - 1);
    assert_int_equal(dns_stream_next(&stream, &bytes, &message), 0);
    bytes = span_make(wire, 1);
    assert_int_equal(dns_stream_next(&stream, &bytes, &message), 1);
    assert_int_equal(message.size, 65535);
    free(wire);
}

static void a_length_below_the_header_is_refused(void **state)
{
    struct dns_stream stream;
    struct span bytes = SPAN("\0\x0b"
                             "01234567890"),
                message;

    (void)state;
    dns_stream_init(&stream, buffer);
    assert_int_equal(dns_stream_next(&stream, &bytes, &message), -EBADMSG);
    dns_stream_reset(&stream);
    bytes = SPAN("\0\x0c"
                 "012345678901");
    assert_int_equal(dns_stream_next(&stream, &bytes, &message), 1);
    bytes = SPAN("\0\0");
    assert_int_equal(dns_stream_next(&stream, &bytes, &message), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same_messages),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(a_length_below_the_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
