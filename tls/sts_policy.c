#include "tls/sts_policy.h"

#include <string.h>

#include "base/check.h"

static const char *const mode_names[] = {
    [STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce"};

struct reading {
    struct sts_policy *policy;
    struct text patterns;
    bool version, mode, max_age;
    const char *problem;
};

static bool refuse(struct reading *reading, const char *problem)
{
    reading->problem = problem;
    return false;
}

/* Labels of letters, digits and hyphens (and underscores, which some hosts have), single dots. */
static bool is_domain(struct span domain)
{
    size_t label = 0;

    for (size_t i = 0; i < domain.size; i++) {
        uint8_t byte = span_lower_byte(domain.data[i]);

        if (byte == '.' && label > 0) {
            label = 0;
            continue;
        }
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
              (byte == '-' && label > 0)) ||
            ++label > 63)
            return false;
    }
    return domain.size > 0 && domain.size <= 253 && label > 0;
}

static bool on_mx(struct reading *reading, struct span value)
{
    struct span domain = span_starts(value, SPAN("*.")) ? span_skip(value, 2) : value;

    if (!is_domain(domain))
        return refuse(reading, "an mx pattern is no domain name");
    text_add_lower(&reading->patterns, value);
    text_add_byte(&reading->patterns, '\n');
    if (reading->patterns.overflow)
        return refuse(reading, "too many mx patterns");
    return true;
}

static bool on_mode(struct reading *reading, struct span value)
{
    for (size_t i = 0; i < ARRAY_LEN(mode_names); i++) {
        if (!span_equal(value, span_cstr(mode_names[i])))
            continue;
        reading->policy->mode = (enum sts_mode)i;
        reading->mode = true;
        return true;
    }
    return refuse(reading, "the mode is not enforce, testing or none");
}

static bool on_max_age(struct reading *reading, struct span value)
{
    uint64_t seconds;

    if (value.size > 10 || !span_number(value, UINT64_C(9999999999), &seconds))
        return refuse(reading, "max_age is no number");
    reading->policy->max_age_s = (uint32_t)min_u64(seconds, STS_POLICY_AGE_MAX_S);
    reading->max_age = true;
    return true;
}

static bool on_version(struct reading *reading, struct span value)
{
    if (!span_equal(value, SPAN("STSv1")))
        return refuse(reading, "the version is not STSv1");
    reading->version = true;
    return true;
}

static bool on_line(struct reading *reading, struct span line)
{
    struct span value = line;
    struct span name = span_split(&value, ':');

    if (name.size == line.size || name.size == 0 || span_trim(name).size != name.size)
        return refuse(reading, "a line is not \"name: value\"");
    value = span_trim(value);
    if (span_has_control(value) || !span_is_utf8(line))
        return refuse(reading, "a line is not text");
    if (span_equal(name, SPAN("mx")))
        return on_mx(reading, value);
    if (span_equal(name, SPAN("version")))
        return reading->version || on_version(reading, value);
    if (span_equal(name, SPAN("mode")))
        return reading->mode || on_mode(reading, value);
    if (span_equal(name, SPAN("max_age")))
        return reading->max_age || on_max_age(reading, value);
    return true;
}

static bool is_complete(struct reading *reading)
{
    if (!reading->version)
        return refuse(reading, "the version is missing");
    if (!reading->mode)
        return refuse(reading, "the mode is missing");
    if (!reading->max_age)
        return refuse(reading, "max_age is missing");
    if (reading->patterns.size == 0 && reading->policy->mode != STS_NONE)
        return refuse(reading, "no mx pattern is given");
    return true;
}

bool sts_policy_read(struct span body, struct sts_policy *ret_policy, const char **ret_problem)
{
    struct sts_policy policy = {.mode = STS_NONE};
    struct reading reading = {.policy = &policy};
    bool good = body.size <= STS_POLICY_BODY_MAX || refuse(&reading, "the policy is too large");

    text_init(&reading.patterns, policy.patterns, sizeof(policy.patterns));
    while (good && body.size > 0) {
        struct span line = span_split(&body, '\n');

        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        good = span_trim(line).size == 0 || on_line(&reading, line);
    }
    if (!good || !is_complete(&reading)) {
        *ret_problem = reading.problem;
        return false;
    }
    policy.patterns_size = (uint32_t)reading.patterns.size;
    *ret_policy = policy;
    return true;
}

struct span sts_policy_patterns(const struct sts_policy *policy)
{
    return span_make(policy->patterns, policy->patterns_size);
}

static bool names(struct span pattern, struct span host)
{
    if (!span_starts(pattern, SPAN("*.")))
        return span_equal_nocase(pattern, host);
    (void)span_split(&host, '.'); /* one label, any */
    return span_equal_nocase(span_skip(pattern, 2), host);
}

bool sts_policy_names(const struct sts_policy *policy, struct span host)
{
    struct span rest = sts_policy_patterns(policy);

    if (host.size > 0 && host.data[host.size - 1] == '.')
        host.size--;
    if (host.size == 0 || host.data[0] == '.')
        return false;
    while (rest.size > 0)
        if (names(span_split(&rest, '\n'), host))
            return true;
    return false;
}

void sts_policy_write(const struct sts_policy *policy, struct text *out)
{
    struct span rest = sts_policy_patterns(policy);

    text_add_cstr(out, "version: STSv1\nmode: ");
    text_add_cstr(out, sts_policy_mode_name(policy->mode));
    text_add_cstr(out, "\n");
    while (rest.size > 0) {
        text_add_cstr(out, "mx: ");
        text_add(out, span_split(&rest, '\n'));
        text_add_cstr(out, "\n");
    }
    text_add_cstr(out, "max_age: ");
    text_add_u64(out, policy->max_age_s);
    text_add_cstr(out, "\n");
}

const char *sts_policy_mode_name(enum sts_mode mode)
{
    CHECK((size_t)mode < ARRAY_LEN(mode_names));
    return mode_names[mode];
}
