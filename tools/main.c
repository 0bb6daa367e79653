/* main.c - the program `ringpost`: a table of verbs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/nearest.h"
#include "tools/bus_error.h"
#include "tools/exit_code.h"
#include "tools/verb.h"

static const struct verb verbs[] = {
    {"send", "mail a list of recipients, or one finished message",
     "ringpost send --from ADDRESS --template FILE.eml --recipients FILE.csv [options]\n"
     "ringpost send --from ADDRESS --message FILE.eml --to ADDRESS... [options]\n\n"
     "  --from ADDRESS        envelope sender, and the campaign's sender\n"
     "  --template FILE       a message with {{fields}}\n"
     "  --recipients FILE     CSV with a header row, or NDJSON; - is standard input\n"
     "  --message FILE        a finished message; - is standard input. Date, Message-ID and From\n"
     "                        are added where they are missing, Bcc is left out\n"
     "  --to ADDRESS          its recipients (repeatable)\n"
     "  --campaign NAME       same name and content resume; default: made from the content\n"
     "  --tenant NAME         names are unique a tenant\n"
     "  --email-column NAME   default: email\n"
     "  --metadata COLUMN,... echoed in every event\n"
     "  --lane bulk|transactional\n"
     "  --at TIME             not before: 2026-12-24T18:00:00Z, or +30m\n"
     "  --rate R              at most, such as 100/min or 50 (a second)\n"
     "  --until idle|done|DURATION   idle (default): until only later retries are left\n"
     "                        done: until the last retry; DURATION: no longer than 2h, say\n"
     "  --require-tls         only over TLS to servers that are verified and pass the demand on\n"
     "                        (REQUIRETLS, RFC 8689); others are refused or waited for\n"
     "  --dry-run             check everything, print the first message, queue nothing;\n"
     "                        warns of what large receivers will miss: DKIM, SPF, DMARC,\n"
     "                        one-click unsubscribing\n"
     "  --config FILE         default: /etc/ringpost/ringpost.yaml if it is there\n"
     "  --spool DIR           default: ./spool\n"
     "  --json                the result as JSON\n"
     "  --yes                 do not ask\n\n"
     "Exit: 0 all accepted, 1 some failed, 2 usage, 3 still queued, 75 try again,\n"
     "130 interrupted (the same command goes on).\n",
     verb_send},
    {"run", "the service: sends what is in the spool, takes what comes back",
     "ringpost run [--config FILE] [--spool DIR]\n\n"
     "  --spool DIR     default: spool in the configuration, else /var/lib/ringpost\n\n"
     "Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again. Mail that comes back is\n"
     "taken on bounces.listen. ringpost send hands its campaigns over to a running service.\n",
     verb_run},
    {"queue", "look at a spool; pause, resume or cancel campaigns and domains",
     "ringpost queue summary [--campaign C] [--domain D] [--json]\n"
     "ringpost queue status [--json]      of a running sender\n"
     "ringpost queue list [--campaign C] [--domain D] [--json]\n"
     "ringpost queue show ID [--json]\n"
     "ringpost queue pause|resume [--campaign C] [--domain D]\n"
     "ringpost queue cancel [--campaign C] [--domain D] [--yes]\n"
     "ringpost queue verify [--json]\n"
     "  --config FILE  --spool DIR\n\n"
     "summary --domain counts the recipients at D that the spool still knows, campaign by\n"
     "campaign. pause, resume and cancel take one campaign, one domain, or both.\n"
     "pause --domain: no mail goes to D, of campaigns that come later either, until resume.\n"
     "cancel: who has not ended yet ends with an AdminBounce event; at rest, those events come\n"
     "with the next sender.\n"
     "Beside a running sender the questions go through its control socket.\n",
     verb_queue},
    {"bounce", "what comes back: reports and replies",
     "ringpost bounce read [--json] [--mbox] [--rules FILE] PATH...\n"
     "ringpost bounce ingest [--config FILE] [--spool DIR] [--mbox] [--to ADDRESS] PATH...\n"
     "ringpost bounce decisions [--config FILE] [--spool DIR] [--csv] [--all] [--cursor FILE]\n"
     "                          [--run] [--withdrawn] [--retry TIME] [--follow]\n"
     "ringpost bounce replies [--explain] [--rules FILE]\n"
     "ringpost bounce replies --unclassified [--top N] [--rules FILE]\n\n"
     "read, ingest: one line of JSON a message: kind, recipients with addr, class, status, "
     "action,\n"
     "reply (read: with --json, else plain). ingest: what is proven by its return path's tag goes\n"
     "to hygiene; the line says whose it was and what became of it.\n"
     "Beside a running sender it is handed over; - is one message on standard input (a pipe).\n"
     "  --to ADDRESS    whom the mail was delivered to, where the message does not say it\n\n"
     "decisions: what was decided about subscribers of other software's lists "
     "(bounces.foreign_verp),\n"
     "one line of JSON each.\n"
     "  --csv           CSV instead\n"
     "  --all           also what concerns our own mail\n"
     "  --cursor FILE   only what came after the last time; FILE remembers how far that was\n"
     "  --run           to bounces.decision_command instead, each until it succeeds\n"
     "  --withdrawn     it is told of withdrawals too\n"
     "  --retry TIME    between tries of those that failed (60s)\n"
     "  --follow        go on until stopped\n\n"
     "replies: standard input, one reply a line: code, enhanced code, text, with tabs between;\n"
     "standard output, one class a line, in the same order.\n"
     "  --explain       and what decided, and the rule\n"
     "  --unclassified  instead the most frequent texts that no rule knows, with numbers,\n"
     "                  addresses and ids replaced\n"
     "  --rules FILE    instead of the rules compiled in\n",
     verb_bounce},
    {"suppress", "who is not to be mailed, and why",
     "ringpost suppress add ADDRESS... [--reason R] [--until T] [--tenant T] [--stream S]\n"
     "                      [--source S] [--note TEXT]\n"
     "ringpost suppress remove ADDRESS... [--tenant T] [--stream S] [--note TEXT]\n"
     "ringpost suppress show ADDRESS...\n"
     "ringpost suppress list [--held]\n"
     "ringpost suppress import FILE.csv [--reason R] [--until T] [--tenant T] [--stream S]\n"
     "                      [--source S] [--note TEXT]      of rows that name none\n"
     "ringpost suppress export [FILE.csv]\n"
     "ringpost suppress release|confirm PROVIDER...\n\n"
     "  --reason R     a class of the vocabulary (--class too), or words for the note;\n"
     "                 default: no-user\n"
     "  --until T      2026-12-24, 2026-12-24T18:00:00Z or +30d (--expiry too);\n"
     "                 default: for ever\n"
     "  --tenant T     for one tenant only\n"
     "  --stream S     for one stream only: bulk or transactional\n"
     "  --scope S      both in one: TENANT, TENANT/STREAM, /STREAM, or * for everything\n"
     "  --source S     session, report, complaint, unsubscribe, operator or import; default:\n"
     "                 operator, for import import\n"
     "  --held         what waits for release (dropped) or confirm (in force), because its\n"
     "                 provider suddenly refused many times more than before\n"
     "  --json         answers as NDJSON\n"
     "  --config FILE  --spool DIR\n\n"
     "import reads CSV with a column address (or email) and, if there, class (reason), source,\n"
     "time, until (expiry), tenant, stream (scope), note; a name near one of these is refused,\n"
     "others are named and not used; one address a line needs no header. export writes the same.\n"
     "Orders are answered when they are durable. Beside a running sender they go through its\n"
     "control socket.\n",
     verb_suppress},
    {"resolve", "show where mail for a domain would go",
     "ringpost resolve DOMAIN... [--config FILE] [--json]\n\n"
     "Says hosts and addresses and who has named them, or the smart hosts of the configuration;\n"
     "what TLS each needs and why (configuration, DANE, MTA-STS); and the limits of the site with\n"
     "the line of the configuration that each comes from. It connects to no mail host.\n",
     verb_resolve},
    {"tlsrpt", "show what was counted of TLS sessions, and report it to the receivers",
     "ringpost tlsrpt show [--config FILE] [--json]\n"
     "ringpost tlsrpt send [--config FILE] [--day YYYY-MM-DD] [--dry-run] [--json]\n\n"
     "show: the latest day (UTC) that was counted, by recipient domain.\n"
     "send: reports on a day, yesterday by default, to the domains that ask for it; ringpost run\n"
     "does so by itself. What was reported before is not reported again. Exit 3: some could not\n"
     "be reached now.\n"
     "  --day       the day\n"
     "  --dry-run   shows who would be told, and with --json what; nothing is sent\n"
     "  --json      show: one report a line, as RFC 8460 has it; send: what became of each\n",
     verb_tlsrpt},
    {"key", "make the keys that sign mail (DKIM), print and check their DNS records",
     "ringpost key make --domain D --selector S [--ed25519 | --bits 2048] --out FILE\n"
     "ringpost key show [--domain D] [--selector S] [--key FILE]\n"
     "ringpost key check [--domain D] [--selector S] [--key FILE]\n\n"
     "make writes a new key (mode 0600, never over a file) and prints the TXT record to publish;\n"
     "show prints it again; check looks it up and compares. Without --key FILE, show and check\n"
     "take the keys of the configuration.\n"
     "  --domain D    that signs: d= in the signature\n"
     "  --selector S  names the key: the record is at S._domainkey.D\n"
     "  --ed25519     instead of RSA; not every receiver can verify it yet, so sign with both\n"
     "  --bits N      1024, 2048 (default), 3072 or 4096\n"
     "  --config FILE\n"
     "  --json        one object a key\n\n"
     "Exit: 0 all good, 1 a record is missing, wrong or for testing, 2 usage, 73 the file cannot\n"
     "be made, 75 the DNS did not answer.\n",
     verb_key},
    {"check", "check the configuration",
     "ringpost check [[--config] FILE] [--memory] [--from ADDRESS]\n\n"
     "  --memory        print the memory sheet\n"
     "  --from ADDRESS  asks the DNS whether bulk mail from there has what large receivers want:\n"
     "                  an aligned key that is published, SPF, DMARC, one-click unsubscribing\n",
     verb_check},
    {"config", "show the configuration in force",
     "ringpost config show [--origin] [--config FILE]\n"
     "ringpost config reference\n"
     "ringpost config schema\n",
     verb_config},
    {"version", "print the version", "ringpost version [--json]\n", verb_version},
};

int verb_complain(const char *verb, const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "ringpost %s: ", verb);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n(ringpost help %s shows how it is used)\n", verb);
    return EXIT_USAGE;
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int help(const char *name)
{
    const struct verb *verb = name != NULL ? find(name) : NULL;

    if (verb != NULL) {
        (void)printf("%s\n\n%s", verb->summary, verb->usage);
        return EXIT_ALL_ACCEPTED;
    }
    (void)printf("ringpost sends bulk mail.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        (void)printf("  ringpost %-9s %s\n", verbs[i].name, verbs[i].summary);
    (void)printf("\nringpost help VERB says more.\n");
    return name == NULL ? EXIT_ALL_ACCEPTED : EXIT_USAGE;
}

static int unknown(const char *name)
{
    struct nearest nearest;
    struct span found;

    nearest_init(&nearest, span_cstr(name));
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        nearest_offer(&nearest, span_cstr(verbs[i].name));
    found = nearest_found(&nearest);
    (void)fprintf(stderr, "ringpost: no verb \"%s\"", name);
    if (found.size > 0)
        (void)fprintf(stderr, ", did you mean \"%.*s\"", (int)found.size, (const char *)found.data);
    (void)fprintf(stderr, "; ringpost help lists them\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const struct verb *verb;

    (void)bus_error_install("ringpost"); /* without it the kernel's word has to do */
    if (argc < 2) {
        (void)help(NULL);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0)
        return verb_version(1, argv);
    verb = find(argv[1]);
    if (verb == NULL)
        return unknown(argv[1]);
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return help(verb->name);
    return verb->run(argc - 1, argv + 1);
}
