#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/event_json.h"
#include "engine/store.h"

static uint8_t buffer[EVENT_JSON_MAX];
static struct arena arena;
static const struct classifier *classifier; /* NULL: none */

static struct attempt_event sample(enum outcome_kind kind)
{
    struct attempt_event event = {
        .identity = {0x0123456789abcdef, 42},
        .number = 3,
        .journal = 0xbeef,
        .offset = 0x10,
        .attempt = {.outcome = {.kind = kind, .stage = STAGE_RCPT, .cause = CAUSE_REPLY},
                    .counted = true,
                    .wall_ns = 1795262400 * NS_PER_S + 5 * NS_PER_MS,
                    .size = 4096,
                    .peer_name = SPAN("mx1.example.com"),
                    .site = SPAN("mx1.example.com,mx2.example.com"),
                    .return_path = SPAN("tag@bounces.example")},
    };

    event.attempt.outcome.reply.code = 250;
    return event;
}

static json_t *write_and_parse(const struct attempt_event *event,
                               const struct queue_recipient *recipient)
{
    struct text out;
    json_error_t error;
    json_t *root;

    text_init(&out, buffer, sizeof(buffer));
    event_json_write(&out, event, recipient, classifier);
    assert_false(out.overflow);
    assert_int_equal(out.data[out.size - 1], '\n');
    assert_int_equal(span_find_byte(text_span(&out), '\n'), out.size - 1); /* one line */
    root = json_loadb((const char *)out.data, out.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                      &error);
    if (root == NULL)
        fail_msg("%s in %.*s", error.text, (int)out.size, (const char *)out.data);
    return root;
}

static const char *text_of(json_t *root, const char *key)
{
    return json_string_value(json_object_get(root, key));
}

static void test_every_kind(void **state)
{
    static const struct {
        enum outcome_kind kind;
        const char *type;
    } kinds[] = {{OUTCOME_DELIVERED, "Delivery"},   {OUTCOME_DEFERRED, "TransientFailure"},
                 {OUTCOME_FAILED, "Bounce"},        {OUTCOME_UNSURE, "TransientFailure"},
                 {OUTCOME_EXPIRED, "Expiration"},   {OUTCOME_SUPPRESSED, "Suppressed"},
                 {OUTCOME_CANCELLED, "AdminBounce"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        for (uint32_t stage = 0; stage < STAGE_COUNT; stage++) {
            for (uint32_t cause = 0; cause < CAUSE_COUNT; cause++) {
                struct attempt_event event = sample(kinds[i].kind);
                json_t *root;

                event.attempt.outcome.stage = (enum outcome_stage)stage;
                event.attempt.outcome.cause = (enum outcome_cause)cause;
                root = write_and_parse(&event, NULL);
                assert_string_equal(text_of(root, "type"), kinds[i].type);
                assert_true(json_boolean_value(json_object_get(root, "unsure")) ==
                            (kinds[i].kind == OUTCOME_UNSURE ||
                             (kinds[i].kind == OUTCOME_EXPIRED && stage == STAGE_DOT &&
                              cause != CAUSE_REPLY)));
                json_decref(root);
            }
        }
    }
}

static void test_fields(void **state)
{
    struct campaign campaign = {.descriptor = {.name = SPAN("may \"sale\""),
                                               .tenant = SPAN("acme"),
                                               .sender = SPAN("news@shop.example"),
                                               .created_s = 1795262000}};
    struct queue_recipient recipient = {.campaign = &campaign,
                                        .domain_name = SPAN("example.com"),
                                        .address = SPAN("j\xc3\xb6@example.com"),
                                        .metadata = SPAN("{\"list\":[1,2]}")};
    struct attempt_event event = sample(OUTCOME_DEFERRED);
    json_t *root, *peer;

    (void)state;
    event.attempt.peer = (struct ip_port){.port = 25};
    assert_true(ip_parse(SPAN("192.0.2.1"), &event.attempt.peer.ip));
    assert_true(ip_parse(SPAN("2001:db8::9"), &event.attempt.source));
    event.attempt.next_due_ns = 1795263000 * NS_PER_S;
    event.attempt.delays_us[ATTEMPT_DELAY_DNS] = 1000001;
    root = write_and_parse(&event, &recipient);
    assert_string_equal(text_of(root, "campaign"), "may \"sale\"");
    assert_string_equal(text_of(root, "recipient"), "j\xc3\xb6@example.com");
    assert_string_equal(text_of(root, "queue"), "may \"sale\":acme@example.com");
    assert_string_equal(text_of(root, "event_id"), "beef-10");
    assert_string_equal(text_of(root, "source_address"), "2001:db8::9");
    peer = json_object_get(root, "peer_address");
    assert_string_equal(text_of(peer, "name"), "mx1.example.com");
    assert_string_equal(text_of(peer, "addr"), "192.0.2.1:25");
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "metadata"), "list")),
                     2);
    assert_true(json_real_value(json_object_get(json_object_get(root, "delays"), "dns")) >
                1.0000005);
    assert_int_equal(json_integer_value(json_object_get(root, "num_attempts")), 3);
    assert_non_null(json_object_get(root, "next_due"));
    json_decref(root);
}

static void test_hostile_reply(void **state)
{
    struct attempt_event event = sample(OUTCOME_FAILED);
    char *text = event.attempt.outcome.reply.text;
    json_t *root;

    (void)state;
    for (uint32_t shift = 0; shift < 256; shift++) {
        for (uint32_t i = 0; i < REPLY_TEXT_MAX; i++)
            text[i] = (char)(i * 7 + shift);
        event.attempt.outcome.reply.text_size = REPLY_TEXT_MAX;
        event.attempt.peer_name = span_make(text, 255);
        event.attempt.site = span_make(text + 200, 255);
        event.attempt.return_path = span_make(text + 100, 255);
        root = write_and_parse(&event, NULL);
        json_decref(root);
    }
}

static void test_largest(void **state)
{
    static char metadata[STORE_RECIPIENT_MAX];
    static char worst[512];
    struct campaign campaign = {0};
    struct queue_recipient recipient = {.campaign = &campaign};
    struct attempt_event event = sample(OUTCOME_FAILED);
    struct text out;

    (void)state;
    memset(metadata, '1', sizeof(metadata));
    memset(worst, 0x01, sizeof(worst)); /* six octets each */
    campaign.descriptor.name = campaign.descriptor.tenant = campaign.descriptor.sender =
        recipient.domain_name = span_make(worst, CAMPAIGN_NAME_MAX);
    recipient.address = span_make(worst, 320);
    recipient.metadata = span_make(metadata, sizeof(metadata));
    memcpy(event.attempt.outcome.reply.text, worst, REPLY_TEXT_MAX);
    event.attempt.outcome.reply.text_size = REPLY_TEXT_MAX;
    event.attempt.peer_name = event.attempt.site = event.attempt.return_path =
        span_make(worst, ATTEMPT_NAME_MAX);
    text_init(&out, buffer, sizeof(buffer));
    event_json_write(&out, &event, &recipient, NULL);
    assert_false(out.overflow);
}

static void test_ids_round_trip(void **state)
{
    static const struct identity samples[] = {
        {0, 0}, {1, 1}, {UINT64_MAX, UINT32_MAX}, {0x0123456789abcdef, 42}};
    static const char *const bad[] = {
        "",      ".",    "1",    "1.",  ".1", "g.1", "1.x", "1.4294967296", "12345678901234567.1",
        "1.1.1", "-1.1", "1.-1", " 1.1"};
    struct identity identity;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct text out;

        text_init(&out, buffer, 64);
        event_json_id(&out, samples[i]);
        assert_true(event_json_parse_id(text_span(&out), &identity));
        assert_true(identity.campaign == samples[i].campaign);
        assert_true(identity.ordinal == samples[i].ordinal);
    }
    assert_true(event_json_parse_id(SPAN("00000000000000AB.9"), &identity));
    assert_int_equal(identity.campaign, 0xab);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (event_json_parse_id(span_cstr(bad[i]), &identity))
            fail_msg("\"%s\"", bad[i]);
}

static const char *class_of(const struct attempt_event *event)
{
    static char name[32];
    json_t *root = write_and_parse(event, NULL);
    const char *class = text_of(root, "bounce_classification");

    (void)snprintf(name, sizeof(name), "%s", class != NULL ? class : "null");
    json_decref(root);
    return name;
}

static void test_classes(void **state)
{
    struct attempt_event event = sample(OUTCOME_FAILED);

    (void)state;
    event.attempt.outcome.reply = (struct reply){.code = 550, .enhanced = {5, 4, 1}};
    reply_set_text(&event.attempt.outcome.reply, SPAN("no"));
    assert_string_equal(class_of(&event), "null"); /* no rules */
    assert_int_equal(arena_open(&arena, classify_memory(rules_builtin())), 0);
    classifier = classify_open(&arena, rules_builtin());
    assert_string_equal(class_of(&event), "network");
    event.attempt.outcome.reply.enhanced[1] = 2;
    assert_string_equal(class_of(&event), "inactive");
    event.attempt.outcome.reply.enhanced[1] = 4;
    reply_set_text(&event.attempt.outcome.reply, SPAN("Access denied"));
    event.attempt.peer_name = SPAN("a-com.mail.protection.outlook.com");
    assert_string_equal(class_of(&event), "no-user");
    event.attempt.outcome = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, CAUSE_CONNECT, 111,
                                               SPAN("connection refused"));
    assert_string_equal(class_of(&event), "network");
    event.attempt.outcome.kind = OUTCOME_DELIVERED;
    assert_string_equal(class_of(&event), "null");
    event.attempt.outcome.kind = OUTCOME_CANCELLED;
    assert_string_equal(class_of(&event), "null");
    classifier = NULL;
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),     cmocka_unit_test(test_fields),
        cmocka_unit_test(test_hostile_reply),  cmocka_unit_test(test_largest),
        cmocka_unit_test(test_ids_round_trip), cmocka_unit_test(test_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
