#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bounce/hygiene_dossier.h"

static uint8_t bytes[HYGIENE_DOSSIER_SIZE_MAX];

static struct hygiene_dossier a_dossier(void)
{
    struct hygiene_dossier dossier = {.key = SPAN("a@example.com"),
                                      .tenant = SPAN("t1"),
                                      .stream = SPAN("bulk"),
                                      .note = SPAN("550 5.1.1 no such user"),
                                      .provider = SPAN("p.example"),
                                      .next = 77,
                                      .time_s = 1800000000,
                                      .told = true,
                                      .scored = true,
                                      .class = BOUNCE_NO_USER,
                                      .source = HYGIENE_FROM_REPORT};

    hygiene_score_add(&dossier.score, BOUNCE_INACTIVE, 20000);
    return dossier;
}

static void test_there_and_back(void **state)
{
    struct hygiene_dossier dossier = a_dossier(), read;

    (void)state;
    for (int scored = 0; scored < 2; scored++) {
        size_t size;

        dossier.scored = scored != 0;
        size = hygiene_dossier_write(&dossier, bytes);
        assert_int_equal(hygiene_dossier_read(span_make(bytes, size), &read), 0);
        assert_true(span_equal(read.key, dossier.key) && span_equal(read.tenant, dossier.tenant));
        assert_true(span_equal(read.stream, dossier.stream) && span_equal(read.note, dossier.note));
        assert_true(span_equal(read.provider, dossier.provider));
        assert_true(read.next == 77 && read.time_s == 1800000000 && read.told);
        assert_true(read.class == BOUNCE_NO_USER && read.source == HYGIENE_FROM_REPORT);
        assert_int_equal(read.scored, dossier.scored);
        if (read.scored)
            assert_memory_equal(&read.score, &dossier.score, sizeof(read.score));
    }
}

static void test_the_longest(void **state)
{
    static char text[HYGIENE_CHANGE_KEY_MAX];
    struct hygiene_dossier dossier = a_dossier(), read;
    size_t size;

    (void)state;
    memset(text, 'x', sizeof(text));
    dossier.key = span_make(text, HYGIENE_CHANGE_KEY_MAX);
    dossier.tenant = dossier.stream = span_make(text, HYGIENE_CHANGE_SCOPE_MAX);
    dossier.note = span_make(text, HYGIENE_CHANGE_NOTE_MAX);
    dossier.provider = span_make(text, HYGIENE_CHANGE_PROVIDER_MAX);
    size = hygiene_dossier_write(&dossier, bytes);
    assert_true(size <= sizeof(bytes));
    assert_int_equal(hygiene_dossier_read(span_make(bytes, size), &read), 0);
    assert_int_equal(read.key.size, HYGIENE_CHANGE_KEY_MAX);
}

/* Truncated, with something behind, and every bit flipped: refused, or read within its bounds. */
static void test_damage(void **state)
{
    struct hygiene_dossier dossier = a_dossier(), read;
    size_t size = hygiene_dossier_write(&dossier, bytes);

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(hygiene_dossier_read(span_make(bytes, cut), &read), -EBADMSG);
    bytes[size] = 0;
    assert_int_equal(hygiene_dossier_read(span_make(bytes, size + 1), &read), -EBADMSG);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hygiene_dossier_read(span_make(bytes, size), &read) == 0)
            assert_true(read.class < BOUNCE_CLASS_COUNT && read.source < HYGIENE_SOURCE_COUNT &&
                        (!read.scored || read.score.history_count <= HYGIENE_SCORE_HISTORY) &&
                        read.note.data + read.note.size <= bytes + size);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_the_longest),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
