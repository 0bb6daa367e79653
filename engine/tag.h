/* tag.h - what a completion carries: operation, generation and slot, in the 64 bits of
 * io_event.tag.
 *
 * A value, never a pointer: a completion for a slot that has moved on to another life is dropped.
 */
#ifndef ENGINE_TAG_H
#define ENGINE_TAG_H

#include "base/base.h"
#include "base/slab.h"

enum tag_op {
    TAG_NONE = 0,
    TAG_WAKE,           /* another thread put something into a channel */
    TAG_SESSION_SOCKET, /* index, generation: the session */
    TAG_SESSION_CONNECT,
    TAG_SESSION_SEND,
    TAG_SESSION_RECV,
    TAG_SESSION_SHUT,
    TAG_DNS_SOCKET, /* index: the link to a name server */
    TAG_DNS_CONNECT,
    TAG_DNS_SEND, /* index: the packet slot */
    TAG_DNS_RECV,
    TAG_DNS_SHUT,
    TAG_CONTROL_LISTEN,
    TAG_CONTROL_RECV, /* index, generation: the control connection */
    TAG_CONTROL_SEND,
    TAG_CONTROL_SHUT,
    TAG_EXPORT_FILE,
    TAG_EXPORT_WRITE,
    TAG_EXPORT_SYNC,
    TAG_EXPORT_CLOSE,
    TAG_EXPORT_CURSOR,
    TAG_SIGNAL,
    TAG_SNAPSHOT,     /* index: the snapshot's number */
    TAG_HTTPS_SOCKET, /* index, generation: the exchange */
    TAG_HTTPS_CONNECT,
    TAG_HTTPS_SEND,
    TAG_HTTPS_RECV,
    TAG_HTTPS_SHUT,
    TAG_BOUNCES_LISTEN, /* index: of the address */
    TAG_BOUNCES_RECV,   /* index, generation: the connection */
    TAG_BOUNCES_SEND,
    TAG_BOUNCES_SHUT,
    TAG_HYGIENE_LOG,  /* the journal of hygiene; index 1: nobody waits for it */
    TAG_HYGIENE_FILE, /* at its opening */
    TAG_STORE = 0x80, /* this and above: the store's own */
};

struct tag {
    uint8_t op;
    uint32_t generation; /* 24 bits */
    uint32_t index;
};

static inline uint64_t tag_pack(enum tag_op op, struct slab_handle handle)
{
    return (uint64_t)op << 56 | (uint64_t)(handle.generation & 0xffffff) << 32 | handle.index;
}

static inline uint64_t tag_of(enum tag_op op, uint32_t index)
{
    return (uint64_t)op << 56 | index;
}

static inline enum tag_op tag_op_of(uint64_t tag)
{
    return (enum tag_op)(tag >> 56);
}

static inline struct slab_handle tag_handle(uint64_t tag)
{
    return (struct slab_handle){.index = (uint32_t)tag,
                                .generation = (uint32_t)(tag >> 32) & 0xffffff};
}

#endif
