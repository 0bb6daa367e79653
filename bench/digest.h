/* digest.h - what the sink keeps of a message's content: size, Message-ID, SHA-256 of the whole and
 * of the body.
 *
 * Takes the content in pieces cut anywhere. The body begins behind the first empty line (CRLF CRLF,
 * or at the very front). Hashing is left out when nobody asks for it. */
#ifndef BENCH_DIGEST_H
#define BENCH_DIGEST_H

#include <openssl/sha.h>

#include "base/span.h"

#define DIGEST_ID_MAX 250

enum digest_part { DIGEST_HEADER = 0, DIGEST_BODY };

struct digest {
    enum digest_part part;
    bool hashing;
    bool id_continues; /* Message-ID: stood alone in its line */
    uint64_t size;
    uint16_t id_size;
    uint16_t line_size; /* of the header line being read, cut to fit */
    char id[DIGEST_ID_MAX];
    char line[DIGEST_ID_MAX + 20];
    SHA256_CTX whole;
    SHA256_CTX body;
};

void digest_init(struct digest *digest, bool hashing);
void digest_add(struct digest *digest, struct span piece);
/* Once, at the end of a message that was hashed. */
void digest_final(struct digest *digest, uint8_t ret_whole[SHA256_DIGEST_LENGTH],
                  uint8_t ret_body[SHA256_DIGEST_LENGTH]);

#endif
