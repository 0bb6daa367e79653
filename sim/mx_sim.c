#include "sim/mx_sim.h"

#include <stdlib.h>

#include "base/check.h"
#include "sim/mx_session.h"

static void *on_accepted(void *server, struct net_session *session, const struct net_place *place)
{
    struct mx_sim *mx = server;
    struct mx_host *host = &mx->hosts[place->user];
    struct mx_connection *connection = calloc(1, sizeof(*connection));

    CHECK(connection != NULL);
    *connection = (struct mx_connection){
        .mx = mx,
        .host = host,
        .session = session,
        .persona = host->persona,
        .life = mx->oracle->life,
    };
    mx->connections_count++;
    host->connections_count++;
    mx_manners_greet(connection);
    return connection;
}

static void on_received(void *state, struct net_session *session, struct span bytes)
{
    (void)session;
    mx_session_received(state, bytes);
}

/* The window opens again. */
static void on_timer(void *state, struct net_session *session, uint64_t argument)
{
    (void)state;
    (void)argument;
    net_service_pause(session, false);
}

static void on_closed(void *state, int error)
{
    struct mx_connection *connection = state;

    (void)error;
    connection->host->connections_count--;
    free(connection);
}

static const struct net_service_calls service_calls = {
    .accepted = on_accepted,
    .received = on_received,
    .timer = on_timer,
    .closed = on_closed,
};

void mx_sim_open(struct mx_sim *mx, struct net_sim *net, struct oracle *oracle, uint64_t seed)
{
    *mx = (struct mx_sim){.oracle = oracle};
    prng_seed(&mx->prng, seed);
    net_service_open(&mx->service, net, &service_calls, mx);
}

void mx_sim_close(struct mx_sim *mx)
{
    net_service_close(&mx->service);
    free(mx->hosts);
    free(mx->first_seen_ns);
}

void mx_sim_add(struct mx_sim *mx, const struct ip *ip, uint16_t port,
                const struct mx_persona *persona)
{
    struct ip_port address = {.ip = *ip, .port = port};
    struct net_place *place = net_service_listen(&mx->service, NET_TCP, &address);

    CHECK(list_empty(&mx->service.sessions)); /* they point into the hosts */
    mx->hosts = realloc(mx->hosts, (mx->hosts_count + 1) * sizeof(mx->hosts[0]));
    CHECK(mx->hosts != NULL);
    CHECK(place != NULL);
    place->user = mx->hosts_count;
    mx->hosts[mx->hosts_count++] = (struct mx_host){.ip = *ip, .persona = *persona};
}

void mx_sim_heal(struct mx_sim *mx)
{
    for (uint32_t i = 0; i < mx->hosts_count; i++) {
        bool pipelining = mx->hosts[i].persona.pipelining;
        bool tls = mx->hosts[i].persona.tls != MX_TLS_NONE;

        mx->hosts[i].persona = (struct mx_persona){.pipelining = pipelining,
                                                   .eight_bit = true,
                                                   .enhanced = true,
                                                   .tls = tls ? MX_TLS_GOOD : MX_TLS_NONE};
    }
}

bool mx_sim_is_unknown(const struct mx_sim *mx, struct span address)
{
    return (oracle_hash(ORACLE_HASH_START, address) >> 20) % 100 < mx->unknown_percent;
}
