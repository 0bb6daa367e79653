#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/peer_limit.h"

static struct peer_limit limit;
static const struct peer_limit_options options = {
    .open_max = 3, .minute_max = 60, .seed = {{5, 6}}};

static struct ip numbered(uint32_t number)
{
    struct ip ip = {.family = IP_V4};

    memcpy(ip.bytes, &number, 4);
    return ip;
}

static void test_at_once(void **state)
{
    struct ip one = numbered(1), other = numbered(2), nobody = {.family = IP_NONE};

    (void)state;
    peer_limit_init(&limit, &options);
    for (int i = 0; i < 3; i++)
        assert_true(peer_limit_enter(&limit, &one, 0));
    assert_false(peer_limit_enter(&limit, &one, 0));
    assert_true(peer_limit_enter(&limit, &other, 0));
    peer_limit_leave(&limit, &one);
    assert_true(peer_limit_enter(&limit, &one, 0));
    for (int i = 0; i < 1000; i++)
        assert_true(peer_limit_enter(&limit, &nobody, 0));
}

static void test_rate(void **state)
{
    struct ip one = numbered(1);
    uint32_t taken = 0;

    (void)state;
    peer_limit_init(&limit, &options);
    for (uint64_t ms = 0; ms < 120000; ms += 100) /* two minutes, ten tries a second */
        if (peer_limit_enter(&limit, &one, ms * NS_PER_MS)) {
            taken++;
            peer_limit_leave(&limit, &one);
        }
    assert_in_range(taken, 60 + 118, 60 + 121);
}

static void test_network(void **state)
{
    struct ip a = {.family = IP_V6, .bytes = {0x20, 1, 13, 0xb8, 0, 0, 0, 1}}, b = a, c = a;

    (void)state;
    peer_limit_init(&limit, &options);
    b.bytes[15] = 9;
    c.bytes[7] = 2;
    for (int i = 0; i < 3; i++)
        assert_true(peer_limit_enter(&limit, i == 1 ? &b : &a, 0));
    assert_false(peer_limit_enter(&limit, &b, 0));
    assert_true(peer_limit_enter(&limit, &c, 0));
}

/* However many come: those with connections stay known, and leaving always finds them. */
static void test_bounded(void **state)
{
    enum { MANY = PEER_LIMIT_SETS * PEER_LIMIT_WAYS * 2 };
    static bool in[MANY];
    uint32_t count = 0;

    (void)state;
    peer_limit_init(&limit, &options);
    for (uint32_t i = 0; i < MANY; i++) {
        struct ip ip = numbered(i);

        in[i] = peer_limit_enter(&limit, &ip, i);
        count += in[i];
    }
    assert_true(count <= PEER_LIMIT_SETS * PEER_LIMIT_WAYS);
    assert_true(count > PEER_LIMIT_SETS * PEER_LIMIT_WAYS / 2);
    for (uint32_t i = 0; i < MANY; i++) {
        struct ip ip = numbered(i);

        if (in[i])
            peer_limit_leave(&limit, &ip);
    }
    for (uint32_t i = 0; i < MANY; i++) { /* now the oldest give way */
        struct ip ip = numbered(MANY + i);

        assert_true(peer_limit_enter(&limit, &ip, MANY + i));
        peer_limit_leave(&limit, &ip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
