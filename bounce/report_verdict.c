#include "bounce/report_verdict.h"

#include "bounce/mailbox.h"
#include "bounce/status_text.h"

#define STAGE_HITS_MAX 32

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool same_code(struct span line, uint16_t code)
{
    return code == (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + line.data[2] - '0';
}

/* Octets of "550-5.1.1 " or "550 5.1.1 " at the front of a line that goes on a reply with that
 * code. */
static size_t continued_code(struct span line, uint16_t code)
{
    uint16_t status[3];
    size_t size = 4;

    if (line.size < 5 || (line.data[0] != '4' && line.data[0] != '5') || !is_digit(line.data[1]) ||
        !is_digit(line.data[2]) || (line.data[3] != '-' && line.data[3] != ' ') ||
        !same_code(line, code))
        return 0;
    if (status_text_enhanced_at(span_skip(line, size), status))
        while (size < line.size && !is_blank(line.data[size]))
            size++;
    return size;
}

struct span report_verdict_unfold(struct span text, struct text *out)
{
    uint8_t *begin_out = out->data + out->size, *to = begin_out;
    const uint8_t *end_out = to + min_size(text_room(out), REPORT_VERDICT_TEXT_MAX);
    size_t begin = 0;
    uint16_t code = 0;
    bool blank = false, line = false;

    text = span_trim(span_first(text, (size_t)2 * REPORT_VERDICT_TEXT_MAX));
    bool reply = status_text_reply(text, &code, &begin);
    for (size_t i = 0; i < text.size && to + 2 <= end_out; i++) {
        uint8_t byte = text.data[i];
        size_t skip;

        if (is_blank(byte)) {
            line = line || byte == '\n';
            blank = to > begin_out;
            continue;
        }
        skip = line && reply && i > begin ? continued_code(span_skip(text, i), code) : 0;
        line = false;
        if (skip > 0) {
            i += skip - 1;
            blank = true;
            continue;
        }
        if (blank)
            *to++ = ' ';
        blank = false;
        do
            *to++ = text.data[i++];
        while (i < text.size && to + 2 <= end_out &&
               (text.data[i] > ' ' || !is_blank(text.data[i])));
        i--;
    }
    out->size += (size_t)(to - begin_out);
    return span_make(begin_out, (size_t)(to - begin_out));
}

/* What the other server answered, by the command that the text names. */
static enum outcome_stage stage_of(const struct notice_phrases *phrases, struct span text)
{
    struct notice_phrases_hit hits[STAGE_HITS_MAX];
    size_t count = notice_phrases_find(phrases, text, hits, STAGE_HITS_MAX);

    for (size_t i = 0; i < count; i++)
        if (hits[i].meaning >> NOTICE_STAGE_SHIFT != 0)
            return (enum outcome_stage)(hits[i].meaning >> NOTICE_STAGE_SHIFT);
    return STAGE_NONE;
}

static enum outcome_stage stage_of_command(struct span line)
{
    if (span_starts_nocase(line, SPAN("rcpt")))
        return STAGE_RCPT;
    if (span_starts_nocase(line, SPAN("mail")))
        return STAGE_MAIL;
    if (span_starts_nocase(line, SPAN("data")))
        return STAGE_DATA;
    return STAGE_NONE;
}

/* "RCPT To:<ann@example.org>" of this recipient. */
static bool is_own_rcpt(struct span line, const struct report_recipient *recipient)
{
    struct span mailbox;

    return stage_of_command(line) == STAGE_RCPT && mailbox_find(line, 0, &mailbox) &&
           (mailbox_same(mailbox, recipient->address) || mailbox_same(mailbox, recipient->final));
}

enum outcome_stage report_verdict_session(struct span text,
                                          const struct report_recipient *recipient)
{
    enum outcome_stage command = STAGE_NONE, found = STAGE_NONE;
    bool own = false;

    while (text.size > 0) {
        struct span line = span_trim(span_split(&text, '\n'));
        uint16_t answer;
        size_t at;

        if (span_starts(line, SPAN(">>>"))) {
            line = span_trim(span_skip(line, 3));
            command = stage_of_command(line);
            own = is_own_rcpt(line, recipient);
            continue;
        }
        if (!span_starts(line, SPAN("<<<")) || !status_text_reply(line, &answer, &at))
            continue;
        if (answer == recipient->code && own)
            return STAGE_RCPT;
        if (answer == recipient->code && found == STAGE_NONE)
            found = command;
        else if (answer == 503 && found == STAGE_DATA)
            return STAGE_RCPT; /* pipelined: the refusal was RCPT's, and DATA had none left */
    }
    return found;
}

void report_verdict_codes(struct span text, struct report_recipient *recipient)
{
    size_t at;

    if (recipient->code == 0 && !status_text_reply(text, &recipient->code, &at))
        recipient->code = 0;
    if (recipient->status[0] == 0 && !status_text_enhanced(text, recipient->status))
        recipient->status[0] = 0;
}

#define WORTH_MOST 2

/* How much a class says: nothing, something, enough. */
static int worth(enum bounce_class class, enum classify_step step)
{
    if (class == BOUNCE_UNKNOWN)
        return 0;
    return step == CLASSIFY_PROVIDER || step == CLASSIFY_STATUS || step == CLASSIFY_PHRASE
               ? WORTH_MOST
               : 1;
}

/* The status that the reply itself has says more than the report's. Behind the content, where a
 * server speaks of more than the name, one that only repeats the code's first digit says nothing.
 */
static void choose_status(struct span text, const struct report_recipient *recipient,
                          enum outcome_stage stage, uint16_t ret_status[3])
{
    if (status_text_enhanced(text, ret_status))
        return;
    for (int i = 0; i < 3; i++)
        ret_status[i] = recipient->status[i];
    if (stage >= STAGE_DATA && recipient->code != 0 && ret_status[1] == 0 && ret_status[2] == 0)
        ret_status[0] = 0;
}

static enum outcome_stage find_stage(const struct report_verdict *verdict, struct span text,
                                     const struct report_recipient *recipient)
{
    enum outcome_stage stage = stage_of(verdict->phrases, text);

    if (stage == STAGE_NONE)
        stage = verdict->around;
    if (stage == STAGE_NONE && recipient->code != 0)
        stage = report_verdict_session(verdict->session, recipient);
    return stage;
}

/* "5.1.0 - Unknown address error 550-'5.7.1 Access denied'": a class of the relay's own in front of
 * what the server said (IronPort, Amazon SES). That it gave up waiting says more than the reply. */
static struct span without_own_class(struct span text)
{
    uint16_t status[3];
    size_t dash, quote;

    if (!status_text_enhanced_at(text, status) || (status[1] == 4 && status[2] == 7))
        return text;
    dash = span_find(span_first(text, 12), SPAN(" - "));
    quote = span_find(span_first(text, 80), SPAN("-'"));
    if (dash == SPAN_NOT_FOUND || quote == SPAN_NOT_FOUND || quote < dash + 6 ||
        !is_digit(text.data[quote - 1]) || !is_digit(text.data[quote - 2]) ||
        !is_digit(text.data[quote - 3]))
        return text;
    return span_skip(text, quote - 3);
}

/* X.1.Y and X.2.Y speak of the mailbox, whichever command was answered that named it. */
static bool is_of_mailbox(const uint16_t status[3])
{
    return status[0] != 0 && (status[1] == 1 || status[1] == 2) && status[2] != 0;
}

/* What the server said goes before the words that the relay puts around it: "did not like our RCPT
 * TO:", "for TEXT command, reason:", "recommend contacting the other email provider". */
static bool is_quoted_verdict(const struct classifier *classifier,
                              struct classify_question *question, struct span text,
                              struct classify_answer *ret)
{
    struct classify_answer answer;
    uint16_t code;
    size_t at;

    if (!status_text_reply(text, &code, &at) || at == 0)
        return false;
    question->text = span_skip(text, at);
    *ret = classify_reply(classifier, question);
    if (worth(ret->class, ret->step) != WORTH_MOST)
        return false;
    if (code / 100 != 4)
        return true;
    /* "last error: 451 ...": that the time ran out is the relay's to say, and the verdict. */
    question->text = text;
    answer = classify_reply(classifier, question);
    if (answer.class == BOUNCE_EXPIRED)
        *ret = answer;
    return true;
}

static struct classify_answer classify_quoted(const struct classifier *classifier,
                                              struct classify_question *question, struct span text)
{
    struct classify_answer answer;

    if (is_quoted_verdict(classifier, question, text, &answer))
        return answer;
    question->text = text;
    return classify_reply(classifier, question);
}

void report_verdict_add(const struct report_verdict *verdict, struct span host, struct span text,
                        struct report_recipient *recipient)
{
    struct classify_question question = {.host = host};
    struct classify_answer answer;

    text = without_own_class(text);
    question.text = text;
    report_verdict_codes(text, recipient);
    question.code = recipient->code;
    choose_status(text, recipient, STAGE_NONE, question.enhanced);
    question.stage = find_stage(verdict, text, recipient);
    if (!is_of_mailbox(question.enhanced))
        choose_status(text, recipient, question.stage, question.enhanced);
    else if (question.stage > STAGE_MAIL)
        question.stage = STAGE_NONE;
    answer = classify_quoted(verdict->classifier, &question, text);
    if (answer.class == BOUNCE_NO_DOMAIN && question.enhanced[0] == 4)
        answer.class = BOUNCE_NETWORK; /* the look-up of a relay that calls it temporary */
    if (worth(answer.class, answer.step) > worth(recipient->class, recipient->step)) {
        recipient->class = answer.class;
        recipient->step = answer.step;
    }
}
