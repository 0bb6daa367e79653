#include "dns/wire_check.h"

#include "dns/dns_name.h"

#define CLASS_IN 1
#define RECORD_FIXED_SIZE 10 /* type, class, TTL, rdata length */
#define POINTER_BITS 0xc0
#define POINTERS_MAX 127 /* as many as a name can have labels */
#define SOA_FIGURES_SIZE 20
#define TYPE_NS 2
#define TLSA_FIXED_SIZE 3 /* usage, selector, matching type */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTION_COUNT };

struct record {
    uint16_t type;
    uint16_t class;
    size_t offset; /* of the owner name */
    size_t rdata;
    size_t rdata_size;
};

static uint16_t u16_at(struct span packet, size_t at)
{
    return (uint16_t)(packet.data[at] << 8 | packet.data[at + 1]);
}

/* A name while it is walked over. */
struct walk {
    size_t here;
    size_t barrier; /* a pointer must go below this */
    size_t end;     /* behind the first pointer; 0: none yet */
    size_t size;    /* expanded, with the root */
    uint32_t pointers;
};

static bool follow_pointer(struct span packet, size_t limit, struct walk *walk)
{
    size_t target;

    if (limit - walk->here < 2)
        return false;
    target = u16_at(packet, walk->here) & 0x3fff;
    walk->pointers++;
    if (target < WIRE_HEADER_SIZE || target >= walk->barrier || walk->pointers > POINTERS_MAX)
        return false;
    if (walk->end == 0)
        walk->end = walk->here + 2;
    walk->here = target;
    walk->barrier = target;
    return true;
}

static bool pass_label(uint8_t length, size_t limit, struct walk *walk)
{
    if (length > DNS_LABEL_SIZE_MAX || limit - walk->here <= length)
        return false;
    walk->size += (size_t)length + 1;
    walk->here += (size_t)length + 1;
    return walk->size <= DNS_NAME_SIZE_MAX;
}

/* Steps over the name at *at, which must end before `limit`; what it points to may lie anywhere
 * after the header but only before the place that points. */
static bool skip_name(struct span packet, size_t limit, size_t *at)
{
    struct walk walk = {.here = *at, .barrier = *at, .size = 1};

    for (;;) {
        size_t bound = walk.end == 0 ? limit : packet.size;

        if (walk.here >= bound)
            return false;
        uint8_t length = packet.data[walk.here];
        if (length == 0)
            break;
        bool ok = (length & POINTER_BITS) == POINTER_BITS ? follow_pointer(packet, bound, &walk)
                                                          : pass_label(length, bound, &walk);
        if (!ok)
            return false;
    }
    *at = walk.end == 0 ? walk.here + 1 : walk.end;
    return true;
}

/* Strings of a length octet and so many octets, one or more (RFC 1035 3.3.14). */
static bool txt_is_whole(struct span packet, size_t at, size_t end)
{
    bool some = at < end;

    while (at < end)
        at += (size_t)packet.data[at] + 1;
    return some && at == end;
}

static bool soa_is_whole(struct span packet, size_t at, size_t end)
{
    for (int names = 0; names < 2; names++) {
        if (!skip_name(packet, end, &at))
            return false;
    }
    return end - at == SOA_FIGURES_SIZE;
}

/* The rdata of the types we read, byte for byte (Postfix 2026-06: an MX shorter than its fixed part
 * was read past its end). */
static bool rdata_is_whole(struct span packet, const struct record *record)
{
    size_t at = record->rdata;
    size_t end = record->rdata + record->rdata_size;

    switch (record->type) {
    case WIRE_A:
        return record->rdata_size == 4;
    case WIRE_AAAA:
        return record->rdata_size == 16;
    case WIRE_CNAME:
        return skip_name(packet, end, &at) && at == end;
    case WIRE_MX:
        at += 2;
        return record->rdata_size > 2 && skip_name(packet, end, &at) && at == end;
    case WIRE_TXT:
        return txt_is_whole(packet, at, end);
    case WIRE_TLSA:
        return record->rdata_size >= TLSA_FIXED_SIZE;
    case WIRE_SOA:
        return soa_is_whole(packet, at, end);
    default:
        return true; /* not read by anybody */
    }
}

static bool next_record(struct span packet, size_t *at, struct record *ret)
{
    struct record record = {.offset = *at};

    if (!skip_name(packet, packet.size, at) || packet.size - *at < RECORD_FIXED_SIZE)
        return false;
    record.type = u16_at(packet, *at);
    record.class = u16_at(packet, *at + 2);
    record.rdata_size = u16_at(packet, *at + 8);
    record.rdata = *at + RECORD_FIXED_SIZE;
    if (packet.size - record.rdata < record.rdata_size || !rdata_is_whole(packet, &record))
        return false;
    *at = record.rdata + record.rdata_size;
    *ret = record;
    return true;
}

static void keep_record(const struct record *record, enum section section, struct wire_check *check)
{
    bool wanted = record->type == WIRE_A || record->type == WIRE_AAAA || record->type == WIRE_MX ||
                  record->type == WIRE_TXT || record->type == WIRE_TLSA ||
                  record->type == WIRE_CNAME;

    if (record->class != CLASS_IN)
        return;
    if (section == SECTION_ANSWER && wanted && check->answer.count < WIRE_RECORDS_MAX)
        check->answer.offsets[check->answer.count++] = (uint16_t)record->offset;
    if (section == SECTION_AUTHORITY && record->type == TYPE_NS)
        check->has_ns = true;
    if (section == SECTION_AUTHORITY && record->type == WIRE_SOA && !check->has_soa) {
        check->has_soa = true;
        check->soa_offset = (uint16_t)record->offset;
    }
}

bool wire_check_question(struct span packet, struct wire_question *ret_question)
{
    struct wire_question question = {0};
    size_t at = WIRE_HEADER_SIZE;

    if (packet.size < WIRE_HEADER_SIZE || packet.size > UINT16_MAX)
        return false;
    question.id = u16_at(packet, 0);
    question.response = (packet.data[2] & 0xf8) == 0x80; /* QR, and the opcode is QUERY */
    question.truncated = (packet.data[2] & 0x02) != 0;
    question.authentic = (packet.data[3] & 0x20) != 0;
    question.rcode = packet.data[3] & 0x0f;
    /* Nothing stands before it to point to, so a name that passes is uncompressed. */
    if (u16_at(packet, 4) == 1 && skip_name(packet, packet.size, &at) && packet.size - at >= 4 &&
        u16_at(packet, at + 2) == CLASS_IN) {
        question.has_question = true;
        question.name = span_slice(packet, WIRE_HEADER_SIZE, at - WIRE_HEADER_SIZE);
        question.type = u16_at(packet, at);
    }
    *ret_question = question;
    return true;
}

bool wire_check_records(struct span packet, struct wire_check *ret_check)
{
    struct wire_check check = {0};
    struct wire_question question;
    struct record record;

    if (!wire_check_question(packet, &question) || !question.has_question)
        return false;

    size_t at = WIRE_HEADER_SIZE + question.name.size + 4;
    for (enum section section = SECTION_ANSWER; section < SECTION_COUNT; section++) {
        uint16_t count = u16_at(packet, 6 + 2 * (size_t)section);

        for (uint16_t i = 0; i < count; i++) {
            if (!next_record(packet, &at, &record))
                return false;
            keep_record(&record, section, &check);
        }
    }
    if (at != packet.size)
        return false;
    *ret_check = check;
    return true;
}
