/* window.h - the open transactions of a session, and the replies that are awaited, in order.
 *
 * Every command written is entered with the transaction it belongs to, and every reply takes the
 * oldest entry: so that no reply is ever given to another command. Knows nothing of what commands
 * and replies mean. A plain value with room for WINDOW_TRANSACTIONS_MAX and WINDOW_REPLIES_MAX.
 *
 *   a transaction:  COMMANDS -> BODY -> DOT -> REFUSED or released
 *                   COMMANDS -> REFUSED (settled, its replies drain) -> released */
#ifndef SMTP_WINDOW_H
#define SMTP_WINDOW_H

#include "smtp/command.h"

#define WINDOW_TRANSACTIONS_MAX 2
#define WINDOW_REPLIES_MAX 8
#define WINDOW_NONE 0xff /* no transaction */

enum window_state {
    WINDOW_FREE = 0, /* no transaction in this place */
    WINDOW_COMMANDS, /* MAIL, RCPT, DATA are being written and answered; no verdict */
    WINDOW_BODY,     /* 354 came: the content is owed, or partly handed out */
    WINDOW_DOT,      /* handed out whole: only the answer to the dot tells; a loss is unsure */
    WINDOW_REFUSED   /* settled; answers to its commands, perhaps a lone dot's, are due */
};

struct window_transaction {
    enum window_state state;
    enum command next; /* to be written next, or NONE */
    uint32_t tag;
    bool answered; /* at least one reply belongs to it */
    bool opened;   /* the server accepted MAIL or RCPT: it may hold a pending transaction */
    struct envelope envelope;
};

struct window_reply {
    uint8_t command; /* enum command */
    uint8_t place;   /* of its transaction, or WINDOW_NONE */
};

struct window {
    struct window_transaction transactions[WINDOW_TRANSACTIONS_MAX];
    struct window_reply replies[WINDOW_REPLIES_MAX];
    uint8_t transactions_head;
    uint8_t transactions_count;
    uint8_t replies_head;
    uint8_t replies_count;
};

void window_init(struct window *window);

/* A command was written: its reply is awaited behind all others. */
void window_await(struct window *window, enum command command, uint8_t place);
/* A reply came: what it answers. Something must be awaited. */
struct window_reply window_take(struct window *window);
/* The command whose reply comes next, or NONE. */
enum command window_awaited(const struct window *window);
/* The same among those of one transaction. */
enum command window_awaited_of(const struct window *window, uint8_t place);

/* The place of a new transaction in state COMMANDS, next MAIL. There must be room. */
uint8_t window_open(struct window *window);
MUST_USE bool window_full(const struct window *window);
/* Not settled yet. */
MUST_USE bool window_is_open(const struct window_transaction *transaction);
MUST_USE uint32_t window_open_count(const struct window *window);
/* The place of the `order`th transaction, from the oldest; or WINDOW_NONE. */
uint8_t window_place(const struct window *window, uint32_t order);
/* The place of the newest, or WINDOW_NONE. */
uint8_t window_newest(const struct window *window);
/* Whether another transaction's commands may follow in the same flight: the newest has nothing
 * more to write and only the answer to its dot to wait for. */
MUST_USE bool window_may_follow(const struct window *window);
/* Frees the places of settled transactions to which no reply is due any more. */
void window_release(struct window *window);

#endif
