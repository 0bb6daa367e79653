/* dns_name.h - a domain name in wire form (RFC 1035 3.1), lower case.
 *
 * Knows nothing of packets; never compressed. A plain value: size counts the root's zero octet, so
 * the root has size 1 and no name is larger than 255. */
#ifndef DNS_DNS_NAME_H
#define DNS_DNS_NAME_H

#include "base/span.h"
#include "base/text.h"

#define DNS_NAME_SIZE_MAX 255
#define DNS_LABEL_SIZE_MAX 63
/* As text: 253 octets and a NUL. */
#define DNS_NAME_TEXT_SIZE 254

struct dns_name {
    uint8_t size; /* 0: no name */
    uint8_t bytes[DNS_NAME_SIZE_MAX];
};

/* From text, a final dot allowed. Host names only: labels of letters, digits, '-' inside and '_'
 * anywhere (seen in real MX records); no empty label, no address. False: cannot be looked up. */
MUST_USE bool dns_name_parse(struct span text, struct dns_name *ret_name);
/* From uncompressed wire form that fills the span; copies in lower case. False: malformed. */
MUST_USE bool dns_name_from_wire(struct span wire, struct dns_name *ret_name);
/* Would dns_name_parse have accepted it as text? False for the root. */
MUST_USE bool dns_name_is_host(const struct dns_name *name);
MUST_USE bool dns_name_is_root(const struct dns_name *name);
/* Without final dot; octets outside 0x21..0x7e, dots in labels and '\' become \DDD (RFC 4343). */
void dns_name_write(const struct dns_name *name, struct text *text);
/* Is `name` equal to or below `zone`? */
MUST_USE bool dns_name_within(const struct dns_name *name, const struct dns_name *zone);
MUST_USE bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
struct span dns_name_span(const struct dns_name *name);

#endif
