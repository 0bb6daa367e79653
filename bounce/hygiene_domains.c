#include "bounce/hygiene_domains.h"

#include <errno.h>
#include <string.h>

#define SET_SIZE ((size_t)8)
#define SETS ((size_t)4096)
#define PLACES (SETS * SET_SIZE)

size_t hygiene_domains_cost(void)
{
    return arena_cost(PLACES, sizeof(struct hygiene_domain)) + arena_cost(PLACES, sizeof(uint32_t));
}

void hygiene_domains_init(struct hygiene_domains *domains, struct arena *arena)
{
    domains->places = arena_alloc(arena, PLACES, sizeof(struct hygiene_domain));
    domains->dirty = arena_alloc(arena, PLACES, sizeof(uint32_t));
    domains->dirty_count = 0;
}

void hygiene_domains_reset(struct hygiene_domains *domains)
{
    memset(domains->places, 0, PLACES * sizeof(struct hygiene_domain));
    domains->dirty_count = 0;
}

static uint64_t hash_of(struct span name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

static struct hygiene_domain *set_of(const struct hygiene_domains *domains, uint64_t hash)
{
    return &domains->places[(hash >> 32) % SETS * SET_SIZE];
}

static struct hygiene_domain *find(const struct hygiene_domains *domains, struct span name)
{
    uint64_t hash = hash_of(name);
    struct hygiene_domain *set = set_of(domains, hash);

    for (uint32_t i = 0; i < SET_SIZE; i++)
        if (set[i].hash == hash && span_equal(span_make(set[i].name, set[i].name_size), name))
            return &set[i];
    return NULL;
}

const struct hygiene_domain *hygiene_domains_find(const struct hygiene_domains *domains,
                                                  struct span name)
{
    return find(domains, name);
}

static uint64_t use_of(const struct hygiene_domain *domain)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < BOUNCE_CLASS_COUNT; i++)
        sum += domain->counts[i];
    return domain->hash == 0 ? 0 : sum + 1;
}

static struct hygiene_domain *add(struct hygiene_domains *domains, struct span name)
{
    uint64_t hash = hash_of(name);
    struct hygiene_domain *set = set_of(domains, hash), *place = &set[0];
    bool dirty;

    for (uint32_t i = 1; i < SET_SIZE; i++)
        if (use_of(&set[i]) < use_of(place))
            place = &set[i];
    dirty = place->dirty; /* the place stands in the list */
    memset(place, 0, sizeof(*place));
    place->dirty = dirty;
    place->hash = hash;
    place->name_size = (uint8_t)name.size;
    memcpy(place->name, name.data, name.size);
    return place;
}

static void fade(struct hygiene_domain *domain, uint16_t day)
{
    uint32_t halves;

    if (day <= domain->day)
        return;
    halves = (uint32_t)(day - domain->day) / HYGIENE_DOMAINS_HALF_DAYS;
    if (halves == 0 && domain->day != 0)
        return; /* the rest of the days goes on counting */
    for (uint32_t i = 0; i < BOUNCE_CLASS_COUNT; i++)
        domain->counts[i] = halves < 32 ? domain->counts[i] >> halves : 0;
    domain->day =
        domain->day == 0 ? day : (uint16_t)(domain->day + halves * HYGIENE_DOMAINS_HALF_DAYS);
}

static void note(struct hygiene_domain *domain, enum bounce_class class, uint16_t day)
{
    for (uint32_t i = 0; i < domain->history_count; i++) {
        if (domain->history[i].day != day || domain->history[i].class != class)
            continue;
        if (domain->history[i].count < UINT16_MAX)
            domain->history[i].count++;
        return;
    }
    if (domain->history_count == HYGIENE_DOMAINS_HISTORY)
        memmove(&domain->history[0], &domain->history[1],
                sizeof(domain->history) - sizeof(domain->history[0]));
    else
        domain->history_count++;
    domain->history[domain->history_count - 1].day = day;
    domain->history[domain->history_count - 1].class = (uint8_t) class;
    domain->history[domain->history_count - 1].count = 1;
}

void hygiene_domains_count(struct hygiene_domains *domains, struct span name,
                           enum bounce_class class, uint16_t day)
{
    struct hygiene_domain *domain;

    if (name.size == 0 || name.size > HYGIENE_DOMAINS_NAME_MAX)
        return;
    domain = find(domains, name);
    if (domain == NULL && class == BOUNCE_SUCCESS)
        return;
    if (domain == NULL)
        domain = add(domains, name);
    fade(domain, day);
    if (domain->counts[class] <= UINT32_MAX - HYGIENE_DOMAINS_UNIT)
        domain->counts[class] += HYGIENE_DOMAINS_UNIT;
    if (!domain->dirty)
        domains->dirty[domains->dirty_count++] = (uint32_t)(domain - domains->places);
    domain->dirty = true;
    if (class != BOUNCE_SUCCESS)
        note(domain, class, day);
}

double hygiene_domain_count_on(const struct hygiene_domain *domain, enum bounce_class class,
                               uint16_t day)
{
    uint32_t halves =
        day <= domain->day ? 0 : (uint32_t)(day - domain->day) / HYGIENE_DOMAINS_HALF_DAYS;

    return halves < 32 ? (domain->counts[class] >> halves) / (double)HYGIENE_DOMAINS_UNIT : 0;
}

/* --- bytes: name, day, counts that are not 0, history; sizes in front of each --- */

static uint8_t *put(uint8_t *into, const void *bytes, size_t size)
{
    memcpy(into, bytes, size);
    return into + size;
}

static size_t write_one(const struct hygiene_domain *domain, uint8_t *into)
{
    uint8_t *end = put(into, &domain->name_size, 1), *classes;

    end = put(end, domain->name, domain->name_size);
    end = put(end, &domain->day, sizeof(domain->day));
    classes = end++;
    *classes = 0;
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        const uint8_t class = (uint8_t)i;

        if (domain->counts[i] == 0)
            continue;
        ++*classes;
        end = put(put(end, &class, 1), &domain->counts[i], sizeof(domain->counts[i]));
    }
    end = put(end, &domain->history_count, 1);
    for (uint32_t i = 0; i < domain->history_count; i++) {
        end = put(end, &domain->history[i].day, sizeof(uint16_t));
        end = put(end, &domain->history[i].count, sizeof(uint16_t));
        end = put(end, &domain->history[i].class, 1);
    }
    return (size_t)(end - into);
}

size_t hygiene_domains_write_dirty(struct hygiene_domains *domains, uint8_t *into)
{
    struct hygiene_domain *domain;

    if (domains->dirty_count == 0)
        return 0;
    domain = &domains->places[domains->dirty[--domains->dirty_count]];
    domain->dirty = false;
    return write_one(domain, into);
}

size_t hygiene_domains_write_next(const struct hygiene_domains *domains, uint32_t *place,
                                  uint8_t *into)
{
    while (*place < PLACES) {
        const struct hygiene_domain *domain = &domains->places[(*place)++];

        if (domain->hash != 0)
            return write_one(domain, into);
    }
    return 0;
}

static bool take(struct span *bytes, void *into, size_t size)
{
    if (bytes->size < size)
        return false;
    memcpy(into, bytes->data, size);
    *bytes = span_skip(*bytes, size);
    return true;
}

static bool read_counts(struct span *bytes, struct hygiene_domain *domain)
{
    uint8_t count, class;

    if (!take(bytes, &count, 1))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take(bytes, &class, 1) || class >= BOUNCE_CLASS_COUNT ||
            !take(bytes, &domain->counts[class], sizeof(domain->counts[class])))
            return false;
    return true;
}

static bool read_history(struct span *bytes, struct hygiene_domain *domain)
{
    if (!take(bytes, &domain->history_count, 1) || domain->history_count > HYGIENE_DOMAINS_HISTORY)
        return false;
    for (uint32_t i = 0; i < domain->history_count; i++)
        if (!take(bytes, &domain->history[i].day, sizeof(uint16_t)) ||
            !take(bytes, &domain->history[i].count, sizeof(uint16_t)) ||
            !take(bytes, &domain->history[i].class, 1) ||
            domain->history[i].class >= BOUNCE_CLASS_COUNT)
            return false;
    return true;
}

int hygiene_domains_read(struct hygiene_domains *domains, struct span bytes)
{
    struct hygiene_domain domain = {0}, *place;

    if (!take(&bytes, &domain.name_size, 1) || domain.name_size == 0 ||
        domain.name_size > HYGIENE_DOMAINS_NAME_MAX ||
        !take(&bytes, domain.name, domain.name_size) ||
        !take(&bytes, &domain.day, sizeof(domain.day)) || !read_counts(&bytes, &domain) ||
        !read_history(&bytes, &domain) || bytes.size != 0)
        return -EBADMSG;
    place = find(domains, span_make(domain.name, domain.name_size));
    if (place == NULL)
        place = add(domains, span_make(domain.name, domain.name_size));
    domain.hash = place->hash;
    domain.dirty = place->dirty;
    *place = domain;
    return 0;
}
