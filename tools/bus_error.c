#include "tools/bus_error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"
#include "base/text.h"
#include "tools/exit_code.h"

/* A line of /proc/self/maps: at most a path and 100 octets. */
#define LINE_SIZE 4352

static const char *program_name;

/* Only what is safe in a signal's handler is used from here on: no allocation, no stdio. */

static uint64_t parse_hex(struct span *rest)
{
    uint64_t number = 0;

    while (rest->size > 0) {
        uint8_t byte = rest->data[0];

        if (byte >= '0' && byte <= '9')
            number = number << 4 | (uint8_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            number = number << 4 | (uint8_t)(byte - 'a' + 10);
        else
            break;
        *rest = span_skip(*rest, 1);
    }
    return number;
}

/* "7f00-7f01 r--s 00002000 fe:01 1234   /path": the path, when the address lies in it. */
static bool match(struct span line, uint64_t address, struct span *ret_path, uint64_t *ret_offset)
{
    uint64_t begin = parse_hex(&line), end, offset;

    line = span_skip(line, 1);
    end = parse_hex(&line);
    if (address < begin || address >= end)
        return false;
    (void)span_split(&line, ' ');
    (void)span_split(&line, ' '); /* what is allowed there */
    offset = parse_hex(&line);
    while (line.size > 0 && line.data[0] != '/')
        line = span_skip(line, 1);
    *ret_path = line;
    *ret_offset = offset + (address - begin);
    return true;
}

/* The file that is mapped at the address; an empty path: none. */
static struct span find_file(uint64_t address, char line[LINE_SIZE], uint64_t *ret_offset)
{
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    struct span path = {0};
    size_t used = 0;
    bool found = false;
    char byte;

    if (file < 0)
        return path;
    while (!found && read(file, &byte, 1) == 1) {
        if (byte != '\n') {
            if (used < LINE_SIZE)
                line[used++] = byte;
            continue;
        }
        found = match(span_make(line, used), address, &path, ret_offset);
        used = 0;
    }
    (void)close(file);
    return path;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    static char line[LINE_SIZE], message[LINE_SIZE + 512];
    uint64_t offset = 0;
    struct text text;
    struct span path;

    (void)context;
    path = find_file((uint64_t)(uintptr_t)info->si_addr, line, &offset);
    if (path.size == 0) { /* no file: as if this handler were not there */
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        return;
    }
    text_init(&text, message, sizeof(message));
    text_add_cstr(&text, program_name);
    text_add_cstr(&text, ": the file ");
    text_add_printable(&text, path, LINE_SIZE);
    text_add_cstr(&text, " cannot be read at offset ");
    text_add_u64(&text, offset);
    text_add_cstr(&text, ": it was cut off while in use, or its disk has a bad block. What was "
                         "accepted is kept; ringpost queue verify names what is damaged\n");
    (void)!write(STDERR_FILENO, message, text_span(&text).size);
    _exit(EXIT_IO);
}

int bus_error_install(const char *program)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

    program_name = program;
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}
