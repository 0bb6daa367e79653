/* standing_json.h - how mail to a domain fared, as JSON (docs/hygiene.md, "Domains").
 *
 * Knows no store and no clock: values in, text out. */
#ifndef ENGINE_STANDING_JSON_H
#define ENGINE_STANDING_JSON_H

#include "base/text.h"
#include "bounce/hygiene_domains.h"

/* The most that standing_json_put adds. */
#define STANDING_JSON_MAX 3500

/* An object: "domain", "score" (the share of failures that are the recipients' or the domain's),
 * "delivered", "hard", "soft", "senders", "complaints", "classes", "history". `domain` NULL:
 * nothing is known, "domain" and "state" only. Counts are as of `now_s`. */
void standing_json_put(struct text *out, struct span name, const struct hygiene_domain *domain,
                       uint64_t now_s);

#endif
