/* Any bytes: the result does not depend on how they are cut into parts, and what is read obeys the
 * limits. */
#include <string.h>

#include "base/check.h"
#include "smtp/reply_reader.h"

struct run {
    uint64_t digest;
    uint32_t replies_count;
    bool broken;
};

static void add(struct run *run, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        run->digest = (run->digest ^ bytes[i]) * UINT64_C(1099511628211);
}

static void read_part(struct reply_reader *reader, struct span part, struct run *run)
{
    enum reply_reader_result result;

    while ((result = reply_reader_next(reader, &part)) != REPLY_READER_MORE) {
        struct span line = reply_reader_line(reader);
        struct reply reply;

        add(run, &result, sizeof(result));
        if (result == REPLY_READER_BROKEN) {
            CHECK(reply_reader_fault(reader) != NULL);
            run->broken = true;
            return;
        }
        CHECK(line.size <= REPLY_TEXT_MAX);
        CHECK(span_find_byte(line, '\n') == SPAN_NOT_FOUND);
        CHECK(span_find_byte(line, 0) == SPAN_NOT_FOUND);
        if (result == REPLY_READER_LINE)
            continue;
        reply_reader_reply(reader, &reply);
        CHECK(reply.code >= 200 && reply.code <= 599);
        CHECK(reply.text_size <= REPLY_TEXT_MAX);
        CHECK(span_is_utf8(span_make(reply.text, reply.text_size)));
        CHECK(reply.enhanced[0] == 0 || reply.enhanced[0] == reply.code / 100);
        add(run, &reply, sizeof(reply));
        run->replies_count++;
    }
    CHECK(part.size == 0);
}

static struct run read_all(struct span input, size_t chunk)
{
    struct reply_reader reader;
    struct run run = {UINT64_C(14695981039346656037), 0, false};

    memset(&reader, 0xa5, sizeof(reader));
    reply_reader_init(&reader);
    while (input.size > 0 && !run.broken) {
        read_part(&reader, span_first(input, chunk), &run);
        input = span_skip(input, chunk);
    }
    return run;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct run whole = read_all(input, size == 0 ? 1 : size);
    struct run octets = read_all(input, 1);
    struct run sevens = read_all(input, 7);

    CHECK(whole.digest == octets.digest && whole.digest == sevens.digest);
    CHECK(whole.broken == octets.broken);
    return 0;
}
