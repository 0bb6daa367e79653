/* The keys of the configuration: what each may say, its default, and what it is for; and
 * the place in the file that a setting was read from. */
#include <string.h>

#include "engine/policy.h"

#define NO_ROW UINT32_MAX

static const char *const durability_names[] = {"durable", "os", "memory", NULL};
static const char *const tls_names[] = {"off", "opportunistic", "required", "verified", NULL};
static const char *const route_tls_names[] = {"default",  "off",      "opportunistic",
                                              "required", "verified", NULL};

#define PLACE(field) offsetof(struct policy, field)

/* Bounds of a time-out: a second to a day. */
#define TIMEOUT_RANGE NS_PER_S, UINT64_C(86400) * NS_PER_S
static const struct config_row route_rows[] = {
    {"hosts", CONFIG_STRING_LIST, offsetof(struct policy_route, hosts), 1, POLICY_ROUTE_HOSTS_MAX,
     NULL, NULL, NULL, "smart hosts, \"host:port\" each, tried in this order"},
    {"tls", CONFIG_ENUM, offsetof(struct policy_route, tls), 0, 0, "default", route_tls_names, NULL,
     "off, opportunistic, required or verified for this route; default: as for all"},
    {"implicit_tls", CONFIG_BOOL, offsetof(struct policy_route, implicit_tls), 0, 0, "false", NULL,
     NULL, "whether TLS begins with the connection; on port 465 it always does"},
    {"user", CONFIG_STRING, offsetof(struct policy_route, user), 0, CONFIG_ITEM_MAX - 1, NULL, NULL,
     NULL, "user for AUTH (PLAIN or LOGIN), only ever said behind TLS"},
    {"password_file", CONFIG_STRING, offsetof(struct policy_route, password_file), 0,
     POLICY_PATH_MAX, NULL, NULL, NULL, "file whose first line is the user's password"},
    {"tls_cert", CONFIG_STRING, offsetof(struct policy_route, tls_cert), 0, POLICY_PATH_MAX, NULL,
     NULL, NULL, "PEM file: the certificate, its chain behind it, for servers that ask who we are"},
    {"tls_key", CONFIG_STRING, offsetof(struct policy_route, tls_key), 0, POLICY_PATH_MAX, NULL,
     NULL, NULL, "PEM file with the certificate's private key"},
};

static const struct config_subtree route_subtree = {route_rows,
                                                    ARRAY_LEN(route_rows),
                                                    sizeof(struct policy_route),
                                                    offsetof(struct policy_route, domain),
                                                    true,
                                                    offsetof(struct policy_route, line)};

static const struct config_row tls_domain_rows[] = {
    {"mode", CONFIG_ENUM, offsetof(struct policy_tls_domain, mode), 0, 0, "opportunistic",
     tls_names, NULL, "off, opportunistic, required or verified"},
};

static const struct config_subtree tls_domain_subtree = {tls_domain_rows,
                                                         ARRAY_LEN(tls_domain_rows),
                                                         sizeof(struct policy_tls_domain),
                                                         offsetof(struct policy_tls_domain, domain),
                                                         true,
                                                         offsetof(struct policy_tls_domain, line)};

static const struct config_row site_rows[] = {
    {"match", CONFIG_STRING, offsetof(struct policy_site, match), 1, CONFIG_ITEM_MAX - 1, NULL,
     NULL, NULL, "the end of an MX name, such as \".google.com\""},
    {"connections_per_site", CONFIG_U32, offsetof(struct policy_site, limits.connections_per_site),
     0, 100000, NULL, NULL, NULL, "connections at once; 0 = the general limit"},
    {"connections", CONFIG_U32, offsetof(struct policy_site, connections), 0, 100000, NULL, NULL,
     NULL, "the same: here all connections are those of one site"},
    {"messages_per_connection", CONFIG_U32,
     offsetof(struct policy_site, limits.messages_per_connection), 0, 1000000, NULL, NULL, NULL,
     "messages before the connection is closed; 0 = the general limit"},
    {"messages_per_second_per_site", CONFIG_RATE,
     offsetof(struct policy_site, limits.messages_per_hour_per_site), 0, UINT64_MAX, NULL, NULL,
     NULL, "rate such as \"100/min\"; 0 = the general limit"},
};

static const struct config_subtree site_subtree = {site_rows,
                                                   ARRAY_LEN(site_rows),
                                                   sizeof(struct policy_site),
                                                   SIZE_MAX,
                                                   false,
                                                   offsetof(struct policy_site, line)};

static const struct config_row dkim_rows[] = {
    {"domain", CONFIG_STRING, offsetof(struct policy_dkim, domain), 1, CONFIG_ITEM_MAX - 1, NULL,
     NULL, NULL, "the signing domain (d=): the From domain's own, or one above it"},
    {"selector", CONFIG_STRING, offsetof(struct policy_dkim, selector), 1, CONFIG_ITEM_MAX - 1,
     NULL, NULL, NULL, "the name of the key's record below _domainkey (s=)"},
    {"key_file", CONFIG_STRING, offsetof(struct policy_dkim, key_file), 1, POLICY_PATH_MAX, NULL,
     NULL, NULL, "the private key (PEM), RSA or Ed25519, readable by its owner alone"},
    {"also_sign", CONFIG_BOOL, offsetof(struct policy_dkim, also_sign), 0, 0, "false", NULL, NULL,
     "whether it signs the mail of other domains too, beside their own keys"},
};

static const struct config_subtree dkim_subtree = {dkim_rows,
                                                   ARRAY_LEN(dkim_rows),
                                                   sizeof(struct policy_dkim),
                                                   SIZE_MAX,
                                                   false,
                                                   offsetof(struct policy_dkim, line)};

static const struct config_row foreign_rows[] = {
    {"pattern", CONFIG_STRING, offsetof(struct policy_foreign, pattern), 1, LIST_PATH_TEXT_MAX,
     NULL, NULL, NULL, "the form, such as \"{list}-bounces+{local}={domain}@lists.example.org\""},
    {"reports", CONFIG_U32, offsetof(struct policy_foreign, reports), 1, 16, "3", NULL, NULL,
     "reports on so many different days confirm each other"},
    {"within", CONFIG_DURATION, offsetof(struct policy_foreign, within_ns), POLICY_DAY_NS,
     365 * POLICY_DAY_NS, "30d", NULL, NULL, "when they came within this time"},
    {"list", CONFIG_STRING, offsetof(struct policy_foreign, list), 0, LIST_PATH_LIST_MAX, NULL,
     NULL, NULL, "the list's name, when the pattern does not hold it"},
};

static const struct config_subtree foreign_subtree = {foreign_rows,
                                                      ARRAY_LEN(foreign_rows),
                                                      sizeof(struct policy_foreign),
                                                      SIZE_MAX,
                                                      false,
                                                      offsetof(struct policy_foreign, line)};

static const struct config_row rows[] = {
    {"hostname", CONFIG_STRING, PLACE(hostname), 0, POLICY_NAME_MAX, NULL, NULL, NULL,
     "the name given in EHLO; default: this host's name"},
    {"spool", CONFIG_STRING, PLACE(spool), 1, POLICY_PATH_MAX, "./spool", NULL, NULL,
     "the folder of the queue; ringpost run takes /var/lib/ringpost if none is given"},
    {"shards", CONFIG_U32, PLACE(shards), 0, POLICY_SHARDS_MAX, "0", NULL, NULL,
     "sending threads; 0 = one a core"},
    {"return_path.domain", CONFIG_STRING, PLACE(return_domain), 0, POLICY_NAME_MAX, NULL, NULL,
     NULL, "domain of the keyed return paths; absent: MAIL FROM is the sender's address"},
    {"return_path.key_file", CONFIG_STRING, PLACE(return_key_file), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "file with the return path's key"},
    {"return_path.previous_keys", CONFIG_STRING_LIST, PLACE(return_previous), 0, POLICY_KEYS_MAX,
     NULL, NULL, NULL, "files with keys of the last 30 days"},
    {"dns.servers", CONFIG_STRING_LIST, PLACE(dns_servers), 0, POLICY_SERVERS_MAX, NULL, NULL, NULL,
     "\"address\" or \"address:port\" of resolvers; default: /etc/resolv.conf"},
    {"dns.trust_ad", CONFIG_BOOL, PLACE(dns_trust_ad), 0, 0, "false", NULL, NULL,
     "whether these resolvers validate (DNSSEC) and nobody sits between: DANE needs it"},
    {"dns.timeout", CONFIG_DURATION, PLACE(dns_timeout_ns), 100 * NS_PER_MS, 60 * NS_PER_S, "5s",
     NULL, NULL, "how long a question may take with all its repetitions"},
    {"smtp.port", CONFIG_U32, PLACE(smtp_port), 1, 65535, "25", NULL, NULL,
     "port of the receivers"},
    {"smtp.source_addresses", CONFIG_STRING_LIST, PLACE(sources), 0, POLICY_SOURCES_MAX, NULL, NULL,
     NULL, "local addresses to send from, used in turn; default: the system's choice"},
    {"smtp.allow_private_addresses", CONFIG_BOOL, PLACE(allow_private_addresses), 0, 0, "false",
     NULL, NULL, "whether MX hosts may have loopback, private or reserved addresses"},
    {"smtp.timeouts.connect", CONFIG_DURATION, PLACE(connect_timeout_ns), TIMEOUT_RANGE, "30s",
     NULL, NULL, "for a connection; this and what follows but transaction: RFC 5321 4.5.3.2"},
    {"smtp.timeouts.greeting", CONFIG_DURATION, PLACE(timeouts.greeting_ns), TIMEOUT_RANGE, "5m",
     NULL, NULL, "for the 220 of the server"},
    {"smtp.timeouts.ehlo", CONFIG_DURATION, PLACE(timeouts.ehlo_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to EHLO or HELO"},
    {"smtp.timeouts.starttls", CONFIG_DURATION, PLACE(timeouts.starttls_ns), TIMEOUT_RANGE, "2m",
     NULL, NULL, "for the answer to STARTTLS"},
    {"smtp.timeouts.handshake", CONFIG_DURATION, PLACE(timeouts.handshake_ns), TIMEOUT_RANGE, "30s",
     NULL, NULL, "for the whole TLS handshake"},
    {"smtp.timeouts.auth", CONFIG_DURATION, PLACE(timeouts.auth_ns), TIMEOUT_RANGE, "2m", NULL,
     NULL, "for each answer of AUTH"},
    {"smtp.timeouts.mail", CONFIG_DURATION, PLACE(timeouts.mail_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to MAIL or RSET"},
    {"smtp.timeouts.rcpt", CONFIG_DURATION, PLACE(timeouts.rcpt_ns), TIMEOUT_RANGE, "5m", NULL,
     NULL, "for the answer to RCPT"},
    {"smtp.timeouts.data", CONFIG_DURATION, PLACE(timeouts.data_ns), TIMEOUT_RANGE, "2m", NULL,
     NULL, "for the 354 that lets the content begin"},
    {"smtp.timeouts.block", CONFIG_DURATION, PLACE(timeouts.block_ns), TIMEOUT_RANGE, "3m", NULL,
     NULL, "for 16 KiB of content to leave, and before 500 octets a second are expected"},
    {"smtp.timeouts.dot", CONFIG_DURATION, PLACE(timeouts.dot_ns), TIMEOUT_RANGE, "10m", NULL, NULL,
     "for the verdict after the content"},
    {"smtp.timeouts.quit", CONFIG_DURATION, PLACE(timeouts.quit_ns), TIMEOUT_RANGE, "10s", NULL,
     NULL, "for the answer to QUIT: nothing depends on it"},
    {"smtp.timeouts.transaction", CONFIG_DURATION, PLACE(transaction_timeout_ns), TIMEOUT_RANGE,
     "30m", NULL, NULL,
     "for one message from its MAIL to its verdict, whatever the server answers"},
    {"routes", CONFIG_SUBTREE, PLACE(routes), 0, POLICY_ROUTES_MAX, NULL, NULL, &route_subtree,
     "smart hosts instead of MX, by recipient domain; \"*\" = all others"},
    {"tls.mode", CONFIG_ENUM, PLACE(tls_mode), 0, 0, "opportunistic", tls_names, NULL,
     "off, opportunistic, required or verified"},
    {"tls.dane", CONFIG_BOOL, PLACE(tls_dane), 0, 0, "true", NULL, NULL, "obey TLSA records"},
    {"tls.mta_sts", CONFIG_BOOL, PLACE(tls_mta_sts), 0, 0, "true", NULL, NULL,
     "obey MTA-STS policies"},
    {"tls.ca_file", CONFIG_STRING, PLACE(tls_ca_file), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "trusted certificate authorities; default: the system's"},
    {"tls.domains", CONFIG_SUBTREE, PLACE(tls_domains), 0, POLICY_TLS_DOMAINS_MAX, NULL, NULL,
     &tls_domain_subtree, "the mode by recipient domain; \".example.net\" = all below it"},
    {"dkim", CONFIG_SUBTREE, PLACE(dkim), 0, POLICY_DKIM_MAX, NULL, NULL, &dkim_subtree,
     "keys that sign mail, by the domain of From"},
    {"signing.threads", CONFIG_U32, PLACE(signing_threads), 0, POLICY_SIGNERS_MAX, "0", NULL, NULL,
     "threads that make the signatures; 0 = the sending threads make them"},
    {"retry.schedule", CONFIG_DURATION_LIST, PLACE(retry_schedule), 0, POLICY_RETRY_MAX,
     "[5m, 20m, 1h, 2h, 4h, 8h]", NULL, NULL, "waits between attempts; the last one repeats"},
    {"retry.lifetime", CONFIG_DURATION, PLACE(retry_lifetime_ns), NS_PER_S,
     UINT64_C(86400) * 30 * NS_PER_S, "4d", NULL, NULL, "when to give up, counted from injection"},
    {"limits.connections", CONFIG_U32, PLACE(connections_max), 1, 100000, "2000", NULL, NULL,
     "connections at once, all together"},
    {"limits.connections_per_site", CONFIG_U32, PLACE(limits.connections_per_site), 1, 100000, "20",
     NULL, NULL, "connections at once to one site (one set of MX hosts)"},
    {"limits.messages_per_connection", CONFIG_U32, PLACE(limits.messages_per_connection), 1,
     1000000, "100", NULL, NULL, "messages before a connection is closed"},
    {"limits.messages_per_second_per_site", CONFIG_RATE, PLACE(limits.messages_per_hour_per_site),
     0, UINT64_MAX, "0", NULL, NULL, "rate such as 10 or \"100/min\"; 0 = no limit"},
    {"sites", CONFIG_SUBTREE, PLACE(sites), 0, POLICY_SITES_MAX, NULL, NULL, &site_subtree,
     "limits by MX name"},
    {"durability", CONFIG_ENUM, PLACE(durability), 0, 0, "durable", durability_names, NULL,
     "durable (synced), os (page cache) or memory (benchmarks)"},
    {"hygiene.path", CONFIG_STRING, PLACE(hygiene_path), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "folder of the suppressions and what leads to them; default: hygiene in the spool"},
    {"hygiene.addresses", CONFIG_U32, PLACE(hygiene_addresses), 1000, 100000000, "20000000", NULL,
     NULL, "room for so many suppressed addresses; memory is touched as they come"},
    {"hygiene.rules_file", CONFIG_STRING, PLACE(rules_file), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "rules of reply classes instead of those compiled in (bounce/rules.yaml)"},
    {"bounces.listen", CONFIG_STRING_LIST, PLACE(bounces_listen), 0, POLICY_LISTEN_MAX, NULL, NULL,
     NULL, "\"address:port\" where ringpost run takes mail that comes back; empty: nowhere"},
    {"bounces.tls_cert", CONFIG_STRING, PLACE(bounces_tls_cert), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "certificate and chain (PEM) for STARTTLS there; absent: no TLS"},
    {"bounces.tls_key", CONFIG_STRING, PLACE(bounces_tls_key), 0, POLICY_PATH_MAX, NULL, NULL, NULL,
     "its private key (PEM)"},
    {"bounces.complaints_to", CONFIG_STRING, PLACE(bounces_complaints_to), 0, CONFIG_ITEM_MAX - 1,
     NULL, NULL, NULL, "the address that feedback loops write to"},
    {"bounces.timeout", CONFIG_DURATION, PLACE(bounces_timeout_ns), TIMEOUT_RANGE, "5m", NULL, NULL,
     "how long a client may be silent (RFC 5321 4.5.3.2.7)"},
    {"bounces.foreign_verp", CONFIG_SUBTREE, PLACE(foreign), 0, POLICY_FOREIGN_MAX, NULL, NULL,
     &foreign_subtree, "return paths of other list software: docs/how-to-mailing-lists.md"},
    {"bounces.decision_command", CONFIG_STRING_LIST, PLACE(decision_command), 0, POLICY_COMMAND_MAX,
     NULL, NULL, NULL,
     "program and arguments that ringpost bounce decisions --run starts for each decision"},
    {"bounces.decision_timeout", CONFIG_DURATION, PLACE(decision_timeout_ns), NS_PER_S,
     3600 * NS_PER_S, "30s", NULL, NULL, "how long it may take"},
    {"unsubscribe.mailto", CONFIG_STRING, PLACE(unsubscribe_mailto), 0, CONFIG_ITEM_MAX - 1, NULL,
     NULL, NULL, "mail to this address with a tag in its subaddress or subject unsubscribes"},
    {"unsubscribe.url", CONFIG_STRING, PLACE(unsubscribe_url), 0, ADDED_FIELDS_URL_MAX, NULL, NULL,
     NULL, "https address in front of a tag, for one-click unsubscribing (RFC 8058)"},
    {"headers.feedback_id", CONFIG_STRING, PLACE(feedback_id), 0, ADDED_FIELDS_FEEDBACK_MAX, NULL,
     NULL, NULL, "Feedback-ID: a:b:c:sender, with {{campaign}}, {{tenant}}, {{stream}}"},
    {"headers.cfbl_address", CONFIG_STRING, PLACE(cfbl_address), 0, CONFIG_ITEM_MAX - 1, NULL, NULL,
     NULL, "CFBL-Address: where receivers may send complaints (RFC 9477)"},
    {"headers.cfbl_feedback_id", CONFIG_BOOL, PLACE(cfbl_feedback_id), 0, 0, "false", NULL, NULL,
     "CFBL-Feedback-ID: the recipient's keyed tag, which proves a complaint"},
    {"tlsrpt.enabled", CONFIG_BOOL, PLACE(tlsrpt_enabled), 0, 0, "true", NULL, NULL,
     "whether ringpost run sends reports about TLS (RFC 8460); needs tlsrpt.from"},
    {"tlsrpt.from", CONFIG_STRING, PLACE(tlsrpt_from), 0, CONFIG_ITEM_MAX - 1, NULL, NULL, NULL,
     "the address that the reports come from; absent: none are sent"},
    {"tlsrpt.contact", CONFIG_STRING, PLACE(tlsrpt_contact), 0, CONFIG_ITEM_MAX - 1, NULL, NULL,
     NULL, "whom to ask about a report; default: tlsrpt.from"},
    {"tlsrpt.organization", CONFIG_STRING, PLACE(tlsrpt_organization), 0, POLICY_NAME_MAX, NULL,
     NULL, NULL, "who reports, in words; default: hostname"},
    {"events.directory", CONFIG_STRING, PLACE(events_directory), 0, POLICY_PATH_MAX, NULL, NULL,
     NULL, "folder of the exported event files; default: events in the spool"},
};

static const struct config_schema schema = {rows, ARRAY_LEN(rows)};

const struct config_schema *policy_schema(void)
{
    return &schema;
}

/* NO_ROW: there is no such setting. */
static uint32_t row_of(const char *key)
{
    for (uint32_t i = 0; i < schema.rows_count; i++)
        if (strcmp(schema.rows[i].name, key) == 0)
            return i;
    return NO_ROW;
}

uint32_t policy_line(const struct policy *policy, const char *key)
{
    uint32_t row = row_of(key);

    return row == NO_ROW ? 0 : policy->origin.line[row];
}

void policy_add_item_place(const struct policy *policy, const char *key, uint32_t line,
                           uint32_t column, struct text *error)
{
    text_add_cstr(error, policy->file);
    if (line != 0)
        text_add_format(error, ":%u:%u", line, column);
    text_add_format(error, "%s%s: ", policy->file[0] != '\0' ? ": " : "", key);
}

/* The place of a setting that was not given is left out. */
void policy_add_place(const struct policy *policy, const char *key, struct text *error)
{
    uint32_t row = row_of(key);

    if (row == NO_ROW)
        policy_add_item_place(policy, key, 0, 0, error);
    else
        policy_add_item_place(policy, key, policy->origin.line[row], policy->origin.column[row],
                              error);
}
