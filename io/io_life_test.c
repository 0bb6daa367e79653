/* io_life_test.c - a random life on a ring that is too small: every submission ends once, nothing
 * comes after a shut, bytes arrive in order.
 *
 * Written against io.h alone, like io_test.c. Each seed is a life of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "io/io.h"

#define SEEDS 12
#define STEPS 3000
#define ENDS_MAX 24
#define TAGS_MAX ((uint64_t)STEPS * 4)
#define CHUNK ((size_t)1500)

enum op { OP_NONE, OP_LISTEN, OP_SOCKET, OP_CONNECT, OP_RECV, OP_SEND, OP_SHUT, OP_CANCEL };

struct tag_state {
    uint8_t op; /* enum op; OP_NONE: ended or never begun */
    uint32_t end;
};

/* One side of a connection, or a socket that may become one. */
struct end {
    bool used;
    bool shutting;
    bool connected;
    bool receiving;
    bool sending;
    int handle;
    uint32_t under_way_count;
    uint64_t sent;     /* position in its stream of bytes */
    uint64_t received; /* ... in the other's */
    bool other_known;
};

struct life {
    struct io *io;
    struct prng prng;
    struct io_address address;
    struct tag_state tags[TAGS_MAX];
    uint64_t tags_count;
    struct end ends[ENDS_MAX];
    int listener;
    struct io_event held[4];
    uint32_t held_count;
    uint64_t bytes;
    uint32_t accepted_count;
};

/* What stands at a position of every stream. */
static uint8_t pattern[CHUNK + 256];

static uint64_t begin(struct life *life, enum op op, uint32_t end)
{
    uint64_t tag = life->tags_count++;

    assert_true(tag < TAGS_MAX);
    life->tags[tag] = (struct tag_state){(uint8_t)op, end};
    if (op != OP_LISTEN && op != OP_CANCEL)
        life->ends[end].under_way_count++;
    return tag;
}

static uint32_t free_end(const struct life *life)
{
    for (uint32_t i = 0; i < ENDS_MAX; i++)
        if (!life->ends[i].used)
            return i;
    return ENDS_MAX;
}

static void take_bytes(struct life *life, struct end *end, const struct io_event *event)
{
    struct span bytes = io_buffer(life->io, event);

    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(bytes.data[i], (uint8_t)((end->received + i) % 251));
    end->received += bytes.size;
    life->bytes += bytes.size;
    if (life->held_count < ARRAY_LEN(life->held) && prng_percent(&life->prng, 30))
        life->held[life->held_count++] = *event;
    else
        io_buffer_return(life->io, event);
}

static void accepted(struct life *life, int handle)
{
    uint32_t index = free_end(life);

    life->accepted_count++;
    assert_true(index < ENDS_MAX); /* there are fewer handles than ends */
    life->ends[index] = (struct end){.used = true, .connected = true, .handle = handle};
}

static void ended(struct life *life, struct tag_state *tag, int32_t result)
{
    struct end *end = &life->ends[tag->end];
    enum op op = (enum op)tag->op;

    tag->op = OP_NONE;
    if (op == OP_LISTEN || op == OP_CANCEL)
        return;
    assert_true(end->used);
    assert_true(end->under_way_count > 0);
    end->under_way_count--;
    if (op == OP_SOCKET) {
        end->used = result >= 0;
        end->handle = result;
        assert_true(result >= 0 || result == -ENFILE || result == -ECANCELED);
    } else if (op == OP_CONNECT) {
        end->connected = result == 0;
    } else if (op == OP_RECV) {
        assert_true(result <= 0);
        end->receiving = false;
    } else if (op == OP_SEND) {
        end->sending = false;
        end->sent += result > 0 ? (uint64_t)result : 0;
    } else if (op == OP_SHUT) {
        assert_int_equal(result, 0);
        assert_int_equal(end->under_way_count, 0); /* the shut's event is the last */
        end->used = false;
    }
}

static void take(struct life *life, const struct io_event *event)
{
    struct tag_state *tag = &life->tags[event->tag];

    assert_true(event->tag < life->tags_count);
    assert_int_not_equal(tag->op, OP_NONE); /* nothing after the last event */
    if ((event->flags & IO_EVENT_MORE) == 0) {
        ended(life, tag, event->result);
        return;
    }
    if (tag->op == OP_LISTEN && life->listener < 0)
        life->listener = event->result;
    else if (tag->op == OP_LISTEN)
        accepted(life, event->result);
    else if (tag->op == OP_RECV)
        take_bytes(life, &life->ends[tag->end], event);
    else
        fail();
}

static void turn(struct life *life, uint64_t wait_ns)
{
    struct io_event events[8];
    uint32_t room = 1 + (uint32_t)prng_below(&life->prng, ARRAY_LEN(events));
    uint32_t count = io_wait(life->io, wait_ns ? io_now_ns(life->io) + wait_ns : 0, events, room);

    for (uint32_t i = 0; i < count; i++)
        take(life, &events[i]);
    while (life->held_count > 0 && prng_percent(&life->prng, 60))
        io_buffer_return(life->io, &life->held[--life->held_count]);
}

static void act_on(struct life *life, uint32_t index)
{
    struct end *end = &life->ends[index];
    struct span parts[2];
    size_t size = 1 + prng_below(&life->prng, CHUNK - 1);

    switch (prng_below(&life->prng, 8)) {
    case 0:
        end->shutting = true;
        io_shut(life->io, begin(life, OP_SHUT, index), end->handle);
        break;
    case 1:
    case 2:
    case 3:
        if (!end->connected || end->receiving)
            break;
        end->receiving = true;
        io_recv(life->io, begin(life, OP_RECV, index), end->handle);
        break;
    case 4:
        if (life->tags_count > 10)
            io_cancel(life->io, begin(life, OP_CANCEL, index),
                      life->tags_count - 1 - prng_below(&life->prng, 10));
        break;
    default:
        if (!end->connected || end->sending)
            break;
        end->sending = true;
        parts[0] = span_make(pattern + end->sent % 251, size / 2);
        parts[1] = span_make(pattern + end->sent % 251 + size / 2, size - size / 2);
        io_send(life->io, begin(life, OP_SEND, index), end->handle, parts, 2);
        break;
    }
}

static void step(struct life *life)
{
    uint32_t index = (uint32_t)prng_below(&life->prng, ENDS_MAX);
    struct end *end = &life->ends[index];
    struct io_socket_options options = {.kind = IO_TCP, .family = IP_V4};

    if (!end->used && index < 6) { /* some are kept for the accepted */
        *end = (struct end){.used = true, .handle = -1};
        io_socket(life->io, begin(life, OP_SOCKET, index), &options);
    } else if (end->used && end->handle >= 0 && !end->shutting) {
        if (!end->connected && end->under_way_count == 0)
            io_connect(life->io, begin(life, OP_CONNECT, index), end->handle, &life->address);
        else
            act_on(life, index);
    }
    if (prng_percent(&life->prng, 50))
        turn(life, prng_percent(&life->prng, 10) ? 2 * NS_PER_MS : 0);
}

static bool quiet(const struct life *life, uint64_t except)
{
    for (uint64_t i = 0; i < life->tags_count; i++)
        if (i != except && life->tags[i].op != OP_NONE)
            return false;
    return true;
}

/* All is shut; then all has ended. */
static void finish(struct life *life)
{
    uint64_t limit_ns = io_now_ns(life->io) + 20 * NS_PER_S;
    uint64_t shut = UINT64_MAX;
    bool open = true;

    while ((open || !quiet(life, UINT64_MAX)) && io_now_ns(life->io) < limit_ns) {
        open = false;
        for (uint32_t i = 0; i < ENDS_MAX; i++) {
            struct end *end = &life->ends[i];

            open |= end->used;
            if (!end->used || end->handle < 0 || end->shutting)
                continue;
            end->shutting = true;
            io_shut(life->io, begin(life, OP_SHUT, i), end->handle);
        }
        if (shut == UINT64_MAX) {
            shut = begin(life, OP_CANCEL, 0); /* not of an end */
            io_shut(life->io, shut, life->listener);
        }
        turn(life, 10 * NS_PER_MS);
    }
    assert_false(open);
    assert_true(quiet(life, UINT64_MAX));
}

static void live(uint64_t seed)
{
    struct life *life = calloc(1, sizeof(*life));
    struct io_options options = {
        .entries = 4, .handles_max = 20, .buffers_count = 4, .buffer_size = 512};
    uint8_t buffer[512];
    struct text error;
    int result;

    assert_non_null(life);
    prng_seed(&life->prng, seed);
    text_init(&error, buffer, sizeof(buffer));
    result = io_open(&life->io, &options, &error);
    assert_int_equal(result, 0);
    life->listener = -1;
    life->address.ip.ip = (struct ip){IP_V4, {127, 0, 0, 1}};
    io_listen(life->io, begin(life, OP_LISTEN, 0), &life->address);
    while (life->listener < 0)
        turn(life, NS_PER_S);
    assert_int_equal(io_local_port(life->io, life->listener, &life->address.ip.port), 0);
    for (int i = 0; i < STEPS; i++)
        step(life);
    assert_true(life->bytes > 1000);
    assert_true(life->accepted_count > 1);
    if (seed % 3 != 0) /* else everything is under way when the ring closes */
        finish(life);
    io_close(life->io);
    free(life);
}

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i % 251);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
    };
    uint8_t buffer[512];
    struct text error;
    struct io *io;
    int result;

    text_init(&error, buffer, sizeof(buffer));
    result = io_open(&io, &(struct io_options){.entries = 8, .handles_max = 8}, &error);
    if (result == -EPERM || result == -EACCES || result == -ENOSYS)
        return 77;
    if (result == 0)
        io_close(io);
    return cmocka_run_group_tests_name("io_life", tests, NULL, NULL);
}
