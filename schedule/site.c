#include "schedule/site.h"

#include <string.h>

#include "base/check.h"

#define BULK_PER_SESSION 8

void site_init(struct site *site, struct span name, const struct site_limits *limits)
{
    memset(site, 0, sizeof(*site));
    site->name_size = (uint8_t)min_size(name.size, SITE_NAME_MAX);
    if (site->name_size > 0)
        memcpy(site->name, name.data, site->name_size);
    pace_init(&site->messages, limits->messages);
    pace_init(&site->connections, limits->connections);
    site_change_limits(site, limits);
}

void site_change_limits(struct site *site, const struct site_limits *limits)
{
    uint32_t before = site->limits.connections_max;
    uint32_t after = limits->connections_max > 0 ? limits->connections_max : 1;

    site->limits = *limits;
    site->limits.connections_max = after;
    if (site->limits.messages_per_connection == 0)
        site->limits.messages_per_connection = 1;
    if (site->limits.messages_per_session == 0)
        site->limits.messages_per_session = BULK_PER_SESSION;
    pace_change(&site->messages, limits->messages);
    pace_change(&site->connections, limits->connections);
    if (site->lease == before)
        site->lease = after;
    if (site->window >= before || site->window > after)
        site->window = after;
}

void site_change_lease(struct site *site, uint32_t connections)
{
    site->lease = connections;
}

uint32_t site_window(const struct site *site)
{
    return site->window < site->lease ? site->window : site->lease;
}

uint32_t site_sessions_limit(const struct site *site)
{
    uint32_t limit = site_window(site);

    switch (site->health) {
    case SITE_STEADY:
        return limit;
    case SITE_BACKED_OFF:
        return 0;
    case SITE_PROBING:
        return limit > 0 ? 1 : 0;
    }
    UNREACHABLE("no such health");
}

uint64_t site_connect_ns(struct site *site, uint64_t now_ns)
{
    if (site->health == SITE_BACKED_OFF) {
        if (now_ns < site->backoff_until_ns)
            return site->backoff_until_ns;
        site->health = SITE_PROBING;
    }
    return pace_ready_ns(&site->connections, now_ns);
}

void site_session_opened(struct site *site, uint64_t now_ns)
{
    pace_take(&site->connections, now_ns);
    site->sessions_count++;
}

void site_session_closed(struct site *site)
{
    CHECK(site->sessions_count > 0);
    site->sessions_count--;
}

/* ---- feedback ---- */

enum sign {
    SIGN_NOTHING,    /* says nothing about the site */
    SIGN_WORKS,      /* a transaction was answered */
    SIGN_DELIVERED,  /* and accepted */
    SIGN_REFUSED,    /* and refused for good: a recipient, or a message */
    SIGN_BLOCKED,    /* and refused for good: this sender */
    SIGN_SLOW_DOWN,  /* the server asks for less */
    SIGN_BROKEN,     /* the session broke in the middle */
    SIGN_UNREACHABLE /* no session came about */
};

static enum sign sign_of_reply(const struct outcome *outcome)
{
    uint16_t code = outcome->reply.code;

    if (code == 421)
        return outcome->stage >= STAGE_MAIL ? SIGN_SLOW_DOWN : SIGN_UNREACHABLE;
    if (outcome->stage < STAGE_MAIL)
        return SIGN_UNREACHABLE;
    if (code / 100 == 4 && outcome->stage == STAGE_MAIL)
        return SIGN_SLOW_DOWN;
    if (code / 100 == 5)
        return outcome->stage == STAGE_MAIL || outcome->reply.enhanced[1] == 7 ? SIGN_BLOCKED
                                                                               : SIGN_REFUSED;
    return outcome->kind == OUTCOME_DELIVERED ? SIGN_DELIVERED : SIGN_WORKS;
}

static enum sign sign_of(const struct outcome *outcome)
{
    switch (outcome->cause) {
    case CAUSE_REPLY:
        if (outcome->kind == OUTCOME_NONE || outcome->kind == OUTCOME_RELEASED)
            return SIGN_NOTHING;
        return sign_of_reply(outcome);
    case CAUSE_CONNECT:
    case CAUSE_TLS:
    case CAUSE_BAD_ROUTE:
        return SIGN_UNREACHABLE;
    case CAUSE_LOST:
    case CAUSE_TIMEOUT:
    case CAUSE_PROTOCOL:
        if (outcome->kind == OUTCOME_RELEASED)
            return SIGN_NOTHING;
        return outcome->stage < STAGE_MAIL ? SIGN_UNREACHABLE : SIGN_BROKEN;
    case CAUSE_NO_DOMAIN:
    case CAUSE_NULL_MX:
    case CAUSE_NO_ADDRESS:
    case CAUSE_DNS_FAILURE:
    case CAUSE_LOCAL_CONTENT:
    case CAUSE_LOCAL_LIFETIME:
    case CAUSE_LOCAL_STOP:
    case CAUSE_LOCAL_SUPPRESSED:
    case CAUSE_LOCAL_SIGNATURE:
    case CAUSE_COUNT:
        break;
    }
    return SIGN_NOTHING;
}

/* Several connections that fail together count once. */
static enum site_change back_off(struct site *site, uint64_t now_ns, uint64_t min_ns,
                                 struct prng *prng)
{
    uint64_t reach;

    if (site->health == SITE_BACKED_OFF && now_ns < site->backoff_until_ns)
        return SITE_CHANGE_NONE;
    site->backoff_ns = max_u64(min_ns, min_u64(site->backoff_ns * 2, SITE_BACKOFF_MAX_NS));
    reach = site->backoff_ns / 10;
    site->backoff_until_ns = now_ns + site->backoff_ns - reach + prng_below(prng, 2 * reach + 1);
    site->health = SITE_BACKED_OFF;
    site->breaks_count = 0;
    return SITE_CHANGE_BACKED_OFF;
}

/* Other sessions run on beside the one that failed: the server bears about so many. */
static void narrow_to_open(struct site *site)
{
    if (site->sessions_count <= 1)
        return;
    site->grown_after = 0;
    if (site->sessions_count - 1 < site->window)
        site->window = site->sessions_count - 1;
}

static enum site_change slow_down(struct site *site, uint64_t now_ns)
{
    if (site->halved_ns != 0 && now_ns < site->halved_ns + SITE_HALVE_EVERY_NS)
        return SITE_CHANGE_NONE;
    site->halved_ns = now_ns;
    site->grown_after = 0;
    if (site_window(site) <= 1)
        return SITE_CHANGE_NONE;
    site->window = site_window(site) / 2;
    return SITE_CHANGE_SLOWED;
}

/* The transactions of a session and the session itself end at the same time. */
static enum site_change break_once(struct site *site, uint64_t now_ns, struct prng *prng)
{
    if (site->breaks_count > 0 && site->broken_ns == now_ns)
        return SITE_CHANGE_NONE;
    site->broken_ns = now_ns;
    if (++site->breaks_count < SITE_BREAKS_MAX)
        return SITE_CHANGE_NONE;
    return back_off(site, now_ns, SITE_BACKOFF_MIN_NS, prng);
}

/* A server that comes back is not met with everything at once. */
static enum site_change clear(struct site *site)
{
    uint32_t half = site->lease > 1 ? site->lease / 2 : 1;

    if (site->health == SITE_STEADY)
        return SITE_CHANGE_NONE;
    if (site->window > half)
        site->window = half;
    site->health = SITE_STEADY;
    site->backoff_ns = 0;
    return SITE_CHANGE_CLEARED;
}

/* Nothing is accepted, one message after the other. */
static enum site_change refuse(struct site *site, uint32_t weight, uint64_t now_ns,
                               struct prng *prng)
{
    site->refusals_count += weight;
    if (site->refusals_count < SITE_REFUSALS_MAX)
        return site->refused ? SITE_CHANGE_NONE : clear(site);
    site->refused = true;
    site->refusals_count = SITE_REFUSALS_MAX - SITE_REFUSAL_WEIGHT;
    return back_off(site, now_ns, SITE_REFUSED_MIN_NS, prng) == SITE_CHANGE_NONE
               ? SITE_CHANGE_NONE
               : SITE_CHANGE_REFUSED;
}

static enum site_change grow(struct site *site)
{
    enum site_change change;

    site->refused = false;
    site->refusals_count = 0;
    change = clear(site);

    site->breaks_count = 0;
    if (site->window >= site->lease || ++site->grown_after < SITE_GROW_AFTER)
        return change;
    site->grown_after = 0;
    site->window++;
    return change == SITE_CHANGE_NONE ? SITE_CHANGE_GREW : change;
}

enum site_change site_feedback(struct site *site, const struct outcome *outcome, uint64_t now_ns,
                               struct prng *prng)
{
    switch (sign_of(outcome)) {
    case SIGN_NOTHING:
        return SITE_CHANGE_NONE;
    case SIGN_WORKS:
        return site->refused ? SITE_CHANGE_NONE : clear(site);
    case SIGN_REFUSED:
        return refuse(site, 1, now_ns, prng);
    case SIGN_BLOCKED:
        return refuse(site, SITE_REFUSAL_WEIGHT, now_ns, prng);
    case SIGN_DELIVERED:
        return grow(site);
    case SIGN_SLOW_DOWN:
        return slow_down(site, now_ns);
    case SIGN_BROKEN:
        return break_once(site, now_ns, prng);
    case SIGN_UNREACHABLE:
        if (site->health == SITE_STEADY)
            narrow_to_open(site);
        return back_off(site, now_ns, SITE_BACKOFF_MIN_NS, prng);
    }
    UNREACHABLE("no such sign");
}

const char *site_health_name(enum site_health health)
{
    static const char *const names[] = {"steady", "backed-off", "probing"};

    return (size_t)health < ARRAY_LEN(names) ? names[health] : "unknown";
}

const char *site_change_name(enum site_change change)
{
    static const char *const names[] = {"none",    "backed-off", "refused",
                                        "cleared", "slowed",     "grew"};

    return (size_t)change < ARRAY_LEN(names) ? names[change] : "unknown";
}
