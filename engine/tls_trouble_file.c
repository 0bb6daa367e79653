#include "engine/tls_trouble_file.h"

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    return tls_trouble_write(context, cursor, out);
}

static void take(void *context, struct span bytes)
{
    (void)tls_trouble_read(context, bytes); /* how many */
}

void tls_trouble_file_init(struct keepsake *file, struct arena *arena, struct tls_trouble *trouble,
                           const struct keepsake_place *place)
{
    const struct keepsake_options options = {.prefix = "tls-trouble.",
                                             .number = TLS_TROUBLE_FILE_SNAPSHOT,
                                             .interval_ns = TLS_TROUBLE_FILE_SAVE_NS,
                                             .changes = &trouble->changes,
                                             .producer = produce,
                                             .taker = take,
                                             .context = trouble};

    keepsake_init(file, arena, &options, place);
}
