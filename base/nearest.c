#include "base/nearest.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* One character more of `a`: its row from the two rows before. */
static void fill_row(struct span a, struct span b, size_t i, uint32_t rows[3][NEAREST_SIZE_MAX + 1])
{
    uint32_t *row = rows[i % 3];
    const uint32_t *above = rows[(i + 2) % 3];
    const uint32_t *twice_above = rows[(i + 1) % 3];

    row[0] = (uint32_t)i;
    for (size_t j = 1; j <= b.size; j++) {
        uint32_t wrong = a.data[i - 1] != b.data[j - 1];

        row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + wrong);
        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
            row[j] = least(row[j], twice_above[j - 2] + 1);
    }
}

uint32_t nearest_steps(struct span a, struct span b)
{
    uint32_t rows[3][NEAREST_SIZE_MAX + 1];

    if (a.size > NEAREST_SIZE_MAX || b.size > NEAREST_SIZE_MAX)
        return UINT32_MAX;
    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = (uint32_t)j;
    for (size_t i = 1; i <= a.size; i++)
        fill_row(a, b, i, rows);
    return rows[a.size % 3][b.size];
}

void nearest_init(struct nearest *nearest, struct span wanted)
{
    *nearest = (struct nearest){.wanted = wanted, .best_steps = UINT32_MAX};
}

void nearest_offer(struct nearest *nearest, struct span candidate)
{
    uint32_t steps = nearest_steps(nearest->wanted, candidate);

    if (steps < nearest->best_steps) {
        nearest->best_steps = steps;
        nearest->best = candidate;
    }
}

struct span nearest_found(const struct nearest *nearest)
{
    if (nearest->best_steps > (nearest->wanted.size + 2) / 3)
        return (struct span){0};
    return nearest->best;
}
