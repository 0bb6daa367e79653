#include "tls/tls_resume.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/prng.h"

#define SLOTS 8
#define NOW_S UINT64_C(1700000000)

static struct arena arena;
static struct tls_resume resume;
static const uint8_t key[TLS_RESUME_KEY_SIZE] = "a key of thirty-two octets";
static const uint8_t other_key[TLS_RESUME_KEY_SIZE] = "another";
static const uint8_t nonce[TLS_RESUME_NONCE_SIZE] = "nonce";

static int set_up(void **state)
{
    (void)state;
    static const struct table_key seed = {{1, 2}};
    if (arena_open(&arena, tls_resume_memory(SLOTS)) < 0)
        return -1;
    tls_resume_init(&resume, &arena, SLOTS, &seed);
    arena_seal(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void assert_ticket(struct span host, struct span ticket)
{
    assert_true(span_equal(tls_resume_find(&resume, host, NOW_S), ticket));
}

static void test_newest_ticket_of_a_host(void **state)
{
    (void)state;
    struct span host = SPAN("mx.example.org:25");
    assert_ticket(host, SPAN(""));
    assert_true(tls_resume_put(&resume, host, SPAN("first"), NOW_S + 10, NOW_S));
    assert_true(tls_resume_put(&resume, SPAN("MX.example.ORG:25"), SPAN("2"), NOW_S + 10, NOW_S));
    assert_int_equal(tls_resume_count(&resume), 1);
    assert_ticket(host, SPAN("2"));
    assert_ticket(SPAN("mx.example.org:26"), SPAN(""));
    assert_ticket(SPAN("mx.example.org"), SPAN(""));
    tls_resume_drop(&resume, host);
    tls_resume_drop(&resume, host);
    assert_ticket(host, SPAN(""));
    assert_int_equal(tls_resume_count(&resume), 0);
}

static void test_expiry(void **state)
{
    (void)state;
    struct span host = SPAN("mx.example.org:25");
    assert_false(tls_resume_put(&resume, host, SPAN("t"), NOW_S, NOW_S));
    assert_true(tls_resume_put(&resume, host, SPAN("t"), NOW_S + 1, NOW_S));
    assert_int_equal(tls_resume_find(&resume, host, NOW_S).size, 1);
    assert_int_equal(tls_resume_find(&resume, host, NOW_S + 1).size, 0);
    assert_int_equal(tls_resume_count(&resume), 0);
}

static void test_what_is_not_kept(void **state)
{
    (void)state;
    static uint8_t large[TLS_RESUME_TICKET_MAX + 1];
    struct span host = SPAN("mx.example.org:25");
    assert_false(tls_resume_put(&resume, host, span_make(large, sizeof large), NOW_S + 9, NOW_S));
    assert_false(tls_resume_put(&resume, host, SPAN(""), NOW_S + 9, NOW_S));
    assert_false(tls_resume_put(&resume, SPAN(""), SPAN("t"), NOW_S + 9, NOW_S));
    assert_false(tls_resume_put(&resume, span_make(large, TLS_RESUME_HOST_MAX + 1), SPAN("t"),
                                NOW_S + 9, NOW_S));
    assert_true(tls_resume_put(&resume, span_make(large, TLS_RESUME_HOST_MAX),
                               span_make(large, TLS_RESUME_TICKET_MAX), NOW_S + 9, NOW_S));
    assert_int_equal(tls_resume_find(&resume, span_make(large, TLS_RESUME_HOST_MAX), NOW_S).size,
                     TLS_RESUME_TICKET_MAX);
}

/* Against a list in the order of use. */
static void test_against_a_model(void **state)
{
    (void)state;
    struct {
        int host, ticket;
    } model[SLOTS];
    size_t count = 0;
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        int host = (int)prng_below(&prng, 14), action = (int)prng_below(&prng, 5);
        uint8_t name[2] = {'h', (uint8_t)('a' + host)}, ticket[4];
        memcpy(ticket, &round, sizeof ticket);
        size_t at = 0;
        while (at < count && model[at].host != host)
            at++;
        struct span found = tls_resume_find(&resume, span_make(name, 2), NOW_S);
        assert_int_equal(found.size > 0, at < count);
        if (at < count) {
            assert_memory_equal(found.data, &model[at].ticket, sizeof model[at].ticket);
            int kept = model[at].ticket;
            memmove(&model[at], &model[at + 1], (count - at - 1) * sizeof model[0]);
            model[count - 1].host = host;
            model[count - 1].ticket = kept;
            at = count - 1;
        }
        if (action == 0 && at < count) {
            tls_resume_drop(&resume, span_make(name, 2));
            count--;
        } else if (action > 2) {
            assert_true(tls_resume_put(&resume, span_make(name, 2), span_make(ticket, 4), NOW_S + 1,
                                       NOW_S));
            if (at < count)
                count--;
            if (count == SLOTS)
                memmove(&model[0], &model[1], --count * sizeof model[0]);
            model[count].host = host;
            model[count++].ticket = round;
        }
        assert_int_equal(tls_resume_count(&resume), count);
    }
}

static size_t seal_all(uint8_t sealed[SLOTS][TLS_RESUME_SEALED_MAX], size_t sizes[SLOTS])
{
    uint32_t position = 0;
    size_t count = 0;
    uint8_t fresh[TLS_RESUME_NONCE_SIZE];
    for (;;) {
        struct text out;
        memcpy(fresh, nonce, sizeof fresh);
        fresh[0] = (uint8_t)count;
        text_init(&out, sealed[count], TLS_RESUME_SEALED_MAX);
        if (!tls_resume_seal(&resume, &position, key, fresh, NOW_S, &out))
            return count;
        sizes[count++] = out.size;
    }
}

static void test_sealed_and_back(void **state)
{
    (void)state;
    static uint8_t sealed[SLOTS + 1][TLS_RESUME_SEALED_MAX];
    static uint8_t large[TLS_RESUME_TICKET_MAX];
    size_t sizes[SLOTS + 1];
    memset(large, 'L', sizeof large);
    assert_true(tls_resume_put(&resume, SPAN("a:25"), SPAN("secret of a"), NOW_S + 50, NOW_S));
    assert_true(tls_resume_put(&resume, SPAN("b:25"), SPAN("gone"), NOW_S + 1, NOW_S - 1));
    assert_true(
        tls_resume_put(&resume, SPAN("c:25"), span_make(large, sizeof large), NOW_S + 60, NOW_S));
    assert_true(tls_resume_put(&resume, SPAN("d:25"), SPAN("expired"), NOW_S, NOW_S - 1));
    tls_resume_drop(&resume, SPAN("b:25"));
    assert_int_equal(seal_all(sealed, sizes), 2);
    struct span first = span_make(sealed[0], sizes[0]), second = span_make(sealed[1], sizes[1]);
    assert_true(span_find(first, SPAN("secret")) == SPAN_NOT_FOUND);
    assert_true(span_find(first, SPAN("a:25")) == SPAN_NOT_FOUND);
    /* A new start. */
    assert_int_equal(tear_down(NULL), 0);
    assert_int_equal(set_up(NULL), 0);
    assert_int_equal(tls_resume_unseal(&resume, key, first, NOW_S), 0);
    assert_int_equal(tls_resume_unseal(&resume, key, second, NOW_S), 0);
    assert_int_equal(tls_resume_count(&resume), 2);
    assert_ticket(SPAN("a:25"), SPAN("secret of a"));
    assert_ticket(SPAN("c:25"), span_make(large, sizeof large));
    assert_int_equal(tls_resume_find(&resume, SPAN("a:25"), NOW_S + 50).size, 0);
    assert_int_equal(tls_resume_unseal(&resume, key, first, NOW_S + 50), -ETIMEDOUT);
    assert_int_equal(tls_resume_unseal(&resume, other_key, first, NOW_S), -EBADMSG);
}

static void test_no_changed_octet_passes(void **state)
{
    (void)state;
    static uint8_t sealed[SLOTS + 1][TLS_RESUME_SEALED_MAX];
    size_t sizes[SLOTS + 1] = {0};
    assert_true(tls_resume_put(&resume, SPAN("a:25"), SPAN("secret of a"), NOW_S + 50, NOW_S));
    assert_int_equal(seal_all(sealed, sizes), 1);
    for (size_t i = 0; i < sizes[0]; i++) {
        sealed[0][i] ^= 0x10;
        assert_int_equal(tls_resume_unseal(&resume, key, span_make(sealed[0], sizes[0]), NOW_S),
                         -EBADMSG);
        sealed[0][i] ^= 0x10;
        assert_int_equal(tls_resume_unseal(&resume, key, span_make(sealed[0], i), NOW_S), -EBADMSG);
    }
    assert_int_equal(tls_resume_unseal(&resume, key, span_make(sealed[0], sizes[0] + 1), NOW_S),
                     -EBADMSG);
    assert_int_equal(
        tls_resume_unseal(&resume, key, span_make(sealed[0], TLS_RESUME_SEALED_MAX), NOW_S),
        -EBADMSG);
    assert_int_equal(tls_resume_unseal(&resume, key, span_make(sealed[0], sizes[0]), NOW_S), 0);
    /* Without room nothing is written and the place is kept. */
    struct text out;
    uint32_t position = 0;
    text_init(&out, sealed[1], TLS_RESUME_SEALED_MAX - 1);
    assert_false(tls_resume_seal(&resume, &position, key, nonce, NOW_S, &out));
    assert_int_equal(position, 0);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newest_ticket_of_a_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_against_a_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sealed_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_changed_octet_passes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
