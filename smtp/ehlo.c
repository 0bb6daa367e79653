#include "smtp/ehlo.h"

#include <string.h>

static const struct {
    struct span keyword;
    enum ehlo_extension extension;
} keywords[] = {
    {SPAN_INIT("PIPELINING"), EHLO_PIPELINING},
    {SPAN_INIT("SIZE"), EHLO_SIZE},
    {SPAN_INIT("8BITMIME"), EHLO_8BITMIME},
    {SPAN_INIT("ENHANCEDSTATUSCODES"), EHLO_ENHANCEDSTATUS},
    {SPAN_INIT("SMTPUTF8"), EHLO_SMTPUTF8},
    {SPAN_INIT("CHUNKING"), EHLO_CHUNKING},
    {SPAN_INIT("STARTTLS"), EHLO_STARTTLS},
    {SPAN_INIT("DSN"), EHLO_DSN},
    {SPAN_INIT("REQUIRETLS"), EHLO_REQUIRETLS},
};

void ehlo_init(struct ehlo *ehlo)
{
    memset(ehlo, 0, sizeof(*ehlo));
}

static void read_mechanisms(struct ehlo *ehlo, struct span rest)
{
    while (rest.size > 0) {
        struct span mechanism = span_word(&rest);

        if (span_equal_nocase(mechanism, SPAN("PLAIN")))
            ehlo->extensions |= EHLO_AUTH_PLAIN;
        else if (span_equal_nocase(mechanism, SPAN("LOGIN")))
            ehlo->extensions |= EHLO_AUTH_LOGIN;
        rest = span_trim(rest);
    }
}

void ehlo_read_line(struct ehlo *ehlo, struct span line)
{
    struct span rest = span_trim(line);
    struct span keyword = span_word(&rest);

    if (span_equal_nocase(keyword, SPAN("AUTH")))
        read_mechanisms(ehlo, span_trim(rest));

    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (!span_equal_nocase(keyword, keywords[i].keyword))
            continue;
        ehlo->extensions |= keywords[i].extension;
        if (keywords[i].extension == EHLO_SIZE &&
            !span_number(span_word(&rest), INT64_MAX, &ehlo->size_max))
            ehlo->size_max = 0;
        return;
    }
}

bool ehlo_offers(const struct ehlo *ehlo, enum ehlo_extension extension)
{
    return (ehlo->extensions & (uint32_t)extension) != 0;
}
