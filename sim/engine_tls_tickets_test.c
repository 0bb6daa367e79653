/* Session tickets over restarts, on a simulated disk with the real sealing: what comes back, and
 * what does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/tag.h"
#include "engine/tls_tickets.h"
#include "sim/sim_world.h"

#define FOLDER "spool/tls"
#define FILE_MAX ((size_t)4 * 1024 * 1024)
#define HEAD_SIZE (sizeof("ringpost-tls-tickets 1\n") - 1)
#define LIFE_S 7200
#define HOSTS_MAX (TLS_TICKETS_FILE_MAX + 76)

struct process {
    struct arena arena;
    struct io *io;
    struct tls_resume resume;
    struct tls_tickets tickets;
};

static struct process process;
static uint32_t slots_max = 40; /* of the memory */
static uint8_t file[FILE_MAX];
static uint8_t changed[FILE_MAX];

static const uint8_t key[TLS_RESUME_KEY_SIZE] = {1, 2, 3};
static const uint8_t other_key[TLS_RESUME_KEY_SIZE] = {1, 2, 4};

static void start(uint32_t shard, const uint8_t *with_key, const char *folder)
{
    const struct io_options io_options = {0};
    const struct table_key seed = {{5, 6}};
    struct keepsake_place place = {.folder = span_cstr(folder), .shard = shard, .sync = true};
    char message[256];
    struct text error;

    memset(&process, 0, sizeof(process));
    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(io_folder(process.io, "spool"), 0);
    assert_int_equal(arena_open(&process.arena, keepsake_cost() + tls_resume_memory(slots_max)), 0);
    tls_resume_init(&process.resume, &process.arena, slots_max, &seed);
    place.io = process.io;
    tls_tickets_init(&process.tickets, &process.arena, &process.resume, with_key, &place);
}

static uint64_t now_s(void)
{
    return io_wall_ns(process.io) / NS_PER_S;
}

/* As at the end of a shard. */
static void write_out(void)
{
    struct keepsake *keepsake = &process.tickets.file;

    for (uint32_t i = 0; i < 1000 && !keepsake_stop(keepsake); i++) {
        struct io_event events[4];
        uint32_t count = io_wait(process.io, UINT64_MAX, events, ARRAY_LEN(events));

        for (uint32_t e = 0; e < count; e++) {
            assert_int_equal(events[e].tag, tag_of(TAG_SNAPSHOT, TLS_TICKETS_SNAPSHOT));
            keepsake_event(keepsake, &events[e]);
        }
    }
    assert_true(keepsake_stop(keepsake));
}

static void end(void)
{
    write_out();
    arena_close(&process.arena);
    io_close(process.io);
}

static const char *host_name(uint32_t number)
{
    static char name[32];

    (void)snprintf(name, sizeof(name), "mx%u.example.test", number);
    return name;
}

/* Of so many octets, none of which are another's. */
static struct span ticket_of(uint32_t number, size_t size)
{
    static uint8_t ticket[TLS_RESUME_TICKET_MAX];

    for (size_t i = 0; i < size; i++)
        ticket[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
    return span_make(ticket, size);
}

static void put(uint32_t number, size_t size, uint64_t life_s)
{
    assert_true(tls_resume_put(&process.resume, span_cstr(host_name(number)),
                               ticket_of(number, size), now_s() + life_s, now_s()));
}

static bool has(uint32_t number, size_t size)
{
    struct span found = tls_resume_find(&process.resume, span_cstr(host_name(number)), now_s());

    return span_equal(found, ticket_of(number, size));
}

static size_t read_file(const char *path)
{
    uint64_t size;

    assert_int_equal(sim_world_file_size(path, &size), 0);
    assert_true(size <= sizeof(file));
    assert_int_equal(sim_world_file_read(path, (struct span_mut){file, size}, 0), size);
    return size;
}

/* The next start of shard 1 finds this in a file of shard 7, and nothing else: the numbers below
 * 32 of those that are back. */
static uint32_t back_from(struct span bytes, const uint8_t *with_key)
{
    uint32_t hosts = 0;

    sim_world_open(2, NULL);
    start(1, NULL, "");
    assert_int_equal(io_folder(process.io, FOLDER), 0);
    assert_int_equal(sim_world_file_make(FOLDER "/tickets.7", bytes), 0);
    end();
    start(1, with_key, FOLDER);
    for (uint32_t i = 0; i < 32; i++)
        hosts |= (uint32_t)has(i, 100 + i) << i;
    assert_int_equal(__builtin_popcount(hosts), tls_resume_count(&process.resume));
    end();
    sim_world_close();
    return hosts;
}

/* A file of the hosts 0 to count - 1, in `file`. Returns its size. */
static size_t make_file(uint32_t count)
{
    size_t size;

    sim_world_open(1, NULL);
    start(7, key, FOLDER);
    for (uint32_t i = 0; i < count; i++)
        put(i, 100 + i, LIFE_S);
    end();
    size = read_file(FOLDER "/tickets.7");
    sim_world_close();
    return size;
}

static void test_over_a_restart(void **state)
{
    size_t size;

    (void)state;
    sim_world_open(1, NULL);
    start(0, key, FOLDER);
    put(0, 1, LIFE_S);
    put(1, TLS_RESUME_TICKET_MAX, LIFE_S);
    put(2, 300, 60);
    end();
    size = read_file(FOLDER "/tickets.0");
    for (size_t i = 0; i + 12 < size; i++) { /* sealed: no host, no ticket */
        assert_memory_not_equal(file + i, "example.test", 12);
        assert_memory_not_equal(file + i, ticket_of(1, 100).data, 12);
    }
    sim_world_shift_wall((int64_t)(120 * NS_PER_S));
    start(3, key, FOLDER); /* another shard has the host now */
    assert_true(has(0, 1));
    assert_true(has(1, TLS_RESUME_TICKET_MAX));
    assert_int_equal(tls_resume_count(&process.resume), 2); /* that of host 2 had run out */
    put(4, 50, LIFE_S);
    end();
    start(3, key, FOLDER); /* both files */
    assert_int_equal(tls_resume_count(&process.resume), 3);
    assert_true(has(0, 1) && has(1, TLS_RESUME_TICKET_MAX) && has(4, 50));
    end();
    sim_world_close();
}

static void test_without_key_or_place(void **state)
{
    static const struct {
        const uint8_t *key;
        const char *folder;
    } cases[] = {{NULL, FOLDER}, {key, ""}, {NULL, ""}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t size;

        sim_world_open(1, NULL);
        start(0, cases[i].key, cases[i].folder);
        put(0, 100, LIFE_S);
        assert_true(keepsake_deadline_ns(&process.tickets.file) == UINT64_MAX);
        end();
        assert_int_equal(sim_world_file_size(FOLDER "/tickets.0", &size), -ENOENT);
        sim_world_close();
    }
}

/* What is cut off anywhere gives back what stands whole before. */
static void test_cut_anywhere(void **state)
{
    size_t size = make_file(3), ends[4], at = HEAD_SIZE;

    (void)state;
    memcpy(changed, file, size);
    ends[0] = at;
    for (uint32_t i = 1; i <= 3; i++)
        ends[i] = at += 2u + (size_t)(changed[at] | changed[at + 1] << 8);
    assert_int_equal(at, size);
    for (size_t cut = 0; cut <= size; cut++) {
        uint32_t whole = 0;

        while (whole < 3 && ends[whole + 1] <= cut)
            whole++;
        assert_int_equal(back_from(span_make(changed, cut), key), (1u << whole) - 1);
    }
}

/* One octet is changed: at most that entry and, where it was a size, those behind are gone. */
static void test_changed_anywhere(void **state)
{
    size_t size = make_file(3),
           second = HEAD_SIZE + 2u + (size_t)(file[HEAD_SIZE] | file[HEAD_SIZE + 1] << 8);

    (void)state;
    memcpy(changed, file, size);
    for (size_t at = 0; at < size; at += at < HEAD_SIZE + 4 ? 1 : 3) {
        uint32_t back;

        changed[at] ^= 0x41;
        back = back_from(span_make(changed, size), key);
        changed[at] ^= 0x41;
        if (at < HEAD_SIZE)
            assert_int_equal(back, 0);
        else if (at >= HEAD_SIZE + 2 && at < second)
            assert_int_equal(back, 6);
        else if (at < second)
            assert_int_equal(back & 1, 0);
        else
            assert_true(back == 1 || back == 3 || back == 5);
    }
}

/* A few strange entries are passed over; four say that the key is another one. */
static void test_strange_entries(void **state)
{
    size_t size = make_file(6);

    (void)state;
    assert_int_equal(back_from(span_make(file, size), key), 63);
    size = make_file(6);
    assert_int_equal(back_from(span_make(file, size), other_key), 0);
    for (uint32_t strange = 1; strange <= 5; strange++) {
        size_t at = HEAD_SIZE;

        size = make_file(6);
        memcpy(changed, file, size);
        for (uint32_t i = 0; i < strange; i++) {
            changed[at + 2 + 20] ^= 1;
            at += 2u + (size_t)(changed[at] | changed[at + 1] << 8);
        }
        assert_int_equal(back_from(span_make(changed, size), key),
                         strange < 4 ? 63 & ~((1u << strange) - 1) : 0);
    }
}

/* Entries that say they are larger than any, empty ones, and what is no such file. */
static void test_hostile_files(void **state)
{
    static const char *const files[] = {
        "",
        "\n",
        "ringpost-tls-tickets 2\n\1\0x",
        "ringpost-tls-tickets 1",
        "ringpost-tls-tickets 1\n",
        "ringpost-tls-tickets 1\n\377\377\377\377\377\377",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        assert_int_equal(back_from(span_cstr(files[i]), key), 0);
    memset(changed, 0, sizeof(changed));
    memcpy(changed, "ringpost-tls-tickets 1\n", HEAD_SIZE); /* then sizes of 0 */
    assert_int_equal(back_from(span_make(changed, 1024 * 1024), key), 0);
}

static uint32_t count_entries(size_t size)
{
    uint32_t count = 0;

    for (size_t at = HEAD_SIZE; at < size; at += 2u + (size_t)(file[at] | file[at + 1] << 8))
        count++;
    return count;
}

/* More tickets than a file holds, in many pieces. */
static void test_more_than_a_file_holds(void **state)
{
    uint32_t back;

    (void)state;
    slots_max = HOSTS_MAX;
    sim_world_open(1, NULL);
    start(0, key, FOLDER);
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        put(i, 2000, LIFE_S);
    assert_int_equal(tls_resume_count(&process.resume), HOSTS_MAX);
    for (uint32_t i = 0; i < 2; i++) {
        put(i, 2000, LIFE_S); /* so that it is written again */
        write_out();
        assert_int_equal(count_entries(read_file(FOLDER "/tickets.0")), TLS_TICKETS_FILE_MAX);
    }
    end();
    start(0, key, FOLDER);
    back = tls_resume_count(&process.resume);
    assert_int_equal(back, TLS_TICKETS_FILE_MAX);
    for (uint32_t i = 0; i < back; i++)
        assert_true(has(i, 2000));
    end();
    slots_max = 40;
    sim_world_close();
}

/* No nonce is used twice under the key: over entries, writings and lives. */
static void test_nonces(void **state)
{
    enum { LIVES = 4, WRITINGS = 3, HOSTS = 5, SEALED = LIVES * WRITINGS * HOSTS };
    static uint8_t nonces[SEALED][TLS_RESUME_NONCE_SIZE];
    uint32_t count = 0;

    (void)state;
    sim_world_open(1, NULL);
    for (uint32_t life = 0; life < LIVES; life++) {
        start(0, key, FOLDER);
        for (uint32_t writing = 0; writing < WRITINGS; writing++) {
            struct keepsake *keepsake = &process.tickets.file;
            uint64_t before = keepsake->snapshot.written_count;
            size_t at = HEAD_SIZE, size;

            for (uint32_t i = 0; i < HOSTS; i++)
                put(i, 100 + writing, LIFE_S);
            while (keepsake->snapshot.written_count == before) {
                struct io_event events[4];
                uint32_t n = io_wait(process.io, keepsake_deadline_ns(keepsake), events, 4);

                for (uint32_t e = 0; e < n; e++)
                    keepsake_event(keepsake, &events[e]);
                keepsake_turn(keepsake);
            }
            size = read_file(FOLDER "/tickets.0");
            for (; at < size; at += 2u + (size_t)(file[at] | file[at + 1] << 8))
                memcpy(nonces[count++], file + at + 3, TLS_RESUME_NONCE_SIZE);
        }
        end();
    }
    assert_int_equal(count, SEALED);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_memory_not_equal(nonces[i], nonces[j], TLS_RESUME_NONCE_SIZE);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_a_restart),         cmocka_unit_test(test_without_key_or_place),
        cmocka_unit_test(test_cut_anywhere),           cmocka_unit_test(test_changed_anywhere),
        cmocka_unit_test(test_strange_entries),        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_more_than_a_file_holds), cmocka_unit_test(test_nonces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
