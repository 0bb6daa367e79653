/* Any bytes: settings or an error with its place. What was read can be shown, and what is shown
 * reads back as the same. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/config.h"
#include "base/config_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t message[4096];
static uint8_t shown[2][65536];

static int read_settings(struct span yaml, struct sample_settings *settings)
{
    struct config_origin origin;
    struct text error;
    int status;

    text_init(&error, message, sizeof(message));
    sample_prepare(settings);
    status = config_read(&sample_schema, yaml, "fuzz", settings, &origin, &error);
    CHECK(!error.overflow);
    CHECK(status == 0 || status == -EINVAL);
    CHECK((status == 0) == (error.size == 0));
    if (status != 0)
        CHECK(span_starts(text_span(&error), SPAN("fuzz:")));
    return status;
}

static struct span show(const struct sample_settings *settings, size_t which)
{
    struct config_origin origin = {0};
    struct text out;

    text_init(&out, shown[which], sizeof(shown[which]));
    config_show(&sample_schema, settings, &origin, "fuzz", which == 0, &out);
    CHECK(!out.overflow);
    return text_span(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample_settings first, second;
    struct span before, after;

    if (read_settings(span_make(data, size), &first) != 0)
        return 0;
    CHECK(read_settings(show(&first, 0), &second) == 0);
    before = show(&first, 1);
    memcpy(shown[0], before.data, before.size);
    before.data = shown[0];
    after = show(&second, 1);
    CHECK(span_equal(before, after));
    return 0;
}
