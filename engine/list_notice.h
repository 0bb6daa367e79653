/* list_notice.h - mail that came back to somebody else's list: which one, and about whom.
 *
 * By the forms of bounces.foreign_verp (bounce/list_path.h). The form is looked for where the mail
 * was delivered to: the envelope, the fields that delivery agents write, To, and the Return-Path of
 * what was returned (complaints go to another address). A form with {local} and {domain} says
 * whom it is about; without them everybody is meant whom the report names as failed, by the address
 * that his was made from if it names that, up to LIST_NOTICE_NAMED_MAX people.
 *
 * The scope is "list@host" in lower case: what follows concerns that list and nothing else. None of
 * it is proven. A plain value; knows nothing of stores or sockets. */
#ifndef ENGINE_LIST_NOTICE_H
#define ENGINE_LIST_NOTICE_H

#include "engine/notice.h"
#include "engine/policy.h"

/* A return path without an address is one message's to many people, and its report may name
 * those whom one transaction carried it to: 100 is what every server takes (RFC 5321 4.5.3.1.8).
 * Further names of a report are not believed; who fails again is named again. */
#define LIST_NOTICE_NAMED_MAX 100

struct list_notice {
    const struct policy_foreign *rule;
    uint32_t message;             /* a sum over its Message-ID, or over all of it */
    struct list_path_match match; /* borrows from itself: not to be moved */
};

/* Whether mail to this address is of a list. */
MUST_USE bool list_notice_takes(const struct policy *policy, struct span address,
                                struct list_notice *ret);
/* `envelope` may be empty. */
MUST_USE bool list_notice_find(const struct policy *policy, struct span envelope,
                               struct span message, const struct report *report,
                               struct list_notice *ret);
/* About how many people it is; none: nobody is named. */
uint32_t list_notice_count(const struct list_notice *list, const struct report *report);
/* The one with this number. False: what is named is no address. */
MUST_USE bool list_notice_make(const struct list_notice *list, const struct report *report,
                               uint32_t number, struct notice *ret_notice);

#endif
