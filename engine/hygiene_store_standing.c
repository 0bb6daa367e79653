/* The standing of providers (breakers) and domains: absolute values, written now and then and
 * always just before a cursor, so that a crash forgets a second or two of counting and repeats
 * none. */
#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_domains.h"
#include "engine/hygiene_store_parts.h"
#include "queue/record.h"

#define RECORD_ROOM                                                                                \
    (HYGIENE_DOMAINS_RECORD_MAX > HYGIENE_BREAKER_RECORD_MAX ? HYGIENE_DOMAINS_RECORD_MAX          \
                                                             : HYGIENE_BREAKER_RECORD_MAX)
#define AT_ONCE 2000

void hygiene_store_parts_write_standing(struct hygiene_store *hygiene, uint64_t now_ns)
{
    struct hygiene_breaker *breakers = hygiene_breakers(hygiene->tables);
    struct hygiene_domains *domains = hygiene_domain_counts(hygiene->tables);
    uint32_t place = 0;
    size_t size = 1;

    hygiene->standing_ns = now_ns;
    /* The others, when there is no room, in a later turn. */
    while (size > 0 && hygiene_store_has_room(hygiene)) {
        uint8_t *into = hygiene_store_parts_room(hygiene, RECORD_ROOM);

        if (into == NULL)
            return;
        size = hygiene_breaker_write_next(breakers, &place, false, into);
        if (size > 0)
            hygiene_store_parts_added(hygiene, RECORD_BREAKER, size);
    }
    size = 1;
    for (uint32_t i = 0; i < AT_ONCE && size > 0 && hygiene_store_has_room(hygiene); i++) {
        uint8_t *into = hygiene_store_parts_room(hygiene, RECORD_ROOM);

        if (into == NULL)
            return;
        size = hygiene_domains_write_dirty(domains, into);
        if (size > 0)
            hygiene_store_parts_added(hygiene, RECORD_DOMAIN_COUNTS, size);
    }
}

int hygiene_store_parts_write_all_standing(struct hygiene_store *hygiene)
{
    uint32_t place = 0;
    size_t size = 1;
    uint8_t *into;
    int result;

    while (size > 0) {
        result = hygiene_store_parts_make_room(hygiene, RECORD_ROOM, &into);
        if (result < 0)
            return result;
        size = hygiene_breaker_write_next(hygiene_breakers(hygiene->tables), &place, true, into);
        if (size > 0)
            hygiene_store_parts_added(hygiene, RECORD_BREAKER, size);
    }
    place = 0;
    for (size = 1; size > 0;) {
        result = hygiene_store_parts_make_room(hygiene, RECORD_ROOM, &into);
        if (result < 0)
            return result;
        size = hygiene_domains_write_next(hygiene_domain_counts(hygiene->tables), &place, into);
        if (size > 0)
            hygiene_store_parts_added(hygiene, RECORD_DOMAIN_COUNTS, size);
    }
    return 0;
}

bool hygiene_store_parts_read_standing(struct hygiene_store *hygiene, uint16_t type,
                                       struct span payload)
{
    int result;

    if (type == RECORD_BREAKER)
        result = hygiene_breaker_read(hygiene_breakers(hygiene->tables), payload);
    else if (type == RECORD_DOMAIN_COUNTS)
        result = hygiene_domains_read(hygiene_domain_counts(hygiene->tables), payload);
    else
        return false;
    hygiene->recovery.damages_count += result < 0;
    return true;
}
