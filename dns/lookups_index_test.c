#include "dns/lookups_index.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#define LOOKUPS_MAX 512

static struct arena arena;
static struct slab slab;
static struct prng prng;
static struct lookups_index found;

static int setup(void **state)
{
    size_t size = slab_cost(LOOKUPS_MAX, sizeof(struct lookup)) + lookups_index_cost(LOOKUPS_MAX);

    (void)state;
    assert_int_equal(arena_open(&arena, size), 0);
    prng_seed(&prng, 5);
    slab_init(&slab, &arena, LOOKUPS_MAX, sizeof(struct lookup));
    lookups_index_init(&found, &arena, &slab, &prng);
    assert_int_equal(arena.used, size);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(text), &name));
    return name;
}

static struct lookup *claim(const char *text, uint16_t type)
{
    struct lookup *lookup = slab_claim(&slab);

    assert_non_null(lookup);
    lookup->key = name_of(text);
    lookup->type = type;
    return lookup;
}

static struct lookup *find(const char *text, uint16_t type)
{
    struct dns_name name = name_of(text);

    return lookups_index_find(&found, (struct dns_cache_key){.name = &name, .type = type});
}

static void test_by_question(void **state)
{
    struct lookup *a = claim("a.test", WIRE_A), *mx = claim("a.test", WIRE_MX);

    (void)state;
    assert_null(find("a.test", WIRE_A));
    lookups_index_add(&found, a);
    lookups_index_add(&found, mx);
    assert_ptr_equal(find("a.test", WIRE_A), a);
    assert_ptr_equal(find("A.Test", WIRE_MX), mx);
    assert_null(find("a.test", WIRE_AAAA));
    assert_null(find("b.test", WIRE_A));
    lookups_index_remove(&found, a);
    assert_null(find("a.test", WIRE_A));
    assert_ptr_equal(find("a.test", WIRE_MX), mx);
}

/* Another question of the same id would take the other's answers. */
static void test_ids_are_never_shared(void **state)
{
    static struct lookup *all[LOOKUPS_MAX];

    (void)state;
    for (size_t i = 0; i < LOOKUPS_MAX; i++) {
        all[i] = claim("a.test", WIRE_A);
        lookups_index_draw_id(&found, &prng, all[i]);
    }
    for (size_t i = 0; i < LOOKUPS_MAX; i++)
        assert_ptr_equal(lookups_index_find_id(&found, all[i]->id), all[i]);
}

/* An answer to the earlier form of a question finds nobody; and however often it is asked anew, it
 * takes one place. */
static void test_a_new_id_ends_the_old_one(void **state)
{
    struct lookup *lookup = claim("a.test", WIRE_A);
    uint16_t old;

    (void)state;
    lookups_index_draw_id(&found, &prng, lookup);
    old = lookup->id;
    lookups_index_draw_id(&found, &prng, lookup);
    assert_int_not_equal(lookup->id, old);
    assert_null(lookups_index_find_id(&found, old));
    for (size_t i = 0; i < 4 * LOOKUPS_MAX; i++)
        lookups_index_draw_id(&found, &prng, lookup);
    assert_ptr_equal(lookups_index_find_id(&found, lookup->id), lookup);
    lookups_index_remove_id(&found, lookup);
    assert_null(lookups_index_find_id(&found, lookup->id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_question, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_never_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_id_ends_the_old_one, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
