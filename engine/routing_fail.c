/* Domains that fail as a whole: their recipients are settled with one outcome, some in each turn.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/delivery.h"
#include "engine/routing.h"
#include "engine/shard.h"

#define DRAIN_AGAIN_NS (5 * NS_PER_MS)

/* Both are as long as a site's name may be, with its NUL. */
static void copy_site(char *to, const char *from)
{
    size_t size = min_size(strlen(from), ROUTE_SITE_SIZE - 1);

    memcpy(to, from, size);
    to[size] = '\0';
}

static void release_failure(struct routing *routing, struct routing_domain *domain)
{
    struct routing_failure *failure = slab_at(&routing->failures, domain->failure);

    CHECK(failure != NULL);
    CHECK(failure->users_count > 0);
    if (--failure->users_count == 0)
        slab_release(&routing->failures, failure);
    domain->failure = ROUTING_NONE;
}

static struct routing_failure *claim_failure(struct shard *shard, const struct outcome *outcome,
                                             const char *site)
{
    struct routing_failure *failure = slab_claim(&shard->routing.failures);

    if (failure == NULL)
        return NULL;
    failure->outcome = *outcome;
    copy_site(failure->site, site);
    return failure;
}

static void begin_failing(struct shard *shard, uint32_t index, struct routing_failure *failure)
{
    struct routing *routing = &shard->routing;
    struct routing_domain *domain = &routing->domains[index];

    routing_leave(shard, index);
    dns_forget(shard->resolver.dns, index);
    domain->failure = slab_handle_of(&routing->failures, failure).index;
    failure->users_count++;
    domain->state = DOMAIN_FAILING;
    routing_move(routing, index, &routing->failing);
}

bool routing_fail(struct shard *shard, uint32_t domain, const struct outcome *outcome)
{
    struct routing_failure *failure = claim_failure(shard, outcome, "");

    if (failure == NULL)
        return false;
    begin_failing(shard, domain, failure);
    return true;
}

/* Settles recipients of one failing domain; true when the domain is done. */
static bool drain_domain(struct shard *shard, uint32_t index, uint32_t *work_left)
{
    struct routing *routing = &shard->routing;
    struct routing_domain *domain = &routing->domains[index];
    const struct routing_failure *failure = slab_at(&routing->failures, domain->failure);

    CHECK(failure != NULL);
    while (domain->first_flow != ROUTING_NONE && *work_left > 0) {
        uint32_t flow = domain->first_flow;
        int claimed = delivery_fail_one(shard, flow, failure);

        if (claimed == 0) {
            --*work_left;
        } else if (claimed == -ENOENT) {
            routing_flow_void(shard, flow);
        } else { /* the journal is full or broken: later */
            routing->drain_after_ns = shard_now_ns(shard) + DRAIN_AGAIN_NS;
            return false;
        }
    }
    return domain->first_flow == ROUTING_NONE;
}

void routing_drain(struct shard *shard)
{
    struct routing *routing = &shard->routing;
    uint32_t work_left = ROUTING_WORK_MAX;
    struct list_node *node;

    while (routing->drain_after_ns <= shard_now_ns(shard) &&
           (node = list_first(&routing->failing)) != NULL) {
        uint32_t index =
            (uint32_t)(CONTAINER_OF(node, struct routing_domain, node) - routing->domains);

        if (!drain_domain(shard, index, &work_left))
            return;
        release_failure(routing, &routing->domains[index]);
        routing_end(shard, index);
    }
}

/* Every domain at this site fails with the outcome. */
static void fail_site(struct shard *shard, uint32_t site, const struct ip_port *peer,
                      const struct outcome *outcome)
{
    struct destination *destination = destination_at(shard, site);
    struct routing_failure *failure;
    struct list_node *node;

    if (list_empty(&destination->domains))
        return;
    failure = claim_failure(shard, outcome, destination->site);
    if (failure == NULL)
        return; /* the next failed session tries again */
    failure->peer = *peer;
    while ((node = list_first(&destination->domains)) != NULL)
        begin_failing(shard,
                      (uint32_t)(CONTAINER_OF(node, struct routing_domain, site_node) -
                                 shard->routing.domains),
                      failure);
}

void routing_address_failed(struct shard *shard, uint32_t site, const struct ip_port *peer,
                            const struct outcome *outcome)
{
    struct destination *destination = destination_at(shard, site);

    destination_avoid(shard, site, &peer->ip);
    if (destination_pick(shard, site, 0) != DESTINATION_NONE)
        return;
    destination_forgive(shard, site); /* the next attempt begins anew; when, says the schedule */
    if (destination->talking_count == 0)
        fail_site(shard, site, peer, outcome);
    else
        (void)schedule_feedback(shard->schedule, site, outcome, shard_now_ns(shard));
}

void routing_site_refuses(struct shard *shard, uint32_t site, const struct ip_port *peer,
                          const struct outcome *last)
{
    struct outcome outcome = *last;

    outcome.kind = OUTCOME_DEFERRED; /* of those that were not tried */
    fail_site(shard, site, peer, &outcome);
}
