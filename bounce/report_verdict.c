#include "bounce/report_verdict.h"

#include "bounce/status_text.h"

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Octets of "550-5.1.1 " or "550 5.1.1 " at the front of a line that goes on a reply. */
static size_t continued_code(struct span line)
{
    uint16_t status[3];
    size_t size = 4;

    if (line.size < 5 || (line.data[0] != '4' && line.data[0] != '5') || !is_digit(line.data[1]) ||
        !is_digit(line.data[2]) || (line.data[3] != '-' && line.data[3] != ' '))
        return 0;
    if (status_text_enhanced_at(span_skip(line, size), status))
        while (size < line.size && !is_blank(line.data[size]))
            size++;
    return size;
}

static bool same_code(struct span line, uint16_t code)
{
    return code == (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + line.data[2] - '0';
}

struct span report_verdict_unfold(struct span text, struct text *out)
{
    size_t before = out->size, begin = 0;
    uint16_t code = 0;
    bool blank = true, line = false;

    text = span_trim(span_first(text, 2 * REPORT_VERDICT_TEXT_MAX));
    bool reply = status_text_reply(text, &code, &begin);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (is_blank(byte)) {
            line = line || byte == '\n';
            blank = true;
            continue;
        }
        size_t skip = line && reply && i > begin ? continued_code(span_skip(text, i)) : 0;
        line = false;
        if (skip > 0 && same_code(span_skip(text, i), code)) {
            i += skip - 1;
            blank = true;
            continue;
        }
        if (text_room(out) < 2 || out->size - before >= REPORT_VERDICT_TEXT_MAX)
            break;
        if (blank && out->size > before)
            text_add_byte(out, ' ');
        blank = false;
        text_add_byte(out, byte);
    }
    return span_skip(text_span(out), before);
}

static bool contains(struct span text, struct span what)
{
    for (size_t i = 0; i + what.size <= text.size; i++)
        if ((text.data[i] | 0x20) == what.data[0] && span_starts_nocase(span_skip(text, i), what))
            return true;
    return false;
}

/* What the other server answered, by the command that the text names. */
static enum outcome_stage stage_of(struct span text)
{
    static const struct {
        struct span words;
        enum outcome_stage stage;
    } words[] = {
        {SPAN_INIT("end of data"), STAGE_DOT},
        {SPAN_INIT("rcpt to"), STAGE_RCPT},
        {SPAN_INIT("rcpt_to"), STAGE_RCPT},
        {SPAN_INIT("mail from:"), STAGE_MAIL},
        {SPAN_INIT("mail_from"), STAGE_MAIL},
        {SPAN_INIT("data command"), STAGE_DATA},
        {SPAN_INIT("final data"), STAGE_DOT},
        {SPAN_INIT("text command"), STAGE_DOT},
        {SPAN_INIT("connect to"), STAGE_CONNECT},
        {SPAN_INIT("initial connection"), STAGE_GREETING},
        {SPAN_INIT("does not like recipient"), STAGE_RCPT},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (contains(text, words[i].words))
            return words[i].stage;
    return STAGE_NONE;
}

static void read_codes(struct span text, struct report_recipient *recipient)
{
    size_t at;

    if (recipient->code == 0 && !status_text_reply(text, &recipient->code, &at))
        recipient->code = 0;
    if (recipient->status[0] == 0 && !status_text_enhanced(text, recipient->status))
        recipient->status[0] = 0;
}

/* How much a class says: nothing, something, enough. */
static int worth(enum bounce_class class, enum classify_step step)
{
    if (class == BOUNCE_UNKNOWN)
        return 0;
    return step == CLASSIFY_PROVIDER || step == CLASSIFY_STATUS || step == CLASSIFY_PHRASE ? 2 : 1;
}

void report_verdict_add(const struct classifier *classifier, struct span host, struct span text,
                        struct report_recipient *recipient)
{
    struct classify_question question = {.host = host, .text = text};
    struct classify_answer answer;

    read_codes(text, recipient);
    question.code = recipient->code;
    for (int i = 0; i < 3; i++)
        question.enhanced[i] = recipient->status[i];
    question.stage = stage_of(text);
    answer = classify_reply(classifier, &question);
    if (worth(answer.class, answer.step) > worth(recipient->class, recipient->step)) {
        recipient->class = answer.class;
        recipient->step = answer.step;
    }
}
