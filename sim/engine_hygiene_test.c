/* Suppressions on a disk that loses power: what was reported as durable is in force in the next
 * life, what was withdrawn for good stays so, and nothing else than a beginning of what was asked
 * for is ever found. A failing case prints its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "engine/hygiene_store.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define KEYS 24
#define CHANGES_MAX 4000
#define LIVES_MAX 5
#define NOW UINT64_C(1800000000)

struct step {
    uint8_t key;
    bool suppressed;
};

/* What was asked for, in order, as far as the disk may have it. */
static struct step steps[CHANGES_MAX];
static uint32_t steps_count;
static uint32_t durable_steps; /* of them reported as durable */
static uint32_t life_first;    /* the first of this life */

static struct arena arena;
static struct io *io;
static struct hygiene_store *hygiene;

static const struct hygiene_store_options options = {
    .folder = "hygiene", .durability = STORE_DURABLE, .addresses_max = 200, .scores_max = 50};

static void write_key(uint32_t key, char *into, size_t size)
{
    (void)snprintf(into, size, "user%u@example.com", key / 2);
}

static bool begin_life(void)
{
    struct io_options ring = {.entries = 64, .handles_max = 64, .buffers_count = 16};
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, hygiene_store_cost(&options)), 0);
    return hygiene_store_open(&hygiene, io, &arena, &options, &error) == 0;
}

static void end_life(void)
{
    io_close(io);
    arena_close(&arena);
}

/* Of this key and scope alone; what hygiene_blocks makes of it must agree. */
static bool is_suppressed(uint32_t key)
{
    char text[64];
    struct hygiene_target target = {.tenant = key % 2 != 0 ? SPAN("t1") : SPAN("")};
    struct hygiene *tables = hygiene_store_tables(hygiene);
    struct hygiene_entry entry;

    write_key(key, text, sizeof(text));
    target.key = span_cstr(text);
    for (uint32_t i = 0; hygiene_find(tables, target.key, &i, &entry) == 0; i++) {
        if (!span_equal(entry.tenant, target.tenant))
            continue;
        if (!entry.withdrawn)
            assert_true(hygiene_blocks(tables, &target, NOW));
        return !entry.withdrawn;
    }
    return false;
}

/* Whether the tables are what the first `count` steps make. */
static bool is_after(uint32_t count)
{
    bool suppressed[KEYS] = {false};

    for (uint32_t i = 0; i < count; i++)
        suppressed[steps[i].key] = steps[i].suppressed;
    for (uint32_t key = 0; key < KEYS; key++)
        if (is_suppressed(key) != suppressed[key])
            return false;
    return true;
}

static void check_recovered(void)
{
    /* The shortest: those behind it that make no difference need not have been lost. */
    for (uint32_t count = durable_steps; count <= steps_count; count++) {
        if (is_after(count)) {
            steps_count = count;
            durable_steps = count; /* the next life's start made it so */
            life_first = count;
            return;
        }
    }
    fail_msg("the tables are no beginning of what was asked for");
}

static void ask(struct prng *prng)
{
    char text[64];
    struct step step = {(uint8_t)prng_below(prng, KEYS), prng_percent(prng, 60)};
    struct hygiene_change change = {.kind = step.suppressed ? HYGIENE_SUPPRESS : HYGIENE_WITHDRAW,
                                    .source = HYGIENE_FROM_OPERATOR,
                                    .time_s = NOW,
                                    .until_s = HYGIENE_CHANGE_FOREVER,
                                    .note = SPAN("because somebody said so"),
                                    .tenant = step.key % 2 != 0 ? SPAN("t1") : SPAN("")};

    if (steps_count == CHANGES_MAX)
        return;
    write_key(step.key, text, sizeof(text));
    change.key = span_cstr(text);
    if (hygiene_store_change(hygiene, &change, NULL) == 0)
        steps[steps_count++] = step;
}

static void live(struct prng *prng)
{
    uint32_t turns = 20 + (uint32_t)prng_below(prng, 200);

    for (uint32_t turn = 0; turn < turns && !sim_world_is_cut(); turn++) {
        struct io_event events[16];
        uint64_t deadline_ns;
        uint32_t count, asked = (uint32_t)prng_below(prng, 6);

        for (uint32_t i = 0; i < asked; i++)
            ask(prng);
        hygiene_store_turn(hygiene, NULL, false);
        deadline_ns = min_u64(hygiene_store_deadline_ns(hygiene), io_now_ns(io) + 50 * NS_PER_MS);
        count = io_wait(io, deadline_ns, events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            hygiene_store_event(hygiene, &events[i]);
        if (!sim_world_is_cut())
            durable_steps = life_first + (uint32_t)hygiene_store_durable_count(hygiene);
        assert_true(durable_steps <= steps_count);
    }
}

static uint32_t durable_seen;

static void one_case(uint64_t seed)
{
    struct prng prng;
    struct sim_world_options world = {.delay = {.file_max_ns = NS_PER_MS,
                                                .sync_min_ns = NS_PER_MS,
                                                .sync_max_ns = 8 * NS_PER_MS}};

    prng_seed(&prng, seed);
    world.disk.write_back_percent = (uint32_t)prng_below(&prng, 60);
    steps_count = durable_steps = life_first = 0;
    sim_world_open(seed, &world);
    for (uint32_t life = 0; life < LIVES_MAX; life++) {
        bool power = prng_percent(&prng, 50);
        jmp_buf jump;

        sim_world_cut_after(1 + prng_below(&prng, 400));
        sim_world_cut_jump(&jump);
        if (prng_percent(&prng, 30))
            sim_world_disk_options()->write_failure_permille = 30;
        if (setjmp(jump) == 0) {
            assert_true(begin_life());
            check_recovered();
            live(&prng);
        }
        sim_world_cut_jump(NULL);
        sim_world_disk_options()->write_failure_permille = 0;
        durable_seen += durable_steps;
        if (power)
            sim_world_power_loss();
        else
            sim_world_kill();
        sim_world_cut_after(0);
        end_life();
    }
    assert_true(begin_life());
    check_recovered();
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_close();
}

static uint64_t print_seed;

static void print_failure(void)
{
    if (print_seed != 0)
        printf("engine_hygiene: failed with seed %lu\n", (unsigned long)print_seed);
}

static void test_crashes(void **state)
{
    const char *given = getenv("CRASH_STATES");
    uint32_t count = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : 520;

    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        print_seed = seed;
        one_case(seed);
    }
    print_seed = 0;
    assert_true(durable_seen > count * 20); /* else it checks nothing */
}

/* A closed journal is whole; a flipped bit in it is found. */
static void test_closing_keeps_everything(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    steps_count = durable_steps = life_first = 0;
    sim_world_open(7, NULL);
    assert_true(begin_life());
    for (uint32_t i = 0; i < 500; i++)
        ask(&prng);
    assert_int_equal(steps_count, 500);
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_power_loss();
    assert_true(begin_life());
    assert_true(is_after(500));
    assert_int_equal(hygiene_store_recovery(hygiene)->changes_count, 500);
    assert_int_equal(hygiene_store_recovery(hygiene)->damages_count, 0);
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closing_keeps_everything),
        cmocka_unit_test(test_crashes),
    };

    (void)atexit(print_failure);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
