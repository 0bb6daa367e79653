#include "bounce/hygiene_marks.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"

#define NUMBER_BITS 30
#define NUMBER_MASK ((UINT32_C(1) << NUMBER_BITS) - 1)

struct hygiene_marks_cell {
    _Atomic uint64_t hash; /* 0: empty; written last */
    uint32_t check;        /* of the second hash */
    _Atomic uint32_t until_s;
};

static_assert(sizeof(struct hygiene_marks_cell) == 16, "four in a cache line");

/* Four of five are used when it is full. */
static uint32_t cells_for(uint32_t count_max)
{
    return (uint32_t)(count_max * UINT64_C(5) / 4 + 16);
}

size_t hygiene_marks_cost(uint32_t count_max)
{
    return arena_cost(cells_for(count_max), sizeof(struct hygiene_marks_cell)) +
           arena_cost(cells_for(count_max), sizeof(uint32_t));
}

void hygiene_marks_init(struct hygiene_marks *marks, struct arena *arena, uint32_t count_max,
                        const struct table_key *seed)
{
    CHECK(count_max <= HYGIENE_MARKS_MAX);
    marks->cells_count = cells_for(count_max);
    marks->cells = arena_alloc(arena, marks->cells_count, sizeof(struct hygiene_marks_cell));
    marks->numbers = arena_alloc(arena, marks->cells_count, sizeof(uint32_t));
    marks->count_max = count_max;
    marks->seeds[0] = *seed;
    marks->seeds[1] = (struct table_key){{~seed->words[1], seed->words[0]}};
    atomic_init(&marks->count, 0);
}

uint64_t hygiene_marks_hash(const struct hygiene_marks *marks, struct span name)
{
    uint64_t hash = table_hash(&marks->seeds[0], name);

    return hash != 0 ? hash : 1;
}

static uint32_t check_of(const struct hygiene_marks *marks, struct span name)
{
    return (uint32_t)table_hash(&marks->seeds[1], name);
}

static uint32_t first_cell(const struct hygiene_marks *marks, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * marks->cells_count >> 32);
}

static uint32_t next_cell(const struct hygiene_marks *marks, uint32_t cell)
{
    return cell + 1 < marks->cells_count ? cell + 1 : 0;
}

void hygiene_marks_prefetch(const struct hygiene_marks *marks, uint64_t hash)
{
    uint32_t at = first_cell(marks, hash);

    __builtin_prefetch(&marks->cells[at]);
    __builtin_prefetch(&marks->numbers[at]);
}

uint32_t hygiene_marks_find(const struct hygiene_marks *marks, uint64_t hash, struct span name)
{
    for (uint32_t at = first_cell(marks, hash);; at = next_cell(marks, at)) {
        uint64_t there = atomic_load_explicit(&marks->cells[at].hash, memory_order_acquire);

        if (there == 0)
            return HYGIENE_MARKS_NONE;
        if (there == hash && marks->cells[at].check == check_of(marks, name))
            return at;
    }
}

uint32_t hygiene_marks_until(const struct hygiene_marks *marks, uint32_t cell)
{
    return atomic_load_explicit(&marks->cells[cell].until_s, memory_order_acquire);
}

uint32_t hygiene_marks_count(const struct hygiene_marks *marks)
{
    return atomic_load_explicit(&marks->count, memory_order_acquire);
}

uint32_t hygiene_marks_add(struct hygiene_marks *marks, uint64_t hash, struct span name)
{
    uint32_t at = first_cell(marks, hash), number = hygiene_marks_count(marks);

    if (number == marks->count_max)
        return HYGIENE_MARKS_NONE;
    while (atomic_load_explicit(&marks->cells[at].hash, memory_order_relaxed) != 0)
        at = next_cell(marks, at);
    marks->cells[at].check = check_of(marks, name);
    marks->numbers[at] = number;
    atomic_store_explicit(&marks->cells[at].hash, hash, memory_order_release);
    atomic_store_explicit(&marks->count, number + 1, memory_order_release);
    return at;
}

void hygiene_marks_set_until(struct hygiene_marks *marks, uint32_t cell, uint32_t until_s)
{
    atomic_store_explicit(&marks->cells[cell].until_s, until_s, memory_order_release);
}

uint32_t hygiene_marks_number(const struct hygiene_marks *marks, uint32_t cell)
{
    return marks->numbers[cell] & NUMBER_MASK;
}

bool hygiene_marks_flag(const struct hygiene_marks *marks, uint32_t cell, uint32_t flag)
{
    return (marks->numbers[cell] >> (NUMBER_BITS + flag) & 1) != 0;
}

void hygiene_marks_set_flag(struct hygiene_marks *marks, uint32_t cell, uint32_t flag, bool on)
{
    uint32_t bit = UINT32_C(1) << (NUMBER_BITS + flag);

    marks->numbers[cell] = on ? marks->numbers[cell] | bit : marks->numbers[cell] & ~bit;
}

size_t hygiene_marks_size(const struct hygiene_marks *marks)
{
    return marks->cells_count * sizeof(struct hygiene_marks_cell);
}

void hygiene_marks_clear(struct hygiene_marks *marks)
{
    memset(marks->cells, 0, marks->cells_count * sizeof(struct hygiene_marks_cell));
    memset(marks->numbers, 0, marks->cells_count * sizeof(uint32_t));
    atomic_store_explicit(&marks->count, 0, memory_order_release);
}
