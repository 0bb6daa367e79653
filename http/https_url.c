#include "http/https_url.h"

#include <string.h>

/* Letters, digits, hyphens and single dots; the last label is no number. */
static bool is_host(struct span host)
{
    size_t label = 0;
    bool letter = false;

    if (host.size == 0 || host.size > 253)
        return false;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t byte = span_lower_byte(host.data[i]);
        bool edge = label == 0 || i + 1 == host.size || host.data[i + 1] == '.';

        if (byte == '.' && label > 0) {
            label = 0;
            letter = false;
            continue;
        }
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
              (byte == '-' && !edge)) ||
            ++label > 63)
            return false;
        letter = letter || byte > '9';
    }
    return label > 0 && letter;
}

static bool is_target(struct span target)
{
    for (size_t i = 0; i < target.size; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f ||
            strchr("#\"<>\\^`{|}", target.data[i]) != NULL)
            return false;
    return true;
}

bool https_url_parse(struct span text, struct https_url *ret_url)
{
    struct span rest = span_skip(text, 8);
    struct https_url url = {.port = 443};
    struct span port;
    size_t end = 0;
    uint64_t number;

    if (!span_starts_nocase(text, SPAN("https://")))
        return false;
    while (end < rest.size && rest.data[end] != '/' && rest.data[end] != '?')
        end++;
    url.authority = span_first(rest, end);
    url.target = span_skip(rest, end);
    port = url.authority;
    url.host = span_split(&port, ':');
    if (url.target.size == 0)
        url.target = SPAN("/");
    if (url.target.data[0] != '/' || !is_host(url.host) || !is_target(url.target))
        return false;
    if (url.host.size < url.authority.size) {
        if (!span_number(port, UINT16_MAX, &number) || number == 0)
            return false;
        url.port = (uint16_t)number;
    }
    *ret_url = url;
    return true;
}
