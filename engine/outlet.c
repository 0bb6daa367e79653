#include "engine/outlet.h"

#include <string.h>

#include "base/check.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/tag.h"

/* A slot of the slab stands for a buffer beside it: slots are cleared when they are claimed, and
 * 16 KiB of zeroes a message would cost more than the SMTP machine. */

static uint8_t *claim_buffer(struct shard *shard)
{
    void *slot = slab_claim(&shard->buffers);

    if (slot == NULL)
        return NULL;
    return shard->buffers_bytes +
           (size_t)slab_handle_of(&shard->buffers, slot).index * SHARD_BUFFER_SIZE;
}

static void release_buffer(struct shard *shard, const uint8_t *buffer)
{
    size_t index = (size_t)(buffer - shard->buffers_bytes) / SHARD_BUFFER_SIZE;
    void *slot = slab_at(&shard->buffers, (uint32_t)index);

    CHECK(slot != NULL);
    slab_release(&shard->buffers, slot);
}

/* Where the SMTP machine writes. */
struct text *outlet_text(struct shard *shard, struct session *session)
{
    return session->cover == SESSION_COVERED ? &shard->plain_out : &session->wire;
}

/* Behind TLS: as much plaintext as fits, encrypted, into what is left of the buffer. */
static void lend_plain(struct shard *shard, struct session *session)
{
    size_t room = text_room(&session->wire);

    if (session->cover != SESSION_COVERED || shard->plain_user == session)
        return;
    shard->plain_user = session;
    text_init(&shard->plain_out, shard->plain_out_bytes,
              room > SESSION_TLS_RESERVE ? room - SESSION_TLS_RESERVE : 0);
}

bool outlet_have(struct shard *shard, struct session *session)
{
    if (session->buffer != NULL) {
        lend_plain(shard, session);
        return true;
    }
    session->buffer = claim_buffer(shard);
    if (session->buffer == NULL) {
        session_unlist(shard, session);
        list_push_back(&shard->buffer_waiters, &session->node);
        stats_add(shard->stats, STATS_BUFFER_WAITS, 1);
        return false;
    }
    text_init(&session->wire, session->buffer, SHARD_BUFFER_SIZE);
    session->sent = 0;
    session->sending = 0;
    session->flow_from_ns = shard_now_ns(shard);
    session->flow_sent = 0;
    lend_plain(shard, session);
    return true;
}

void outlet_drop(struct shard *shard, struct session *session)
{
    if (session->buffer == NULL)
        return;
    CHECK(session->sending == 0);
    release_buffer(shard, session->buffer);
    session->buffer = NULL;
    memset(&session->wire, 0, sizeof(session->wire));
}

void outlet_flush(struct shard *shard, struct session *session)
{
    struct span part;

    if (!session_tls_seal(shard, session))
        session->send_failed = true; /* memory of the library; receiving says how it ends */
    if (session->buffer == NULL || session->sending > 0 || session->send_failed ||
        session->state != SESSION_TALK)
        return;
    part = span_skip(text_span(&session->wire), session->sent);
    if (part.size == 0) {
        outlet_drop(shard, session);
        return;
    }
    session->sending = part.size;
    io_send(shard->io, session_tag(shard, TAG_SESSION_SEND, session), session->handle, &part, 1);
}
