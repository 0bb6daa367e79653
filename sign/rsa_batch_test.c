/* Every kind of lanes against BoringSSL: the model is bit for bit what IFMA does, and the limb code
 * is the same source. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "sign/sign_key_parts.h"

typedef uint8_t octets_type[RSA_BATCH_OCTETS];

struct fixture {
    struct sign_key *key;
    RSA *rsa;
    struct rsa_batch_work *work;
    octets_type inputs[RSA_BATCH_LANES], results[RSA_BATCH_LANES], wanted[RSA_BATCH_LANES];
};

static void *aligned(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(memory);
    return memory;
}

static void open_fixture(struct fixture *fixture, uint32_t bits, uint64_t exponent)
{
    RSA *rsa = RSA_new();
    BIGNUM *e = BN_new();
    BIO *bio = BIO_new(BIO_s_mem());
    const uint8_t *data = NULL;
    const char *error = NULL;
    size_t size = 0;

    assert_int_equal(BN_set_u64(e, exponent), 1);
    assert_int_equal(RSA_generate_key_ex(rsa, (int)bits, e, NULL), 1);
    assert_int_equal(PEM_write_bio_RSAPrivateKey(bio, rsa, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(BIO_mem_contents(bio, &data, &size), 1);
    fixture->work = aligned(sizeof *fixture->work);
    fixture->rsa = rsa;
    assert_int_equal(sign_key_open(aligned(sign_key_memory_size()), span_make(data, size),
                                   &fixture->key, &error),
                     0);
    BIO_free(bio);
    BN_free(e);
}

static void close_fixture(struct fixture *fixture)
{
    RSA_free(fixture->rsa);
    free(fixture->key);
    free(fixture->work);
}

/* BoringSSL's results, one by one. */
static void ask_oracle(struct fixture *fixture, uint32_t count)
{
    size_t octets = fixture->key->lanes.octets, size;

    for (uint32_t i = 0; i < count; i++) {
        size = 0;
        memset(fixture->wanted[i], 0, RSA_BATCH_OCTETS);
        assert_int_equal(RSA_sign_raw(fixture->rsa, &size, fixture->wanted[i], octets,
                                      fixture->inputs[i], octets, RSA_NO_PADDING),
                         1);
        assert_int_equal(size, octets);
    }
}

static void compare(struct fixture *fixture, const struct rsa_batch_limb *limb, uint32_t count)
{
    memset(fixture->results, 0xcc, sizeof fixture->results);
    assert_int_equal(rsa_batch_run(&fixture->key->lanes, limb, fixture->work,
                                   (const octets_type *)fixture->inputs, fixture->results, count),
                     (1U << count) - 1);
    for (uint32_t i = 0; i < count; i++)
        assert_memory_equal(fixture->results[i], fixture->wanted[i], RSA_BATCH_OCTETS);
}

/* Where the processor has lanes, they; else the model. */
static const struct rsa_batch_limb *quickest(void)
{
    for (int kind = RSA_BATCH_IFMA; kind > RSA_BATCH_MODEL; kind--)
        if (rsa_batch_find((enum rsa_batch_kind)kind) != NULL)
            return rsa_batch_find((enum rsa_batch_kind)kind);
    return rsa_batch_find(RSA_BATCH_MODEL);
}

static void compare_kinds(struct fixture *fixture, uint32_t count)
{
    static const enum rsa_batch_kind kinds[] = {RSA_BATCH_MODEL, RSA_BATCH_AVX512, RSA_BATCH_IFMA};

    ask_oracle(fixture, count);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (rsa_batch_find(kinds[i]) != NULL)
            compare(fixture, rsa_batch_find(kinds[i]), count);
}

/* A random number below n. */
static void draw(struct fixture *fixture, uint8_t *into, struct prng *prng)
{
    size_t octets = fixture->key->lanes.octets;

    for (size_t i = 0; i < octets; i++)
        into[i] = (uint8_t)prng_next(prng);
    if (memcmp(into, fixture->key->rsa.n, octets) >= 0)
        into[0] = 0;
}

static void test_random_numbers(void **state)
{
    static const struct {
        uint32_t bits, rounds;
        uint64_t e;
    } cases[] = {{1024, 8, RSA_F4}, {1024, 3, 3},          {1280, 1, RSA_F4}, {2048, 2, RSA_F4},
                 {2048, 1, 3},      {2048, 1, 0xfffffffb}, {3072, 1, RSA_F4}};
    static struct fixture fixture;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        open_fixture(&fixture, cases[i].bits, cases[i].e);
        for (uint32_t round = 0; round < cases[i].rounds; round++) {
            for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
                draw(&fixture, fixture.inputs[lane], &prng);
            compare_kinds(&fixture, RSA_BATCH_LANES);
        }
        close_fixture(&fixture);
    }
}

/* Some thousands, of several keys, byte for byte; the full run has a million. */
static void test_many_random_numbers(void **state)
{
    static struct fixture fixture;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 9);
    for (uint32_t key = 0; key < 6; key++) {
        open_fixture(&fixture, key == 0 ? 2048 : 1024, RSA_F4);
        for (uint32_t round = 0; round < 50; round++) {
            for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
                draw(&fixture, fixture.inputs[lane], &prng);
            ask_oracle(&fixture, RSA_BATCH_LANES);
            compare(&fixture, quickest(), RSA_BATCH_LANES);
        }
        close_fixture(&fixture);
    }
}

static void test_any_number_of_lanes(void **state)
{
    static struct fixture fixture;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 6);
    open_fixture(&fixture, 1024, RSA_F4);
    for (uint32_t count = 1; count <= RSA_BATCH_LANES; count++) {
        memset(fixture.inputs, 0xff, sizeof fixture.inputs);
        for (uint32_t lane = 0; lane < count; lane++)
            draw(&fixture, fixture.inputs[lane], &prng);
        compare_kinds(&fixture, count);
    }
    close_fixture(&fixture);
}

static void put_bn(struct fixture *fixture, uint32_t lane, const BIGNUM *number)
{
    memset(fixture->inputs[lane], 0, RSA_BATCH_OCTETS);
    assert_int_equal(BN_bn2bin_padded(fixture->inputs[lane], fixture->key->lanes.octets, number),
                     1);
}

/* Lanes 5 and 6 hold p and q: those halves are 0, and not the prime. */
static void check_halves_are_zero(struct fixture *fixture)
{
    struct rsa_batch_work *work = fixture->work;

    rsa_batch_load(&fixture->key->lanes, work, (const octets_type *)fixture->inputs, 8);
    rsa_batch_halves(&fixture->key->lanes, quickest(), work);
    for (size_t i = 0; i < (size_t)fixture->key->lanes.half_tiles * RSA_BATCH_TILE; i++) {
        assert_int_equal(work->p_result[8 * i + 5], 0);
        assert_int_equal(work->q_result[8 * i + 6], 0);
    }
}

/* 0, 1, 2, n - 1, n - 2, the primes and their neighbours: one half is then 0, 1 or -1. */
static void test_numbers_at_the_edges(void **state)
{
    static struct fixture fixture;
    BIGNUM *number = BN_new();

    (void)state;
    for (uint32_t bits = 1024; bits <= 2048; bits += 1024) {
        open_fixture(&fixture, bits, RSA_F4);
        const BIGNUM *from[] = {RSA_get0_n(fixture.rsa), RSA_get0_p(fixture.rsa),
                                RSA_get0_q(fixture.rsa)};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(BN_set_word(number, (BN_ULONG)i), 1);
            put_bn(&fixture, (uint32_t)i, number);
        }
        assert_int_equal(BN_sub(number, from[0], BN_value_one()), 1);
        put_bn(&fixture, 3, number);
        assert_int_equal(BN_sub_word(number, 1), 1);
        put_bn(&fixture, 4, number);
        put_bn(&fixture, 5, from[1]);
        put_bn(&fixture, 6, from[2]);
        assert_int_equal(BN_sub(number, from[1], BN_value_one()), 1);
        put_bn(&fixture, 7, number);
        compare_kinds(&fixture, RSA_BATCH_LANES);
        check_halves_are_zero(&fixture);
        assert_int_equal(BN_sub(number, from[0], from[1]), 1);
        put_bn(&fixture, 0, number);
        assert_int_equal(BN_add(number, from[2], BN_value_one()), 1);
        put_bn(&fixture, 1, number);
        compare_kinds(&fixture, 2);
        close_fixture(&fixture);
    }
    BN_free(number);
}

/* Limbs of all ones and of zeroes in every position: 2^(52 i) - 1, 2^(52 i), 2^(52 i) + 2^(52 j).
 */
static void test_limbs_of_all_ones(void **state)
{
    static struct fixture fixture;
    uint32_t limbs = 1024 / 52;

    (void)state;
    open_fixture(&fixture, 1024, RSA_F4);
    for (uint32_t i = 0; i < limbs; i++) {
        BIGNUM *power = BN_new(), *less = BN_new();

        assert_int_equal(BN_lshift(power, BN_value_one(), (int)(52 * i)), 1);
        put_bn(&fixture, 0, power);
        assert_int_equal(BN_sub(less, power, BN_value_one()), 1);
        put_bn(&fixture, 1, less);
        assert_int_equal(BN_sub(less, RSA_get0_n(fixture.rsa), power), 1);
        put_bn(&fixture, 2, less);
        assert_int_equal(BN_lshift(less, BN_value_one(), (int)(52 * (i + 1))), 1);
        if (i + 1 == limbs)
            assert_int_equal(BN_sub_word(less, 1), 1);
        assert_int_equal(BN_sub(less, less, power), 1); /* one limb of ones */
        put_bn(&fixture, 3, less);
        compare_kinds(&fixture, 4);
        BN_free(power);
        BN_free(less);
    }
    close_fixture(&fixture);
}

/* A wrong half would give the factors away: whatever is flipped, nothing leaves. */
static void test_a_fault_is_never_handed_out(void **state)
{
    static struct fixture fixture;
    static const octets_type nothing;
    struct prng prng;
    struct rsa_batch_key *key;

    (void)state;
    prng_seed(&prng, 7);
    open_fixture(&fixture, 1024, RSA_F4);
    key = &fixture.key->lanes;
    uint8_t *const places[] = {
        &key->p_windows[3],
        &key->q_windows[50],
        &key->q_windows[key->windows - 1],
        (uint8_t *)&key->p.words[0] + 2,
        (uint8_t *)&key->q.words[4],
        (uint8_t *)&key->p.square[1],
        (uint8_t *)&key->q.cube[1],
        (uint8_t *)&key->q_inverse[2],
        (uint8_t *)&key->p.near[0],
    };
    for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        draw(&fixture, fixture.inputs[lane], &prng);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        *places[i] ^= 4;
        memset(fixture.results, 0xcc, sizeof fixture.results);
        assert_int_equal(rsa_batch_run(key, rsa_batch_find(RSA_BATCH_MODEL), fixture.work,
                                       (const octets_type *)fixture.inputs, fixture.results, 8),
                         0);
        for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
            assert_memory_equal(fixture.results[lane], nothing, sizeof nothing);
        *places[i] ^= 4;
    }
    compare_kinds(&fixture, RSA_BATCH_LANES);
    close_fixture(&fixture);
}

/* A fault of one lane of one half: its neighbours are fine and leave. */
static void test_a_fault_of_one_lane(void **state)
{
    static struct fixture fixture;
    const struct rsa_batch_limb *limb = rsa_batch_find(RSA_BATCH_MODEL);
    struct prng prng;

    (void)state;
    prng_seed(&prng, 8);
    open_fixture(&fixture, 1024, RSA_F4);
    for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        draw(&fixture, fixture.inputs[lane], &prng);
    for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
        struct rsa_batch_work *work = fixture.work;

        rsa_batch_load(&fixture.key->lanes, work, (const octets_type *)fixture.inputs, 8);
        rsa_batch_halves(&fixture.key->lanes, limb, work);
        (lane % 2 == 0 ? work->p_result : work->q_result)[8 * lane + lane] ^= 1;
        rsa_batch_join(&fixture.key->lanes, limb, work);
        assert_int_equal(rsa_batch_verify(&fixture.key->lanes, limb, work), 0xff & ~(1U << lane));
    }
    close_fixture(&fixture);
}

/* One bit that differs anywhere is a difference. */
static void test_every_limb_is_verified(void **state)
{
    static struct fixture fixture;
    const struct rsa_batch_limb *limb = quickest();
    struct rsa_batch_work *work;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 10);
    open_fixture(&fixture, 1024, RSA_F4);
    work = fixture.work;
    for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        draw(&fixture, fixture.inputs[lane], &prng);
    rsa_batch_load(&fixture.key->lanes, work, (const octets_type *)fixture.inputs, 8);
    rsa_batch_halves(&fixture.key->lanes, limb, work);
    rsa_batch_join(&fixture.key->lanes, limb, work);
    for (size_t i = 0; i < 1024 / 52 + 1; i++) {
        uint64_t bit = UINT64_C(1) << (i * 7 % 36);

        work->input[8 * i + i % 8] ^= bit;
        assert_int_equal(rsa_batch_verify(&fixture.key->lanes, limb, work), 0xff & ~(1U << i % 8));
        work->input[8 * i + i % 8] ^= bit;
    }
    assert_int_equal(rsa_batch_verify(&fixture.key->lanes, limb, work), 0xff);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_many_random_numbers),
        cmocka_unit_test(test_any_number_of_lanes),
        cmocka_unit_test(test_numbers_at_the_edges),
        cmocka_unit_test(test_limbs_of_all_ones),
        cmocka_unit_test(test_a_fault_is_never_handed_out),
        cmocka_unit_test(test_a_fault_of_one_lane),
        cmocka_unit_test(test_every_limb_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
