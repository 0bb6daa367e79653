#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/tls_trouble.h"

#define NOW 1700000000
#define TEXT_MAX ((size_t)TLS_TROUBLE_HOSTS_MAX * TLS_TROUBLE_LINE_MAX + 64)

static struct arena arena;

static struct tls_trouble fresh(void)
{
    static const struct table_key key = {{1, 2}};
    struct tls_trouble trouble;

    assert_int_equal(arena_open(&arena, tls_trouble_cost()), 0);
    tls_trouble_init(&trouble, &arena, &key);
    arena_seal(&arena);
    return trouble;
}

static enum tls_fault fault_of(const struct tls_trouble *trouble, const char *host, uint64_t now_s)
{
    bool due = false;
    const struct tls_trouble_host *entry = tls_trouble_find(trouble, span_cstr(host), now_s, &due);

    return entry == NULL || due ? TLS_FAULT_NONE : entry->fault;
}

static void test_remembered_for_a_day(void **state)
{
    struct tls_trouble trouble = fresh();
    bool due = true;

    (void)state;
    tls_trouble_note(&trouble, SPAN("MX.example.net"), TLS_FAULT_HANDSHAKE, NOW);
    assert_int_equal(fault_of(&trouble, "mx.example.net", NOW), TLS_FAULT_HANDSHAKE);
    assert_int_equal(fault_of(&trouble, "mx.example.net", NOW + TLS_TROUBLE_AGAIN_S - 1),
                     TLS_FAULT_HANDSHAKE);
    assert_int_equal(fault_of(&trouble, "mx.example.net", NOW + TLS_TROUBLE_AGAIN_S),
                     TLS_FAULT_NONE);
    assert_int_equal(fault_of(&trouble, "mx.example.net", NOW - 7200), TLS_FAULT_NONE);
    assert_int_equal(fault_of(&trouble, "mx2.example.net", NOW), TLS_FAULT_NONE);
    /* seen again: the beginning stays, the day starts anew */
    tls_trouble_note(&trouble, SPAN("mx.example.net"), TLS_FAULT_HANDSHAKE, NOW + 90000);
    assert_int_equal(tls_trouble_find(&trouble, SPAN("mx.example.net"), NOW, &due)->since_s, NOW);
    assert_int_equal(fault_of(&trouble, "mx.example.net", NOW + 90001), TLS_FAULT_HANDSHAKE);
    /* another cause begins anew */
    tls_trouble_note(&trouble, SPAN("mx.example.net"), TLS_FAULT_EXPIRED, NOW + 90002);
    assert_int_equal(tls_trouble_find(&trouble, SPAN("mx.example.net"), NOW, &due)->since_s,
                     NOW + 90002);
    tls_trouble_forget(&trouble, SPAN("mx.example.net"));
    assert_null(tls_trouble_find(&trouble, SPAN("mx.example.net"), NOW, &due));
    tls_trouble_forget(&trouble, SPAN("mx.example.net"));
    arena_close(&arena);
}

static void test_survives_writing_and_reading(void **state)
{
    static char buffer[TEXT_MAX];
    struct tls_trouble trouble = fresh();
    struct text file;
    uint32_t cursor = 0;
    bool due = false;

    (void)state;
    tls_trouble_note(&trouble, SPAN("a.test"), TLS_FAULT_HANDSHAKE, NOW);
    tls_trouble_note(&trouble, SPAN("a.test"), TLS_FAULT_HANDSHAKE, NOW + 5);
    tls_trouble_note(&trouble, SPAN("b.test"), TLS_FAULT_NAME, NOW + 6);
    text_init(&file, buffer, sizeof(buffer));
    assert_true(tls_trouble_write(&trouble, &cursor, &file));
    assert_false(file.overflow);
    arena_close(&arena);

    trouble = fresh();
    assert_int_equal(tls_trouble_read(&trouble, text_span(&file)), 2);
    assert_int_equal(tls_trouble_find(&trouble, SPAN("a.test"), NOW, &due)->since_s, NOW);
    assert_int_equal(tls_trouble_find(&trouble, SPAN("a.test"), NOW, &due)->last_s, NOW + 5);
    assert_int_equal(fault_of(&trouble, "b.test", NOW), TLS_FAULT_NAME);
    assert_int_equal(tls_trouble_read(&trouble, text_span(&file)), 0); /* known already */
    arena_close(&arena);
}

static void test_a_broken_file_is_no_trouble(void **state)
{
    static const struct {
        const char *file;
        uint32_t count;
    } cases[] = {
        {"", 0},
        {"something else\n1 1 1 a.test\n", 0},
        {"ringpost-tls-trouble 1\n", 0},
        {"ringpost-tls-trouble 1\n1 1 2 a.test", 1},
        {"ringpost-tls-trouble 1\n1 1 2 a.test\n1 1 2 A.TEST\n", 1},
        {"ringpost-tls-trouble 1\n1 1 0 a.test\n1 1 99 b.test\nx 1 2 c.test\n1 1 2 \n1 1\n", 0},
        {"ringpost-tls-trouble 1\n1 1 2 a test\n1 1 2 \x01\n\n\n1 1 2 b.test\n", 1},
        {"ringpost-tls-trouble 1\n99999999999999999999 1 2 a.test\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_trouble trouble = fresh();

        if (tls_trouble_read(&trouble, span_cstr(cases[i].file)) != cases[i].count)
            fail_msg("case %zu", i);
        arena_close(&arena);
    }
}

static void test_the_oldest_is_given_up(void **state)
{
    static char buffer[TEXT_MAX];
    struct tls_trouble trouble = fresh();
    struct text file;
    uint32_t cursor = 0;
    char name[32];

    (void)state;
    for (uint32_t i = 0; i < TLS_TROUBLE_HOSTS_MAX + 10; i++) {
        int size = snprintf(name, sizeof(name), "mx%u.test", (unsigned)i);

        tls_trouble_note(&trouble, span_make(name, (size_t)size), TLS_FAULT_HANDSHAKE, NOW);
    }
    assert_int_equal(fault_of(&trouble, "mx9.test", NOW), TLS_FAULT_NONE);
    assert_int_equal(fault_of(&trouble, "mx10.test", NOW), TLS_FAULT_HANDSHAKE);
    assert_int_equal(fault_of(&trouble, "mx4105.test", NOW), TLS_FAULT_HANDSHAKE);
    text_init(&file, buffer, sizeof(buffer));
    for (;;) { /* in pieces */
        char piece[4 * TLS_TROUBLE_LINE_MAX];
        struct text part;
        bool last;

        text_init(&part, piece, sizeof(piece));
        last = tls_trouble_write(&trouble, &cursor, &part);
        assert_false(part.overflow);
        text_add(&file, text_span(&part));
        if (last)
            break;
        assert_true(part.size > 0);
    }
    arena_close(&arena);
    trouble = fresh();
    assert_int_equal(tls_trouble_read(&trouble, text_span(&file)), TLS_TROUBLE_HOSTS_MAX);
    arena_close(&arena);
}

static void test_changes_are_counted(void **state)
{
    struct tls_trouble trouble = fresh();
    uint64_t changes = trouble.changes;
    uint8_t many[TLS_TROUBLE_HOST_SIZE];

    (void)state;
    memset(many, 'a', sizeof(many));
    tls_trouble_forget(&trouble, SPAN("a.test"));
    tls_trouble_note(&trouble, SPAN(""), TLS_FAULT_HANDSHAKE, NOW);
    tls_trouble_note(&trouble, span_make(many, sizeof(many)), TLS_FAULT_HANDSHAKE, NOW);
    assert_int_equal(trouble.changes, changes);
    tls_trouble_note(&trouble, SPAN("a.test"), TLS_FAULT_HANDSHAKE, NOW);
    assert_true(trouble.changes > changes);
    changes = trouble.changes;
    tls_trouble_forget(&trouble, SPAN("a.test"));
    assert_true(trouble.changes > changes);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembered_for_a_day),
        cmocka_unit_test(test_survives_writing_and_reading),
        cmocka_unit_test(test_a_broken_file_is_no_trouble),
        cmocka_unit_test(test_the_oldest_is_given_up),
        cmocka_unit_test(test_changes_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
