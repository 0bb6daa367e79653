/* tls_trouble_file.h - what a shard remembers of broken TLS (tls_trouble.h), kept over a restart in
 * <folder>/tls-trouble.<shard>, written some seconds after a change. */
#ifndef ENGINE_TLS_TROUBLE_FILE_H
#define ENGINE_TLS_TROUBLE_FILE_H

#include "engine/keepsake.h"
#include "engine/tls_trouble.h"

#define TLS_TROUBLE_FILE_SAVE_NS (10 * NS_PER_S)
#define TLS_TROUBLE_FILE_SNAPSHOT 1 /* its number */

void tls_trouble_file_init(struct keepsake *file, struct arena *arena, struct tls_trouble *trouble,
                           const struct keepsake_place *place);

#endif
