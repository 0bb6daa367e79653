#include "engine/standing_json.h"

#include "base/json_put.h"
#include "base/utc.h"

#define DAY_S 86400

struct sums {
    double all;
    double delivered;
    double hard;
    double soft;
    double senders;
    double complaints;
};

static void sum(const struct hygiene_domain *domain, uint16_t day, struct sums *sums)
{
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        enum bounce_class class = (enum bounce_class)i;
        double count = hygiene_domain_count_on(domain, class, day);

        if (class == BOUNCE_COMPLAINT) {
            sums->complaints += count; /* of mail that was delivered */
            continue;
        }
        if (class == BOUNCE_SUCCESS)
            sums->delivered += count;
        else if (bounce_class_is_senders(class))
            sums->senders += count;
        else if (bounce_class_severity(class) == BOUNCE_SEVERITY_HARD)
            sums->hard += count;
        else if (bounce_class_severity(class) == BOUNCE_SEVERITY_SOFT)
            sums->soft += count;
        else
            continue;
        sums->all += count;
    }
}

static void put_classes(struct text *out, const struct hygiene_domain *domain, uint16_t day)
{
    json_put_key(out, "classes");
    json_put_open(out, '[');
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        double count = hygiene_domain_count_on(domain, (enum bounce_class)i, day);

        if (count < 0.05)
            continue;
        json_put_open(out, '{');
        json_put_key_cstr(out, "class", bounce_class_name((enum bounce_class)i));
        json_put_key_double(out, "count", count, 1);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

static void put_history(struct text *out, const struct hygiene_domain *domain)
{
    json_put_key(out, "history");
    json_put_open(out, '[');
    for (uint32_t i = 0; i < domain->history_count; i++) {
        char buffer[UTC_SIZE];
        struct text when;

        text_init(&when, buffer, sizeof(buffer));
        utc_write(&when, domain->history[i].day * (uint64_t)DAY_S);
        json_put_open(out, '{');
        json_put_key_string(out, "day", text_span(&when));
        json_put_key_cstr(out, "class",
                          bounce_class_name((enum bounce_class)domain->history[i].class));
        json_put_key_u64(out, "count", domain->history[i].count);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

void standing_json_put(struct text *out, struct span name, const struct hygiene_domain *domain,
                       uint64_t now_s)
{
    uint16_t day = (uint16_t)(now_s / DAY_S);
    struct sums sums = {0};

    json_put_open(out, '{');
    json_put_key_string(out, "domain", name);
    json_put_key_cstr(out, "state", domain != NULL ? "known" : "unknown");
    if (domain != NULL) {
        sum(domain, day, &sums);
        json_put_key_double(out, "score", sums.all > 0 ? (sums.hard + sums.soft) / sums.all : 0, 3);
        json_put_key_double(out, "delivered", sums.delivered, 1);
        json_put_key_double(out, "hard", sums.hard, 1);
        json_put_key_double(out, "soft", sums.soft, 1);
        json_put_key_double(out, "senders", sums.senders, 1);
        json_put_key_double(out, "complaints", sums.complaints, 1);
        put_classes(out, domain, day);
        put_history(out, domain);
    }
    json_put_close(out, '}');
}
