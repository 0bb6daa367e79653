#include "engine/self_mail.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

void self_mail_init(struct self_mail *mail, struct store *store, struct content_set *contents)
{
    memset(mail, 0, sizeof(*mail));
    mail->store = store;
    mail->contents = contents;
}

static enum self_mail_state end(struct self_mail *mail, enum self_mail_state state)
{
    if (state == SELF_MAIL_FAILED)
        content_drop(mail->contents, store_load_campaign(mail->load));
    store_load_end(mail->load);
    mail->load = NULL;
    return state;
}

static enum self_mail_state add(struct self_mail *mail)
{
    while (mail->next < mail->recipients_count) {
        struct span address = span_make(mail->recipients[mail->next], mail->sizes[mail->next]);
        uint8_t bytes[ADDRESS_DOMAIN_KEY_MAX + 16];
        struct store_recipient recipient = {.address = address};
        struct address parsed;
        struct text domain;
        const char *problem;
        int result = -EINVAL;

        text_init(&domain, bytes, sizeof(bytes));
        if (address_parse(address, &parsed, &problem) &&
            address_domain_key(parsed.domain, &domain)) {
            recipient.domain = text_span(&domain);
            result = store_load_add(mail->load, &recipient);
        }
        if (result == -EAGAIN)
            return SELF_MAIL_ADDING;
        if (result < 0)
            return end(mail, SELF_MAIL_FAILED);
        mail->next++;
    }
    store_load_commit(mail->load, (const uint8_t[CAMPAIGN_DIGEST_SIZE]){0});
    return SELF_MAIL_COMMITTING;
}

static enum self_mail_state commit(struct self_mail *mail)
{
    uint32_t index = store_load_campaign(mail->load);

    switch (store_load_state(mail->load)) {
    case STORE_LOAD_DURABLE:
        content_place(mail->contents, index, queue_campaign(store_queue(mail->store), index));
        store_load_publish(mail->load);
        return SELF_MAIL_COMMITTING;
    case STORE_LOAD_READY:
        return end(mail, SELF_MAIL_DONE);
    case STORE_LOAD_FAILED:
        return end(mail, SELF_MAIL_FAILED);
    case STORE_LOAD_ADDING:
    case STORE_LOAD_COMMITTING:
        break;
    }
    return SELF_MAIL_COMMITTING;
}

int self_mail_begin(struct self_mail *mail, const struct self_mail_letter *letter)
{
    struct campaign_descriptor draft = {
        .name = letter->name,
        .stream = SPAN(SELF_MAIL_STREAM),
        .sender = letter->sender,
        .lane = LANE_TRANSACTIONAL,
        .kind = CAMPAIGN_MESSAGE,
        .weight = 1,
        .created_s = letter->created_s,
    };
    char buffer[256];
    struct text error;
    uint32_t index;
    bool passes;
    int result;

    CHECK(mail->state == SELF_MAIL_IDLE);
    CHECK(letter->recipients_count > 0 && letter->recipients_count <= SELF_MAIL_RECIPIENTS_MAX);
    for (uint32_t i = 0; i < letter->recipients_count; i++) {
        mail->sizes[i] = letter->recipients[i].size;
        if (mail->sizes[i] > ADDRESS_SIZE_MAX)
            return -EINVAL;
        memcpy(mail->recipients[i], letter->recipients[i].data, mail->sizes[i]);
    }
    result = store_load_begin(mail->store, &draft, letter->content, &mail->load);
    if (result < 0)
        return result;
    index = store_load_campaign(mail->load);
    text_init(&error, buffer, sizeof(buffer));
    result = content_draft(mail->contents, index, queue_campaign(store_queue(mail->store), index),
                           letter->content, &error, &passes);
    if (result < 0) {
        (void)end(mail, SELF_MAIL_FAILED);
        return result;
    }
    store_load_keep_back(mail->load);
    mail->recipients_count = letter->recipients_count;
    mail->next = 0;
    mail->state = add(mail);
    return 0;
}

void self_mail_turn(struct self_mail *mail)
{
    if (mail->state == SELF_MAIL_ADDING)
        mail->state = add(mail);
    if (mail->state == SELF_MAIL_COMMITTING)
        mail->state = commit(mail);
}

enum self_mail_state self_mail_take(struct self_mail *mail)
{
    enum self_mail_state state = mail->state;

    if (state == SELF_MAIL_DONE || state == SELF_MAIL_FAILED)
        mail->state = SELF_MAIL_IDLE;
    return state;
}

bool self_mail_stop(struct self_mail *mail)
{
    if (mail->state == SELF_MAIL_ADDING)
        mail->state = end(mail, SELF_MAIL_FAILED);
    return mail->state != SELF_MAIL_COMMITTING;
}
