#include "engine/content_hash.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/content_parts.h"

#define PREPARE_CHUNK 8192

/* Merges on into the hash until the merge's end. */
static void hash_merge(struct merge *merge, struct span_mut chunk, struct canon_body *body)
{
    enum merge_state state;

    do {
        struct text out;

        text_init(&out, chunk.data, chunk.size);
        state = merge_step(merge, &out);
        canon_body_add(body, text_span(&out));
    } while (state == MERGE_MORE);
}

/* The first piece from there on that differs between recipients. */
static struct merge_place first_value(const struct template *template, struct merge_place from)
{
    uint32_t piece = from.piece;

    while (piece < template->pieces_count && template->pieces[piece].kind == TEMPLATE_LITERAL)
        piece++;
    return (struct merge_place){piece, 0};
}

static void prepare_template(struct content *content)
{
    struct content_fixed *fixed = &content->fixed;
    uint8_t chunk[PREPARE_CHUNK];
    struct merge merge = {.template = &content->template};

    fixed->body = merge_body_place(&content->template);
    fixed->end = first_value(&content->template, fixed->body);
    fixed->whole = fixed->end.piece == content->template.pieces_count;
    merge.piece = fixed->body.piece;
    merge.offset = fixed->body.offset;
    merge_until(&merge, fixed->end);
    hash_merge(&merge, (struct span_mut){chunk, sizeof(chunk)}, &fixed->prefix);
    fixed->line = merge.line;
}

static void prepare_message(struct content *content)
{
    uint8_t chunk[PREPARE_CHUNK];
    struct span rest = content->body;
    struct body body;
    bool done = false;

    body_init(&body, false);
    while (!done) {
        struct text out;

        text_init(&out, chunk, sizeof(chunk));
        done = body_put(&body, &rest, &out) && body_end(&body, &out);
        canon_body_add(&content->fixed.prefix, text_span(&out));
    }
    content->fixed.whole = true;
}

void content_hash_prepare(struct content *content)
{
    canon_body_begin(&content->fixed.prefix, CANON_RELAXED);
    if (content->kind == CAMPAIGN_TEMPLATE)
        prepare_template(content);
    else
        prepare_message(content);
    if (content->fixed.whole)
        canon_body_end(&content->fixed.prefix, content->fixed.hash);
}

int content_hash_header(const struct content_merge *merge, struct text *scratch,
                        struct span *ret_header)
{
    const struct content *content = merge->content;
    size_t size_before = scratch->size;
    struct merge copy;

    if (content->kind == CAMPAIGN_MESSAGE) {
        *ret_header = content->head;
        return 0;
    }
    copy = merge->merge;
    copy.stuffed = false;
    merge_until(&copy, content->fixed.body);
    if (merge_step(&copy, scratch) == MERGE_MORE)
        return -E2BIG;
    *ret_header = span_skip(text_span(scratch), size_before);
    return 0;
}

void content_hash_body(const struct content_merge *merge, struct span_mut chunk,
                       uint8_t ret_hash[CANON_HASH_SIZE])
{
    const struct content_fixed *fixed = &merge->content->fixed;
    struct canon_body body;
    struct merge copy;

    CHECK(chunk.size >= CONTENT_HASH_CHUNK_MIN);
    if (fixed->whole) {
        memcpy(ret_hash, fixed->hash, CANON_HASH_SIZE);
        return;
    }
    body = fixed->prefix;
    copy = merge->merge;
    copy.stuffed = false;
    copy.piece = fixed->end.piece;
    copy.offset = 0;
    copy.line = fixed->line;
    hash_merge(&copy, chunk, &body);
    canon_body_end(&body, ret_hash);
}

uint64_t content_hash_time_s(const struct content_merge *merge)
{
    return merge->content->date_s;
}
