/* send_options.h - the command line of `ringpost send`. */
#ifndef TOOLS_SEND_OPTIONS_H
#define TOOLS_SEND_OPTIONS_H

#include "base/base.h"
#include "engine/front.h"
#include "message/envelope.h"

#define SEND_TO_MAX 1000

struct send_options {
    const char *from;
    const char *template_file;
    const char *recipients_file;
    const char *message_file;
    const char **to; /* points into argv */
    uint32_t to_count;
    const char *campaign;
    const char *tenant;
    const char *email_column;
    const char *metadata; /* comma-separated, or NULL */
    const char *config;
    const char *spool;
    enum lane lane;
    enum front_goal goal;
    uint64_t duration_ns;
    uint64_t not_before_s;
    uint64_t rate_per_hour;
    bool require_tls;
    bool dry_run;
    bool json;
    bool yes;
};

/* 0, or an exit code after the complaint was printed. `to` lives in argv. */
MUST_USE int send_options_parse(struct send_options *options, int argc, char **argv);

#endif
