/* tls_tickets.h - session tickets (tls/tls_resume.h) kept over a restart, sealed by a local key.
 *
 *   "ringpost-tls-tickets 1\n", then entries: size (2 octets, little-endian), sealed entry
 *
 * In <folder>/tickets.<shard>, every five minutes when there are new ones. What is damaged, sealed
 * by another key or run out is left out, and costs a full handshake. A ticket gives no trust: the
 * chain in it is verified again.
 *
 * Borrows the key and the tickets. */
#ifndef ENGINE_TLS_TICKETS_H
#define ENGINE_TLS_TICKETS_H

#include "engine/keepsake.h"
#include "tls/tls_resume.h"

#define TLS_TICKETS_SAVE_NS (5 * NS_PER_MINUTE)
#define TLS_TICKETS_SNAPSHOT 3    /* its number */
#define TLS_TICKETS_FILE_MAX 1024 /* entries written, and looked at in each file */

struct tls_tickets {
    struct io *io;
    struct tls_resume *resume;
    const uint8_t *key;
    uint8_t nonce[TLS_RESUME_NONCE_SIZE]; /* drawn at the start, then counted */
    uint32_t nonce_count;
    uint32_t written_count; /* entries in the file being written */
    struct keepsake file;   /* to be given its events and turns */
};

/* key: TLS_RESUME_KEY_SIZE octets; NULL: nothing is kept. */
void tls_tickets_init(struct tls_tickets *tickets, struct arena *arena, struct tls_resume *resume,
                      const uint8_t *key, const struct keepsake_place *place);

#endif
