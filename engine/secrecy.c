#include "engine/secrecy.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/hygiene_feed.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/sts_gate.h"
#include "engine/unmet.h"

/* --- what is needed --- */

static bool has_dane(const struct shard *shard)
{
    return shard->policy->tls_dane && shard->options.tls != NULL;
}

uint32_t secrecy_needs(const struct shard *shard, uint32_t domain_index, uint32_t campaign_index)
{
    struct span name = queue_domain_name(store_queue(shard->options.store), domain_index);
    const struct queue *queue = store_queue(shard->options.store);
    const struct routing_domain *domain = &shard->routing.domains[domain_index];
    const struct policy_route *route = policy_route_for(shard->policy, name);
    const struct content *content = content_of(shard->options.contents, campaign_index);
    struct tls_policy_mail mail = {
        .has_password = route != NULL && route->user[0] != '\0',
        .is_routed = route != NULL,
        .mx_secure = domain->mx_secure,
        .dane = domain->mx_secure && has_dane(shard),
        .enforced = domain->sts_enforced,
        .unnamed = domain->sts_unnamed,
        .sts_vouched = domain->sts_vouched,
        .require_tls = queue_campaign(queue, campaign_index)->descriptor.require_tls,
        .tls_optional = content != NULL && content_is_tls_optional(content),
    };

    mail.mode = (enum tls_policy_mode)policy_tls_for(shard->policy, name, &mail.mode_is_set);
    return tls_policy_needs(&mail);
}

bool secrecy_is_wanted(const struct shard *shard, uint32_t domain_index)
{
    struct span domain = queue_domain_name(store_queue(shard->options.store), domain_index);
    bool is_set;

    return policy_tls_for(shard->policy, domain, &is_set) != POLICY_TLS_OFF;
}

/* --- what can be had --- */

/* By host, of those that have an address which is not avoided; how many. */
static uint32_t possible(const struct shard *shard, const struct destination *destination,
                         uint32_t ret_has[ROUTE_HOSTS_MAX])
{
    uint64_t now_ns = shard_now_ns(shard);
    uint32_t seen = 0, count = 0;

    for (uint32_t i = 0; i < destination->addresses_count; i++) {
        const struct destination_address *address = &destination->addresses[i];

        if (address->avoid_until_ns > now_ns || (seen & 1u << address->host) != 0)
            continue;
        seen |= 1u << address->host;
        ret_has[count++] = destination_offers(destination, address->host, now_ns);
    }
    return count;
}

/* What there is to say when nobody vouches for the names of the domain's hosts. */
static enum unmet_doubt doubt_of(const struct shard *shard, uint32_t domain_index)
{
    const struct routing_domain *domain = &shard->routing.domains[domain_index];
    struct dns_stats names;

    if (!shard->policy->dns_trust_ad)
        return UNMET_AD_NOT_ASKED;
    if (!sts_gate_asks(shard, domain_index))
        return UNMET_STS_NOT_ASKED;
    if (!domain->sts_known)
        return UNMET_STS_FAILED;
    if (min_u64(domain->expires_ns, domain->sts_until_ns) <= shard_now_ns(shard))
        return UNMET_STS_OLD; /* behind a route that serves on, too */
    dns_stats(shard->resolver.dns, &names);
    /* Each of those that were asked must be known to validate: of the others some may. */
    if (names.secure == 0 || (domain->servers & ~names.servers_secure) != 0)
        return UNMET_AD_NEVER_SEEN;
    return UNMET_NO_DOUBT;
}

/* Each session that was tried counts against the domain's policy, once, however many campaigns wait
 * for it and for however many turns, but not for a report of ours; that a policy names no host was
 * counted at the gate. */
static void count_unmet(struct shard *shard, const struct destination *destination, uint32_t flow,
                        uint32_t needs)
{
    struct routing_domain *domain = &shard->routing.domains[shard->routing.flows[flow].domain];
    struct queue_flow info;

    queue_flow(shard->queue, flow, &info);
    if ((needs & TLS_POLICY_NAMED) != 0 || domain->counted_reach == shard->routing.reached_count ||
        hygiene_feed_is_ours(
            queue_campaign(store_queue(shard->options.store), info.campaign_index)))
        return;
    for (uint32_t h = 0; h < destination->hosts_count; h++) {
        const struct destination_reach *reach = &destination->reached[h];
        struct tls_counting_host host = {.name = span_cstr(destination->hosts[h]),
                                         .dane = reach->dane,
                                         .has = reach->has,
                                         .fault = reach->fault,
                                         .words = span_cstr(reach->words)};

        if (reach->until_ns > shard_now_ns(shard) && reach->number > domain->counted_reach &&
            (needs & ~reach->has) != 0 && reach->fault != TLS_FAULT_NONE)
            tls_counting_add(shard, info.domain, &host);
    }
    domain->counted_reach = shard->routing.reached_count;
}

/* Recipients of one flow go back; false: no more can be settled in this turn. */
static bool fail_flow(struct shard *shard, uint32_t flow, const struct destination *destination,
                      uint32_t *work_left)
{
    uint32_t index = shard->routing.flows[flow].domain;
    const struct routing_domain *domain = &shard->routing.domains[index];
    struct unmet unmet = {.destination = destination,
                          .needs = schedule_flow_needs(shard->schedule, flow),
                          .doubt = doubt_of(shard, index),
                          .now_ns = shard_now_ns(shard)};
    struct routing_failure failure = {.outcome = unmet_outcome(&unmet)};

    if (unmet.doubt == UNMET_AD_NEVER_SEEN && (unmet.needs & TLS_POLICY_VOUCHED) != 0)
        dns_try_servers(shard->resolver.dns, shard_now_ns(shard), domain->servers);
    memcpy(failure.site, destination->site, sizeof(failure.site));
    count_unmet(shard, destination, flow, unmet.needs);
    for (; *work_left > 0; --*work_left) {
        int claimed = delivery_fail_one(shard, flow, &failure);

        if (claimed == -ENOENT) {
            routing_flow_void(shard, flow);
            return true;
        }
        if (claimed < 0) /* the journal is full or broken: later */
            return false;
    }
    return false;
}

/* Mail that no host can take goes back with the reason, some in each turn. Other mail of the same
 * domain, which needs less, stays. */
static void fail_hopeless(struct shard *shard, uint32_t site)
{
    struct destination *destination = destination_at(shard, site);
    struct list_node *node = &destination->hopeless_node;
    uint32_t work_left = ROUTING_WORK_MAX, flow;
    uint32_t has[ROUTE_HOSTS_MAX];
    uint32_t count = possible(shard, destination, has);
    bool done = shard->hopeless_due_ns <= shard_now_ns(shard);

    if (!done)
        work_left = 0;
    while (done && (flow = schedule_unmet(shard->schedule, site, has, count)) != SCHEDULE_NONE)
        done = fail_flow(shard, flow, destination, &work_left);
    if (done && list_linked(node))
        list_remove(node);
    else if (!done && !list_linked(node))
        list_push_back(&shard->hopeless, node);
    if (!done && work_left > 0)
        shard->hopeless_due_ns = shard_now_ns(shard) +
                                 (store_shard_error(shard->store) != 0 ? NS_PER_S : 10 * NS_PER_MS);
}

void secrecy_turn(struct shard *shard)
{
    struct list_node *node = list_first(&shard->hopeless);

    if (node != NULL)
        fail_hopeless(shard, (uint32_t)(CONTAINER_OF(node, struct destination, hopeless_node) -
                                        shard->routing.destinations));
}

uint64_t secrecy_deadline_ns(const struct shard *shard)
{
    return list_empty(&shard->hopeless)
               ? UINT64_MAX
               : max_u64(shard_now_ns(shard) + NS_PER_MS, shard->hopeless_due_ns);
}

uint32_t secrecy_pick(struct shard *shard, uint32_t site, uint32_t *ret_aim)
{
    struct destination *destination = destination_at(shard, site);
    uint32_t address = destination_pick(shard, site, 0), other, flow, has;

    *ret_aim = 0;
    if (address == DESTINATION_NONE)
        return DESTINATION_NONE;
    has =
        destination_offers(destination, destination->addresses[address].host, shard_now_ns(shard));
    flow = schedule_unmet(shard->schedule, site, &has, 1);
    if (flow != SCHEDULE_NONE &&
        (++destination->aim_turn % 2 == 0 || !schedule_serves(shard->schedule, site, has))) {
        *ret_aim = schedule_flow_needs(shard->schedule, flow);
        other = destination_pick(shard, site, *ret_aim);
        if (other != DESTINATION_NONE)
            return other;
        fail_hopeless(shard, site);
        *ret_aim = 0;
        if (!schedule_serves(shard->schedule, site, has))
            return DESTINATION_NONE;
    }
    /* TLS that is known not to work, or that nobody asked for, is tried all the same for mail that
     * may not go without: a session in clear is for mail that may. */
    flow = schedule_gained(shard->schedule, site, TLS_POLICY_OBEYED, has);
    if (flow == SCHEDULE_NONE)
        flow = schedule_gained(shard->schedule, site, 0, has);
    if (flow != SCHEDULE_NONE)
        *ret_aim = schedule_flow_needs(shard->schedule, flow);
    return address;
}

/* --- what was reached --- */

/* The host said it itself, and will say it again: TLS is not offered (a refusal of STARTTLS may be
 * for now), or its certificate proves nothing - unless it is we who lack roots. One that has
 * expired is soon replaced, if it is not our clock that is wrong. */
static bool is_definite(const struct shard *shard, const struct session *session)
{
    switch (session->tls_fault) {
    case TLS_FAULT_NO_STARTTLS:
        return session->smtp.clear == SMTP_CLEAR_NOT_OFFERED;
    case TLS_FAULT_NAME:
    case TLS_FAULT_CERTIFICATE:
    case TLS_FAULT_TLSA_INVALID:
        return true;
    case TLS_FAULT_UNTRUSTED:
        return shard->options.tls->roots_count > 0;
    case TLS_FAULT_EXPIRED:
    case TLS_FAULT_NONE:
    case TLS_FAULT_HANDSHAKE:
    case TLS_FAULT_DNSSEC_INVALID:
    case TLS_FAULT_DANE_REQUIRED:
    case TLS_FAULT_STS_FETCH:
    case TLS_FAULT_STS_INVALID:
    case TLS_FAULT_STS_WEBPKI:
    case TLS_FAULT_STS_HOST:
    case TLS_FAULT_LOCAL:
    case TLS_FAULT_COUNT:
        break;
    }
    return false;
}

static void remember(struct shard *shard, struct session *session, uint32_t has)
{
    struct destination *destination = destination_at(shard, session->site);
    uint32_t host = destination_host(destination, span_cstr(session->peer_name));
    struct destination_reach *reach;
    struct text words;

    if (host == DESTINATION_NONE)
        return;
    if (session->dane == TLS_POLICY_DANE_UNASKED && destination->secure)
        return; /* it began before its records were asked for */
    reach = &destination->reached[host];
    reach->until_ns = shard_now_ns(shard) + SECRECY_KNOWN_NS;
    reach->number = ++shard->routing.reached_count;
    reach->has = has;
    reach->dane = session->dane;
    reach->fault = session->tls_fault;
    reach->definite = is_definite(shard, session);
    text_init(&words, reach->words, sizeof(reach->words));
    text_add_printable(&words, span_make(session->tls_words, session->tls_words_size),
                       sizeof(reach->words) - 1);
    (void)text_cstr_end(&words);
}

static void note_trouble(struct shard *shard, const struct session *session)
{
    uint64_t now_s = shard_wall_ns(shard) / NS_PER_S;
    struct span host = span_cstr(session->peer_name);
    bool due = false;
    const struct tls_trouble_host *known = tls_trouble_find(&shard->tls_trouble, host, now_s, &due);

    if (known != NULL && !due && known->fault == session->tls_fault && now_s < known->last_s + 3600)
        return; /* nothing new: the file need not be written */
    tls_trouble_note(&shard->tls_trouble, host, session->tls_fault, now_s);
}

static void lacks_tls(struct session *session)
{
    static const struct span refused = SPAN_INIT("the server offers TLS and refuses it");

    session->tls_fault = TLS_FAULT_NO_STARTTLS;
    if (session->smtp.clear != SMTP_CLEAR_REFUSED)
        return;
    memcpy(session->tls_words, refused.data, refused.size);
    session->tls_words_size = (uint8_t)refused.size;
}

void secrecy_reached(struct shard *shard, struct session *session)
{
    const struct tls_policy_session reached = {
        .level = session->level,
        .dane = session->dane,
        .offers_requiretls = ehlo_offers(&session->smtp.ehlo, EHLO_REQUIRETLS)};

    session->has = tls_policy_has(&reached);
    if (!session->tls_tried)
        return; /* it says nothing about the host */
    if (session->dane == TLS_POLICY_DANE_FAILED)
        session->tls_fault = TLS_FAULT_DNSSEC_INVALID;
    else if (session->smtp.clear != SMTP_CLEAR_NONE)
        lacks_tls(session);
    else if (session->tls_fault == TLS_FAULT_NONE)
        tls_trouble_forget(&shard->tls_trouble, span_cstr(session->peer_name));
    else
        note_trouble(shard, session); /* the certificate */
    remember(shard, session, session->has);
}

void secrecy_limit(struct shard *shard, struct session *session)
{
    if (session->named_domain == 0 ||
        destination_only_domain(shard, session->site) == session->named_domain - 1)
        return;
    session->has &= ~(TLS_POLICY_VERIFIED | TLS_POLICY_OBEYED);
}

void secrecy_failed(struct shard *shard, struct session *session)
{
    const struct tls_policy_session clear = {.level = TLS_LEVEL_CLEAR, .dane = session->dane};
    uint32_t has = tls_policy_has(&clear);

    if (!session->tls_tried) /* not even connected to: its TLS is not known */
        has = TLS_POLICY_ALL & ~TLS_POLICY_OBEYED;
    /* An answer about its records that cannot be trusted does not explain why a handshake broke. */
    if (session->tls_fault == TLS_FAULT_NONE ||
        (session->tls_fault == TLS_FAULT_DNSSEC_INVALID && session->tls_tried))
        session->tls_fault = TLS_FAULT_HANDSHAKE;
    if (session->dane != TLS_POLICY_DANE_FAILED || session->tls_fault == TLS_FAULT_HANDSHAKE)
        note_trouble(shard, session);
    remember(shard, session, has);
    fail_hopeless(shard, session->site);
}

bool secrecy_is_useless(struct shard *shard, struct session *session)
{
    if (schedule_unmet(shard->schedule, session->site, &session->has, 1) == SCHEDULE_NONE)
        return false;
    fail_hopeless(shard, session->site);
    return !schedule_serves(shard->schedule, session->site, session->has) &&
           schedule_unmet(shard->schedule, session->site, &session->has, 1) != SCHEDULE_NONE;
}

void secrecy_policy(struct shard *shard)
{
    for (uint32_t site = 0; site < shard->routing.sites_max; site++) {
        struct destination *destination = destination_at(shard, site);

        if (destination->generation == 0)
            continue;
        destination->tls_wanted = false;
        list_for_each_safe(node, after, &destination->domains)
            routing_reattach(shard,
                             (uint32_t)(CONTAINER_OF(node, struct routing_domain, site_node) -
                                        shard->routing.domains));
    }
}
