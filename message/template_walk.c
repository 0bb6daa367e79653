#include "message/template_walk.h"

#include <errno.h>

#include "message/template_part.h"

struct template_walk_level {
    struct span boundary;
    bool digest;
};

struct template_walk {
    struct template_build *build;
    struct span rest;
    struct template_walk_level levels[TEMPLATE_DEPTH_MAX];
    uint32_t depth;
};

/* A delimiter line. */
struct template_walk_mark {
    struct span line;
    uint32_t level;
    bool close;
};

/* Whether the line is a delimiter of an open multipart (RFC 2046 5.1.1); the innermost wins. */
static bool template_walk_is_mark(const struct template_walk *walk, struct span line,
                                  struct template_walk_mark *ret)
{
    if (!span_starts(line, SPAN("--")))
        return false;
    for (uint32_t level = walk->depth; level-- > 0;) {
        struct span boundary = walk->levels[level].boundary;
        struct span tail = span_skip(line, 2 + boundary.size);
        if (!span_starts(span_skip(line, 2), boundary))
            continue;
        bool close = span_starts(tail, SPAN("--"));
        if (span_trim(span_skip(tail, close ? 2 : 0)).size > 0)
            continue;
        *ret = (struct template_walk_mark){line, level, close};
        return true;
    }
    return false;
}

/* Finds the next delimiter in *rest: takes everything before it off and returns that. */
static struct span template_walk_until(const struct template_walk *walk, struct span *rest,
                                       struct template_walk_mark *ret, bool *ret_found)
{
    struct span start = *rest;

    *ret_found = false;
    while (rest->size > 0) {
        struct span before = *rest;
        if (template_walk_is_mark(walk, header_line(rest), ret)) {
            *ret_found = true;
            *rest = before;
            break;
        }
    }
    return span_first(start, start.size - rest->size);
}

static void template_walk_put_mark(struct template_walk *walk,
                                   const struct template_walk_mark *mark)
{
    struct text *out = &walk->build->out;

    text_add_cstr(out, "--");
    text_add(out, walk->levels[mark->level].boundary);
    text_add_cstr(out, mark->close ? "--\r\n" : "\r\n");
}

static int template_walk_leaf(struct template_walk *walk, struct template_part *part)
{
    struct template_walk_mark mark;
    bool found;
    struct span content = template_walk_until(walk, &walk->rest, &mark, &found);

    if (walk->build->template->parts_count == TEMPLATE_PARTS_MAX)
        return template_build_error(walk->build, template_build_at(walk->build, content),
                                    "more than 200 parts", SPAN(""));
    int r = template_part_decide(walk->build, part, content);
    if (r == 0)
        r = template_part_put_headers(walk->build, part);
    return r < 0 ? r : template_part_put_content(walk->build, part);
}

static int template_walk_part(struct template_walk *walk, bool top)
{
    struct template_part part = {
        .top = top,
        .digest = walk->depth > 0 && walk->levels[walk->depth - 1].digest,
    };
    int r = template_part_open(walk->build, &walk->rest, &part);

    if (r < 0)
        return r;
    if (part.type != TEMPLATE_PART_MULTIPART)
        return template_walk_leaf(walk, &part);
    if (walk->depth == TEMPLATE_DEPTH_MAX)
        return template_build_error(walk->build, template_build_at(walk->build, part.headers),
                                    "more than 20 multiparts in one another", SPAN(""));
    walk->levels[walk->depth++] = (struct template_walk_level){part.boundary, part.is_digest};
    return template_part_put_headers(walk->build, &part);
}

int template_walk(struct template_build *build)
{
    struct template_walk walk = {.build = build, .rest = build->source};

    if (span_starts(walk.rest, SPAN("\xef\xbb\xbf"))) /* a byte order mark */
        walk.rest = span_skip(walk.rest, 3);
    int r = template_walk_part(&walk, true);
    while (r == 0 && walk.depth > 0) {
        struct template_walk_mark mark;
        bool found;
        (void)template_walk_until(&walk, &walk.rest, &mark, &found); /* between the parts */
        if (!found || mark.level + 1 != walk.depth)
            return template_build_error(
                build, template_build_at(build, found ? mark.line : walk.rest),
                "a multipart is not closed", walk.levels[walk.depth - 1].boundary);
        (void)header_line(&walk.rest); /* the delimiter itself */
        template_walk_put_mark(&walk, &mark);
        if (mark.close)
            walk.depth--;
        else
            r = template_walk_part(&walk, false);
    }
    return r;
}
