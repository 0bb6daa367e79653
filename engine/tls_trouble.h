/* tls_trouble.h - hosts whose TLS did not work: since when, and what was wrong.
 *
 * Opportunistic mail goes to such a host in clear (or, where only the certificate is wrong, over
 * unverified TLS) until a day has passed; then TLS is tried again. What demands TLS tries it every
 * time. Written out as text, one line a host, so that a restart forgets nothing.
 *
 *   "ringpost-tls-trouble 1\n", then "<since> <last> <fault> <host>\n" (seconds of wall time)
 *
 * Knows no files and no clock. Owns its places, from the arena: when all are taken the oldest is
 * given up, which costs that host one more failed handshake. */
#ifndef ENGINE_TLS_TROUBLE_H
#define ENGINE_TLS_TROUBLE_H

#include "base/arena.h"
#include "base/table.h"
#include "base/text.h"
#include "message/tls_demand.h"

#define TLS_TROUBLE_HOSTS_MAX 4096
#define TLS_TROUBLE_HOST_SIZE 256
#define TLS_TROUBLE_AGAIN_S (UINT64_C(24) * 60 * 60) /* after so long TLS is tried again */
#define TLS_TROUBLE_LINE_MAX (TLS_TROUBLE_HOST_SIZE + 64)

struct tls_trouble_host {
    uint64_t since_s; /* when it began */
    uint64_t last_s;  /* when it was last seen */
    enum tls_fault fault;
    char name[TLS_TROUBLE_HOST_SIZE]; /* lower case; "": the place is free */
};

struct tls_trouble {
    struct tls_trouble_host *hosts;
    struct table table;
    struct table_key key;
    uint32_t turn;    /* the place that is given up next */
    uint64_t changes; /* counts what write has not seen yet: compare with the last one */
};

MUST_USE size_t tls_trouble_cost(void);
void tls_trouble_init(struct tls_trouble *trouble, struct arena *arena,
                      const struct table_key *key);
void tls_trouble_note(struct tls_trouble *trouble, struct span host, enum tls_fault fault,
                      uint64_t now_s);
/* TLS works there. */
void tls_trouble_forget(struct tls_trouble *trouble, struct span host);
/* What is known of the host, or NULL; *ret_due: a day has passed, TLS is to be tried again. */
const struct tls_trouble_host *tls_trouble_find(const struct tls_trouble *trouble, struct span host,
                                                uint64_t now_s, bool *ret_due);
/* Adds what fits to *out; *cursor, 0 at the start, says where to go on. True when everything is
 * written. An empty *out of two TLS_TROUBLE_LINE_MAX makes progress. */
MUST_USE bool tls_trouble_write(const struct tls_trouble *trouble, uint32_t *cursor,
                                struct text *out);
/* Lines that cannot be read are passed over: what they said is learned again. How many were taken.
 */
uint32_t tls_trouble_read(struct tls_trouble *trouble, struct span file);

#endif
