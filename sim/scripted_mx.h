/* scripted_mx.h - a mail server that plays a script: what it waits for, what it says then.
 *
 * A script is a list of sessions, each a list of steps; the n-th connection plays the n-th session,
 * later ones the last. What does not come as expected is a complaint. Owns its scripts (malloc). */
#ifndef SIM_SCRIPTED_MX_H
#define SIM_SCRIPTED_MX_H

#include "base/text.h"
#include "sim/net_service.h"

#define SCRIPTED_STEPS_MAX 64
#define SCRIPTED_SESSIONS_MAX 8
#define SCRIPTED_SERVERS_MAX 16
#define SCRIPTED_LINE_MAX 512

enum scripted_action {
    SCRIPTED_REPLY,  /* say the words */
    SCRIPTED_CLOSE,  /* FIN */
    SCRIPTED_RESET,  /* RST */
    SCRIPTED_NOTHING /* wait for the next command */
};

struct scripted_step {
    char expect[64]; /* the beginning of a command, "." for the lone dot; empty: at once */
    enum scripted_action action;
    uint64_t delay_ns;
    char reply[SCRIPTED_LINE_MAX]; /* with its line ends */
};

struct scripted_session {
    struct scripted_step steps[SCRIPTED_STEPS_MAX];
    uint32_t steps_count;
};

struct scripted_server {
    struct scripted_mx *mx;
    struct net_service service;
    struct ip_port address;
    struct scripted_session sessions[SCRIPTED_SESSIONS_MAX];
    uint32_t sessions_count;
    uint32_t connections_count;
    uint32_t octets_per_second; /* of content, that it takes; 0: all at once */
};

struct scripted_mx {
    struct scripted_server *servers[SCRIPTED_SERVERS_MAX];
    uint32_t servers_count;
    uint32_t complaints_count;
    struct text complaints; /* lent */
};

struct scripted_server *scripted_mx_add(struct scripted_mx *mx, struct net_sim *net,
                                        const struct ip_port *address);
void scripted_mx_close(struct scripted_mx *mx);

#endif
