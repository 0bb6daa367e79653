#include "base/wheel.h"

#define SLOT_BITS 8
#define SLOT_MASK (WHEEL_SLOTS - 1)
#define LAST_LEVEL (WHEEL_LEVELS - 1)
#define SPAN_TICKS (UINT64_C(1) << (SLOT_BITS * WHEEL_LEVELS))

/* A timer at level n agrees with wheel->tick in every byte above n and is later in byte n, so lower
 * levels always come first. The last level is a circle: its slots up to the current one belong to
 * the next turn. `occupied` has a bit for each slot that is not empty: time jumps over empty ones.
 */

static uint32_t slot_of(uint64_t tick, uint32_t level)
{
    return (uint32_t)(tick >> (SLOT_BITS * level)) & SLOT_MASK;
}

/* Rounded up: a timer never fires early. */
static uint64_t due_tick(const struct wheel_timer *timer)
{
    return timer->due_ns / NS_PER_MS + (timer->due_ns % NS_PER_MS != 0);
}

static void place(struct wheel *wheel, struct wheel_timer *timer)
{
    uint64_t due = due_tick(timer);
    uint32_t level, slot;

    if (due <= wheel->tick) {
        list_push_back(&wheel->expired, &timer->node);
        return;
    }
    level = (63 - (uint32_t)__builtin_clzll(due ^ wheel->tick)) / SLOT_BITS;
    /* Later than the last level goes: its slot comes round before, and it is placed again. */
    level = level < LAST_LEVEL ? level : LAST_LEVEL;
    slot = slot_of(due, level);
    list_push_back(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

/* The first occupied slot in [from, to) of a level, or `to`. */
static uint32_t find_occupied(const struct wheel *wheel, uint32_t level, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint64_t word = wheel->occupied[level][from / 64] >> (from % 64);

        if (word != 0) {
            from += (uint32_t)__builtin_ctzll(word);
            break;
        }
        from = (from / 64 + 1) * 64;
    }
    return from < to ? from : to;
}

/* The tick at which the next occupied slot begins, or UINT64_MAX. */
static uint64_t next_tick(const struct wheel *wheel)
{
    uint64_t turn = wheel->tick & ~(SPAN_TICKS - 1);
    uint32_t current = slot_of(wheel->tick, LAST_LEVEL);
    uint32_t slot;

    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        uint32_t shift = SLOT_BITS * level;
        uint64_t block = wheel->tick >> (shift + SLOT_BITS) << (shift + SLOT_BITS);

        slot = find_occupied(wheel, level, slot_of(wheel->tick, level) + 1, WHEEL_SLOTS);
        if (slot < WHEEL_SLOTS)
            return block + ((uint64_t)slot << shift);
    }
    slot = find_occupied(wheel, LAST_LEVEL, 0, current + 1);
    if (slot <= current)
        return turn + SPAN_TICKS + ((uint64_t)slot << (SLOT_BITS * LAST_LEVEL));
    return UINT64_MAX;
}

/* Places every timer of a slot again, now that its time has come. */
static void empty_slot(struct wheel *wheel, uint32_t level)
{
    uint32_t slot = slot_of(wheel->tick, level);
    struct list *list = &wheel->slots[level][slot];
    struct list taken;
    struct list_node *node;

    if (list_empty(list))
        return;
    /* To a list of its own first: a timer far away comes back into this very slot. */
    list_init(&taken);
    while ((node = list_pop_front(list)) != NULL)
        list_push_back(&taken, node);
    wheel->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    while ((node = list_pop_front(&taken)) != NULL)
        place(wheel, CONTAINER_OF(node, struct wheel_timer, node));
}

void wheel_init(struct wheel *wheel, uint64_t now_ns)
{
    *wheel = (struct wheel){.tick = now_ns / NS_PER_MS};
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
    list_init(&wheel->expired);
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ns)
{
    wheel_cancel(wheel, timer);
    timer->due_ns = due_ns;
    place(wheel, timer);
    wheel->armed_count++;
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
    struct list_node *before = timer->node.prev;
    struct list *first = &wheel->slots[0][0];
    size_t index;

    if (!wheel_armed(timer))
        return;
    list_remove(&timer->node);
    wheel->armed_count--;
    /* Was it the last one of its slot? Then what stood before it is the head of the slot's list. */
    if (before->next != before || before == &wheel->expired.head)
        return;
    index = (size_t)(CONTAINER_OF(before, struct list, head) - first);
    CHECK(index < (size_t)WHEEL_LEVELS * WHEEL_SLOTS);
    wheel->occupied[index / WHEEL_SLOTS][index % WHEEL_SLOTS / 64] &=
        ~(UINT64_C(1) << (index % 64));
}

bool wheel_armed(const struct wheel_timer *timer)
{
    return list_linked(&timer->node);
}

struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ns)
{
    uint64_t now = now_ns / NS_PER_MS;
    struct list_node *node;

    while (list_empty(&wheel->expired) && wheel->tick < now) {
        wheel->tick = min_u64(now, next_tick(wheel));
        for (uint32_t level = LAST_LEVEL; level > 0; level--) {
            if ((wheel->tick & ((UINT64_C(1) << (SLOT_BITS * level)) - 1)) == 0)
                empty_slot(wheel, level);
        }
        empty_slot(wheel, 0);
    }
    node = list_pop_front(&wheel->expired);
    if (node == NULL)
        return NULL;
    wheel->armed_count--;
    return CONTAINER_OF(node, struct wheel_timer, node);
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
    uint64_t tick = list_empty(&wheel->expired) ? next_tick(wheel) : wheel->tick;

    return tick > UINT64_MAX / NS_PER_MS ? UINT64_MAX : tick * NS_PER_MS;
}
