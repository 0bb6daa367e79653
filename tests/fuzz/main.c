/* Replays inputs through a fuzz target without an engine: every file named on the command line, and
 * every file directly in a folder named there. Fails when there was none. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_SIZE_MAX ((size_t)64 * 1024 * 1024)

static int replay_file(const char *path, size_t size)
{
    /* Exactly as large as the input, so that a sanitizer sees a read past its end. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    FILE *file = fopen(path, "rb");
    int status = -1;

    if (data != NULL && file != NULL && fread(data, 1, size, file) == size) {
        (void)LLVMFuzzerTestOneInput(data, size); /* reports by aborting */
        status = 0;
    } else {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    if (file != NULL)
        (void)fclose(file); /* only read from */
    free(data);
    return status;
}

/* How many files were replayed, or -1. */
static long replay_path(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(info.st_mode))
        return 0;
    if ((uint64_t)info.st_size > INPUT_SIZE_MAX) {
        (void)fprintf(stderr, "%s: too large\n", path);
        return -1;
    }
    return replay_file(path, (size_t)info.st_size) == 0 ? 1 : -1;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static long replay_folder(const char *folder)
{
    struct dirent **entries;
    long replayed = 0;
    int count = scandir(folder, &entries, is_visible, alphasort);

    if (count < 0) {
        (void)fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        long result = size > 0 && (size_t)size < sizeof(path) ? replay_path(path) : -1;

        free(entries[i]);
        replayed = result < 0 || replayed < 0 ? -1 : replayed + result;
    }
    free(entries);
    return replayed;
}

int main(int count, char **arguments)
{
    long total = 0;

    for (int i = 1; i < count; i++) {
        struct stat info;
        int found = stat(arguments[i], &info);
        long result = found == 0 && S_ISDIR(info.st_mode) ? replay_folder(arguments[i])
                                                          : replay_path(arguments[i]);

        if (result < 0)
            return 1;
        total += result;
    }
    (void)printf("%ld inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
