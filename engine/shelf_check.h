/* shelf_check.h - whether a file of LMDB can be trusted, before LMDB maps it.
 *
 * LMDB 0.9 keeps no checksums and believes every offset it finds: a flipped bit would be followed
 * out of the map, or written through. So all that its newest meta page leads to is walked first:
 * headers, the offsets of every node, the order of keys, the number of entries, each page used once
 * and lying in the file, free pages not used. What values say is for the caller to judge, one by
 * one. Takes bytes; knows the layout of version 1 of the format, and no more than the one unnamed
 * database with keys of four octets. */
#ifndef ENGINE_SHELF_CHECK_H
#define ENGINE_SHELF_CHECK_H

#include "base/span.h"

typedef bool shelf_check_value(void *context, uint32_t key, struct span value);

/* 0; -EBADMSG: not sound, or a value was refused; -ENOMEM. Keys come in their order. */
MUST_USE int shelf_check(struct span file, shelf_check_value *judge, void *context);

#endif
