#include "sim/world_mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static const char *const names[] = {
    "Ada",
    "",
    ".",
    "..",
    "O'Neil & Sons <x>",
    "J\xc3\xb6rg",
    "=3D",
    "a=",
    "tab\there",
    "{{name}}",
    "250 ok",
    "From me",
    " leading",
    "trailing ",
    "\xe2\x82\xac\xf0\x9f\x8e\x89",
    "QUIT",
    "-",
    "=?utf-8?q?",
    "a,b;c:d@e.f>",
    "long long long long long long long long",
};

#define TEMPLATE                                                                                   \
    "From: Sender <sender@send.test>\r\nSubject: Number {{number}}\r\nMIME-Version: 1.0\r\n"       \
    "Content-Type: text/plain; charset=utf-8\r\n\r\nDear {{name}},\r\n.\r\n..\r\n=3D "             \
    "{{number}}\r\n"
#define MESSAGE_BODY ".\r\n..\r\n\r\n.leading\r\nQUIT\r\n=3D\r\n\r\n"
#define MESSAGE                                                                                    \
    "From: Sender <sender@send.test>\r\nMessage-ID: <1@send.test>\r\nSubject: "                    \
    "hello\r\n\r\n" MESSAGE_BODY

#define LIFTED "TLS-Required: No\r\n"
#define LINE "Sixty-four octets of a line that says nothing and takes its time.\r\n"
#define LINES_MAX 4000

struct span world_mail_content(const struct world *world)
{
    static char
        buffer[LINES_MAX * sizeof(LINE) + sizeof(TEMPLATE) + sizeof(MESSAGE) + sizeof(LIFTED)];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, world->options.lifts_tls ? LIFTED : "");
    text_add_cstr(&text, world->options.messages ? MESSAGE : TEMPLATE);
    for (uint32_t i = 0; i < world->options.lines_count; i++)
        text_add_cstr(&text, LINE);
    CHECK(!text.overflow);
    return text_span(&text);
}

/* "<before><number><after>" */
static void put(char *ret, size_t size, const char *before, uint32_t number, const char *after)
{
    struct text text;

    text_init(&text, ret, size);
    text_add_cstr(&text, before);
    text_add_u64(&text, number);
    text_add_cstr(&text, after);
    CHECK(!text.overflow);
    (void)text_cstr_end(&text);
}

static void recipient_draw(const struct world *world, uint32_t campaign, uint32_t ordinal,
                           struct world_recipient *ret)
{
    uint64_t mixed = ((uint64_t)campaign << 32 | ordinal) * UINT64_C(0x9e3779b97f4a7c15) ^ campaign;
    const char *name = names[(mixed >> 40) % ARRAY_LEN(names)];
    const char *domain;
    char local[24];

    mixed ^= mixed >> 29;
    ret->zone = mixed % 3 == 0 ? 0 : (uint32_t)((mixed >> 8) % world->zones.zones_count);
    memcpy(ret->name, name, strlen(name) + 1);
    put(ret->number, sizeof(ret->number), "", ordinal, "");
    put(local, sizeof(local), "u", campaign, "x");
    put(ret->address, sizeof(ret->address), local, ordinal, "@");
    domain = world->zones.zones[ret->zone].name;
    CHECK(strlen(ret->address) + strlen(domain) < sizeof(ret->address));
    memcpy(ret->address + strlen(ret->address), domain, strlen(domain) + 1);
}

static uint64_t lines_hash(const struct world *world, uint64_t hash)
{
    for (uint32_t i = 0; i < world->options.lines_count; i++)
        hash = oracle_hash(hash, SPAN(LINE));
    return hash;
}

static uint64_t body_hash(const struct world *world, const struct world_recipient *recipient)
{
    uint64_t hash = ORACLE_HASH_START;

    if (world->options.messages)
        return lines_hash(world, oracle_hash(hash, SPAN(MESSAGE_BODY)));
    hash = oracle_hash(hash, SPAN("Dear "));
    hash = oracle_hash(hash, span_cstr(recipient->name));
    hash = oracle_hash(hash, SPAN(",\r\n.\r\n..\r\n=3D "));
    hash = oracle_hash(hash, span_cstr(recipient->number));
    return lines_hash(world, oracle_hash(hash, SPAN("\r\n")));
}

void world_mail_add_recipient(struct world *world, uint32_t campaign,
                              const struct world_recipient *recipient)
{
    world->recipients =
        realloc(world->recipients, (world->recipients_count + 1) * sizeof(world->recipients[0]));
    CHECK(world->recipients != NULL);
    world->recipients[world->recipients_count++] = *recipient;
    (void)oracle_add(&world->oracle, campaign, recipient->address, recipient->zone,
                     body_hash(world, recipient));
}

void world_mail_open(struct world *world)
{
    for (uint32_t i = 0; i < world->options.campaigns_count; i++) {
        char name[32];
        uint32_t campaign;

        put(name, sizeof(name), "campaign-", i, "");
        campaign = oracle_add_campaign(&world->oracle, name);
        for (uint32_t j = 0; j < world->options.recipients[i]; j++) {
            struct world_recipient recipient;

            recipient_draw(world, i, j, &recipient);
            world_mail_add_recipient(world, campaign, &recipient);
        }
    }
}
