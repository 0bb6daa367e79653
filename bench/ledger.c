#include "bench/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json_put.h"

#define BUFFER_SIZE (1 * MIB)
/* An octet of the envelope takes at most six in JSON. */
#define LINE_SIZE_MAX (6 * (size_t)RECEIVER_ENVELOPE_MAX + 4096)

int ledger_create(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);

    return file < 0 ? -errno : file;
}

int ledger_init(struct ledger *ledger, int file)
{
    void *buffer = NULL;

    *ledger = (struct ledger){.file = file};
    if (file < 0)
        return 0;
    buffer = malloc(BUFFER_SIZE);
    if (buffer == NULL)
        return -ENOMEM;
    text_init(&ledger->text, buffer, BUFFER_SIZE);
    return 0;
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->text.data);
    ledger->text.data = NULL;
}

bool ledger_pending(const struct ledger *ledger)
{
    return ledger->text.size > 0;
}

void ledger_flush(struct ledger *ledger)
{
    struct span rest = text_span(&ledger->text);

    while (rest.size > 0 && ledger->error_number == 0) {
        ssize_t size = write(ledger->file, rest.data, rest.size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            ledger->error_number = errno;
        else
            rest = span_skip(rest, (size_t)size);
    }
    text_reset(&ledger->text);
}

static void key_hash(struct text *text, const char *key, const uint8_t hash[SHA256_DIGEST_LENGTH])
{
    json_put_key(text, key);
    text_add_byte(text, '"');
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i += 4)
        text_add_hex(text,
                     (uint32_t)hash[i] << 24 | (uint32_t)hash[i + 1] << 16 |
                         (uint32_t)hash[i + 2] << 8 | hash[i + 3],
                     8);
    text_add_byte(text, '"');
}

void ledger_note(struct ledger *ledger, struct receiver *receiver, uint64_t wall_ns,
                 uint64_t connection)
{
    uint8_t whole[SHA256_DIGEST_LENGTH];
    uint8_t body[SHA256_DIGEST_LENGTH];
    struct text *text = &ledger->text;
    struct span recipients = text_span(&receiver->recipients);

    if (text_room(text) < LINE_SIZE_MAX)
        ledger_flush(ledger);
    digest_final(&receiver->digest, whole, body);
    json_put_open(text, '{');
    json_put_key(text, "t");
    text_add_u64(text, wall_ns / NS_PER_S);
    text_add_byte(text, '.');
    text_add_padded(text, wall_ns % NS_PER_S / NS_PER_US, 6);
    json_put_key_u64(text, "conn", connection);
    json_put_key_bool(text, "tls", receiver->secure);
    json_put_key_string(text, "from", text_span(&receiver->return_path));
    json_put_key(text, "rcpt");
    json_put_open(text, '[');
    while (recipients.size > 0)
        json_put_string(text, receiver_recipient(&recipients));
    json_put_close(text, ']');
    json_put_key_string(text, "message_id",
                        span_make(receiver->digest.id, receiver->digest.id_size));
    json_put_key_u64(text, "size", receiver->digest.size);
    key_hash(text, "sha256", whole);
    key_hash(text, "body_sha256", body);
    json_put_close(text, '}');
    text_add_byte(text, '\n');
    CHECK(!text->overflow);
}
