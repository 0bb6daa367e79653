/* Any bytes, cut anywhere: the same end as uncut, within the bounds. The first byte says where to
 * cut, the second whether the connection ends cleanly. */
#include <string.h>

#include "base/check.h"
#include "http/http_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bodies[2][4096];

static size_t run(struct http_response *response, uint8_t *body, struct span bytes, size_t cut,
                  bool clean)
{
    size_t used = 0;

    http_response_init(response, (struct span_mut){body, sizeof(bodies[0])}, 1);
    while (used < bytes.size && !http_response_ended(response))
        used += http_response_feed(response, span_slice(bytes, used, cut));
    http_response_end(response, clean);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response whole, cut;
    struct span bytes = span_skip(span_make(data, size), 2);
    size_t used, used_cut;
    bool clean;

    if (size < 2)
        return 0;
    clean = (data[1] & 1) != 0;
    used = run(&whole, bodies[0], bytes, SIZE_MAX, clean);
    used_cut = run(&cut, bodies[1], bytes, (size_t)1 + data[0], clean);
    CHECK(http_response_ended(&whole) && whole.state == cut.state && whole.problem == cut.problem);
    CHECK((whole.state == HTTP_RESPONSE_FAILED) == (whole.problem != HTTP_PROBLEM_NONE));
    CHECK(whole.body_size <= sizeof(bodies[0]) && whole.head_size <= HTTP_RESPONSE_HEAD_MAX + 1);
    if (whole.state == HTTP_RESPONSE_FAILED)
        return 0;
    CHECK(used == used_cut && whole.status == cut.status && whole.status >= 200);
    CHECK(http_response_has_head(&whole));
    CHECK(span_equal(http_response_body(&whole), http_response_body(&cut)));
    CHECK(span_equal(http_response_type(&whole), http_response_type(&cut)));
    CHECK(whole.body_size <= size && !span_has_control(http_response_type(&whole)));
    return 0;
}
