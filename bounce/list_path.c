#include "bounce/list_path.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define BATV_TAG_MAX 16

static const struct span names[LIST_PATH_KIND_COUNT] = {
    [LIST_PATH_LIST] = SPAN_INIT("list"),
    [LIST_PATH_LOCAL] = SPAN_INIT("local"),
    [LIST_PATH_DOMAIN] = SPAN_INIT("domain"),
    [LIST_PATH_TOKEN] = SPAN_INIT("token"),
};

/* --- compiling --- */

struct compiler {
    struct list_path *path;
    struct span pattern;
    size_t at;
    const char *problem;
};

static bool fail(struct compiler *compiler, size_t at, const char *problem)
{
    compiler->at = at;
    compiler->problem = problem;
    return false;
}

static bool has_kind(const struct list_path *path, enum list_path_kind kind)
{
    for (uint32_t i = 0; i < path->parts_count; i++)
        if (path->parts[i].kind == kind)
            return true;
    return false;
}

static bool add_part(struct compiler *compiler, enum list_path_kind kind, size_t begin, size_t size)
{
    struct list_path *path = compiler->path;

    if (path->parts_count == LIST_PATH_PARTS_MAX)
        return fail(compiler, begin, "has too many parts");
    path->parts[path->parts_count++] =
        (struct list_path_part){kind, (uint16_t)begin, (uint16_t)size};
    return true;
}

/* At a '{'. */
static bool add_name(struct compiler *compiler)
{
    struct list_path *path = compiler->path;
    struct span rest = span_skip(compiler->pattern, compiler->at + 1);
    size_t end = span_find_byte(rest, '}');
    enum list_path_kind kind = LIST_PATH_LITERAL;

    if (end == SPAN_NOT_FOUND)
        return fail(compiler, compiler->at, "has a brace that is not closed");
    for (unsigned i = LIST_PATH_LIST; i < LIST_PATH_KIND_COUNT; i++)
        if (span_equal(span_first(rest, end), names[i]))
            kind = (enum list_path_kind)i;
    if (kind == LIST_PATH_LITERAL)
        return fail(compiler, compiler->at + 1,
                    "knows the names {list}, {local}, {domain} and {token}");
    if (kind != LIST_PATH_TOKEN && has_kind(path, kind))
        return fail(compiler, compiler->at, "has the same name twice");
    if (path->parts_count > 0 && path->parts[path->parts_count - 1].kind != LIST_PATH_LITERAL)
        return fail(compiler, compiler->at, "needs text between two names, to tell where one ends");
    if (!add_part(compiler, kind, compiler->at, end + 2))
        return false;
    compiler->at += end + 2;
    return true;
}

static bool is_good(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != '<' && byte != '>' && byte != '\\' &&
           byte != '}';
}

static bool add_literal(struct compiler *compiler, size_t end)
{
    size_t begin = compiler->at;

    for (; compiler->at < end && compiler->pattern.data[compiler->at] != '{'; compiler->at++)
        if (!is_good(compiler->pattern.data[compiler->at]))
            return fail(compiler, compiler->at, "has an octet that no return path has");
    return add_part(compiler, LIST_PATH_LITERAL, begin, compiler->at - begin);
}

static bool check_host(struct compiler *compiler, size_t begin)
{
    struct span host = span_skip(compiler->pattern, begin);
    char buffer[ADDRESS_DOMAIN_KEY_MAX];
    struct text key;

    text_init(&key, buffer, sizeof(buffer));
    if (span_find_byte(host, '{') != SPAN_NOT_FOUND)
        return fail(compiler, begin + span_find_byte(host, '{'),
                    "has a name behind the @: the host is given as it is");
    if (host.size == 0 || !span_is_ascii(host) || host.data[0] == '[' ||
        !address_domain_key(host, &key))
        return fail(compiler, begin, "has no domain behind the @");
    return true;
}

static bool compile(struct compiler *compiler)
{
    struct list_path *path = compiler->path;
    struct span pattern = compiler->pattern;
    size_t at = span_find_byte(pattern, '@');

    if (pattern.size > LIST_PATH_TEXT_MAX)
        return fail(compiler, LIST_PATH_TEXT_MAX, "is too long");
    if (at == SPAN_NOT_FOUND)
        return fail(compiler, pattern.size, "has no @");
    while (compiler->at < at) {
        bool good =
            pattern.data[compiler->at] == '{' ? add_name(compiler) : add_literal(compiler, at);

        if (!good)
            return false;
        if (compiler->at > at)
            return fail(compiler, at, "has an @ within a name");
    }
    if (!has_kind(path, LIST_PATH_LITERAL))
        return fail(compiler, 0, "needs some text before the @, or it would take all mail there");
    if (has_kind(path, LIST_PATH_LOCAL) != has_kind(path, LIST_PATH_DOMAIN))
        return fail(compiler, 0, "needs both {local} and {domain}, or neither");
    if (!check_host(compiler, at + 1))
        return false;
    path->host_begin = (uint16_t)(at + 1);
    path->names_address = has_kind(path, LIST_PATH_LOCAL);
    path->names_list = has_kind(path, LIST_PATH_LIST);
    return true;
}

int list_path_compile(struct span pattern, struct list_path *ret, uint32_t *ret_column,
                      const char **ret_problem)
{
    struct list_path path = {.size = (uint16_t)min_size(pattern.size, LIST_PATH_TEXT_MAX)};
    struct compiler compiler = {.path = &path, .pattern = pattern};

    if (!compile(&compiler)) {
        *ret_column = (uint32_t)compiler.at + 1;
        *ret_problem = compiler.problem;
        return -EINVAL;
    }
    for (size_t i = 0; i < pattern.size; i++)
        path.text[i] = (char)span_lower_byte(pattern.data[i]);
    *ret = path;
    return 0;
}

struct span list_path_host(const struct list_path *path)
{
    return span_make(path->text + path->host_begin, (size_t)path->size - path->host_begin);
}

/* --- matching --- */

struct match {
    struct span found[LIST_PATH_KIND_COUNT];
};

static bool is_alphanumeric(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool all_of(struct span text, struct span others)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_alphanumeric(text.data[i]) &&
            span_find_byte(others, text.data[i]) == SPAN_NOT_FOUND)
            return false;
    return true;
}

static bool holds(enum list_path_kind kind, struct span text)
{
    switch (kind) {
    case LIST_PATH_LIST:
        return text.size <= LIST_PATH_LIST_MAX && all_of(text, SPAN("._-+"));
    case LIST_PATH_TOKEN:
        return all_of(text, SPAN("._-"));
    case LIST_PATH_LOCAL:
    case LIST_PATH_DOMAIN: /* judged together, as an address */
        return true;
    case LIST_PATH_LITERAL:
    case LIST_PATH_KIND_COUNT:
        break;
    }
    UNREACHABLE("a name of a pattern");
}

static bool stands_at(struct span text, size_t at, struct span what)
{
    return at + what.size <= text.size && span_starts_nocase(span_skip(text, at), what);
}

/* Where `literal` begins behind at least one octet: the first place, or the last one. */
static size_t find_literal(struct span text, struct span literal, bool last)
{
    size_t found = SPAN_NOT_FOUND;

    for (size_t i = 1; i + literal.size <= text.size && (last || found == SPAN_NOT_FOUND); i++)
        if (stands_at(text, i, literal))
            found = i;
    return found;
}

/* How much of `text` the name takes that stands before part `next`. */
static size_t extent_of(const struct list_path *path, uint32_t next, enum list_path_kind kind,
                        struct span text)
{
    const struct list_path_part *part = &path->parts[next];
    struct span literal;

    if (next == path->parts_count)
        return text.size;
    literal = span_make(path->text + part->begin, part->size);
    if (next + 1 < path->parts_count)
        return find_literal(text, literal, kind == LIST_PATH_LOCAL);
    return span_ends_nocase(text, literal) ? text.size - literal.size : SPAN_NOT_FOUND;
}

static bool match_local(const struct list_path *path, struct span text, struct match *match)
{
    for (uint32_t i = 0; i < path->parts_count; i++) {
        const struct list_path_part *part = &path->parts[i];
        size_t size;

        if (part->kind == LIST_PATH_LITERAL) {
            if (!stands_at(text, 0, span_make(path->text + part->begin, part->size)))
                return false;
            text = span_skip(text, part->size);
            continue;
        }
        size = extent_of(path, i + 1, part->kind, text);
        if (size == SPAN_NOT_FOUND || size == 0 || !holds(part->kind, span_first(text, size)))
            return false;
        match->found[part->kind] = span_first(text, size);
        text = span_skip(text, size);
    }
    return text.size == 0;
}

/* The subscriber's address, if it is one. */
static bool take_address(const struct match *match, struct list_path_match *ret)
{
    char buffer[LIST_PATH_ADDRESS_MAX + 1];
    struct address address;
    const char *problem;
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add(&text, match->found[LIST_PATH_LOCAL]);
    text_add_byte(&text, '@');
    text_add(&text, match->found[LIST_PATH_DOMAIN]);
    if (text.overflow || !address_parse(text_span(&text), &address, &problem) || address.literal)
        return false;
    text_init(&text, ret->address_bytes, sizeof(ret->address_bytes));
    if (!address_canonical(&address, &text) || text.overflow)
        return false;
    ret->address = text_span(&text);
    return true;
}

static bool try_as(const struct list_path *path, struct span local, struct list_path_match *ret)
{
    struct match match = {0};
    struct text list;

    if (!match_local(path, local, &match))
        return false;
    ret->address = (struct span){NULL, 0};
    if (path->names_address && !take_address(&match, ret))
        return false;
    text_init(&list, ret->list_bytes, sizeof(ret->list_bytes));
    text_add_lower(&list, match.found[LIST_PATH_LIST]);
    ret->list = text_span(&list);
    return true;
}

/* "%2B", "=3D": the octet; 0: nothing that relays write so. */
static uint8_t written_as(struct span text)
{
    static const struct {
        struct span code;
        uint8_t byte;
    } codes[] = {{SPAN_INIT("2b"), '+'}, {SPAN_INIT("3d"), '='}, {SPAN_INIT("40"), '@'}};

    if (text.size < 3 || (text.data[0] != '%' && text.data[0] != '='))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (span_starts_nocase(span_skip(text, 1), codes[i].code))
            return codes[i].byte;
    return 0;
}

static struct span unmangle(struct span local, char buffer[LIST_PATH_ADDRESS_MAX])
{
    struct text text;

    text_init(&text, buffer, LIST_PATH_ADDRESS_MAX);
    while (local.size > 0) {
        uint8_t byte = written_as(local);

        text_add_byte(&text, byte != 0 ? byte : local.data[0]);
        local = span_skip(local, byte != 0 ? 3 : 1);
    }
    return text_span(&text);
}

/* "prvs=TAG=local" of BATV: what stands behind it. */
static struct span without_batv(struct span local)
{
    struct span rest;
    size_t end;

    if (!span_starts_nocase(local, SPAN("prvs=")))
        return local;
    rest = span_skip(local, 5);
    end = span_find_byte(rest, '=');
    if (end == SPAN_NOT_FOUND || end == 0 || end > BATV_TAG_MAX ||
        !all_of(span_first(rest, end), SPAN("")))
        return local;
    return span_skip(rest, end + 1);
}

bool list_path_matches(const struct list_path *path, struct span address,
                       struct list_path_match *ret_match)
{
    struct span host = list_path_host(path), local, bare;
    char buffer[LIST_PATH_ADDRESS_MAX];

    if (address.size > LIST_PATH_ADDRESS_MAX || address.size < host.size + 2 ||
        !span_ends_nocase(address, host) || address.data[address.size - host.size - 1] != '@')
        return false;
    local = span_first(address, address.size - host.size - 1);
    if (span_has_control(local))
        return false;
    bare = without_batv(local);
    return try_as(path, local, ret_match) || try_as(path, bare, ret_match) ||
           try_as(path, unmangle(bare, buffer), ret_match);
}
