/* That nothing of a private half is left in this process, wherever it was read or made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sign/sign_key_parts.h"
#include "tools/exit_code.h"
#include "tools/key_file.h"
#include "tools/named_key.h"
#include "tools/verb.h"

#define NEEDLE_SIZE 32
#define MASK 0x5a
#define REGION_MAX ((size_t)64 * 1024 * 1024) /* a sanitizer's shadow is larger */

/* A part of a secret, each octet by exclusive or with MASK: here it must not be found either. */
struct needle {
    uint8_t octets[NEEDLE_SIZE];
};

int verb_complain(const char *verb, const char *format, ...)
{
    (void)verb;
    (void)format;
    return EXIT_USAGE;
}

static char folder[] = "/tmp/named_key_XXXXXX";
static char path[sizeof(folder) + 16];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/k.pem", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

/* In a child, which is gone with its memory when the needle is here. */
static void tell_needle(int pipe_end)
{
    void *memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
    static struct key_file file;
    struct needle needle;
    struct sign_key *key;
    char buffer[512];
    struct text error;
    const char *fault;

    text_init(&error, buffer, sizeof(buffer));
    if (memory == NULL || key_file_read(path, &file, &error) < 0 ||
        sign_key_open(memory, span_make(file.data, file.size), &key, &fault) < 0)
        _exit(1);
    memcpy(needle.octets, key->algorithm == SIGN_RSA_SHA256 ? key->rsa.p : key->ed25519,
           NEEDLE_SIZE);
    for (size_t i = 0; i < NEEDLE_SIZE; i++)
        needle.octets[i] ^= MASK;
    _exit(write(pipe_end, &needle, sizeof(needle)) == sizeof(needle) ? 0 : 1);
}

static void learn_needle(struct needle *ret)
{
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        tell_needle(ends[1]);
    assert_int_equal(read(ends[0], ret, sizeof(*ret)), sizeof(*ret));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Forwards, or backwards as big numbers are kept by who computes with them. */
static bool is_at(const uint8_t *at, const struct needle *needle)
{
    bool forwards = true, backwards = true;

    for (size_t i = 0; i < NEEDLE_SIZE && (forwards || backwards); i++) {
        forwards = forwards && (at[i] ^ MASK) == needle->octets[i];
        backwards = backwards && (at[i] ^ MASK) == needle->octets[NEEDLE_SIZE - 1 - i];
    }
    return forwards || backwards;
}

__attribute__((no_sanitize("address"))) static uint32_t count_in(const uint8_t *data, size_t size,
                                                                 const struct needle *needle)
{
    uint32_t count = 0;

    for (size_t i = 0; i + NEEDLE_SIZE <= size; i++)
        count += is_at(data + i, needle);
    return count;
}

/* How often it stands in what this process can write, by way of the kernel. */
static uint32_t count_everywhere(const struct needle *needle)
{
    FILE *maps = fopen("/proc/self/maps", "re"), *mem = fopen("/proc/self/mem", "re");
    char line[512], *rest;
    uint32_t count = 0, regions = 0;
    uintptr_t begin, end;

    assert_non_null(maps);
    assert_non_null(mem);
    while (fgets(line, sizeof(line), maps) != NULL) {
        uint8_t *copy;

        begin = strtoull(line, &rest, 16);
        assert_int_equal(*rest, '-');
        end = strtoull(rest + 1, &rest, 16);
        if (strncmp(rest, " rw", 3) != 0 || end - begin > REGION_MAX)
            continue;
        copy = malloc(end - begin);
        assert_non_null(copy);
        if (pread(fileno(mem), copy, end - begin, (off_t)begin) == (ssize_t)(end - begin)) {
            count += count_in(copy, end - begin, needle);
            regions++;
        }
        explicit_bzero(copy, end - begin); /* else the next one finds it there */
        free(copy);
    }
    assert_true(regions > 3);
    (void)fclose(mem);
    (void)fclose(maps);
    return count;
}

static void test_nothing_stays(void **state)
{
    static const enum sign_algorithm algorithms[] = {SIGN_RSA_SHA256, SIGN_ED25519_SHA256};
    static struct named_key named;
    struct needle needle;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        assert_int_equal(named_key_init(&named, "a.example", "s", path), 0);
        assert_int_equal(named_key_make(&named, algorithms[i], 2048), 0);
        learn_needle(&needle);
        assert_int_equal(count_everywhere(&needle), 0);
        assert_int_equal(named_key_read(&named), 0);
        assert_int_equal(count_everywhere(&needle), 0);
        assert_int_equal(named.key.algorithm, algorithms[i]);
        assert_int_equal(named.key.bits, algorithms[i] == SIGN_RSA_SHA256 ? 2048 : 256);
        assert_true(span_starts(named.record, SPAN("v=DKIM1; k=")));
        assert_int_not_equal(named_key_make(&named, algorithms[i], 2048), 0); /* it is there */
        assert_int_equal(unlink(path), 0);
        assert_int_not_equal(named_key_read(&named), 0);
    }
}

/* The search would find it. */
static void test_the_search(void **state)
{
    static struct named_key named;
    void *memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
    struct key_file file;
    struct sign_key *key;
    struct needle needle;
    char buffer[512];
    struct text error;
    const char *fault;

    (void)state;
    text_init(&error, buffer, sizeof(buffer));
    assert_int_equal(named_key_init(&named, "a.example", "s", path), 0);
    assert_int_equal(named_key_make(&named, SIGN_RSA_SHA256, 2048), 0);
    learn_needle(&needle);
    assert_int_equal(key_file_read(path, &file, &error), 0);
    assert_int_equal(sign_key_open(memory, span_make(file.data, file.size), &key, &fault), 0);
    assert_true(count_everywhere(&needle) > 0);
    sign_key_close(key);
    assert_int_equal(count_everywhere(&needle), 0);
    explicit_bzero(&file, sizeof(file));
    free(memory);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_the_search),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
