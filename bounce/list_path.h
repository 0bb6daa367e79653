/* list_path.h - the return paths of somebody else's list software, as patterns.
 *
 * A list manager writes into the return path which list a message was from and to whom:
 * "team-bounces+ann=example.org@lists.example.com". A pattern says how, with names in braces:
 *
 *   {list}    the list's name: letters, digits, '.', '_', '-', '+'
 *   {local}   the local part of the subscriber's address; only together with {domain}
 *   {domain}  its domain
 *   {token}   a run of letters, digits, '.', '_', '-' that says nothing to us
 *
 * What stands outside of braces stands so in the address, in any case of its letters; behind '@'
 * is the host, literally. Between two names there is text. A name takes as little as it can, up to
 * the first place where the text behind it stands; {local} as much as it can, so that of several
 * '=' the last one splits: domains have none. A name at the end takes the rest, and text at the
 * end has to stand at the end. Each name takes at least one octet.
 *
 * On their way addresses are mangled: "+", "=" and "@" come as "%2B", "=3D" and the like, and a
 * BATV tag ("prvs=0123456789=") before it. An address that does not match as it is is tried
 * without.
 *
 * There is no trying back and forth: one pass for each name, none over more than the address.
 * Nothing here proves anything: whoever knows the form can write such an address.
 * A plain value; owns nothing. What matched borrows from the match. */
#ifndef BOUNCE_LIST_PATH_H
#define BOUNCE_LIST_PATH_H

#include "base/span.h"
#include "message/address.h"

#define LIST_PATH_TEXT_MAX 255
#define LIST_PATH_PARTS_MAX 12
#define LIST_PATH_LIST_MAX 100
/* Of an address to be looked at; more than RFC 5321 allows, for these forms exceed its 64 octets.
 */
#define LIST_PATH_ADDRESS_MAX 400

enum list_path_kind {
    LIST_PATH_LITERAL = 0,
    LIST_PATH_LIST,
    LIST_PATH_LOCAL,
    LIST_PATH_DOMAIN,
    LIST_PATH_TOKEN,
    LIST_PATH_KIND_COUNT
};

struct list_path_part {
    enum list_path_kind kind;
    uint16_t begin; /* LITERAL: where it stands in the text */
    uint16_t size;
};

struct list_path {
    uint32_t parts_count;
    struct list_path_part parts[LIST_PATH_PARTS_MAX]; /* before the '@' */
    bool names_address;                               /* {local} and {domain} are there */
    bool names_list;
    uint16_t host_begin;
    uint16_t size;
    char text[LIST_PATH_TEXT_MAX]; /* in lower case */
};

struct list_path_match {
    struct span list;    /* empty: the pattern does not say */
    struct span address; /* canonical (message/address); empty: the pattern does not say */
    char list_bytes[LIST_PATH_LIST_MAX];
    char address_bytes[ADDRESS_KEY_MAX];
};

/* 0, or -EINVAL with the octet of the pattern that is wrong, from 1, and why (static text). */
MUST_USE int list_path_compile(struct span pattern, struct list_path *ret, uint32_t *ret_column,
                               const char **ret_problem);
/* Whether the address has this form and the names hold what they should: an address that can be
 * mailed, a list's name. *ret_match borrows from itself: it is not to be moved. */
MUST_USE bool list_path_matches(const struct list_path *path, struct span address,
                                struct list_path_match *ret_match);
/* Behind the '@'. */
struct span list_path_host(const struct list_path *path);

#endif
