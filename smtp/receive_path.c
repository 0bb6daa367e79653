#include "smtp/receive_path.h"

#include "base/text.h"
#include "message/address.h"

#define PARAMETERS_MAX 16

static struct span drop_route(struct span path)
{
    size_t colon;

    if (path.size == 0 || path.data[0] != '@')
        return path;
    colon = span_find_byte(path, ':');
    return colon == SPAN_NOT_FOUND ? path : span_skip(path, colon + 1);
}

/* The end of the path, behind its '>': one inside a quoted local part is not it. */
static size_t path_end(struct span text)
{
    bool quoted = false;

    for (size_t i = 1; i < text.size; i++) {
        if (quoted && text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            quoted = !quoted;
        else if (text.data[i] == '>' && !quoted)
            return i + 1;
    }
    return SPAN_NOT_FOUND;
}

static enum receive_path_fault read_parameter(struct span parameter, struct receive_path *path)
{
    struct span value = parameter;
    struct span keyword = span_split(&value, '=');

    if (span_equal_nocase(keyword, SPAN("SIZE")))
        return span_number(value, INT64_MAX, &path->size) ? RECEIVE_PATH_GOOD : RECEIVE_PATH_VALUE;
    if (span_equal_nocase(keyword, SPAN("BODY")))
        return span_equal_nocase(value, SPAN("7BIT")) || span_equal_nocase(value, SPAN("8BITMIME"))
                   ? RECEIVE_PATH_GOOD
                   : RECEIVE_PATH_VALUE;
    if (span_equal_nocase(keyword, SPAN("SMTPUTF8")))
        return value.size == 0 ? RECEIVE_PATH_GOOD : RECEIVE_PATH_VALUE;
    return RECEIVE_PATH_PARAMETER;
}

static enum receive_path_fault read_parameters(struct span rest, bool offered,
                                               struct receive_path *path)
{
    for (uint32_t count = 0;; count++) {
        struct span parameter;
        enum receive_path_fault fault;

        rest = span_trim(rest);
        parameter = span_word(&rest);
        if (parameter.size == 0)
            return RECEIVE_PATH_GOOD;
        fault = offered && count < PARAMETERS_MAX ? read_parameter(parameter, path)
                                                  : RECEIVE_PATH_PARAMETER;
        if (fault != RECEIVE_PATH_GOOD)
            return fault;
    }
}

/* `text` begins at the '<'; *ret_rest is what follows the path. */
static bool take_path(struct span text, struct span *ret_mailbox, struct span *ret_rest)
{
    size_t end;

    if (text.size == 0 || text.data[0] != '<')
        return false;
    end = path_end(text);
    if (end == SPAN_NOT_FOUND)
        return false;
    *ret_mailbox = drop_route(span_slice(text, 1, end - 2));
    *ret_rest = span_skip(text, end);
    return ret_rest->size == 0 || ret_rest->data[0] == ' ' || ret_rest->data[0] == '\t';
}

static bool is_mailbox(struct span text)
{
    struct address address;
    const char *problem;

    return address_parse(text, &address, &problem);
}

/* Return paths of list software hold an address in their local part and exceed the 64 octets of RFC
 * 5321 4.5.3.1.1, which 4.5.3.1 asks to take all the same. Only plain ones, within a whole path. */
static bool is_long_mailbox(struct span text)
{
    static const struct span others = SPAN_INIT("!#$%&'*+-./=?^_`{|}~");
    size_t at = span_find_byte(text, '@');
    char buffer[ADDRESS_SIZE_MAX + 1];
    struct text bare;

    if (at == SPAN_NOT_FOUND || at <= ADDRESS_LOCAL_MAX || text.size > ADDRESS_SIZE_MAX)
        return false;
    for (size_t i = 0; i < at; i++) {
        uint8_t byte = span_lower_byte(text.data[i]);

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') &&
            span_find_byte(others, byte) == SPAN_NOT_FOUND)
            return false;
    }
    text_init(&bare, buffer, sizeof(buffer));
    text_add_byte(&bare, 'x');
    text_add(&bare, span_skip(text, at));
    return is_mailbox(text_span(&bare));
}

/* Behind the verb: `keyword`, perhaps a space that RFC 5321 forbids and many write, the path. */
static bool take_argument(struct span rest, struct span keyword, struct receive_path *path,
                          struct span *ret_parameters)
{
    rest = span_trim(rest);
    if (!span_starts_nocase(rest, keyword))
        return false;
    return take_path(span_trim(span_skip(rest, keyword.size)), &path->mailbox, ret_parameters);
}

enum receive_path_fault receive_path_from(struct span rest, struct receive_path *ret)
{
    struct receive_path path = {.size = 0};
    struct span parameters;
    enum receive_path_fault fault;

    if (!take_argument(rest, SPAN("FROM:"), &path, &parameters))
        return RECEIVE_PATH_SYNTAX;
    if (path.mailbox.size > 0 && !is_mailbox(path.mailbox))
        return RECEIVE_PATH_ADDRESS;
    fault = read_parameters(parameters, true, &path);
    if (fault == RECEIVE_PATH_GOOD)
        *ret = path;
    return fault;
}

enum receive_path_fault receive_path_to(struct span rest, struct receive_path *ret)
{
    struct receive_path path = {.size = 0};
    struct span parameters;
    enum receive_path_fault fault;

    if (!take_argument(rest, SPAN("TO:"), &path, &parameters))
        return RECEIVE_PATH_SYNTAX;
    if (!span_equal_nocase(path.mailbox, SPAN("postmaster")) && !is_mailbox(path.mailbox) &&
        !is_long_mailbox(path.mailbox))
        return RECEIVE_PATH_ADDRESS;
    fault = read_parameters(parameters, false, &path);
    if (fault == RECEIVE_PATH_GOOD)
        *ret = path;
    return fault;
}
