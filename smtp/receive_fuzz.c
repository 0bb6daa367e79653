/* Any octets: what is said and kept does not depend on how they are cut, every reply is a reply,
 * and the limits hold. */
#include <string.h>

#include "base/check.h"
#include "smtp/receive.h"

#define SIZE_LIMIT 1000

struct run {
    struct receive receive;
    uint64_t said;
    uint64_t kept;
    uint64_t kept_size;
    uint32_t transaction;
    uint32_t recipients_count;
    bool over;
};

static uint64_t digest(uint64_t sum, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * UINT64_C(1099511628211);
    return sum;
}

static void check_replies(struct span out)
{
    while (out.size > 0) {
        struct span line = span_split(&out, '\n');

        CHECK(line.size > 4 && line.data[line.size - 1] == '\r');
        CHECK(line.data[0] >= '2' && line.data[0] <= '5');
        CHECK(line.data[3] == ' ' || line.data[3] == '-');
    }
}

static void keep(struct run *run)
{
    if (run->transaction != receive_transaction(&run->receive))
        run->kept_size = 0;
    run->transaction = receive_transaction(&run->receive);
    run->kept_size += receive_piece(&run->receive).size;
    CHECK(run->kept_size <= SIZE_LIMIT && run->recipients_count > 0);
    run->kept = digest(run->kept, receive_piece(&run->receive));
}

static void hear(struct run *run, struct span input)
{
    enum receive_want want = RECEIVE_WANT_CONTENT;

    while (!run->over && (want != RECEIVE_WANT_INPUT || input.size > 0)) {
        uint8_t room[RECEIVE_REPLY_MAX];
        struct text out;

        text_init(&out, room, sizeof(room));
        want = receive_step(&run->receive, &input, &out);
        if (want == RECEIVE_WANT_RECIPIENT) {
            struct span mailbox = receive_recipient(&run->receive);

            run->recipients_count++;
            CHECK(mailbox.size > 0 && !span_has_control(mailbox));
            receive_answer(&run->receive, (enum receive_verdict)(mailbox.data[0] % 4), &out);
        } else if (want == RECEIVE_WANT_VERDICT) {
            receive_answer(&run->receive, RECEIVE_ACCEPT, &out);
        } else if (want == RECEIVE_WANT_CONTENT) {
            keep(run);
        }
        /* Whether octets follow STARTTLS depends on how they are cut. */
        run->over = want == RECEIVE_WANT_CLOSE || run->receive.state == RECEIVE_SECURING ||
                    want == RECEIVE_WANT_TLS;
        CHECK(!out.overflow);
        check_replies(text_span(&out));
        if (want != RECEIVE_WANT_TLS)
            run->said = digest(run->said, text_span(&out));
    }
}

static void read_all(struct run *run, struct span input, size_t part)
{
    const struct receive_options options = {
        .hostname = SPAN("mx.test"),
        .size_max = SIZE_LIMIT,
        .recipients_max = 5,
        .transactions_max = 5,
    };

    memset(run, 0, sizeof(*run));
    receive_init(&run->receive, &options);
    hear(run, span_make(NULL, 0));
    while (input.size > 0 && !run->over) {
        hear(run, span_first(input, part));
        input = span_skip(input, part);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole, octets;

    read_all(&whole, span_make(data, size), size == 0 ? 1 : size);
    read_all(&octets, span_make(data, size), 1);
    CHECK(whole.said == octets.said && whole.kept == octets.kept);
    CHECK(whole.over == octets.over);
    return 0;
}
