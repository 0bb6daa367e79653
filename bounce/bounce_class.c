#include "bounce/bounce_class.h"

#include "base/check.h"

struct meaning {
    const char *name;
    const char *words;
    enum bounce_scope scope;
    enum bounce_severity severity;
    enum bounce_learns learns;
    struct bounce_action action;
};

#define ADDRESS BOUNCE_SCOPE_ADDRESS
#define DOMAIN BOUNCE_SCOPE_DOMAIN
#define SENDER BOUNCE_SCOPE_SENDER
#define CONTENT BOUNCE_SCOPE_CONTENT
#define TRANSPORT BOUNCE_SCOPE_TRANSPORT
#define EVENT BOUNCE_SCOPE_EVENT
#define NONE BOUNCE_SEVERITY_NONE
#define SOFT BOUNCE_SEVERITY_SOFT
#define HARD BOUNCE_SEVERITY_HARD
#define LEARNS(what) BOUNCE_LEARNS_##what
#define NOTHING                                                                                    \
    {                                                                                              \
        BOUNCE_HYGIENE_NONE, 0, 0, 0, 0                                                            \
    }
#define AT_ONCE                                                                                    \
    {                                                                                              \
        BOUNCE_HYGIENE_SUPPRESS, 2, 0, 0, 0                                                        \
    }
#define COUNT(weight, limit, days, window)                                                         \
    {                                                                                              \
        BOUNCE_HYGIENE_COUNT, weight, limit, days, window                                          \
    }

static const struct meaning meanings[BOUNCE_CLASS_COUNT] = {
    [BOUNCE_UNKNOWN] = {"unknown", "a failure with no usable reason", EVENT, SOFT, LEARNS(COUNT),
                        COUNT(1, 0, 0, 0)},
    [BOUNCE_NO_USER] = {"no-user", "the mailbox does not exist", ADDRESS, HARD, LEARNS(SUPPRESS),
                        AT_ONCE},
    [BOUNCE_NO_DOMAIN] = {"no-domain",
                          "the domain does not exist or takes no mail",
                          DOMAIN,
                          HARD,
                          LEARNS(SUPPRESS),
                          {BOUNCE_HYGIENE_SUPPRESS_IF_DNS, 2, 6, 3, 0}},
    [BOUNCE_NULL_MX] = {"null-mx",
                        "the domain says that it takes no mail",
                        DOMAIN,
                        HARD,
                        LEARNS(SUPPRESS),
                        {BOUNCE_HYGIENE_SUPPRESS_RECHECK, 2, 0, 0, 30}},
    [BOUNCE_MOVED] = {"moved", "the mailbox moved and nothing is forwarded", ADDRESS, HARD,
                      LEARNS(SUPPRESS), AT_ONCE},
    [BOUNCE_INACTIVE] = {"inactive", "the account is disabled, suspended or expired", ADDRESS, SOFT,
                         LEARNS(COUNT), COUNT(2, 4, 2, 0)},
    [BOUNCE_MAILBOX_FULL] = {"mailbox-full", "the mailbox is over quota", ADDRESS, SOFT,
                             LEARNS(COUNT), COUNT(2, 10, 0, 14)},
    [BOUNCE_RECIPIENT_REFUSED] = {"recipient-refused", "the recipient refuses this sender", ADDRESS,
                                  SOFT, LEARNS(COUNT), COUNT(2, 6, 0, 0)},
    [BOUNCE_SUPPRESSED] = {"suppressed", "a relay's own suppression list holds the address",
                           ADDRESS, HARD, LEARNS(SUPPRESS), AT_ONCE},
    [BOUNCE_EXPIRED] = {"expired", "the retry lifetime ran out", TRANSPORT, SOFT, LEARNS(COUNT),
                        COUNT(1, 10, 0, 30)},
    [BOUNCE_NETWORK] = {"network", "connection, DNS or routing trouble", TRANSPORT, SOFT,
                        LEARNS(COUNT), COUNT(1, 10, 0, 30)},
    [BOUNCE_SYSTEM] = {"system", "a fault or lack of space at the other system", TRANSPORT, SOFT,
                       LEARNS(NOTHING), NOTHING},
    [BOUNCE_RATE_LIMITED] = {"rate-limited", "too many connections, messages or recipients", SENDER,
                             SOFT, LEARNS(NOTHING), NOTHING},
    [BOUNCE_GREYLISTED] = {"greylisted", "the first attempt is refused for a while", SENDER, SOFT,
                           LEARNS(NOTHING), NOTHING},
    [BOUNCE_BLOCKED] = {"blocked", "block list or reputation", SENDER, NONE, LEARNS(NOTHING),
                        NOTHING},
    [BOUNCE_AUTH] = {"auth", "SPF, DKIM, DMARC, reverse DNS or HELO", SENDER, NONE, LEARNS(NOTHING),
                     NOTHING},
    [BOUNCE_TLS] = {"tls", "TLS is demanded or failed", SENDER, NONE, LEARNS(NOTHING), NOTHING},
    [BOUNCE_POLICY] = {"policy", "local policy", SENDER, NONE, LEARNS(NOTHING), NOTHING},
    [BOUNCE_SENDER_REJECTED] = {"sender-rejected", "the return path is refused", SENDER, NONE,
                                LEARNS(NOTHING), NOTHING},
    [BOUNCE_RELAY_DENIED] = {"relay-denied",
                             "the server does not serve that domain",
                             SENDER,
                             NONE,
                             LEARNS(NOTHING),
                             {BOUNCE_HYGIENE_DOMAIN_REPEATS, 0, 0, 0, 3}},
    [BOUNCE_SPAM] = {"spam", "the content was judged to be spam", CONTENT, NONE, LEARNS(NOTHING),
                     NOTHING},
    [BOUNCE_VIRUS] = {"virus", "a virus or a forbidden attachment", CONTENT, NONE, LEARNS(NOTHING),
                      NOTHING},
    [BOUNCE_CONTENT] = {"content", "format or header rules", CONTENT, NONE, LEARNS(NOTHING),
                        NOTHING},
    [BOUNCE_TOO_LARGE] = {"too-large", "message, header or part too large", CONTENT, NONE,
                          LEARNS(NOTHING), NOTHING},
    [BOUNCE_PROTOCOL] = {"protocol", "SMTP syntax or order", SENDER, NONE, LEARNS(NOTHING),
                         NOTHING},
    [BOUNCE_DELAYED] = {"delayed", "still being retried", EVENT, NONE, LEARNS(NOTHING), NOTHING},
    [BOUNCE_SUCCESS] =
        {"success", "delivered", EVENT, NONE, LEARNS(NOTHING), {BOUNCE_HYGIENE_CLEAR, 0, 0, 0, 0}},
    [BOUNCE_COMPLAINT] = {"complaint",
                          "abuse or fraud report",
                          EVENT,
                          HARD,
                          LEARNS(COMPLAINT),
                          {BOUNCE_HYGIENE_SUPPRESS_ALL, 2, 0, 0, 0}},
    [BOUNCE_UNSUBSCRIBE] = {"unsubscribe",
                            "opt-out",
                            EVENT,
                            HARD,
                            LEARNS(UNSUBSCRIBE),
                            {BOUNCE_HYGIENE_UNSUBSCRIBE, 2, 0, 0, 0}},
    [BOUNCE_AUTO_REPLY] = {"auto-reply", "an automatic answer", EVENT, NONE, LEARNS(TO_IGNORE),
                           NOTHING},
    [BOUNCE_CHALLENGE] = {"challenge", "asks the sender to prove to be human", EVENT, NONE,
                          LEARNS(TO_IGNORE), NOTHING},
    [BOUNCE_REPORT] = {"report", "a machine's report, about no one subscriber", EVENT, NONE,
                       LEARNS(TO_IGNORE), NOTHING},
};

static const struct meaning *meaning_of(enum bounce_class what)
{
    CHECK(what < BOUNCE_CLASS_COUNT);
    return &meanings[what];
}

const char *bounce_class_name(enum bounce_class what)
{
    return meaning_of(what)->name;
}

bool bounce_class_from_name(struct span name, enum bounce_class *ret_class)
{
    for (unsigned what = 0; what < BOUNCE_CLASS_COUNT; what++) {
        if (span_equal(name, span_cstr(meanings[what].name))) {
            *ret_class = (enum bounce_class)what;
            return true;
        }
    }
    return false;
}

enum bounce_scope bounce_class_scope(enum bounce_class what)
{
    return meaning_of(what)->scope;
}

enum bounce_severity bounce_class_severity(enum bounce_class what)
{
    return meaning_of(what)->severity;
}

enum bounce_learns bounce_class_learns(enum bounce_class what)
{
    return meaning_of(what)->learns;
}

struct bounce_action bounce_class_action(enum bounce_class what)
{
    return meaning_of(what)->action;
}

bool bounce_class_is_senders(enum bounce_class what)
{
    enum bounce_scope scope = meaning_of(what)->scope;

    return scope == BOUNCE_SCOPE_SENDER || scope == BOUNCE_SCOPE_CONTENT;
}

const char *bounce_class_meaning(enum bounce_class what)
{
    return meaning_of(what)->words;
}
