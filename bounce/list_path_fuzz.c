/* A pattern and an address, a line each: what is found in an address stands in it, and what was put
 * together by a known form is found again. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "bounce/list_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_match(const struct list_path *path, struct span address)
{
    struct list_path_match match, again;
    char buffer[LIST_PATH_ADDRESS_MAX];
    struct address parsed;
    const char *problem;
    struct text text;

    if (!list_path_matches(path, address, &match))
        return;
    CHECK((match.address.size > 0) == path->names_address);
    CHECK((match.list.size > 0) == path->names_list);
    CHECK(match.list.size <= address.size);
    CHECK(span_ends_nocase(address, list_path_host(path)));
    if (!path->names_address)
        return;
    CHECK(address_parse(match.address, &parsed, &problem));
    /* In any case of its letters it is the same. */
    text_init(&text, buffer, sizeof(buffer));
    text_add_lower(&text, address);
    CHECK(list_path_matches(path, text_span(&text), &again));
    CHECK(span_equal(match.address, again.address) && span_equal(match.list, again.list));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span known = SPAN_INIT("{list}-bounces+{local}={domain}@lists.example.org");
    struct span rest = span_make(data, size);
    struct span pattern = span_split(&rest, '\n');
    const char *problem = NULL;
    struct list_path path;
    uint32_t column = 0;

    if (list_path_compile(pattern, &path, &column, &problem) == 0)
        check_match(&path, rest);
    else
        CHECK(problem != NULL && column >= 1 && column <= pattern.size + 1);
    CHECK(list_path_compile(known, &path, &column, &problem) == 0);
    check_match(&path, rest);
    return 0;
}
