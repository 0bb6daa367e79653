#include "bench/digest.h"

#include <string.h>

void digest_init(struct digest *digest, bool hashing)
{
    digest->part = DIGEST_HEADER;
    digest->hashing = hashing;
    digest->id_continues = false;
    digest->size = 0;
    digest->id_size = 0;
    digest->line_size = 0;
    if (hashing) {
        SHA256_Init(&digest->whole);
        SHA256_Init(&digest->body);
    }
}

static void keep_id(struct digest *digest, struct span value)
{
    value = span_first(span_trim(value), sizeof(digest->id));
    digest->id_continues = value.size == 0;
    if (value.size > 0)
        memcpy(digest->id, value.data, value.size);
    digest->id_size = (uint16_t)value.size;
}

static void end_line(struct digest *digest)
{
    static const struct span name = SPAN_INIT("Message-ID:");
    struct span line = span_make(digest->line, digest->line_size);
    bool folded = line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

    digest->line_size = 0;
    if (digest->id_continues && folded)
        keep_id(digest, line);
    else
        digest->id_continues = false;
    if (digest->id_size == 0 && span_starts_nocase(line, name))
        keep_id(digest, span_skip(line, name.size));
    if (span_equal(line, SPAN("\r")))
        digest->part = DIGEST_BODY;
}

/* Takes header lines off the front; what is left is body. */
static struct span take_header(struct digest *digest, struct span piece)
{
    while (piece.size > 0 && digest->part == DIGEST_HEADER) {
        size_t end = span_find_byte(piece, '\n');
        size_t size = end == SPAN_NOT_FOUND ? piece.size : end;
        size_t room = sizeof(digest->line) - digest->line_size;

        memcpy(digest->line + digest->line_size, piece.data, min_size(size, room));
        digest->line_size = (uint16_t)(digest->line_size + min_size(size, room));
        if (end != SPAN_NOT_FOUND)
            end_line(digest);
        piece = span_skip(piece, end == SPAN_NOT_FOUND ? size : size + 1);
    }
    return piece;
}

void digest_add(struct digest *digest, struct span piece)
{
    digest->size += piece.size;
    if (digest->hashing)
        SHA256_Update(&digest->whole, piece.data, piece.size);
    if (digest->part == DIGEST_HEADER)
        piece = take_header(digest, piece);
    if (digest->hashing && piece.size > 0)
        SHA256_Update(&digest->body, piece.data, piece.size);
}

void digest_final(struct digest *digest, uint8_t ret_whole[SHA256_DIGEST_LENGTH],
                  uint8_t ret_body[SHA256_DIGEST_LENGTH])
{
    SHA256_Final(ret_whole, &digest->whole);
    SHA256_Final(ret_body, &digest->body);
}
