#include "sim/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

_Noreturn void scene_unreadable(const struct scene *scene, const char *what)
{
    printf("%s:%u: %s\n", scene->file, scene->line, what);
    exit(2);
}

const char *scene_copy(const struct scene *scene, char *buffer, size_t size, struct span word)
{
    if (word.size == 0 || word.size >= size)
        scene_unreadable(scene, "a word is missing or too long");
    memcpy(buffer, word.data, word.size);
    buffer[word.size] = 0;
    return buffer;
}

uint64_t scene_number(const struct scene *scene, struct span word)
{
    uint64_t value = 0;

    if (!span_number(word, UINT32_MAX, &value))
        scene_unreadable(scene, "a number is expected");
    return value;
}

uint64_t scene_duration(const struct scene *scene, struct span word)
{
    uint64_t value = 0;

    if (!config_parse_duration(word, &value))
        scene_unreadable(scene, "a duration such as 5s is expected");
    return value;
}

struct ip scene_address(const struct scene *scene, struct span word)
{
    struct ip ip;

    if (!ip_parse(word, &ip))
        scene_unreadable(scene, "an address is expected");
    return ip;
}

struct span scene_quoted(const struct scene *scene, struct span *rest)
{
    size_t end;
    struct span quoted;

    *rest = span_trim(*rest);
    if (rest->size == 0 || rest->data[0] != '"')
        return span_make(NULL, 0);
    end = span_find_byte(span_skip(*rest, 1), '"');
    if (end == SPAN_NOT_FOUND)
        scene_unreadable(scene, "a quotation mark is missing");
    quoted = span_slice(*rest, 1, end);
    *rest = span_skip(*rest, end + 2);
    return quoted;
}
