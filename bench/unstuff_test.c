#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench/unstuff.h"

/* By another way: the whole input at once, looking back at the last two octets. True: it ended. */
static bool reference(struct span in, struct text *content, size_t *ret_used)
{
    for (size_t at = 0; at < in.size; at++) {
        bool front = at == 0 || (at >= 2 && in.data[at - 2] == '\r' && in.data[at - 1] == '\n');

        if (front && in.data[at] == '.') {
            if (span_starts(span_skip(in, at + 1), SPAN("\r\n"))) {
                *ret_used = at + 3;
                return true;
            }
            continue;
        }
        text_add_byte(content, in.data[at]);
    }
    *ret_used = in.size;
    return false;
}

static bool unstuff_all(struct span in, size_t piece_size, struct text *content, size_t *ret_used)
{
    struct unstuff unstuff;
    size_t used = 0;

    unstuff_init(&unstuff);
    while (used < in.size) {
        struct span input = span_slice(in, used, piece_size);
        size_t size = input.size;
        enum unstuff_result result;
        struct span piece;

        do {
            result = unstuff_step(&unstuff, &input, &piece);
            if (result == UNSTUFF_PIECE) {
                assert_true(piece.size > 0);
                text_add(content, piece);
            }
        } while (result == UNSTUFF_PIECE);
        used += size - input.size;
        *ret_used = used;
        if (result == UNSTUFF_END)
            return true;
        assert_int_equal(input.size, 0);
    }
    return false;
}

/* Every string of up to nine octets of CR, LF, dot and a letter, whole and in pieces. What a cut
 * input has held back (a dot, a dot and a CR) is not content yet. */
static void test_every_string(void **state)
{
    static const uint8_t alphabet[] = {'\r', '\n', '.', 'x'};
    uint8_t in[9];

    (void)state;
    for (size_t size = 1; size <= sizeof(in); size++) {
        for (uint32_t number = 0; number < 1u << (2 * size); number++) {
            uint8_t expected_buffer[16];
            struct text expected;
            size_t expected_used = 0;
            bool ended;

            for (size_t i = 0; i < size; i++)
                in[i] = alphabet[number >> (2 * i) & 3];
            text_init(&expected, expected_buffer, sizeof(expected_buffer));
            ended = reference(span_make(in, size), &expected, &expected_used);
            for (size_t piece = 1; piece <= 3; piece++) {
                uint8_t buffer[16];
                struct text content;
                size_t used = 0;
                bool end;

                text_init(&content, buffer, sizeof(buffer));
                end = unstuff_all(span_make(in, size), piece == 3 ? size : piece, &content, &used);
                assert_int_equal(end, ended);
                assert_int_equal(used, expected_used);
                if (ended)
                    assert_true(span_equal(text_span(&content), text_span(&expected)));
                else
                    assert_true(span_starts(text_span(&expected), text_span(&content)));
            }
        }
    }
}

static void test_long_text_is_one_piece(void **state)
{
    static uint8_t data[4096];
    struct unstuff unstuff;
    struct span input = span_make(data, sizeof(data));
    struct span piece;

    (void)state;
    memset(data, 'x', sizeof(data));
    for (size_t i = 76; i + 1 < sizeof(data); i += 78) {
        data[i] = '\r';
        data[i + 1] = '\n';
    }
    unstuff_init(&unstuff);
    assert_int_equal(unstuff_step(&unstuff, &input, &piece), UNSTUFF_PIECE);
    assert_int_equal(piece.size, sizeof(data));
    assert_ptr_equal(piece.data, data);
    assert_int_equal(unstuff.bare_lf_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_string),
        cmocka_unit_test(test_long_text_is_one_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
