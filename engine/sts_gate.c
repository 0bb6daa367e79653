#include "engine/sts_gate.h"

#include "base/check.h"
#include "engine/secrecy.h"
#include "engine/shard.h"
#include "engine/sts_route.h"

#define HTTPS_PORT 443

static struct sts_fetch_options options_of(const struct shard *shard)
{
    return (struct sts_fetch_options){
        .io = shard->io,
        .dns = shard->resolver.dns,
        .tls = shard->options.tls,
        .allow_special = shard->policy->allow_private_addresses,
        .port = HTTPS_PORT,
        .shard = shard->options.index,
        .sync = shard->policy->durability == DURABILITY_DURABLE,
        .seed = {{shard->options.seed, ~shard->options.seed}},
        .context = shard,
    };
}

/* The shard that a domain of another life's file belongs to now. */
static bool is_ours(const void *context, struct span domain)
{
    const struct shard *shard = context;

    return queue_shard_of(domain, shard->options.count) == shard->options.index;
}

size_t sts_gate_cost(void)
{
    struct sts_fetch_options options = {.port = HTTPS_PORT};

    return sts_fetch_cost(&options);
}

void sts_gate_open(struct shard *shard, struct arena *arena)
{
    struct sts_fetch_options options = options_of(shard);
    char folder[POLICY_PATH_MAX + 8];
    struct text text;
    int r;

    shard->has_sts = shard->options.tls != NULL && shard->policy->tls_mta_sts;
    if (!shard->has_sts)
        return;
    text_init(&text, folder, sizeof(folder));
    text_add_cstr(&text, shard->policy->spool);
    text_add_cstr(&text, "/tls");
    options.is_ours = is_ours;
    if (io_folder(shard->io, text_cstr_end(&text)) == 0)
        options.folder = text_span(&text);
    r = sts_fetch_init(&shard->sts, arena, &options);
    (void)r; /* without its files it has to ask again, and does */
}

static bool is_asked_about(const struct shard *shard, struct span name)
{
    bool is_set;

    return shard->has_sts && shard->policy->tls_mta_sts &&
           policy_route_for(shard->policy, name) == NULL &&
           policy_tls_for(shard->policy, name, &is_set) != POLICY_TLS_OFF;
}

bool sts_gate_asks(const struct shard *shard, uint32_t domain)
{
    return is_asked_about(shard, queue_domain_name(store_queue(shard->options.store), domain));
}

static void set_demand(struct shard *shard, uint32_t index, enum sts_route_verdict verdict,
                       bool vouched)
{
    struct routing_domain *domain = &shard->routing.domains[index];
    bool enforced = verdict != STS_ROUTE_FREE, unnamed = verdict == STS_ROUTE_EMPTY;

    if (domain->sts_enforced == enforced && domain->sts_unnamed == unnamed &&
        domain->sts_vouched == vouched)
        return;
    domain->sts_enforced = enforced;
    domain->sts_unnamed = unnamed;
    domain->sts_vouched = vouched;
    if (domain->state == DOMAIN_ROUTED)
        routing_reattach(shard, index);
}

/* Whether some mail of the domain lifts what its policy demands. */
static bool has_optional_mail(const struct shard *shard, uint32_t domain)
{
    struct queue_flow info;

    for (uint32_t flow = shard->routing.domains[domain].first_flow; flow != ROUTING_NONE;
         flow = shard->routing.flows[flow].next) {
        queue_flow(shard->queue, flow, &info);
        if ((secrecy_needs(shard, domain, info.campaign_index) & TLS_POLICY_NAMED) == 0)
            return true;
    }
    return false;
}

/* What was heard holds until the record may be asked for again, and no longer than the policy; what
 * is not certain, or stops some of the mail, is looked at again soon. */
static uint64_t holds_until(const struct shard *shard, const struct sts_view *view,
                            enum sts_route_verdict verdict)
{
    uint64_t now_s = shard_wall_ns(shard) / NS_PER_S, left_s = STS_CACHE_ASK_S;

    if (!view->sure || verdict == STS_ROUTE_EMPTY)
        left_s = STS_CACHE_RETRY_S;
    if (view->knowledge == STS_POLICY)
        left_s = min_u64(left_s, view->expires_s - min_u64(now_s, view->expires_s));
    return shard_now_ns(shard) + left_s * NS_PER_S;
}

enum sts_gate_verdict sts_gate_pass(struct shard *shard, uint32_t index, struct route *route,
                                    struct outcome *ret_outcome)
{
    struct span name = queue_domain_name(store_queue(shard->options.store), index);
    struct sts_view view = {.knowledge = STS_WITHOUT};
    bool is_asked = sts_gate_asks(shard, index);
    struct routing_domain *domain = &shard->routing.domains[index];
    enum sts_route_verdict verdict;

    if (is_asked) {
        switch (sts_fetch_ask(&shard->sts, name, index, &view)) {
        case STS_FETCH_KNOWN:
            tls_counting_policy(shard, index, view.fault, SPAN(""));
            break;
        case STS_FETCH_PENDING:
            return STS_GATE_WAIT;
        case STS_FETCH_BUSY:
            return STS_GATE_BUSY;
        }
    }
    domain->sts_known = is_asked && view.sure;
    verdict = sts_route_judge(&view, route);
    set_demand(shard, index, verdict, sts_route_vouched(&view, route));
    domain->sts_until_ns = is_asked ? holds_until(shard, &view, verdict) : UINT64_MAX;
    if (verdict != STS_ROUTE_EMPTY)
        return STS_GATE_OPEN;
    tls_counting_policy(shard, index, TLS_FAULT_STS_HOST, span_cstr(route->hosts[0].name));
    if (has_optional_mail(shard, index))
        return STS_GATE_OPEN;
    *ret_outcome =
        outcome_from_cause(OUTCOME_DEFERRED, STAGE_TLS, CAUSE_TLS, 0,
                           SPAN("the MTA-STS policy of the domain names none of its mail hosts"));
    return STS_GATE_SHUT;
}

bool sts_gate_answered(struct shard *shard, uint64_t waiter)
{
    if (!sts_fetch_owns(waiter))
        return false;
    sts_fetch_answered(&shard->sts, waiter);
    return true;
}

bool sts_gate_next(struct shard *shard, uint32_t *ret_domain)
{
    return shard->has_sts && sts_fetch_done(&shard->sts, ret_domain);
}

void sts_gate_event(struct shard *shard, const struct io_event *event)
{
    CHECK(shard->has_sts);
    sts_fetch_event(&shard->sts, event);
}

void sts_gate_turn(struct shard *shard)
{
    if (shard->has_sts)
        sts_fetch_turn(&shard->sts);
}

uint64_t sts_gate_deadline_ns(const struct shard *shard)
{
    return shard->has_sts ? sts_fetch_deadline_ns(&shard->sts) : UINT64_MAX;
}

bool sts_gate_stop(struct shard *shard)
{
    return !shard->has_sts || sts_fetch_stop(&shard->sts);
}
