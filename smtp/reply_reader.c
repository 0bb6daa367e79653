#include "smtp/reply_reader.h"

#include <string.h>

static enum reply_reader_result broken(struct reply_reader *reader, const char *fault)
{
    reader->state = REPLY_READER_STOPPED;
    reader->fault = fault;
    return REPLY_READER_BROKEN;
}

static bool keeps_lines(const struct reply_reader *reader)
{
    return reader->by_line && reader->code / 100 == 2;
}

static void start_reply(struct reply_reader *reader)
{
    reader->lines_count = 0;
    reader->code = 0;
    reader->text_size = 0;
    memset(reader->enhanced, 0, sizeof(reader->enhanced));
}

static void start_line(struct reply_reader *reader)
{
    reader->line_octets = 0;
    reader->line_code = 0;
    reader->digits_count = 0;
    reader->last_line = false;
    reader->line_from = reader->text_size;
}

static void start_text(struct reply_reader *reader)
{
    if (keeps_lines(reader))
        reader->text_size = 0;
    else if (reader->text_size > 0 && reader->text_size < REPLY_TEXT_MAX)
        reader->text[reader->text_size++] = ' ';
    reader->line_from = reader->text_size;
}

/* The fault of a code just read whole, or NULL. */
static const char *judge_code(const struct reply_reader *reader)
{
    if (reader->line_code < 200 || reader->line_code > 599)
        return "a reply code outside 200..599";
    if (reader->lines_count > 0 && reader->line_code != reader->code)
        return "the code changed inside a reply";
    return NULL;
}

/* One octet of the code, or what follows it. */
static const char *take_head(struct reply_reader *reader, uint8_t byte)
{
    if (reader->state == REPLY_READER_CODE) {
        if (byte < '0' || byte > '9')
            return "a line without a reply code";
        reader->line_code = (uint16_t)(reader->line_code * 10 + (byte - '0'));
        if (++reader->digits_count < 3)
            return NULL;
        reader->state = REPLY_READER_SEPARATOR;
        return judge_code(reader);
    }
    if (byte != ' ' && byte != '-' && byte != '\r')
        return "a reply code with no blank after it";
    reader->last_line = byte != '-';
    reader->code = reader->line_code;
    reader->state = REPLY_READER_TEXT;
    start_text(reader);
    return NULL;
}

static void keep_text(struct reply_reader *reader, struct span part)
{
    size_t size = min_size(part.size, REPLY_TEXT_MAX - (size_t)reader->text_size);

    if (size > 0)
        memcpy(reader->text + reader->text_size, part.data, size);
    reader->text_size = (uint16_t)(reader->text_size + size);
}

/* Takes trailing blanks, the CR and the enhanced code off the line just ended. */
static void trim_line(struct reply_reader *reader)
{
    struct span line = span_trim(span_make(reader->text + reader->line_from,
                                           (size_t)(reader->text_size - reader->line_from)));
    uint16_t enhanced[3] = {0, 0, 0};

    if (reply_take_enhanced(reader->code, &line, enhanced) && reader->enhanced[0] == 0)
        memcpy(reader->enhanced, enhanced, sizeof(enhanced));
    if (line.size > 0)
        memmove(reader->text + reader->line_from, line.data, line.size);
    else if (reader->line_from > 0 && reader->text[reader->line_from - 1] == ' ')
        reader->line_from--; /* the blank that was to join it */
    reader->text_size = (uint16_t)(reader->line_from + line.size);
}

static enum reply_reader_result end_line(struct reply_reader *reader)
{
    trim_line(reader);
    if (++reader->lines_count > REPLY_READER_LINES_MAX)
        return broken(reader, "a reply of more than 128 lines");
    if (reader->last_line) {
        reader->state = REPLY_READER_ENDED;
        return REPLY_READER_REPLY;
    }
    reader->state = REPLY_READER_CODE;
    reader->digits_count = 0;
    reader->line_code = 0;
    reader->line_octets = 0;
    return REPLY_READER_LINE;
}

static const char *count_octets(struct reply_reader *reader, size_t count)
{
    if (count > REPLY_READER_TURN_MAX - reader->turn_octets)
        return "more than 64 KiB of replies at once";
    if (count > REPLY_READER_LINE_MAX - reader->line_octets)
        return "a reply line of more than 2,048 octets";
    reader->turn_octets += (uint32_t)count;
    reader->line_octets += (uint32_t)count;
    return NULL;
}

/* The code and what follows it, octet by octet. MORE: the text comes next, or nothing is left. */
static enum reply_reader_result read_head(struct reply_reader *reader, struct span *input)
{
    while (input->size > 0 && reader->state != REPLY_READER_TEXT) {
        uint8_t byte = input->data[0];
        const char *fault = count_octets(reader, 1);

        *input = span_skip(*input, 1);
        if (fault == NULL && reader->state == REPLY_READER_SEPARATOR && byte == '\n') {
            fault = take_head(reader, '\r');
            return fault == NULL ? end_line(reader) : broken(reader, fault);
        }
        if (fault == NULL)
            fault = take_head(reader, byte);
        if (fault != NULL)
            return broken(reader, fault);
    }
    return REPLY_READER_MORE;
}

static enum reply_reader_result read_text(struct reply_reader *reader, struct span *input)
{
    size_t end = span_find_byte(*input, '\n');
    bool ends = end != SPAN_NOT_FOUND;
    struct span part = span_first(*input, ends ? end : input->size);
    const char *fault = count_octets(reader, part.size + (ends ? 1 : 0));

    *input = span_skip(*input, part.size + (ends ? 1 : 0));
    if (fault == NULL && span_find_byte(part, 0) != SPAN_NOT_FOUND)
        fault = "a NUL in a reply";
    if (fault != NULL)
        return broken(reader, fault);
    keep_text(reader, part);
    return ends ? end_line(reader) : REPLY_READER_MORE;
}

void reply_reader_init(struct reply_reader *reader)
{
    memset(reader, 0, sizeof(*reader));
    reader->state = REPLY_READER_ENDED;
}

void reply_reader_turn(struct reply_reader *reader)
{
    reader->turn_octets = 0;
}

enum reply_reader_result reply_reader_next(struct reply_reader *reader, struct span *input)
{
    enum reply_reader_result result;

    if (reader->state == REPLY_READER_STOPPED)
        return REPLY_READER_BROKEN;
    if (input->size == 0)
        return REPLY_READER_MORE;
    if (reader->state == REPLY_READER_ENDED) {
        start_reply(reader);
        start_line(reader);
        reader->state = REPLY_READER_CODE;
    }
    result = read_head(reader, input);
    if (result != REPLY_READER_MORE || input->size == 0)
        return result;
    return read_text(reader, input);
}

bool reply_reader_is_inside(const struct reply_reader *reader)
{
    return reader->state != REPLY_READER_ENDED;
}

struct span reply_reader_line(const struct reply_reader *reader)
{
    return span_make(reader->text + reader->line_from,
                     (size_t)(reader->text_size - reader->line_from));
}

void reply_reader_reply(const struct reply_reader *reader, struct reply *ret_reply)
{
    memset(ret_reply, 0, sizeof(*ret_reply));
    ret_reply->code = reader->code;
    memcpy(ret_reply->enhanced, reader->enhanced, sizeof(ret_reply->enhanced));
    reply_set_text(ret_reply, span_make(reader->text, reader->text_size));
}

const char *reply_reader_fault(const struct reply_reader *reader)
{
    return reader->fault;
}
