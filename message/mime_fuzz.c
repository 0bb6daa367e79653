/* Any message: parts lie within the message and within their parents, in order; every decoder keeps
 * to its room; reading the same message again gives the same; nothing is found with nesting off
 * that is not found with it on. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/mime_body.h"
#include "message/mime_parameter.h"
#include "message/mime_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct charset *charset;
static struct mime mime, again;

static void check_within(struct span inner, struct span outer)
{
    if (inner.size == 0)
        return;
    CHECK(inner.data >= outer.data);
    CHECK(inner.data + inner.size <= outer.data + outer.size);
}

static void check_part(struct span message, uint32_t i)
{
    const struct mime_part *part = &mime.parts[i];

    check_within(part->header, message);
    check_within(part->body, message);
    check_within(part->content, message);
    CHECK(part->depth < MIME_DEPTH_MAX);
    if (i == 0) {
        CHECK(part->parent == MIME_NO_PARENT);
        return;
    }
    CHECK(part->parent < i);
    CHECK(part->depth == mime.parts[part->parent].depth + 1);
    CHECK(part->body.data >= mime.parts[i - 1].body.data);
    if (mime_is(&mime.parts[part->parent], "message", "*"))
        check_within(part->body, mime.parts[part->parent].body);
}

static void check_decoded(const struct mime_part *part)
{
    static uint8_t first[512], second[1024];
    struct text octets, out;
    struct span value;

    text_init(&octets, first, sizeof(first));
    text_init(&out, second, sizeof(second));
    (void)mime_body_text(part, charset, &octets, &out);
    CHECK(!octets.overflow && octets.size <= sizeof(first));
    CHECK(!out.overflow && out.size <= sizeof(second));
    text_reset(&out);
    if (mime_parameter_find(part->content, SPAN("name"), charset, &out, &value))
        CHECK(value.size <= part->content.size || value.size <= sizeof(second));
    (void)mime_words_decode(mime_field(part, SPAN("Subject")), charset, &out);
    CHECK(!out.overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_make(data, size);

    if (charset == NULL) {
        CHECK(arena_open(&arena, charset_cost()) == 0);
        charset = charset_open(&arena);
        arena_seal(&arena);
    }
    mime_read(&again, message, false);
    mime_read(&mime, message, true);
    CHECK(mime.parts_count >= 1 && mime.parts_count <= MIME_PARTS_MAX);
    for (uint32_t i = 0; i < mime.parts_count; i++) {
        check_part(message, i);
        check_decoded(&mime.parts[i]);
    }
    CHECK(again.header.count == mime.header.count);
    if (!mime.cut)
        CHECK(again.parts_count <= mime.parts_count);
    mime_read(&again, message, true);
    CHECK(again.parts_count == mime.parts_count);
    for (uint32_t i = 0; i < mime.parts_count; i++)
        CHECK(again.parts[i].body.data == mime.parts[i].body.data &&
              again.parts[i].body.size == mime.parts[i].body.size);
    return 0;
}
