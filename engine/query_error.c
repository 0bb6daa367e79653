#include "engine/query_error.h"

#include "base/json_put.h"

static bool complain(struct text *out, const char *what, bool later)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "error", what);
    if (later)
        json_put_key_bool(out, "later", true);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

bool query_error(struct text *out, const char *what)
{
    return complain(out, what, false);
}

bool query_error_for_now(struct text *out, const char *what)
{
    return complain(out, what, true);
}
