/* What runs in the emulated processor: rsa_batch with IFMA lanes on the vectors that oracle.c
 * wrote. No kernel, no libc: lines go to bochs's debug port. */
#include <string.h>

#include "sign/rsa_batch.h"

struct vector {
    struct rsa_batch_key key;
    uint8_t inputs[RSA_BATCH_LANES][RSA_BATCH_OCTETS];
    uint8_t results[RSA_BATCH_LANES][RSA_BATCH_OCTETS];
};

extern const struct vector vectors[3]; /* 1024, 2048, 3072 bits */

static struct rsa_batch_work work;
static uint8_t results[RSA_BATCH_LANES][RSA_BATCH_OCTETS];

static void put_octet(uint16_t port, char octet)
{
    __asm__ volatile("outb %0, %1" ::"a"(octet), "Nd"(port));
}

static void put(const char *text)
{
    for (; *text != 0; text++)
        put_octet(0xe9, *text);
}

static _Noreturn void end(void)
{
    for (const char *word = "Shutdown"; *word != 0; word++)
        put_octet(0x8900, *word);
    for (;;)
        __asm__ volatile("hlt");
}

_Noreturn void check_failed(const char *file, int line, const char *what);
void start(void);

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    put("CHECK ");
    put(what);
    put("\n");
    end();
}

void *memcpy(void *restrict into, const void *restrict from, size_t size)
{
    char *to = into;
    const char *at = from;

    while (size-- > 0)
        *to++ = *at++;
    return into;
}

void *memset(void *into, int octet, size_t size)
{
    char *to = into;

    while (size-- > 0)
        *to++ = (char)octet;
    return into;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const unsigned char *a = left, *b = right;

    for (; size > 0; size--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

__attribute__((section(".text.start"))) void start(void)
{
    static const char *const names[] = {"1024", "2048", "3072"};
    uint32_t a, b, c, d;

    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    put((b >> 21 & 1) != 0 ? "ifma: there\n" : "ifma: not there\n");
    for (int i = 0; i < 3; i++) {
        uint32_t good = rsa_batch_run(&vectors[i].key, &rsa_batch_limb_ifma, &work,
                                      vectors[i].inputs, results, RSA_BATCH_LANES);

        put("ifma: ");
        put(names[i]);
        put(good == 0xff && memcmp(results, vectors[i].results, sizeof(results)) == 0 ? " equal\n"
                                                                                      : " WRONG\n");
    }
    end();
}
