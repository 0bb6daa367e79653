/* merge_testing.h - compiles and merges in one call, for unit tests and fuzz targets only.
 *
 * merge_testing_open owns its memory; everything is checked for leaks by merge_testing_close. */
#ifndef TESTS_MERGE_TESTING_H
#define TESTS_MERGE_TESTING_H

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/merge.h"

#ifndef MERGE_TESTING_OUT_MAX
#define MERGE_TESTING_OUT_MAX (16 * MIB)
#endif
#define MERGE_TESTING_DATE 1763750160 /* Fri, 21 Nov 2025 18:36:00 */

struct merge_testing {
    struct template template;
    struct template_error error;
    int result; /* of template_compile */
    struct span_mut memory;
    struct text out;
};

/* Into memory of its own; what it was compiled in is spoiled and goes. */
static inline void merge_testing_pack(struct merge_testing *testing)
{
    size_t size = template_packed_size(&testing->template);
    struct span_mut packed = {malloc(size), size};

    CHECK(packed.data && size <= testing->memory.size);
    template_pack(&testing->template, packed);
    memset(testing->memory.data, 0x5a, testing->memory.size);
    free(testing->memory.data);
    testing->memory = packed;
}

/* The source is copied and thrown away: a compiled template must not need it. */
static inline void merge_testing_open(struct merge_testing *testing, struct span source)
{
    size_t size = template_memory_size(source.size);
    uint8_t *copy = malloc(source.size + 1);

    *testing = (struct merge_testing){0};
    testing->memory = (struct span_mut){malloc(size), size};
    text_init(&testing->out, malloc(MERGE_TESTING_OUT_MAX), MERGE_TESTING_OUT_MAX);
    CHECK(testing->memory.data && testing->out.data && copy);
    memset(testing->memory.data, 0xa5, size);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    testing->result = template_compile(&testing->template, span_make(copy, source.size),
                                       testing->memory, &testing->error);
    free(copy);
    if (testing->result == 0)
        merge_testing_pack(testing);
}

static inline void merge_testing_close(struct merge_testing *testing)
{
    free(testing->memory.data);
    free(testing->out.data);
}

/* One value for each field, in their order; -EINVAL as merge_begin. Into testing->out. */
static inline int merge_testing_merge(struct merge_testing *testing, const struct span *values,
                                      bool stuffed, size_t room)
{
    struct merge_values all = {
        .fields = values,
        .recipient = SPAN("to@example.net"),
        .identity = {.campaign = 0x1234, .ordinal = 7},
        .host = SPAN("mail.test"),
        .date_s = MERGE_TESTING_DATE,
    };
    struct merge merge;
    enum merge_state state;
    uint8_t *buffer = malloc(room);

    CHECK(buffer != NULL);
    text_reset(&testing->out);
    int r = merge_begin(&merge, &testing->template, &all, stuffed);
    while (r == 0) {
        struct text piece;
        text_init(&piece, buffer, room);
        state = merge_step(&merge, &piece);
        CHECK(!piece.overflow);
        CHECK(state == MERGE_DONE || piece.size > 0);
        text_add(&testing->out, text_span(&piece));
        if (state == MERGE_DONE)
            break;
    }
    free(buffer);
    CHECK(!testing->out.overflow);
    return r;
}

static inline uint64_t merge_testing_size(const struct merge_testing *testing,
                                          const struct span *values)
{
    struct merge_values all = {.fields = values,
                               .recipient = SPAN("to@example.net"),
                               .host = SPAN("mail.test"),
                               .identity = {.campaign = 0x1234, .ordinal = 7},
                               .date_s = MERGE_TESTING_DATE};
    struct merge merge;

    return merge_begin(&merge, &testing->template, &all, false) == 0 ? merge_size(&merge) : 0;
}

#endif
