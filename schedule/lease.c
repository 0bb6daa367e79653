#include "schedule/lease.h"

#include <string.h>

#include "base/check.h"

/* ---- the home ---- */

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The most that the holder may have, take or use before the home hears of it: what it announces is
 * never less than what it was granted before, until it acknowledges. */
static uint32_t reserved_of(const struct lease_place *place)
{
    return max_u32(place->granted, place->held);
}

uint32_t lease_home_reserved(const struct lease_home *home)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < home->places_count; i++)
        sum += reserved_of(&home->places[i]);
    return sum;
}

static uint32_t cap_of(const struct lease_place *place, bool need)
{
    return need ? min_u32(place->need, place->want) : place->want;
}

/* One more to everybody who needs (or wants) more, round by round from `turn` on, until nothing is
 * left. A step gives as many rounds at once as everybody can take. Returns what is left. */
static uint32_t share_out(struct lease_home *home, uint32_t left, bool need)
{
    uint32_t wanting = 1;

    while (left > 0 && wanting > 0) {
        uint32_t rounds = left;

        wanting = 0;
        for (uint32_t i = 0; i < home->places_count; i++) {
            const struct lease_place *place = &home->places[i];

            if (cap_of(place, need) <= place->target)
                continue;
            wanting++;
            rounds = min_u32(rounds, cap_of(place, need) - place->target);
        }
        if (wanting == 0)
            break;
        rounds = max_u32(1, min_u32(rounds, left / wanting));
        for (uint32_t i = 0; i < home->places_count && left > 0; i++) {
            struct lease_place *place = &home->places[(home->turn + i) % home->places_count];

            if (cap_of(place, need) <= place->target)
                continue;
            place->target += rounds;
            left -= rounds;
        }
    }
    return left;
}

static void divide(struct lease_home *home)
{
    uint32_t left;

    for (uint32_t i = 0; i < home->places_count; i++)
        home->places[i].target = 0;
    left = share_out(home, home->limit, true);
    (void)share_out(home, left, false);
    home->divided = true;
}

void lease_home_init(struct lease_home *home, struct lease_place *places, uint32_t places_count,
                     uint32_t limit)
{
    CHECK(places_count > 0);
    memset(places, 0, places_count * sizeof(*places));
    *home = (struct lease_home){.places = places, .places_count = places_count, .limit = limit};
}

void lease_home_change_limit(struct lease_home *home, uint32_t limit)
{
    home->limit = limit;
    home->divided = false;
}

void lease_home_hear(struct lease_home *home, uint32_t place_index,
                     const struct lease_announcement *announcement)
{
    struct lease_place *place = &home->places[place_index];

    CHECK(place_index < home->places_count);
    if (place->life != announcement->life) {
        *place = (struct lease_place){.life = announcement->life};
        home->divided = false;
    }
    if (place->want != announcement->want || place->need != announcement->need)
        home->divided = false;
    place->need = announcement->need;
    place->want = announcement->want;
    place->held = announcement->held;
    if (announcement->sequence == place->sequence)
        place->waiting = false;
}

void lease_home_rotate(struct lease_home *home)
{
    uint32_t wanting = 0;

    for (uint32_t i = 0; i < home->places_count; i++)
        wanting += cap_of(&home->places[i], true) > 0;
    if (wanting <= home->limit)
        return;
    home->turn = (home->turn + max_u32(1, home->limit)) % home->places_count;
    home->divided = false;
}

bool lease_home_speak(struct lease_home *home, uint32_t *ret_place, struct lease_grant *ret_grant)
{
    uint32_t reserved = lease_home_reserved(home);

    if (!home->divided)
        divide(home);
    for (uint32_t i = 0; i < home->places_count; i++) {
        uint32_t index = (home->turn + i) % home->places_count;
        struct lease_place *place = &home->places[index];
        uint32_t grant = place->target;

        if (place->waiting || place->target == place->granted)
            continue;
        /* What it holds already is its own; more comes out of what nobody may have. */
        if (grant > place->granted) {
            uint32_t free = home->limit > reserved ? home->limit - reserved : 0;
            uint32_t own = reserved_of(place);

            grant = min_u32(grant, own > UINT32_MAX - free ? UINT32_MAX : own + free);
        }
        if (grant == place->granted)
            continue;
        place->granted = grant;
        place->waiting = true;
        place->sequence++;
        *ret_place = index;
        *ret_grant = (struct lease_grant){grant, place->sequence, place->life};
        return true;
    }
    return false;
}

/* ---- the holder ---- */

void lease_holder_init(struct lease_holder *holder)
{
    memset(holder, 0, sizeof(*holder));
}

void lease_holder_begin(struct lease_holder *holder, uint32_t life)
{
    lease_holder_init(holder);
    holder->life = life;
}

void lease_holder_end(struct lease_holder *holder, struct lease_announcement *ret_announcement)
{
    CHECK(holder->used == 0);
    lease_holder_init(holder);
    *ret_announcement = holder->said; /* nothing wanted, nothing held, no life */
}

void lease_holder_want(struct lease_holder *holder, uint32_t need, uint32_t want)
{
    holder->need = need;
    holder->want = want;
}

bool lease_holder_may_take(const struct lease_holder *holder)
{
    return holder->used < holder->granted;
}

bool lease_holder_over(const struct lease_holder *holder)
{
    return holder->used > holder->granted;
}

void lease_holder_take(struct lease_holder *holder)
{
    CHECK(lease_holder_may_take(holder));
    holder->used++;
}

void lease_holder_give(struct lease_holder *holder)
{
    CHECK(holder->used > 0);
    holder->used--;
}

void lease_holder_hear(struct lease_holder *holder, const struct lease_grant *grant)
{
    if (grant->life != holder->life)
        return;
    holder->granted = grant->granted;
    holder->sequence = grant->sequence;
}

bool lease_holder_speak(struct lease_holder *holder, struct lease_announcement *ret_announcement)
{
    struct lease_announcement news = {holder->need, holder->want,
                                      max_u32(holder->granted, holder->used), holder->sequence,
                                      holder->life};

    if (news.need == holder->said.need && news.want == holder->said.want &&
        news.held == holder->said.held && news.sequence == holder->said.sequence &&
        news.life == holder->said.life)
        return false;
    holder->said = news;
    *ret_announcement = news;
    return true;
}
