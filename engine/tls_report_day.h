/* tls_report_day.h - the files of one day's reports about TLS: what was counted, what was posted,
 * and what is too old.
 *
 *   <spool>/tls/rpt.<day>.<shard>   counts (tls_counting.h), read into one table
 *   <spool>/tls/posted.<day>        "<domain> <url>\n" for each report that a web server took
 *
 * Reports by mail leave no line: they are campaigns (self_mail.h). Owns the table, the list and its
 * file; borrows io. */
#ifndef ENGINE_TLS_REPORT_DAY_H
#define ENGINE_TLS_REPORT_DAY_H

#include "engine/policy.h"
#include "engine/snapshot.h"
#include "tls/tlsrpt_table.h"

#define TLS_REPORT_DAY_DOMAINS_MAX 16384
#define TLS_REPORT_DAY_DETAILS_MAX 32768
#define TLS_REPORT_DAY_NAMES_SIZE ((size_t)256 * 1024)
#define TLS_REPORT_DAY_POSTED_SIZE ((size_t)1024 * 1024) /* what is beyond may be posted twice */
#define TLS_REPORT_DAY_KEPT 14                           /* days; older files are removed */
#define TLS_REPORT_DAY_SNAPSHOT 3                        /* its number */
#define TLS_REPORT_DAY_UNLINK 4                          /* "snapshot" of the removals */

struct tls_report_day {
    struct io *io;
    char folder[POLICY_PATH_MAX + 8];
    uint64_t day_s;
    struct tlsrpt_table table;
    struct text names; /* of the files, NUL behind each */
    size_t names_at;   /* of the next one to read */
    struct text posted;
    size_t posted_saved; /* octets of it in the file or being written */
    uint32_t unlinking;
    bool failed; /* the list could not be written; to be told */
    bool told;   /* ...once a day */
    bool keeps;  /* the list is written to its file */
    struct snapshot snapshot;
    uint8_t *buffer;
};

size_t tls_report_day_cost(void);
void tls_report_day_init(struct tls_report_day *day, struct arena *arena, struct io *io,
                         const struct policy *policy);
/* Another day: forgets the one before; the same one again: keeps what its file lacks. `sync`: the
 * list's file is synced. Only when idle. */
void tls_report_day_begin(struct tls_report_day *day, uint64_t day_s, bool sync);
/* Reads one more file. True: all have been read. */
MUST_USE bool tls_report_day_read(struct tls_report_day *day);
MUST_USE bool tls_report_day_was_posted(const struct tls_report_day *day, struct span domain,
                                        struct span url);
void tls_report_day_note_posted(struct tls_report_day *day, struct span domain, struct span url);
/* Removes what is older than TLS_REPORT_DAY_KEPT days. */
void tls_report_day_clean(struct tls_report_day *day, uint64_t today_s);
/* Events of TAG_SNAPSHOT. */
void tls_report_day_event(struct tls_report_day *day, const struct io_event *event);
/* Once a turn: writes the list. */
void tls_report_day_turn(struct tls_report_day *day);
/* Nothing is in flight. */
MUST_USE bool tls_report_day_is_idle(const struct tls_report_day *day);
/* ...nor waits to be written. */
MUST_USE bool tls_report_day_is_saved(const struct tls_report_day *day);
/* ...or it has been tried, and is tried again in a while. */
MUST_USE bool tls_report_day_is_settled(const struct tls_report_day *day);
/* True once a day that is begun, when its list could not be written: *ret_error says why. */
MUST_USE bool tls_report_day_take_failure(struct tls_report_day *day, int *ret_error);

#endif
