#include "sim/scene_options.h"

#include "base/check.h"

void scene_options_init(struct world_options *options)
{
    *options = (struct world_options){
        .shards_count = 1,
        .connections_max = 10,
        .connections_per_site = 1,
        .messages_per_connection = 100,
        .buffers_max = 10,
        .ring_buffers_count = 64,
        .ring_buffer_size = 2048,
        .cache_entries_max = 256,
        .segment_size = MIB,
        .journal_size = MIB,
        .retry_s = {300, 300, 300},
        .lifetime_s = 86400,
        .zones = {.zones_count = 32},
    };
}

void scene_options_set(const struct scene *scene, struct world *world, struct span rest)
{
    struct world_options *options = &world->options;
    struct span key = span_word(&rest);
    struct span value = span_word(&rest);

    if (span_equal(key, SPAN("retry"))) {
        for (size_t i = 0; i < ARRAY_LEN(options->retry_s); i++)
            options->retry_s[i] = scene_duration(scene, value) / NS_PER_S;
    } else if (span_equal(key, SPAN("lifetime"))) {
        options->lifetime_s = scene_duration(scene, value) / NS_PER_S;
    } else if (span_equal(key, SPAN("shards"))) {
        options->shards_count = (uint32_t)scene_number(scene, value);
        CHECK(options->shards_count <= WORLD_SHARDS_MAX);
    } else if (span_equal(key, SPAN("connections_per_site"))) {
        options->connections_per_site = (uint32_t)scene_number(scene, value);
    } else if (span_equal(key, SPAN("messages_per_connection"))) {
        options->messages_per_connection = (uint32_t)scene_number(scene, value);
    } else if (span_equal(key, SPAN("window"))) {
        sim_world_net()->options.window = (size_t)scene_number(scene, value);
    } else if (span_equal(key, SPAN("lines"))) {
        options->lines_count = (uint32_t)scene_number(scene, value);
    } else if (span_equal(key, SPAN("requiretls"))) {
        options->require_tls = true;
    } else if (span_equal(key, SPAN("lifted"))) {
        options->lifts_tls = true;
    } else if (span_equal(key, SPAN("dane"))) {
        options->dane_percent = 100;
        options->tls_mode = 1;
        for (uint32_t i = 0; i < world->zones.zones_count; i++)
            world->zones.zones[i].tls_mode = 1;
    } else {
        scene_unreadable(scene, "this setting is not known");
    }
}
