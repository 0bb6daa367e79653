#include "tools/preflight.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "engine/policy_mail.h"
#include "message/author.h"
#include "message/header.h"
#include "tools/key_check.h"
#include "tools/named_key.h"
#include "tools/organisation.h"
#include "tools/txt_asker.h"

#define KEYS_MAX 8 /* looked up; more of one domain make no difference */
#define ASK_NS (10 * NS_PER_S)
#define NAME_MAX_SIZE (ADDRESS_DOMAIN_KEY_MAX + 16)

enum { ASK_SPF, ASK_DMARC, ASK_DMARC_ORGANISATION, ASK_KEYS, ASK_MAX = ASK_KEYS + KEYS_MAX };

/* One run. */
struct looking {
    struct preflight *preflight;
    struct organisation organisation; /* of From */
    struct named_key keys[KEYS_MAX];
    uint32_t keys_count;
    struct span names[ASK_MAX];
    struct txt_set sets[ASK_MAX];
    char texts[ASK_KEYS][NAME_MAX_SIZE];
};

static void warn(struct preflight *preflight, const char *format, ...) PRINTF_LIKE(2, 3);

static void warn(struct preflight *preflight, const char *format, ...)
{
    va_list arguments;

    (void)fprintf(preflight->out, "warning: ");
    va_start(arguments, format);
    (void)vfprintf(preflight->out, format, arguments);
    va_end(arguments);
    (void)fprintf(preflight->out, "\n");
    preflight->warnings++;
}

/* --- one-click unsubscribing (RFC 8058) --- */

static bool holds_nocase(struct span text, struct span what)
{
    for (; text.size >= what.size; text = span_skip(text, 1))
        if (span_starts_nocase(text, what))
            return true;
    return false;
}

static bool has_own(struct span message)
{
    struct header_field field;

    return header_find(message, SPAN("List-Unsubscribe"), &field) ||
           header_find(message, SPAN("List-Unsubscribe-Post"), &field);
}

static bool has_own_one_click(struct span message)
{
    struct header_field places, post;

    return header_find(message, SPAN("List-Unsubscribe"), &places) &&
           header_find(message, SPAN("List-Unsubscribe-Post"), &post) &&
           holds_nocase(places.body, SPAN("<https:")) &&
           holds_nocase(post.body, SPAN("List-Unsubscribe=One-Click"));
}

static void check_unsubscribe(struct preflight *preflight, const struct settings *settings)
{
    static const char why[] = "Gmail and Yahoo ask it of bulk mail";
    bool own = has_own(preflight->message);

    if (preflight->lane != LANE_BULK)
        return;
    if (own && !has_own_one_click(preflight->message))
        warn(preflight,
             "no one-click unsubscribing: the message's own List-Unsubscribe lacks an https "
             "address, or List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058); %s",
             why);
    else if (!own && settings->policy->unsubscribe_url[0] == '\0')
        warn(preflight,
             "no one-click unsubscribing (RFC 8058): set unsubscribe.url, or write "
             "List-Unsubscribe and List-Unsubscribe-Post into the message; %s",
             why);
    else if (!own && !settings->has_keys)
        warn(preflight,
             "no one-click unsubscribing: unsubscribe.url needs return_path with a key_file, "
             "which makes each recipient's tag; %s",
             why);
}

void preflight_settings(struct preflight *preflight, const struct settings *settings)
{
    if (settings->policy->dkim.count == 0)
        warn(preflight, "no key signs mail: Gmail, Yahoo and Microsoft refuse bulk mail without "
                        "DKIM; ringpost key make makes one, dkim: names it");
    check_unsubscribe(preflight, settings);
}

/* --- whose mail it is --- */

static bool take_domain(struct span domain, char *ret, size_t size)
{
    struct text text;

    text_init(&text, ret, size - 1);
    if (domain.size == 0 || !address_domain_key(domain, &text))
        return false;
    (void)text_cstr_end(&text); /* ends in place */
    return true;
}

/* From of the message, else the sender's, who is put there then. False: neither is a domain. */
static bool find_domains(struct preflight *preflight, const struct policy *policy)
{
    struct header_field field;
    const char *problem;
    struct address sender;
    bool found = false;

    if (!address_parse(span_cstr(preflight->from), &sender, &problem))
        return false;
    if (header_find(preflight->message, SPAN("From"), &field))
        found =
            take_domain(author_domain(field.body), preflight->author, sizeof(preflight->author));
    if (!found)
        found = take_domain(sender.domain, preflight->author, sizeof(preflight->author));
    return found && take_domain(policy->return_domain[0] != '\0' ? span_cstr(policy->return_domain)
                                                                 : sender.domain,
                                preflight->envelope, sizeof(preflight->envelope));
}

/* --- signatures --- */

/* Whether the key signs mail of that From, and in its name: relaxed alignment (RFC 7489 3.1.1). */
static bool is_aligned(const struct looking *looking, const struct policy_dkim *item,
                       const struct policy_dkim *nearest)
{
    struct organisation organisation;

    if (!item->also_sign && (nearest == NULL || !span_equal_nocase(span_cstr(item->domain),
                                                                   span_cstr(nearest->domain))))
        return false;
    organisation_of(span_cstr(item->domain), &organisation);
    return strcmp(organisation.domain, looking->organisation.domain) == 0;
}

/* What everybody can verify (RFC 8301 3.1); Ed25519 is ignored by many. */
static bool has_rsa(const struct looking *looking)
{
    for (uint32_t i = 0; i < looking->keys_count; i++)
        if (looking->keys[i].key.algorithm == SIGN_RSA_SHA256)
            return true;
    return false;
}

static void find_keys(struct looking *looking, const struct policy *policy)
{
    struct preflight *preflight = looking->preflight;
    const struct policy_dkim *nearest = policy_mail_signer(policy, span_cstr(preflight->author));
    uint32_t others = 0, aligned = 0;

    for (uint32_t i = 0; i < policy->dkim.count; i++) {
        const struct policy_dkim *item = &policy->dkim_items[i];
        struct named_key *key = &looking->keys[looking->keys_count];

        others += item->also_sign;
        if (!is_aligned(looking, item, nearest))
            continue;
        if (aligned++ < KEYS_MAX &&
            named_key_init(key, item->domain, item->selector, item->key_file) == 0 &&
            named_key_read(key) == 0)
            looking->keys_count++;
    }
    if (aligned == 0)
        warn(
            preflight,
            "no key signs in the name of %s (From)%s: Gmail, Yahoo and Microsoft refuse bulk "
            "mail without an aligned DKIM signature; ringpost key make makes a key, dkim: names it",
            preflight->author, others > 0 ? ", only keys with also_sign of other domains" : "");
    else if (looking->keys_count < min_size(aligned, KEYS_MAX))
        warn(preflight, "not every key of %s can be read", preflight->author);
    else if (!has_rsa(looking))
        warn(preflight,
             "no RSA key signs in the name of %s (From): receivers that cannot verify Ed25519 see "
             "no signature",
             preflight->author);
}

static void check_keys(struct looking *looking)
{
    for (uint32_t i = 0; i < looking->keys_count; i++) {
        const struct named_key *named = &looking->keys[i];
        struct key_check check;

        key_check_judge(&looking->sets[ASK_KEYS + i], &named->key, &check);
        if (check.status != KEY_CHECK_GOOD)
            warn(looking->preflight, "%s: %s", named->name, check.problem);
    }
}

/* --- SPF and DMARC --- */

/* How many records begin with that version, and nothing more in that word. */
static uint32_t count_records(const struct txt_set *set, struct span version)
{
    uint32_t count = 0;

    for (uint32_t i = 0; set->status == TXT_SET_RECORDS && i < set->count; i++) {
        struct span record = txt_set_at(set, i);
        struct span rest = span_skip(record, version.size);

        count += span_starts_nocase(record, version) &&
                 (rest.size == 0 || rest.data[0] == ' ' || rest.data[0] == ';');
    }
    return count;
}

static void check_spf(struct looking *looking)
{
    const struct txt_set *set = &looking->sets[ASK_SPF];
    uint32_t count = count_records(set, SPAN("v=spf1")); /* RFC 7208 4.5 */
    const char *domain = looking->preflight->envelope;

    if (set->status == TXT_SET_FAILED)
        warn(looking->preflight, "whether %s (MAIL FROM) has SPF is not known: %s", domain,
             set->problem);
    else if (count == 0)
        warn(looking->preflight,
             "%s (MAIL FROM) has no SPF record: publish TXT \"v=spf1 ip4:YOUR.ADDRESS -all\" there",
             domain);
    else if (count > 1)
        warn(looking->preflight,
             "%s (MAIL FROM) has %u SPF records, which count as none: leave one", domain, count);
}

/* RFC 7489 6.6.3: at the domain, else at its organisation's. */
static void check_dmarc(struct looking *looking)
{
    static const struct span version = SPAN_INIT("v=DMARC1");
    const struct txt_set *own = &looking->sets[ASK_DMARC];
    const struct txt_set *upper = &looking->sets[ASK_DMARC_ORGANISATION];
    uint32_t count = count_records(own, version);
    const char *domain = looking->preflight->author;

    if (count == 0 && own->status != TXT_SET_FAILED) {
        count = count_records(upper, version);
        own = upper;
    }
    if (own->status == TXT_SET_FAILED)
        warn(looking->preflight, "whether %s (From) has DMARC is not known: %s", domain,
             own->problem);
    else if (count == 0)
        warn(looking->preflight,
             "%s (From) has no DMARC record: publish TXT \"v=DMARC1; p=none\" at _dmarc.%s, at "
             "least",
             domain, looking->organisation.domain);
    else if (count > 1)
        warn(looking->preflight, "%s (From) has %u DMARC records, which count as none: leave one",
             domain, count);
}

/* --- all of it --- */

static void set_name(struct looking *looking, uint32_t index, const char *before,
                     const char *domain)
{
    struct text text;

    text_init(&text, looking->texts[index], sizeof(looking->texts[index]));
    text_add_cstr(&text, before);
    text_add_cstr(&text, domain);
    looking->names[index] = text_span(&text);
}

static int ask(struct looking *looking, struct spool *spool, struct txt_asker *asker)
{
    int result = txt_asker_open(asker, spool);

    if (result < 0)
        return result;
    set_name(looking, ASK_SPF, "", looking->preflight->envelope);
    set_name(looking, ASK_DMARC, "_dmarc.", looking->preflight->author);
    set_name(looking, ASK_DMARC_ORGANISATION, "_dmarc.", looking->organisation.domain);
    for (uint32_t i = 0; i < looking->keys_count; i++)
        looking->names[ASK_KEYS + i] = span_cstr(looking->keys[i].name);
    txt_asker_ask(asker, looking->names, ASK_KEYS + looking->keys_count, ASK_NS, looking->sets);
    return 0;
}

void preflight_run(struct preflight *preflight, struct spool *spool)
{
    static struct looking looking;
    static struct txt_asker asker;
    int result;

    check_unsubscribe(preflight, &spool->settings);
    if (!find_domains(preflight, spool->settings.policy))
        return; /* an address literal: nothing is asked of those */
    memset(&looking, 0, sizeof(looking));
    looking.preflight = preflight;
    organisation_of(span_cstr(preflight->author), &looking.organisation);
    find_keys(&looking, spool->settings.policy);
    result = ask(&looking, spool, &asker);
    if (result < 0) {
        warn(preflight, "SPF, DMARC and the records of keys are not known: %s",
             result == -ENODEV ? "no name server is configured" : strerror(-result));
    } else {
        txt_asker_close(&asker);
        check_keys(&looking);
        check_spf(&looking);
        check_dmarc(&looking);
    }
}
